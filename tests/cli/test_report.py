"""`--report FILE.html` of `grutext evaluate`."""

import json

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytestmark = pytest.mark.long

ROWS = "topic,message\nbilling,an invoice\ndelivery,my parcel\ndelivery,my password\nlogin,hello\nreturns,parcel\n"


@pytest.fixture
def labelled(tmp_path):
    (tmp_path / "test.csv").write_text(ROWS, encoding="utf-8")
    return "test.csv"


def test_the_report_has_the_numbers_of_the_json(run, model, labelled, tmp_path):
    result = run("evaluate", labelled, "--report", "report.html", "--json")
    values = json.loads(result.stdout)
    assert result.stderr.splitlines()[-1] == "report: report.html"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    low, high = values["diagnostics"]["intervals"]["accuracy"]
    for number in (values["accuracy"], low, high, values["diagnostics"]["majority"]):
        assert f"{100 * number:.1f} %" in page
    assert f"{values['log_loss']:.3f}" in page
    assert values["diagnostics"]["out_of_scope"]["labels"] == ["returns"]
    assert "&#34;returns&#34; (1)" in page  # what was noted on stderr
    assert values["diagnostics"]["confusions"] == [
        {"actual": "delivery", "predicted": "login", "texts": 1},
        {"actual": "login", "predicted": "billing", "texts": 1},
        {"actual": "returns", "predicted": "delivery", "texts": 1},
    ]


def test_what_is_printed_is_the_same_without_a_report(run, model, labelled):
    assert run("evaluate", labelled, "--report", "report.html").stdout == run("evaluate", labelled).stdout


def test_a_report_that_cannot_be_written_is_an_error_before_anything_is_read(error, model, tmp_path):
    assert error("evaluate", "missing.csv", "--report", "no/report.html") == (
        "no/report.html: cannot be written: the folder does not exist; make it first"
    )


def test_without_jinja2_the_command_says_what_to_install(error, model, labelled, monkeypatch):
    from grutext import requirements

    found = requirements.find_spec
    monkeypatch.setattr(
        "grutext.requirements.find_spec", lambda name: None if name == "jinja2" else found(name)
    )
    assert error("evaluate", labelled, "--report", "report.html") == (
        "--report needs jinja2; install it with: pip install 'grutext[report]'"
    )
