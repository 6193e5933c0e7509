"""The encoder, and its GRU alone, as layers for any Keras model: `from grutext.encoder import GRU, GRUEncoder`.

Importing this module loads TensorFlow (`pip install 'grutext[tensorflow]'`); `import grutext` does not. Import it as well
before `keras.models.load_model` loads a model with these layers.
"""

from grutext.engines.keras.encoder import GRUEncoder
from grutext.engines.keras.gru import GRU

__all__ = ["GRU", "GRUEncoder"]
