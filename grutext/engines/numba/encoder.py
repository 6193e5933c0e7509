"""The encoder's forward and backward pass by compiled kernels, for training; equations in `grutext.model.spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.config import GRUConfig
from grutext.model.spec import directions

Float = NDArray[np.float32]
Weights = Mapping[str, Float]
POOLINGS = ("max", "mean", "max+mean")
_KINDS = ("kernel", "recurrent_kernel", "bias")


class EncoderPass:
    """One forward pass of a batch, with all that the backward pass needs.

    A step whose mask is false is skipped: the state before it is repeated, and its gradient is zero. A text whose steps are all
    skipped pools to zeros.

    Args:
        config: Settings of the encoder: `reset_after`, and a pooling in `POOLINGS`.
        weights: The encoder's weights by the names of `grutext.model.spec.encoder_spec`.
        steps: Vectors of the tokens, `(T, N, E)`, C-contiguous.
        mask: `(T, N)`, false where there is no token.

    Attributes:
        pooled: Vectors of the texts, `(N, P)`.
    """

    def __init__(self, config: GRUConfig, weights: Weights, steps: Float, mask: NDArray[np.bool_]) -> None:
        from grutext.kernels import training as kernels

        self._directions, self._poolings = directions(config), config.pooling.split("+")
        self._config, self._weights, self._steps, self._mask = config, weights, steps, mask
        self._layers: list[Any] = []  # for each layer its input, and the results of each direction
        if config.convolution:
            kernel, bias = weights["conv/kernel"], weights["conv/bias"]
            steps, self._is_positive = kernels.convolve(steps, mask, kernel, bias)
        for layer in range(config.layers):
            results = [
                kernels.run_forward(steps, mask, *(weights[f"{name}/{kind}"] for kind in _KINDS), is_backward)
                for is_backward, name in self._names(layer)
            ]
            self._layers.append((steps, results))
            if layer < config.layers - 1:
                steps = self.states
        pools = [kernels.pool(states, mask) for states, *_ in results]  # of each direction: max, mean, argmax
        self._argmax = [argmax for *_, argmax in pools]
        by_pooling = {"max": [largest for largest, *_ in pools], "mean": [mean for _, mean, _ in pools]}
        self.pooled = np.concatenate(
            [part for pooling in self._poolings for part in by_pooling[pooling]], axis=1
        )

    @property
    def states(self) -> Float:
        """States of the last layer, `(T, N, D * U)`."""
        return np.concatenate([states for states, *_ in self._layers[-1][1]], axis=2)

    def backpropagate(self, grad_pooled: Float, gradients: Weights) -> Float:
        """Return the gradient for `steps`, `(T, N, E)`; write the gradients for the weights into `gradients`.

        Args:
            grad_pooled: Gradient for `pooled`, `(N, P)`.
            gradients: Arrays of the weights' shapes, by their names; they are overwritten.
        """
        from grutext.kernels import training as kernels

        count = len(self._directions)
        parts = _split(grad_pooled, len(self._poolings) * count)
        by_pooling = {pooling: parts[n * count :][:count] for n, pooling in enumerate(self._poolings)}
        zeros = [np.zeros_like(part) for part in parts[:count]]
        grad_max, grad_mean = by_pooling.get("max", zeros), by_pooling.get("mean", zeros)
        grad_states = [
            kernels.pool_gradient(*grads, self._mask)
            for grads in zip(grad_max, grad_mean, self._argmax, strict=True)
        ]
        return self._backpropagate(grad_states, gradients)

    def _backpropagate(self, grad_states: list[Float], gradients: Weights) -> Float:
        """Return what `backpropagate` does, from the gradients for the states of each direction, `(T, N, U)`."""
        from grutext.kernels import training as kernels

        for layer in reversed(range(self._config.layers)):
            steps, results = self._layers[layer]
            grad_steps = np.zeros_like(steps)
            for (is_backward, name), grad, result in zip(
                self._names(layer), grad_states, results, strict=True
            ):
                kernel, recurrent = (self._weights[f"{name}/{kind}"] for kind in _KINDS[:2])
                grad_input, *grad_weights = kernels.run_gradient(
                    grad, steps, kernel, recurrent, *result, is_backward
                )
                grad_steps += grad_input
                for kind, gradient in zip(_KINDS, grad_weights, strict=True):
                    gradients[f"{name}/{kind}"][...] = gradient
            if layer:
                grad_states = _split(grad_steps, len(self._directions))
        if self._config.convolution:
            kernel = self._weights["conv/kernel"]
            grad_steps, gradients["conv/kernel"][...], gradients["conv/bias"][...] = (
                kernels.convolve_gradient(grad_steps, self._steps, self._mask, kernel, self._is_positive)
            )
        return np.asarray(grad_steps)

    def _names(self, layer: int) -> list[tuple[bool, str]]:
        """Return, for each direction of a layer, whether it reads backward, and how its weights' names begin."""
        return [(bool(n), f"gru/{layer}/{name}") for n, name in enumerate(self._directions)]


def _split(values: Float, parts: int) -> list[Float]:
    """Cut the last axis into equal parts, each of them C-contiguous."""
    return [np.ascontiguousarray(part) for part in np.split(values, parts, axis=-1)]
