"""The browser of the tests sees what is wrong with a page."""

import pytest
from support.browser import PHONE

pytestmark = pytest.mark.long

GOOD = "<!doctype html><meta name=viewport content='width=device-width'><title>x</title><p>Some text</p>"


def open_page(browser, folder, page, **options):
    (folder / "page.html").write_text(page, encoding="utf-8")
    browser.open((folder / "page.html").as_uri(), **options)


def test_finds_nothing_wrong_with_a_plain_page(browser, tmp_path):
    open_page(browser, tmp_path, GOOD, width=PHONE)
    assert browser.errors() == browser.overflowing() == []
    assert browser.requests() == [(tmp_path / "page.html").as_uri()]
    assert [ratio for ratio, _ in browser.contrasts()] == [pytest.approx(21)]


def test_finds_errors_requests_and_what_is_too_wide(browser, tmp_path):
    wide = "<div class=wide style='width:500px'>wide</div><div style='overflow:auto'><p style='width:900px'>"
    script = "<script src=missing.js></script><script>throw new Error('broken')</script>"
    open_page(browser, tmp_path, GOOD + wide + script, width=PHONE)
    assert "broken" in "".join(browser.errors())
    assert (tmp_path / "missing.js").as_uri() in browser.requests()
    assert [name.split()[0] for name in browser.overflowing()] == ["DIV.wide"]


def test_finds_text_that_is_hard_to_read_in_the_dark(browser, tmp_path):
    style = "<style>p {color: #777} @media (prefers-color-scheme: dark) {body {background: #444}}</style>"
    open_page(browser, tmp_path, GOOD + style)
    assert [round(ratio, 2) for ratio, _ in browser.contrasts()] == [4.48]  # as tables of contrasts have it
    open_page(browser, tmp_path, GOOD + style, dark=True)
    assert [ratio for ratio, _ in browser.contrasts()] < [2.3]


def test_runs_the_scripts_of_a_page_only_where_it_may(browser, tmp_path):
    page = GOOD + "<script>document.title = 'y'</script>"
    open_page(browser, tmp_path, page)
    assert browser.driver.title == "y"
    open_page(browser, tmp_path, page, scripts=False)
    assert browser.driver.title == "x"
