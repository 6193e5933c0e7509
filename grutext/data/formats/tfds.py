"""Data sets of TensorFlow Datasets that are prepared on this machine: `tfds:NAME[/CONFIG][:SPLIT]`.

Nothing is downloaded. TensorFlow Datasets, which may load TensorFlow, is imported when a `tfds:` source is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

from grutext.data.formats.registry import Format
from grutext.data.formats.sources import Source
from grutext.data.records import Record, Table
from grutext.errors import DataError, GrutextError
from grutext.messages import list_names, quote, shorten, suggest

# A version in the name (`:1.0.0`) is TFDS's own notation; a split may be a slice with colons (`train[:10%]`).
_NAME = re.compile(r"tfds:(?P<name>[\w.-]+(?:/[\w.-]+)*(?::\d[\w.*]*(?=:|$))?)(?::(?P<split>.+))?")


def open_tfds(source: Source, _encoding: str | None) -> Table:
    """Open a prepared data set. Rows are numbered from 1.

    Class numbers are replaced by the names of the classes, and bytes are decoded. Features that are neither text, number
    nor label, such as images, are left out.

    Raises:
        DataError: The name is unknown, the data set is not prepared, or there is no such split.
        ImportError: TensorFlow Datasets is not installed.
    """
    match = _NAME.fullmatch(source.name)
    if match is None:
        raise DataError("the name has the form tfds:NAME[/CONFIG][:SPLIT]", source.name)
    name, split = match["name"], match["split"]
    import tensorflow_datasets as tfds

    try:
        return _open_split(tfds, source, name, split)
    except GrutextError:
        raise
    except tfds.core.DatasetNotFoundError:
        problem = f"TFDS has no data set {quote(name)}, and none is prepared on this machine"
        raise DataError(f"{problem}; its names are those that tfds.load takes", source.name) from None
    except Exception as error:  # noqa: BLE001 (TFDS has no common parent for its errors)
        raise _explain(error, source) from None


def _open_split(tfds: Any, source: Source, name: str, split: str | None) -> Table:
    builder = tfds.builder(name)
    if not builder.data_path.exists():
        # The command `tfds build` needs Apache Beam, which few have installed.
        prepare = f"import tensorflow_datasets as tfds; tfds.load('{name}')"
        raise DataError(f'is not prepared on this machine; run: python -c "{prepare}"', source.name)
    splits = list(builder.info.splits)
    split = split or _default_split(splits, source)
    if re.split(r"[\[+]", split)[0] not in splits:
        near = suggest(split, splits)
        raise DataError(
            f"there is no split {quote(split)}{near} The splits are: {list_names(splits)}", source.name
        )
    decoders = _choose_decoders(builder.info.features, tfds)
    reading = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    rows = tfds.as_numpy(builder.as_dataset(split=split, read_config=reading))
    return Table(
        source.name,
        _read_rows(iter(rows), decoders, source),
        list(decoders),
        empty="the split is empty; name another",
    )


def _default_split(splits: list[str], source: Source) -> str:
    if "train" in splits:
        return "train"
    if len(splits) == 1:
        return splits[0]
    raise DataError(f"name a split, as in {source.name}:SPLIT; there are: {list_names(splits)}", source.name)


def _choose_decoders(features: Any, tfds: Any) -> dict[str, Callable[[Any], Any]]:
    """Return, for each feature that can be text or label, the function that converts its values to Python's types."""
    decoders: dict[str, Callable[[Any], Any]] = {}
    for name, feature in features.items():
        several = isinstance(feature, tfds.features.Sequence)
        inner = feature.feature if several else feature
        if isinstance(inner, tfds.features.ClassLabel):
            decode = _name_classes(list(inner.names))
        elif (
            isinstance(inner, tfds.features.Text | tfds.features.Scalar)
            or type(inner) is tfds.features.Tensor
        ):
            decode = _decode_scalar
        else:
            continue
        decoders[name] = _for_each(decode) if several else decode
    return decoders


def _name_classes(names: list[str]) -> Callable[[Any], Any]:
    # -1 stands for the unpublished labels of a test split.
    return lambda number: names[int(number)] if number >= 0 else None


def _for_each(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [decode(value) for value in values]


def _decode_scalar(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.tolist() if hasattr(value, "tolist") else value


def _read_rows(
    rows: Any, decoders: dict[str, Callable[[Any], Any]], source: Source
) -> Generator[Record, None, None]:
    number = 0
    while True:
        try:
            row = next(rows)
            fields = {name: decode(row[name]) for name, decode in decoders.items()}
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 (as above)
            raise _explain(error, source, number + 1) from None
        number += 1
        yield Record(number, fields, source.name)


def _explain(error: Exception, source: Source, row: int | None = None) -> DataError:
    return DataError(f"TFDS cannot read it: {shorten(str(error), 200)}", source.name, row)


FORMATS = (
    Format(
        "tfds",
        open_tfds,
        kind="name",
        package="tensorflow-datasets",
        extra="tensorflow",
        usage="tfds:NAME[/CONFIG][:SPLIT]",
    ),
)
