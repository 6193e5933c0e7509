import gzip
import random
import zlib

import pytest

from grutext.data.writing.gzip_writer import GzipWriter

PIECES = [b"", b"a", b"parcel " * 9000, random.Random(3).randbytes(70_000), bytes(1 << 17)]


@pytest.mark.parametrize("count", range(len(PIECES) + 1))
def test_pieces_form_one_member_that_gzip_decompresses(count):
    writer = GzipWriter()
    packed = b"".join(writer.compress(piece) for piece in PIECES[1:count]) + writer.finish()
    assert gzip.decompress(packed) == b"".join(PIECES[:count])
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)  # reads a single member
    assert unpacking.decompress(packed) == b"".join(PIECES[:count])
    assert unpacking.eof
    assert unpacking.unused_data == b""


@pytest.mark.parametrize("done", range(1, len(PIECES)))
def test_a_continued_file_has_the_same_bytes(done):
    whole = GzipWriter()
    expected = [whole.compress(piece) for piece in PIECES[1:]] + [whole.finish()]
    first = GzipWriter()
    packed = [first.compress(piece) for piece in PIECES[1:done]]
    second = GzipWriter(first.crc, first.size)
    packed += [second.compress(piece) for piece in PIECES[max(done, 1) :]] + [second.finish()]
    assert packed == expected


def test_the_size_is_written_modulo_4_gb():
    writer = GzipWriter(size=(1 << 32) + 5)
    assert writer.finish()[-4:] == (5).to_bytes(4, "little")


def test_repetitive_text_becomes_smaller():
    writer = GzipWriter()
    text = b"where is my parcel? it was to come on monday\n" * 3000
    assert len(writer.compress(text)) < len(text) // 20
