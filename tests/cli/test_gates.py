"""`grutext show --gates`: a table, the same numbers as JSON, and a picture."""

import json

import pytest


@pytest.fixture
def gru_model(build_bundle, tmp_path):
    build_bundle({"gru.bidirectional": True}).save(tmp_path / "model")


def test_the_table_has_a_row_for_each_token_and_the_numbers_of_the_json(run, gru_model) -> None:
    shown = run("show", "--gates", "Where\x1b[31m is 天?").stdout
    values = json.loads(run("show", "--gates", "Where\x1b[31m is 天?", "--json").stdout)
    assert values["tokens"] == ["Where", "\x1b", "[", "31m", "is", "天", "?"]
    assert list(values) == ["tokens", "forward", "backward"]
    rows = [line.split() for line in shown.splitlines() if "█" in line or "▏" in line]
    assert [row[0] for row in rows] == ["Where", "\\x1b", "[", "31m", "is", "天", "?"]
    for place, row in enumerate(rows):
        numbers = [cell for cell in row[1:] if cell[0].isdigit()]
        expected = [
            values[d][kind][place] for d in ("forward", "backward") for kind in ("update", "reset", "norm")
        ]
        assert numbers == [f"{number:.2f}" for number in expected]


@pytest.mark.long
@pytest.mark.parametrize("name", ["gates.svg", "gates.PNG"])
def test_a_picture_is_drawn_whatever_the_words_are(run, gru_model, tmp_path, name) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    text = "cost $x^$ <b>&\x00\ud800 天气 " * 30
    assert run("show", "--gates", text, "-o", name).stderr == f"{name}: picture of the gates\n"
    first = (tmp_path / name).read_bytes()
    run("show", "--gates", text, "-o", name)
    assert (tmp_path / name).read_bytes() == first
    if name.endswith("svg"):
        page = first.decode("utf-8")
        assert ">天</text>" in page
        assert ">update gate z</text>" in page
    else:
        assert first.startswith(b"\x89PNG")


def test_what_cannot_be_shown_is_one_line(run, model) -> None:
    assert "no encoder" in run("show", "--gates", "hello", check=1).stderr


def test_wrong_combinations_are_refused(run, gru_model) -> None:
    assert "add --gates TEXT" in run("show", "-o", "a.svg", check=2).stderr
    assert "--gates and --config" in run("show", "--gates", "a", "--config", check=2).stderr
    assert "neither .svg nor .png" in run("show", "--gates", "a", "-o", "a.gif", check=1).stderr
    assert "no words" in run("show", "--gates", " ", check=1).stderr
