"""`from grutext.encoder import GRUEncoder, GRU`: the encoder, and its GRU alone, as layers of any Keras model.

Importing this module loads TensorFlow (`pip install 'grutext[train]'`); `import grutext` does not.
"""

from grutext.nn.encoder import GRUEncoder
from grutext.nn.gru import GRU

__all__ = ["GRU", "GRUEncoder"]
