"""The network that pretrains the embedding: its interface, and its initial weights."""

from __future__ import annotations

import numpy as np

from grutext.config import Config
from grutext.engines.base import Trainable
from grutext.model.initial import Arrays, initial_arrays

CONTEXT = 5  # tokens on either side of a predicted one that it is predicted from


class CBOW(Trainable):
    """An embedding that is trained to predict tokens from the tokens around them; it has no labels, and so no logits.

    A continuous bag of words (Mikolov et al. 2013, arXiv 1301.3781) with a scale for each position and dimension (Mikolov et al.
    2018, arXiv 1712.09405): the mean of the scaled vectors of the up to `CONTEXT` tokens on either side is mapped by the
    head to a vector of width E, whose products with the vectors of the predicted types of the batch are the scores. So
    the output table is the embedding itself (Press and Wolf 2017, arXiv 1608.05859). Some of the means' values are
    dropped (`training.embedding_dropout`). The loss is the mean over the predicted tokens of a batch.

    A batch has the types of `grutext.engines.base.Batch`, the `lengths`, and three arrays of `int32`: `contexts` `(H, 2 * CONTEXT)`, the
    types around each of the H predicted tokens, M where there is no token; `predicted_types` `(K,)`, the distinct types of these
    tokens; `predicted` `(H,)`, the index in `predicted_types` of each.
    """


def initial_cbow(config: Config, rows: int) -> Arrays:
    """Return the initial weights of `CBOW` by name: the tables of the GRU part, scales of 1, a head.

    The weights besides the tables are `context/scales` `(2 * CONTEXT, E)`, `head/kernel` `(E, E)` and `head/bias` `(E,)`.

    Args:
        config: The whole configuration.
        rows: Rows V of the word table.
    """
    size = config.gru.embedding_size
    tables = {
        name: array
        for name, array in initial_arrays(config, rows, 1).items()
        if name.startswith("embedding/")
    }
    limit = np.sqrt(3.0 / size)  # Glorot uniform, as for the GRU part
    kernel = np.random.default_rng([config.training.seed, 9]).uniform(-limit, limit, (size, size))
    return tables | {
        "context/scales": np.ones((2 * CONTEXT, size), np.float32),
        "head/kernel": kernel.astype(np.float32),
        "head/bias": np.zeros(size, np.float32),
    }
