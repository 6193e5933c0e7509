"""`--report FILE.html` of `grutext evaluate` and `grutext train`."""

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
    result = run("evaluate", labelled, "--report", "report.html", "--json", "--errors", "wrong.csv")
    values = json.loads(result.stdout)
    assert result.stderr.splitlines()[-2:] == ["report: report.html", "wrong.csv: 3 rows"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "wrong.csv" not in page
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


@pytest.mark.parametrize("command", ["evaluate", "train", "check"])
def test_a_report_never_replaces_the_data(run, error, model, labelled, tmp_path, command):
    folder = ("-m", "new") if command == "train" else ()
    assert error(command, labelled, *folder, "--report", labelled) == (
        "test.csv: is the input, which is not replaced; name another file to write"
    )
    assert "stdout has the results" in run(command, labelled, *folder, "--report", "-", check=2).stderr
    assert "name the file r.html" in run(command, labelled, *folder, "--report", "r.pdf", check=2).stderr
    assert (tmp_path / labelled).read_text(encoding="utf-8") == ROWS


def test_without_jinja2_the_command_says_what_to_install(error, model, labelled, monkeypatch):
    from grutext import requirements

    found = requirements.find_spec
    monkeypatch.setattr(
        "grutext.requirements.find_spec", lambda name: None if name == "jinja2" else found(name)
    )
    assert error("evaluate", labelled, "--report", "report.html") == (
        "--report needs jinja2; install it with: pip install 'grutext[report]'"
    )


TOPICS = {"sea": "salt wave tide shell fish", "wood": "moss fern owl bark root"}


@pytest.fixture
def training(tmp_path):
    rows = [f"{topic},{words} {n}" for n in range(30) for topic, words in TOPICS.items()]
    (tmp_path / "train.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    return ("train", "train.csv", "-m", "topics", "--no-gru", "--report", "report.html")


def test_train_reports_on_texts_that_were_not_trained_on(run, training, tmp_path):
    pytest.importorskip("sklearn")
    result = run(*training, "--json")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    dev = json.loads(result.stdout)["dev"]
    assert dev["folds"] == 5
    assert "5-fold cross-validation" in page
    assert f"{dev['log_loss']:.3f}" in page
    assert "few texts: 5-fold" in page  # a note
    run(*training, "--resume")  # nothing is left to train
    assert "nothing was trained" in run(*training, "--resume").stderr


def test_train_reports_on_the_test_texts_if_there_are_any(run, training, tmp_path):
    pytest.importorskip("sklearn")
    (tmp_path / "test.csv").write_text("label,text\nwood,salt wave\nsea,fish tide\n", encoding="utf-8")
    result = run(*training, "--test", "test.csv", "--json")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{json.loads(result.stdout)['test']['log_loss']:.3f}" in page
    assert "topics</bdi> on <bdi>test.csv" in page
    assert "salt</mark>" in page  # the model that answered explains its mistake
