"""The page on an evaluation, as text and in a browser."""

import re

import numpy as np
import pytest
from support.browser import DESKTOP, PHONE

from grutext.data import Example
from grutext.evaluation import Predictions
from grutext.inference import Classifier

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from grutext.report import EvaluationReport, render_evaluation

pytestmark = pytest.mark.long

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
WORDS = [
    "the parcel never came",
    "选择珠江花园的原因就是方便",
    "أين طردي؟ لم يصل بعد",
    "x" * 300,
    ATTACK,
    "",
    "a\nb",
]
NAMES = [
    "billing",
    "配送",
    "تسليم",
    "a very long name of a label that goes on",
    "<b>bold</b>",
    "c/d",
    "x" * 60,
]
HISTORY = [
    {"epoch": n, "loss": 2 / n, "dev_loss": 1 / n, "dev_score": 1 - 1 / (n + 1), "best": n == 3, "seconds": 1.0,
     "tokens_per_second": 9.0}
    for n in range(1, 5)
]  # fmt: skip


@pytest.fixture
def page(build_bundle, rng):
    """Make the page of a model with some number of labels."""

    def render(number, multilabel=False, **fields):
        labels = [f"{NAMES[n % len(NAMES)]} {n}" for n in range(number)]
        bundle = build_bundle(labels=labels, multilabel=multilabel)
        bundle.history[:] = HISTORY
        texts = [f"{WORDS[n % len(WORDS)]} {n}" for n in range(40 * 7)]
        probabilities = rng.dirichlet(np.full(number, 0.3), len(texts)).astype(np.float32)
        likeliest = np.where(rng.random(len(texts)) < 0.4, probabilities.argmax(axis=1), 0)
        truth = [
            tuple(labels[c] for c in np.flatnonzero(row > 0.3)) if multilabel else (labels[best],)
            for row, best in zip(probabilities, likeliest, strict=True)
        ]
        if not multilabel:
            truth[:5] = [("unknown",)] * 5
        examples = [
            Example(text, names, "a&b.csv", n)
            for n, (text, names) in enumerate(zip(texts, truth, strict=True))
        ]
        predictions = Predictions(Classifier(bundle), examples, probabilities)
        return render_evaluation(
            EvaluationReport("reviews", "a&b.csv", predictions, predictions.diagnose(), **fields)
        )

    return render


def test_is_the_same_in_every_run_and_names_nothing_outside(page, rng):
    state = rng.bit_generator.state
    first = page(20)
    rng.bit_generator.state = state
    assert page(20) == first
    addresses = re.findall(r"""\s(?:href|src)="([^"]*)"|url\(["']?([^"')]*)""", first)
    outside = [one or other for one, other in addresses if not (one or other).startswith(("#", "data:,"))]
    assert outside == []
    assert "<script>alert" not in first
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in first
    names = re.findall(r'\sid="([^"]+)"', first)
    assert len(names) == len(set(names)) > 6


@pytest.mark.parametrize("number", [2, 20, 150])
def test_a_browser_shows_the_page_at_every_width_and_in_the_dark(page, browser, tmp_path, number):
    file = tmp_path / "report.html"
    file.write_text(page(number, notes=[ATTACK]), encoding="utf-8")
    for width, dark in ((PHONE, False), (DESKTOP, False), (PHONE, True), (DESKTOP, True)):
        browser.open(file.as_uri(), width=width, dark=dark)
        assert browser.requests() == [file.as_uri()]
        assert browser.overflowing() == []
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert [text for contrast, text in browser.contrasts() if contrast < 4.5] == []
        assert browser.errors() == []
    assert len(browser.find("svg.plot")) == 8
    assert len(browser.find("table.matrix")) == (number <= 25)
    assert len(browser.find("svg.heat")) == (number > 25)
    assert ATTACK in browser.find("#data .notes")[0].text
    assert len(browser.find("#mistakes li")) == 50


