"""A second encoder, the oracle: text by text, step by step, gate by gate, in loops over Python numbers.

It is written from the equations in `grutext.model.spec` and shares nothing with `grutext.inference`: no
arrays, no packing, no matrix products, 64-bit numbers. Each step of the computation is a method, so
that `test_mutants` can get one of them wrong at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import exp, fsum, tanh
from types import SimpleNamespace

import numpy as np
import pytest

from grutext.config import GRUConfig
from grutext.inference.encoder import Encoder
from grutext.model.spec import encoder_spec

Vector = list[float]
COLUMN = {"z": 0, "r": 1, "c": 2}


class Oracle:
    """The encoder of a model.

    Args:
        config: Its settings.
        weights: Its arrays.
    """

    def __init__(self, config: GRUConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.units = config.units
        self.weights = {name: array.astype(float).tolist() for name, array in weights.items()}

    def encode(self, texts: list[list[Vector]]) -> list[Vector]:
        """Return the vector of each text from the vectors of its tokens."""
        return [self.pool(self.states(text)) for text in self.pad(texts)]

    def pad(self, texts: list[list[Vector]]) -> list[list[Vector]]:
        """There is no padding."""
        return texts

    def states(self, tokens: list[Vector]) -> list[Vector]:
        """Return the states of the last layer, token by token."""
        tokens = self.convolve(tokens) if self.config.convolution else tokens
        for layer in range(self.config.layers):
            sides = [self.read(tokens, layer, "forward")]
            if self.config.bidirectional:
                sides.append(self.read(tokens, layer, "backward"))
            tokens = [[value for side in sides for value in side[t]] for t in range(len(tokens))]
        return tokens

    def convolve(self, tokens: list[Vector]) -> list[Vector]:
        """Add to each token what the convolution sees around it."""
        kernel, bias, reach = (
            self.weights["conv/kernel"],
            self.weights["conv/bias"],
            self.config.convolution // 2,
        )
        seen = []
        for t, token in enumerate(tokens):
            vector = []
            for e, value in enumerate(token):
                total = bias[e]
                for j in range(-reach, reach + 1):
                    if 0 <= t + j < len(tokens):
                        total += sum(v * kernel[j + reach][i][e] for i, v in enumerate(tokens[t + j]))
                vector.append(value + max(total, 0.0))
            seen.append(vector)
        return seen

    def order(self, steps: int, direction: str) -> Iterable[int]:
        """Return the order in which a direction reads the tokens."""
        return range(steps) if direction == "forward" else range(steps - 1, -1, -1)

    def read(self, tokens: list[Vector], layer: int, direction: str) -> list[Vector]:
        """Return the states of one direction of one layer."""
        name = f"gru/{layer}/{direction}/"
        bias = self.weights[name + "bias"]
        own, inner = bias if self.config.reset_after else (bias, None)
        cell = SimpleNamespace(
            kernel=self.weights[name + "kernel"],
            recurrent=self.weights[name + "recurrent_kernel"],
            own=own,
            inner=inner,
        )
        h = [0.0] * self.units
        states: list[Vector] = [[]] * len(tokens)
        for t in self.order(len(tokens), direction):
            h = self.step(cell, tokens[t], h)
            states[t] = h
        return states

    def step(self, cell: SimpleNamespace, x: Vector, h: Vector) -> Vector:
        """Return the state after one more token."""
        everyone = range(self.units)
        z = [self.gate(cell, "z", u, x, h) for u in everyone]
        r = [self.gate(cell, "r", u, x, h) for u in everyone]
        c = [tanh(self.from_input(cell, "c", u, x) + self.from_past(cell, u, r, h)) for u in everyone]
        return [self.mix(z[u], h[u], c[u]) for u in everyone]

    def gate(self, cell: SimpleNamespace, gate: str, unit: int, x: Vector, h: Vector) -> float:
        """Return the update or the reset gate of one unit."""
        total = self.from_input(cell, gate, unit, x) + self.from_state(cell, gate, unit, h)
        return 1.0 / (1.0 + exp(-total))

    def input_column(self, gate: str) -> int:
        """Return the place of a gate in the input kernel and its bias."""
        return COLUMN[gate]

    def from_input(self, cell: SimpleNamespace, gate: str, unit: int, x: Vector) -> float:
        """Return what the token adds to a gate: x W + b."""
        column = self.input_column(gate) * self.units + unit
        return fsum(value * row[column] for value, row in zip(x, cell.kernel, strict=True)) + cell.own[column]

    def recurrent(self, cell: SimpleNamespace, gate: str, source: int, unit: int) -> float:
        """Return the weight from one unit's state to a gate of another."""
        return cell.recurrent[source][COLUMN[gate] * self.units + unit]

    def from_state(self, cell: SimpleNamespace, gate: str, unit: int, h: Vector) -> float:
        """Return what the state adds to a gate: h U + d."""
        total = fsum(value * self.recurrent(cell, gate, source, unit) for source, value in enumerate(h))
        return total + (cell.inner[COLUMN[gate] * self.units + unit] if cell.inner else 0.0)

    def from_past(self, cell: SimpleNamespace, unit: int, r: Vector, h: Vector) -> float:
        """Return what the reset gate lets through to the candidate."""
        if self.config.reset_after:
            return r[unit] * self.from_state(cell, "c", unit, h)
        return self.from_state(cell, "c", unit, [r[source] * h[source] for source in range(self.units)])

    def mix(self, z: float, before: float, candidate: float) -> float:
        """Return the new state of one unit."""
        return z * before + (1.0 - z) * candidate

    def pool(self, states: list[Vector]) -> Vector:
        """Return one vector for the states of a text; zeros for no states."""
        width = self.units * (2 if self.config.bidirectional else 1)
        names = self.config.pooling.split("+")
        if not states:
            return [0.0] * (width * len(names))
        pooled: Vector = []
        for name in names:
            for d in range(width):
                values = [state[d] for state in states]
                if name == "max":
                    pooled.append(max(values))
                elif name == "mean":
                    pooled.append(fsum(values) / len(values))
                elif name == "last":
                    pooled.append(values[-1] if d < self.units else values[0])
                else:
                    pooled.append(fsum(a * v for a, v in zip(self.attention(states), values, strict=True)))
        return pooled

    def attention(self, states: list[Vector]) -> Vector:
        """Return the share of each token."""
        kernel, bias, query = (self.weights[f"pool/{name}"] for name in ("kernel", "bias", "query"))
        scores = []
        for state in states:
            score = 0.0
            for column, weight in enumerate(query):
                total = bias[column]
                for row, value in enumerate(state):
                    total += value * kernel[row][column]
                score += weight * tanh(total)
            scores.append(exp(score))
        return [score / fsum(scores) for score in scores]


