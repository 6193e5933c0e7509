"""`from grutext.encoder import GRUEncoder`: the encoder as a layer of any Keras model.

Importing this module loads TensorFlow (`pip install 'grutext[train]'`); `import grutext` does not.
"""

from grutext.nn.encoder import GRUEncoder

__all__ = ["GRUEncoder"]
