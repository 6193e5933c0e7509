import io
import os
import random
import stat
import sys
from pathlib import Path

import pytest
from support.copied_rows import ADDED, copy

from grutext.data import open_writer, read_rows, written_formats
from grutext.data.formats.registry import list_suffixes
from grutext.data.writing.output import Output
from grutext.errors import DataError

WRITTEN = f"{list_suffixes(written=True)} (each also .gz)"


def list_files():
    return sorted(path.name for path in Path().iterdir())


def test_a_file_appears_only_when_it_is_complete(write):
    name = write("a.csv", "text\none two\n")
    write("out.csv", "old")

    def write_and_fail():
        with read_rows(name) as reader, open_writer("out.csv", None, reader) as writer:
            for row in reader:
                writer.write(row.fields, ADDED)
            assert len(list_files()) == 3
            assert Path("out.csv").read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert list_files() == ["a.csv", "out.csv"]
    assert Path("out.csv").read_text() == "old"


def test_a_source_may_be_replaced_by_its_own_result(write):
    name = write("a.csv", "text\n" + "one two\n" * 5000)
    assert copy(name, name).count(b"\none two,x,0.5") == 5000


def test_files_have_the_usual_permissions_and_links_stay_links(write):
    name = write("a.csv", "text\none two\n")
    write("real.csv", "old")
    Path("link.csv").symlink_to("real.csv")
    copy(name, "link.csv")
    copy(name, "new.csv")
    assert Path("link.csv").is_symlink()
    assert Path("real.csv").read_text().endswith("one two,x,0.5\n")
    assert stat.S_IMODE(Path("new.csv").stat().st_mode) == stat.S_IMODE(Path("a.csv").stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_are_written_and_not_replaced(write):
    name = write("a.csv", "text\none two\n")
    os.mkfifo("pipe")
    pipe = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with read_rows(name) as reader, open_writer("pipe", None, reader) as writer:
            for row in reader:
                writer.write(row.fields, ADDED)
        assert os.read(pipe, 100) == b"text,label,confidence\none two,x,0.5\n"
    finally:
        os.close(pipe)
    assert Path("pipe").is_fifo()


def test_targets_that_cannot_be_written_are_refused_before_any_row(write):
    write("a.csv", "text\none two\n")
    Path("d.csv").mkdir()
    with read_rows("a.csv") as reader:
        for target, form, message in (
            ("no/out.csv", None, "no/out.csv: cannot be written: the folder does not exist; make it first"),
            ("d.csv", None, "d.csv: cannot be written: is a directory"),
            ("a.csv/out.csv", None, "a.csv/out.csv: cannot be written: not a directory"),
            (
                "o.xlsx",
                None,
                f'o.xlsx: ".xlsx" cannot be written; end the name in one of {WRITTEN}',
            ),
            (
                "o.parquet.gz",
                None,
                f'o.parquet.gz: ".parquet" cannot be written; end the name in one of {WRITTEN}',
            ),
            (
                "out",
                "parquet",
                f"out: parquet cannot be written; choose one of {', '.join(written_formats())}",
            ),
        ):
            with pytest.raises(DataError) as caught:
                open_writer(target, form, reader)
            assert str(caught.value) == message


@pytest.mark.parametrize("target", ["out.csv", "out.csv.gz"])
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_full_disk_is_an_error_and_leaves_no_file(write, monkeypatch, target, size):
    class Full(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            raise OSError(28, "No space left on device")

    def open_full(path, mode):
        path.touch()
        return io.BufferedWriter(Full())

    def write_all():
        with read_rows(name) as reader:
            monkeypatch.setattr(Path, "open", open_full)
            with open_writer(target, None, reader) as writer:
                assert len(list_files()) == 2
                writer.write({"text": random.Random(0).randbytes(size).hex()}, ADDED)

    name = write("a.csv", "text\none two\n")
    with pytest.raises(DataError) as caught:
        write_all()
    assert str(caught.value) == f"{target}: cannot be written: no space left on device"
    assert list_files() == ["a.csv"]


def test_a_closed_pipe_raises_broken_pipe_error(monkeypatch):
    class Closed(io.RawIOBase):
        def write(self, data):
            raise BrokenPipeError

    class Stdout(io.StringIO):
        buffer = Closed()

    monkeypatch.setattr(sys, "stdout", Stdout())
    output = Output(None)
    output.write(b"x")
    with pytest.raises(BrokenPipeError):
        output.mark({})
