"""The gates of the GRU along a text, as plain values for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.engines.layers import Gates

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TokenGates:
    """Means of the gates, and norms of the states, of the last layer along the T tokens of a text.

    Attributes:
        tokens: The tokens, in their original characters.
        directions: The names of the D directions, one or two; the backward one reads from the last token to the first.
        update: Mean of the update gate over the units, `(D, T)`: how much of the state before stays at each token.
        reset: Mean of the reset gate over the units, `(D, T)`: how much of the state before the candidate sees.
        norm: Euclidean norm of the state after each token, `(D, T)`.
    """

    tokens: tuple[str, ...]
    directions: tuple[str, ...]
    update: Double
    reset: Double
    norm: Double

    @classmethod
    def of(cls, tokens: tuple[str, ...], directions: tuple[str, ...], gates: Gates) -> TokenGates:
        """Reduce the gates of all units to one number for each token and direction."""
        update, reset = (gate.mean(axis=2, dtype=np.float64) for gate in (gates.update, gates.reset))
        return cls(tokens, directions, update, reset, np.linalg.norm(gates.states.astype(np.float64), axis=2))

    def to_dict(self) -> dict[str, Any]:
        """Return the gates as values for JSON: the tokens, and for each direction a list of each kind."""
        values = {
            direction: {name: getattr(self, name)[d].tolist() for name in ("update", "reset", "norm")}
            for d, direction in enumerate(self.directions)
        }
        return {"tokens": list(self.tokens), **values}
