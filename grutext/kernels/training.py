"""The kernels of a training step."""

from grutext.kernels.contexts import cross_entropy, mean_contexts, mean_contexts_gradient
from grutext.kernels.embedding import embed, embed_gradient
from grutext.kernels.encoding import convolve, convolve_gradient, pool, pool_gradient, run_gradient
from grutext.kernels.gru import run_forward
from grutext.kernels.optimizer import adam_step, drop, learn_directions, shift, sigmoid_loss, softmax_loss

__all__ = [
    "adam_step",
    "convolve",
    "convolve_gradient",
    "cross_entropy",
    "drop",
    "embed",
    "embed_gradient",
    "learn_directions",
    "mean_contexts",
    "mean_contexts_gradient",
    "pool",
    "pool_gradient",
    "run_forward",
    "run_gradient",
    "shift",
    "sigmoid_loss",
    "softmax_loss",
]
