"""Eleven GRUs that are wrong in one point each: the comparison with the oracle must notice every one.

A comparison on constant weights, on zero biases, on one step, or without texts of different lengths
lets several of them pass.
"""

import pytest

from grutext.config import GRUConfig
from grutext.model.spec import POOLINGS

BOTH, AFTER = (True, False), (True,)


@pytest.fixture(scope="module")
def mutants(oracle_of):
    """The wrong oracles by name, with the conventions that they can be told from."""

    class GatesExchanged(oracle_of):
        def input_column(self, gate):
            return {"z": 1, "r": 0, "c": 2}[gate]

    class InputKernelInTheOrderRCZ(oracle_of):
        def input_column(self, gate):
            return "rcz".index(gate)

    class ResetOnTheOtherSide(oracle_of):
        def from_past(self, cell, unit, r, h):
            if self.config.reset_after:
                return self.from_state(cell, "c", unit, [a * b for a, b in zip(r, h, strict=True)])
            return r[unit] * self.from_state(cell, "c", unit, h)

    class NoReset(oracle_of):
        def from_past(self, cell, unit, r, h):
            return super().from_past(cell, unit, [1.0] * self.units, h)

    class UpdateTheOtherWayRound(oracle_of):
        def mix(self, z, before, candidate):
            return super().mix(1.0 - z, before, candidate)

    class NoRecurrentBias(oracle_of):
        def from_state(self, cell, gate, unit, h):
            return super().from_state(cell, gate, unit, h) - super().from_state(
                cell, gate, unit, [0.0] * len(h)
            )

    class NoInputBias(oracle_of):
        def from_input(self, cell, gate, unit, x):
            return super().from_input(cell, gate, unit, x) - super().from_input(
                cell, gate, unit, [0.0] * len(x)
            )

    class BiasRowsExchanged(oracle_of):
        def step(self, cell, x, h):
            exchanged = type(cell)(
                kernel=cell.kernel, recurrent=cell.recurrent, own=cell.inner, inner=cell.own
            )
            return super().step(exchanged, x, h)

    class RecurrentKernelTransposed(oracle_of):
        def recurrent(self, cell, gate, source, unit):
            return super().recurrent(cell, gate, unit, source)

    class TimeReversed(oracle_of):
        def order(self, steps, direction):
            return super().order(steps, "backward" if direction == "forward" else "forward")

    class PaddingCounted(oracle_of):
        def pad(self, texts):
            steps = max(map(len, texts))
            nothing = [0.0] * self.config.embedding_size
            return [text + [nothing] * (steps - len(text)) for text in texts]

    return {
        "gates exchanged": (GatesExchanged, BOTH),
        "input kernel in another order": (InputKernelInTheOrderRCZ, BOTH),
        "reset on the other side": (ResetOnTheOtherSide, BOTH),
        "no reset": (NoReset, BOTH),
        "update the other way round": (UpdateTheOtherWayRound, BOTH),
        "no recurrent bias": (NoRecurrentBias, AFTER),  # the other convention has none
        "no input bias": (NoInputBias, BOTH),
        "bias rows exchanged": (BiasRowsExchanged, AFTER),
        "recurrent kernel transposed": (RecurrentKernelTransposed, BOTH),
        "time reversed": (TimeReversed, BOTH),
        "padding counted": (PaddingCounted, BOTH),
    }


MUTANTS = [
    "gates exchanged",
    "input kernel in another order",
    "reset on the other side",
    "no reset",
    "update the other way round",
    "no recurrent bias",
    "no input bias",
    "bias rows exchanged",
    "recurrent kernel transposed",
    "time reversed",
    "padding counted",
]


def test_there_are_eleven_mutants(mutants):
    assert list(mutants) == MUTANTS
    assert len(MUTANTS) == 11


@pytest.mark.long
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_gru_is_noticed(mutants, check_encode, name, bidirectional, pooling):
    mutant, conventions = mutants[name]
    for reset_after in conventions:
        config = GRUConfig(
            embedding_size=5, units=3, bidirectional=bidirectional, reset_after=reset_after, pooling=pooling
        )
        check_encode(config)
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            check_encode(config, mutant)


@pytest.mark.parametrize("name", MUTANTS[:-1])  # padding is that of all layers
def test_a_wrong_gru_is_noticed_where_only_its_second_layer_is_wrong(mutants, oracle_of, check_encode, name):
    mutant, conventions = mutants[name]

    class WrongAbove(mutant):
        def read(self, tokens, layer, direction):
            if layer:
                return super().read(tokens, layer, direction)
            right = oracle_of(self.config, {})
            right.weights = self.weights
            return right.read(tokens, layer, direction)

    for reset_after in conventions:
        config = GRUConfig(embedding_size=5, units=3, layers=2, reset_after=reset_after)
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            check_encode(config, WrongAbove)
