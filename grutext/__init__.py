"""grutext: text classification with a GRU encoder trained from scratch.

>>> import grutext
>>> grutext.__version__
'0.1.0'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grutext.inference import Classifier as Classifier

__version__ = "0.1.0"
__all__ = ["Classifier", "__version__"]

# Name to module, so that `import grutext` itself loads nothing.
_LAZY = {"Classifier": "grutext.inference"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'grutext' has no attribute {name!r}")
