"""Every number of docs/research/gru.md is what the package computes, and what a loop over Python numbers computes."""

import re
from contextlib import redirect_stdout
from io import StringIO
from math import exp, tanh
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs/research/gru.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Three steps") : PAGE.index("## Other libraries")]
(CODE,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
OUTPUT, *BY_HAND = re.findall(r"```text\n(.*?)```", SECTION, re.DOTALL)


def sigmoid(a):
    return 1 / (1 + exp(-a))


@pytest.fixture(scope="module")
def block():
    """The names that the block of the page defines, and what it prints."""
    names, printed = {}, StringIO()
    with redirect_stdout(printed):
        exec(CODE, names)
    return names, printed.getvalue()


def test_the_block_prints_what_the_page_shows(block):
    assert block[1] == OUTPUT


def test_the_arithmetic_by_hand_is_right_and_its_results_are_those_of_the_package():
    lines = [line for text in BY_HAND for line in text.splitlines()]
    assert len(lines) == 9
    for line in lines:
        name, sum_, result = re.fullmatch(r"(\w+): +([-+*().\d a-z]+) = (-?\d\.\d{4})", line).groups()
        value = eval(sum_, {"__builtins__": {}, "sigmoid": sigmoid, "tanh": tanh})
        assert f"{value:.4f}" == result, line
        assert re.search(rf"step 1 .*\b{name[0]} +(?:-?[\d.]+ +)?{result}", OUTPUT), line


@pytest.mark.parametrize("reset_after", [True, False])
def test_the_steps_are_those_of_a_loop_over_numbers(block, reset_after):
    cell, (first, second), everyone = block[0]["cell"], (0, 1), range(2)

    def product(vector, matrix, unit):
        return vector[first] * matrix[first][unit] + vector[second] * matrix[second][unit]

    gates = block[0]["run"](cell, reset_after=reset_after)
    h = [0.1, 0.2]
    for t, x in enumerate([[1, 2], [3, 4], [5, 6]]):
        inner = cell["d"] if reset_after else [[0, 0]] * 3
        z, r = (
            [
                sigmoid(
                    product(x, cell["W"][g], u) + cell["b"][g][u] + product(h, cell["U"][g], u) + inner[g][u]
                )
                for u in everyone
            ]
            for g in (0, 1)
        )
        own = [product(x, cell["W"][2], u) + cell["b"][2][u] for u in everyone]
        if reset_after:
            c = [tanh(own[u] + r[u] * (product(h, cell["U"][2], u) + inner[2][u])) for u in everyone]
        else:
            seen = [r[u] * h[u] for u in everyone]
            c = [tanh(own[u] + product(seen, cell["U"][2], u)) for u in everyone]
        h = [z[u] * h[u] + (1 - z[u]) * c[u] for u in everyone]
        for found, expected in zip(gates, (z, r, c, h), strict=True):
            np.testing.assert_allclose(found[0, t], expected, atol=1e-6)
