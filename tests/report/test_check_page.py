"""The page on a check of data, in a browser."""

import pytest
from support.browser import DESKTOP, PHONE

from grutext.data_quality import check_data

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from grutext.report import render_check

pytestmark = pytest.mark.long

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def page():
    """Return the page of texts with faults, beside other texts."""
    rows = [{"text": f"the text {n}", "label": ("a", "<b>bold</b>", "x" * 60)[n % 3]} for n in range(60)]
    faulty = [
        {"text": ATTACK, "label": "a"},
        {"text": f"{ATTACK}", "label": "b"},
        {"text": "caf\ufffd", "label": "a"},
    ]
    return render_check(check_data([*rows, *faulty], against=rows))


def test_the_page_shows_the_findings_at_every_width_and_in_the_dark(page, browser, tmp_path):
    file = tmp_path / "check.html"
    file.write_text(page, encoding="utf-8")
    for width, dark in ((PHONE, False), (DESKTOP, True)):
        browser.open(file.as_uri(), width=width, dark=dark)
        assert browser.requests() == [file.as_uri()]
        assert browser.overflowing() == browser.errors() == []
        assert [text for contrast, text in browser.contrasts() if contrast < 4.5] == []
    kinds = [kind.text for kind in browser.find("#findings .verdict span:first-child")]
    assert kinds == [
        *("replacement character", "contradicting label", "small class", "shared text", "unknown label")
    ]
    assert "<script>alert(1)</script>" in browser.find("#findings")[0].text
    assert len(browser.find("#labels tbody tr")) == 4
    assert len(browser.find("#shifts tbody tr")) == 2


def test_clean_data_have_a_page_without_findings(browser, tmp_path):
    rows = [{"text": f"the text {n}", "label": "ab"[n % 2]} for n in range(12)]
    file = tmp_path / "check.html"
    file.write_text(render_check(check_data(rows)), encoding="utf-8")
    browser.open(file.as_uri())
    assert browser.find("#findings p")[0].text == "Nothing wrong was found."
    assert browser.find("#shifts") == []