def test_tables_fit_into_a_window_also_when_they_are_sorted_by_their_last_column(page, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(6), encoding="utf-8")
    browser.open(file.as_uri(), width=1200)
    for button in browser.find("table.sortable th:last-child button"):
        browser.run("arguments[0].click()", button)
    widths = browser.run(
        "return [...document.querySelectorAll('.scroll')].map(box => [box.scrollWidth, box.clientWidth])"
    )
    assert widths
    assert all(content <= window for content, window in widths), widths


def test_a_click_sorts_a_table_and_another_reverses_it(page, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(20), encoding="utf-8")
    browser.open(file.as_uri())

    def column(number):
        cells = browser.find(f"#labels tbody td:nth-child({number})")
        return [float(cell.get_attribute("data-value") or cell.text) for cell in cells]

    scores = column(2)
    assert scores == sorted(scores)  # the worst first, without any script
    texts = browser.find("#labels th:nth-child(7) button")[0]
    texts.click()
    assert column(7) == sorted(column(7), reverse=True)
    assert browser.find("#labels th[aria-sort]")[0].text.startswith("texts")
    texts.click()
    assert column(7) == sorted(column(7)) != column(7)[::-1]
    browser.find("#labels th:nth-child(1) button")[0].click()
    names = [cell.text for cell in browser.find("#labels tbody th")]
    assert names == browser.run("return arguments[0].sort((a, b) => a.localeCompare(b))", names)


@pytest.fixture
def page_without_a(build_bundle):
    """The page of a model with the labels a, b and c, on texts of b and c."""
    bundle = build_bundle(labels=["a", "b", "c"], multilabel=False)
    bundle.history[:] = HISTORY
    model = Classifier(bundle)
    examples = [Example("x", ("b",), "test.csv", 1), Example("y", ("c",), "test.csv", 2)]
    probabilities = np.array([[0.4, 0.5, 0.1], [0.1, 0.5, 0.4]], np.float32)
    predictions = Predictions(model, examples, probabilities)
    return render_evaluation(EvaluationReport("model", "test.csv", predictions, predictions.diagnose()))


def test_labels_without_texts_have_dashes_at_the_end(page_without_a):
    rows = re.findall(r'<tr><th class="word" scope="row"><bdi>([abc])</bdi></th>(.*?)</tr>', page_without_a)
    assert [label for label, _ in rows[:3]] == ["c", "b", "a"]
    assert [cells.startswith('<td data-value="">—</td>' * 3) for _, cells in rows[:3]] == [False, False, True]
    assert "confidence 50.00 %, true label 40.00 %" in page_without_a


def test_missing_numbers_are_last_in_both_orders(page_without_a, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page_without_a, encoding="utf-8")
    browser.open(file.as_uri())
    for order in (["b", "c", "a"], ["c", "b", "a"]):
        browser.find("#labels th:nth-child(2) button")[0].click()
        assert [cell.text for cell in browser.find("#labels tbody th")] == order


def test_the_page_works_without_scripts(page, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(3), encoding="utf-8")
    browser.open(file.as_uri(), scripts=False)
    assert browser.find("th button") == []
    assert browser.find("h1")[0].text == "reviews on a&b.csv"
    assert browser.errors() == []


def test_a_script_in_a_text_would_not_run_even_if_it_were_not_escaped(page, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(
        page(3).replace("<h1>", "<script>document.title = 'attacked'</script><h1>"), encoding="utf-8"
    )
    browser.open(file.as_uri())
    assert browser.driver.title == "reviews on a&b.csv"


def test_several_labels_have_their_own_page(page, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(4, multilabel=True), encoding="utf-8")
    browser.open(file.as_uri(), width=PHONE)
    assert browser.errors() == browser.overflowing() == []
    assert browser.find("#confusions, .matrix, .heat") == []
    assert [title.text for title in browser.find(".headlines dt")][:2] == ["micro-F1", "macro-F1"]
    assert "no label" in browser.find("#mistakes")[0].text
