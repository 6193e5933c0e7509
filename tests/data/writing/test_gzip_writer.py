import gzip
import random
import zlib

import pytest

from grutext.data.writing.gzip_writer import Packer

PIECES = [b"", b"a", b"parcel " * 9000, random.Random(3).randbytes(70_000), bytes(1 << 17)]


@pytest.mark.parametrize("count", range(len(PIECES) + 1))
def test_pieces_are_one_member_that_gzip_unpacks(count):
    packer = Packer()
    packed = b"".join(packer.pack(piece) for piece in PIECES[1:count]) + packer.end()
    assert gzip.decompress(packed) == b"".join(PIECES[:count])
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)  # reads a single member
    assert unpacking.decompress(packed) == b"".join(PIECES[:count])
    assert unpacking.eof
    assert unpacking.unused_data == b""


@pytest.mark.parametrize("done", range(1, len(PIECES)))
def test_one_that_is_gone_on_with_gives_the_same_bytes(done):
    whole = Packer()
    expected = [whole.pack(piece) for piece in PIECES[1:]] + [whole.end()]
    first = Packer()
    packed = [first.pack(piece) for piece in PIECES[1:done]]
    second = Packer(first.crc, first.size)
    packed += [second.pack(piece) for piece in PIECES[max(done, 1) :]] + [second.end()]
    assert packed == expected


def test_the_length_of_more_than_4_gb_is_counted_as_gzip_does():
    packer = Packer(size=(1 << 32) + 5)
    assert packer.end()[-4:] == (5).to_bytes(4, "little")


def test_texts_shrink():
    packer = Packer()
    text = b"where is my parcel? it was to come on monday\n" * 3000
    assert len(packer.pack(text)) < len(text) // 20
