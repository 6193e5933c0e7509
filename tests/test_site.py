"""The site is built without a warning, needs no network, and fits on every screen."""

import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from documentation.links import find_dead_links, move_links, move_links_of_notebook, unescape_pipes
from documentation.reference import insert_tables
from support.browser import PHONE

import grutext

ROOT = Path(__file__).parents[1]
LOADED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
    "video": "src",
}
OUTSIDE = re.compile(r"\s*(\w+:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; a broken link, or a page that is in no menu, fails its build."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


class Loads(HTMLParser):
    """Collects the addresses that a browser loads with a page."""

    def __init__(self, page):
        super().__init__()
        self.addresses = re.findall(
            r"url\(\s*['\"]?([^'\")]+)", "".join(re.findall("<style.*?</style>", page))
        )
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in LOADED and attributes.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(attributes.get(LOADED[tag]) or "")


def loaded_from_outside(folder):
    """The addresses of other servers that pages and styles of a folder load."""
    found = [
        address for page in folder.rglob("*.html") for address in Loads(page.read_text("utf-8")).addresses
    ]
    for style in folder.rglob("*.css"):
        found += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", style.read_text("utf-8"))
    return [address for address in found if OUTSIDE.match(address)]


def test_notices_what_is_loaded_from_outside(tmp_path):
    (tmp_path / "a.html").write_text('<script src="//a/b.js"></script><a href="https://x">x</a>', "utf-8")
    (tmp_path / "b.html").write_text("<link rel=icon href='b.png'><img src='HTTPS://a/c.png'>", "utf-8")
    (tmp_path / "c.css").write_text("@import 'http://a/d.css'; p {background: url(e.png)}", "utf-8")
    assert sorted(loaded_from_outside(tmp_path)) == ["//a/b.js", "HTTPS://a/c.png", "http://a/d.css"]


@pytest.mark.long
def test_no_page_loads_anything_from_outside(site):
    assert len(list(site.rglob("*.html"))) > 35
    assert loaded_from_outside(site) == []


@pytest.mark.long
def test_pages_work_from_files_in_a_browser(site, browser):
    for name in ("index", "guide/train", "notebooks/inside", "reference/cli"):
        for dark in (False, True):
            browser.open((site / f"{name}.html").as_uri(), width=PHONE, dark=dark)
            assert browser.overflowing() == browser.errors() == []
            assert {url.partition(":")[0] for url in browser.requests()} == {"file"}


@pytest.mark.long
def test_the_search_works_from_files_in_a_browser(site, browser):
    browser.open((site / "guide/train.html").as_uri())
    (field,) = browser.find(".md-search__input")
    field.click()
    field.send_keys("abstention")
    deadline = time.monotonic() + 20
    while not (found := browser.find(".md-search-result__item h1, .md-search-result__item h2")):
        assert time.monotonic() < deadline, "nothing is found"
        time.sleep(0.1)
    assert any("Abstention" in title.text for title in found)


@pytest.mark.long
def test_the_copy_button_copies_commands_without_prompts_and_output(site, browser):
    from selenium.webdriver import Keys

    browser.open((site / "start.html").as_uri())
    browser.run("document.body.append(Object.assign(document.createElement('textarea'), {id: 'paste'}))")
    (field,) = browser.find("#paste")

    def paste():
        field.clear()
        field.send_keys(Keys.CONTROL, "v")
        return field.get_property("value")

    copied = []
    deadline = time.monotonic() + 20
    for button in browser.find("button[title='Copy to clipboard']")[:4]:
        before = paste()
        while paste() == before:  # the first until the scripts of the page have begun
            assert time.monotonic() < deadline, "nothing is copied"
            browser.run("arguments[0].click()", button)
        copied.append(paste())
    assert copied == [
        f"pip install './grutext-{grutext.__version__}-py3-none-any.whl[train]'",
        "grutext train sample -m helpdesk",
        'echo "The parcel never came, and nobody answers" > letter.txt\ngrutext classify letter.txt -m helpdesk',
        "grutext classify letter.txt -m helpdesk --explain",
    ]


PLACES = {"README.md": "index.md", "docs/README.md": "guide/index.md", "SECURITY.md": "project/security.md"}


@pytest.mark.parametrize(
    ("source", "markdown", "moved"),
    [
        ("README.md", "[a](docs/guide/data.md#labels)", "[a](guide/data.md#labels)"),
        ("README.md", "![a](docs/p.png) [b](#here)", "![a](p.png) [b](#here)"),
        ("SECURITY.md", "[a](docs/README.md)", "[a](../guide/index.md)"),
        ("docs/guide/data.md", "[a](../README.md) [b](train.md)", "[a](index.md) [b](train.md)"),
        (
            "docs/guide/data.md",
            "[a](../../README.md) [b](../../SECURITY.md#x)",
            "[a](../index.md) [b](../project/security.md#x)",
        ),
        ("docs/guide/data.md", "[`a`](../../grutext/a.py) [b](https://c.d)", "`a` [b](https://c.d)"),
        ("SECURITY.md", "[a](mailto:a@b.c) [b](MAILTO:d@b.c)", "[a](mailto:a@b.c) [b](MAILTO:d@b.c)"),
        ("SECURITY.md", "`[a](docs/README.md)` [b](docs/p.png)", "`[a](docs/README.md)` [b](../p.png)"),
        ("SECURITY.md", "``a ` [b](docs/p.png)`` `c", "``a ` [b](docs/p.png)`` `c"),
        (
            "docs/guide/data.md",
            "```python\nx[0](../../a.py)\n```\n[c](gone.md)",
            "```python\nx[0](../../a.py)\n```\nc",
        ),
    ],
)
def test_links_are_moved_to_the_places_of_the_site(source, markdown, moved):
    files = {"index.md", "guide/index.md", "guide/data.md", "guide/train.md", "project/security.md", "p.png"}
    assert move_links(markdown, source, PLACES, files) == moved


def test_links_of_notebooks_lead_to_pages():
    addresses = {"guide/data.md": "guide/data.html", "n/a.ipynb": "n/a.html", "n/b.ipynb": "n/b.html"}
    page = '<a href="../guide/data.md#x">a</a> <a href="b.ipynb">b</a> <a href="#c">c</a> <a href="https://d.e/f.md">d</a>'
    moved = move_links_of_notebook(page + '<a href="gone.md">', "docs/n/a.ipynb", PLACES, addresses)
    assert re.findall('href="([^"]*)"', moved) == [
        "../guide/data.html#x",
        "b.html",
        "#c",
        "https://d.e/f.md",
        "gone.md",
    ]


def test_dead_links_of_a_built_site_are_found(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide/a.html").write_text(
        '<h2 id="x"></h2><a href="#x"></a><a href="../b.html"></a><a href="b.md"></a>'
    )
    (tmp_path / "b.html").write_text(
        '<a href="guide/a.html#x"></a><a href="guide/a.html#y"></a><a href="//c.d"></a><a href="/b.html"></a>'
    )
    assert find_dead_links(tmp_path) == ["b.html links to guide/a.html#y", "guide/a.html links to b.md"]


def test_code_has_plain_pipes():
    assert unescape_pipes(r"| `a\|b` | c \| d |") == r"| `a|b` | c \| d |"
    assert unescape_pipes(r"| ``a ` \| b`` |") == "| ``a ` | b`` |"


def test_lines_stand_for_tables():
    page = insert_tables("before\n\n::: settings gru\n\n::: grutext.Classifier\n::: options verify\n")
    assert "| `gru.units` | 64 | Width U of the GRU's state, in each direction. |" in page
    assert "`-m`, `--model DIR`\n:   The model to verify. \\[default: model\\]" in page
    assert "\n::: grutext.Classifier\n" in page
    assert page.count(":::") == 1


def test_types_of_fields_are_in_words():
    page = insert_tables("::: request POST /v1/classify\n::: request POST /v1/encode\n")
    assert "array of arrays of numbers" in page
    assert "numberss" not in page


def test_a_line_for_a_table_that_there_is_not_is_an_error():
    for line in ("::: tables gru", "::: options fly"):
        with pytest.raises(KeyError):
            insert_tables(line)
