"""Convert the texts that a caller passes to a list of strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_DROP = 'drop such texts, or pass "" instead'


def list_texts(texts: Iterable[str]) -> Sequence[str]:
    """Return the texts as a list or tuple, in their order.

    Args:
        texts: Any iterable of `str`: a list, a tuple, a generator (which is read once), the values of a dict, an
            array, or one column of a table. A list or tuple whose items are all `str` is returned as it is.

    Raises:
        TypeError: It is something else, or an item is not a `str`; names the position, counted from 0, and the remedy.
    """
    if not isinstance(texts, (list, tuple)):
        texts = _to_list(texts)
    if set(map(type, texts)) <= {str}:  # the usual case, in a fraction of a microsecond for each text
        return texts
    return [_to_str(text, position) for position, text in enumerate(texts)]


def _to_list(texts: Any) -> list[Any]:
    kind = type(texts).__name__
    # Arrays have a shape, and so have the tables and columns of pandas, polars and pyarrow.
    shape = getattr(texts, "shape", None)
    if isinstance(texts, str) or (isinstance(texts, np.ndarray) and shape == ()):
        raise TypeError("texts is a single text; put it into a list: [text]")
    if isinstance(shape, tuple) and len(shape) > 1:
        column = "texts[:, 0]" if isinstance(texts, np.ndarray) else 'table["text"]'
        raise TypeError(f"texts is a table ({kind}); pass one column, such as {column}")
    if isinstance(texts, (bytes, bytearray)):
        raise TypeError(f"texts is {kind}; decode it and put it into a list: [text.decode()]")
    if isinstance(texts, Mapping):
        raise TypeError(f"texts is {_describe(texts)}; pass its values: list(texts.values())")
    if isinstance(texts, (set, frozenset)):
        raise TypeError(f"texts is a {kind}, which has no order; pass a list: sorted(texts)")
    if not isinstance(texts, Iterable):
        raise TypeError(f"texts is {_describe(texts)}; pass a list of strings")
    return texts.tolist() if isinstance(texts, np.ndarray) else list(texts)


def _to_str(text: Any, position: int) -> str:
    """Return one text; of a subclass of `str`, such as `numpy.str_`, its plain value."""
    if isinstance(text, str):
        return str.__str__(text)
    place = f"texts[{position}]"
    if text is None or type(text).__name__ in {"NAType", "NaTType"}:  # pandas' missing values
        raise TypeError(f"{place} is {text}; {_DROP}")
    if isinstance(text, (float, np.floating)) and text != text:  # noqa: PLR0124 (only NaN differs from itself)
        raise TypeError(f"{place} is NaN; {_DROP}")
    if isinstance(text, (bytes, bytearray)):
        raise TypeError(f"{place} is {type(text).__name__}; decode it: text.decode()")
    if isinstance(text, (list, tuple, np.ndarray)):
        raise TypeError(f'{place} is {_describe(text)}; a text is one string: " ".join(text) makes one')
    raise TypeError(f"{place} is {_describe(text)}; a text is a string: str(text) makes one")


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"an {kind}" if kind[0].lower() in "aeiou" or kind == "ndarray" else f"a {kind}"