@pytest.fixture(scope="session")
def oracle_of() -> type[Oracle]:
    """The class of the oracle."""
    return Oracle


Check = Callable[..., None]


@pytest.fixture(scope="session", params=[False, True], ids=["numpy", "compiled"])
def compiled(request) -> bool:
    """Whether compiled kernels compute, and not NumPy."""
    if request.param:
        pytest.importorskip("grutext.kernels.inference", exc_type=ImportError)
    return request.param


@pytest.fixture(scope="session")
def check_encode(compiled) -> Check:
    """Assert that the encoder of inference equals an oracle, on weights that show any difference.

    Weights and biases are random and none is zero; the sizes of all axes differ; texts are of length 0,
    1, in between and full, in no order; some tokens occur more than once.
    """

    def check(config: GRUConfig, oracle: type[Oracle] = Oracle, seed: int = 3) -> None:
        if compiled and not config.reset_after:
            pytest.skip("the kernels have the other convention")
        draw = np.random.default_rng(seed)
        lengths = np.array([4, 0, 7, 1, 3, 7, 0], np.int32)
        weights = {
            name: draw.normal(scale=0.6, size=shape).astype(dtype)
            for name, (shape, dtype) in encoder_spec(config).items()
        }
        distinct = draw.normal(size=(11, config.embedding_size)).astype(np.float32)
        ids = draw.integers(0, len(distinct), lengths.sum()).astype(np.int32)
        ends = np.cumsum(lengths)
        texts = [
            [distinct[i].astype(float).tolist() for i in ids[end - length : end]]
            for end, length in zip(ends, lengths, strict=True)
        ]
        encoder = Encoder(config, weights, compiled)
        found = encoder.encode(distinct, ids, lengths)
        expected = np.array(oracle(config, weights).encode(texts))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        for n, (end, length) in enumerate(
            zip(ends, lengths, strict=True)
        ):  # one text has a layout of its own
            alone = encoder.encode(distinct, ids[end - length : end], lengths[n : n + 1])
            np.testing.assert_allclose(alone, expected[n : n + 1], rtol=1e-5, atol=1e-5)

    return check
