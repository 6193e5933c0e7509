"""`from grutext.encoder import GRUEncoder, GRU`: the encoder, and its GRU alone, as layers of any Keras model.

Importing this module loads TensorFlow (`pip install 'grutext[train]'`); `import grutext` does not.
"""

from grutext.engines.keras.encoder import GRUEncoder
from grutext.engines.keras.gru import GRU

__all__ = ["GRU", "GRUEncoder"]
