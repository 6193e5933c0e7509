"""A pass of texts through the encoder and back, in machine code; equations in `grutext.model.spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.model.spec import directions

Float = NDArray[np.float32]
Weights = Mapping[str, Float]
_POOLED = ("max", "mean", "max+mean")


def knows_encoder(model: GRUConfig) -> bool:
    """Tells whether the encoder is of a kind that a `EncoderPass` knows."""
    return model.reset_after and model.pooling in _POOLED


class EncoderPass:
    """Texts on their way through the encoder.

    Args:
        model: What it consists of.
        weights: By the spec's names.
        steps: `(T, N, E)`, the vectors of tokens, C-contiguous.
        mask: `(T, N)`, false where there is no token.

    Attributes:
        pooled: `(N, P)`.
    """

    def __init__(self, model: GRUConfig, weights: Weights, steps: Float, mask: NDArray[np.bool_]) -> None:
        from grutext.kernels import training as kernels

        self._names, self._kinds = directions(model), model.pooling.split("+")
        self._model, self._weights, self._steps, self._mask = model, weights, steps, mask
        self._layers: list[Any] = []
        if model.convolution:
            kernel, bias = weights["conv/kernel"], weights["conv/bias"]
            steps, self._is_positive = kernels.convolve(steps, mask, kernel, bias)
        for layer in range(model.layers):
            results = [
                kernels.run_forward(
                    steps, mask, *(weights[f"{name}/{kind}"] for kind in ("kernel", "recurrent_kernel", "bias")), backward
                )
                for backward, name in self._named(layer)
            ]  # fmt: skip
            self._layers.append((steps, results))
            if layer < model.layers - 1:
                steps = self.states
        found = [kernels.pool(states, mask) for states, *_ in results]
        self._where = [where for *_, where in found]
        kinds = {"max": [highest for highest, *_ in found], "mean": [mean for _, mean, _ in found]}
        self.pooled = np.concatenate([part for kind in self._kinds for part in kinds[kind]], axis=1)

    @property
    def states(self) -> Float:
        """The states of the last layer that was run, `(T, N, D * U)`."""
        return np.concatenate([states for states, *_ in self._layers[-1][1]], axis=2)

    def back(self, upstream: Float, gradients: Weights) -> Float:
        """Fills in the gradients for the weights, by their names, and gives that for the steps, `(T, N, E)`.

        Args:
            upstream: `(N, P)`, the gradient for the pooled vectors.
            gradients: Arrays of the weights' shapes.
        """
        from grutext.kernels import training as kernels

        parts, width = _split(upstream, len(self._kinds) * len(self._names)), len(self._names)
        by_kind = {kind: parts[place * width :][:width] for place, kind in enumerate(self._kinds)}
        nothing = [np.zeros_like(part) for part in parts[:width]]
        pooled = zip(by_kind.get("max", nothing), by_kind.get("mean", nothing), self._where, strict=True)
        return self._back([kernels.pool_gradient(*three, self._mask) for three in pooled], gradients)

    def back_from_states(self, upstream: Float, gradients: Weights) -> Float:
        """Does what `back` does, from the gradient for the states, `(T, N, D * U)`."""
        return self._back(_split(upstream, len(self._names)), gradients)

    def _back(self, parts: list[Float], gradients: Weights) -> Float:
        """Does what `back` does, from the gradient for each direction's states, `(T, N, U)`."""
        from grutext.kernels import training as kernels

        for layer in reversed(range(self._model.layers)):
            steps, results = self._layers[layer]
            dsteps = np.zeros_like(steps)
            for (backward, name), part, result in zip(self._named(layer), parts, results, strict=True):
                weights = [self._weights[f"{name}/{kind}"] for kind in ("kernel", "recurrent_kernel")]
                some, *found = kernels.run_gradient(part, steps, *weights, *result, backward)
                dsteps += some
                for kind, gradient in zip(("kernel", "recurrent_kernel", "bias"), found, strict=True):
                    gradients[f"{name}/{kind}"][...] = gradient
            if layer:
                parts = _split(dsteps, len(self._names))
        if self._model.convolution:
            kernel = self._weights["conv/kernel"]
            dsteps, dkernel, dbias = kernels.convolve_gradient(
                dsteps, self._steps, self._mask, kernel, self._is_positive
            )
            gradients["conv/kernel"][...], gradients["conv/bias"][...] = dkernel, dbias
        return np.asarray(dsteps)

    def _named(self, layer: int) -> list[tuple[bool, str]]:
        return [(bool(place), f"gru/{layer}/{name}") for place, name in enumerate(self._names)]


def _split(values: Float, parts: int) -> list[Float]:
    """Cuts the last axis into parts of one width."""
    return [np.ascontiguousarray(part) for part in np.split(values, parts, axis=-1)]
