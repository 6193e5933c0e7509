"""The encoder, its GRU alone and its poolings, as layers for any Keras model: `from grutext.encoder import GRUEncoder`.

Importing this module loads TensorFlow (`pip install 'grutext[tensorflow]'`); `import grutext` does not. Import it as well
before `keras.models.load_model` loads a model with these layers.
"""

from grutext.engines.keras.encoder import GRUEncoder
from grutext.engines.keras.gru import GRU
from grutext.engines.keras.pooling import (
    AttentionPooling,
    LastPooling,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
)

__all__ = [
    "GRU",
    "AttentionPooling",
    "GRUEncoder",
    "LastPooling",
    "MaxMeanPooling",
    "MaxPooling",
    "MeanPooling",
]
