"""Every input that fuzzing kept, through every target; and the targets notice what they are there for."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import campaign, readers, targets, texts

from grutext.errors import DataError

SEEDS = sorted(path for path in targets.SEEDS.rglob("*") if path.is_file())


def test_every_target_has_seeds():
    assert {path.parent.name for path in SEEDS} == set(targets.TARGETS)
    assert len(SEEDS) > 50


@pytest.mark.long
@pytest.mark.parametrize("name", targets.TARGETS)
def test_no_seed_fails(name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    for seed in SEEDS:
        targets.TARGETS[name](seed.read_bytes())


FILES = ["csv", "tsv", "json", "jsonl", "fasttext", "txt", "gz", "bz2", "dialect", "folder"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("read", ["read_dataset", "read_rows"])
def test_notices_an_error_of_another_type(monkeypatch, name, read):
    def fail(*_):
        raise ValueError

    monkeypatch.setattr(readers, read, fail)
    with pytest.raises(ValueError):
        targets.TARGETS[name](b"0a\0b")


@pytest.mark.parametrize("name", [*FILES, "vectors", "settings"])
@pytest.mark.parametrize("message", ["two\nlines", "two\u2028lines", "", "x" * 4000])
def test_notices_an_error_that_is_not_one_short_line(monkeypatch, name, message):
    def fail(*_):
        raise DataError(message)

    for read in ("read_dataset", "read_rows", "read_vectors", "build_config"):
        monkeypatch.setattr(readers, read, fail)
    with pytest.raises(AssertionError):
        targets.TARGETS[name](b"0")


def test_notices_a_tokenizer_that_drops_characters(monkeypatch):
    monkeypatch.setitem(texts.TOKENIZERS, "word", str.split)
    texts.check_tokenizers(b"a b")
    monkeypatch.setitem(texts.TOKENIZERS, "word", lambda text: text.split()[1:])
    with pytest.raises(AssertionError, match="word"):
        texts.check_tokenizers(b"a b")


def test_notices_a_wrong_normal_form(monkeypatch):
    monkeypatch.setattr(texts, "normalize", lambda text, case="fold": text + "x")
    with pytest.raises(AssertionError):
        texts.check_normalize(b"a")


@pytest.mark.long
def test_the_targets_need_no_atheris():
    code = "import sys; sys.modules['atheris'] = None; import fuzzing.targets, fuzzing.campaign"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(campaign.__file__).parents[1])


def test_without_atheris_the_error_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(campaign, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["fuzz"])
    assert campaign.main() == 2
    assert capsys.readouterr().err.startswith("scripts/fuzz needs atheris, and there is none for Python 3.")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [False, True])
def test_a_campaign_counts_and_saves_failing_inputs(monkeypatch, capsys, tmp_path, fault):
    pytest.importorskip("atheris")
    monkeypatch.setattr(campaign, "SEEDS", tmp_path)
    (tmp_path / "normalize").mkdir()
    (tmp_path / "normalize" / "seed").write_bytes(b"the cat")
    one = Path(campaign.__file__).with_name("one.py").read_text(encoding="utf-8")
    if fault:
        one = one.replace("TARGETS[name]", "lambda data: 1 / (b'cat' not in data)")
        assert "1 / " in one
    (tmp_path / "one.py").write_text(one, encoding="utf-8")
    monkeypatch.setattr(campaign, "ONE", [str(tmp_path / "one.py")])
    roots = f"{Path(campaign.__file__).parents[1]}:{Path(campaign.__file__).parents[2]}"
    monkeypatch.setenv("PYTHONPATH", roots)
    assert campaign.fuzz("normalize", 50, 1) == fault
    line = capsys.readouterr().out
    kept = [path.read_bytes() for path in (tmp_path / "normalize").glob("crash-*")]
    if fault:
        assert "ZeroDivisionError" in line
        assert kept == [b"the cat"]
    else:
        assert line.split()[:2] == ["normalize", "50"]
        assert kept == []
