"""Whatever bytes a file has: examples, or a GrutextError on one line."""

import gzip
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grutext.data import ReadOptions, RowReader, format_names, read_dataset, read_rows
from grutext.errors import GrutextError

# Bytes that mean something to one of the forms, mixed with any others.
PIECES = [
    *(b'"', b",", b"\t", b"\n", b"\r", b"\0", b"\\", b"{", b"}", b"[", b"]", b":", b"'", b" ", b";"),
    *(
        b"text,label\n",
        b"text\tlabel\n",
        b'{"text": ',
        b'"label": ',
        b"__label__",
        b"NaN",
        b"1e999",
        b"null",
        b"\xef\xbb\xbf",
    ),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\\ud800", b"PAR1", b"\x1f\x8b"),
]
CONTENT = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=25).map(
    b"".join
)
FILES = [name for name in format_names() if name != "folder"]
EXAMPLES = settings.default.max_examples * 3 // 2  # fewer with --fast


def check_reading(read, name, options):
    """Fails where reading raises anything but an error of ours on one line."""
    message = ""
    try:
        result = read(name, options)
        for _ in result if isinstance(result, RowReader) else ():
            pass
    except GrutextError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FILES)
@given(
    content=CONTENT, encoding=st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-7", "shift_jis", "idna"])
)
@example(content=b"\xff\xfe\n\0\n", encoding="utf-16")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_any_bytes_raise_only_grutext_errors(write, form, packed, content, encoding):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    name = write("any.gz" if packed else "any", gzip.compress(content) if packed else content)
    for options in (
        ReadOptions(format=form, encoding=encoding),
        ReadOptions(format=form, encoding=encoding, skip_empty=True, label_separator=";"),
    ):
        check_reading(read_dataset, name, options)
        check_reading(read_rows, name, options)


@given(content=CONTENT, keep=st.floats(0, 1), place=st.floats(0, 1), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES, deadline=None)
def test_damaged_gz_files_raise_only_grutext_errors(write, content, keep, place, byte):
    packed = bytearray(gzip.compress(content * 20))
    packed[int(place * (len(packed) - 1))] = byte
    name = write("any.txt.gz", bytes(packed[: int(keep * len(packed))]))
    check_reading(read_rows, name, ReadOptions())


@given(keep=st.floats(0, 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_truncated_parquet_files_raise_only_grutext_errors(write, keep):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": ["a b"] * 50, "label": ["x"] * 50}), buffer)
    data = buffer.getvalue()
    name = write("any.parquet", data[: int(keep * (len(data) - 1))])
    with pytest.raises(GrutextError):
        read_dataset(name)
