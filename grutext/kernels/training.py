"""The kernels of a training step."""

from grutext.kernels.embedding import embed, embed_gradient
from grutext.kernels.encoding import convolve, convolve_gradient, pool, pool_gradient, run_gradient
from grutext.kernels.gru import run_forward
from grutext.kernels.optimizer import drop, learn_directions, move, shift, sigmoid_loss, softmax_loss

__all__ = [
    "convolve",
    "convolve_gradient",
    "drop",
    "embed",
    "embed_gradient",
    "learn_directions",
    "move",
    "pool",
    "pool_gradient",
    "run_forward",
    "run_gradient",
    "shift",
    "sigmoid_loss",
    "softmax_loss",
]
