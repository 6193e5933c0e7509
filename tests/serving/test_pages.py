"""The live page and the page of the API, in a browser."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import DESKTOP, PHONE
from support.keyword_model import build_keyword_model
from support.server import start_server

Keys = pytest.importorskip("selenium.webdriver").Keys
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.long

GOLDEN = Path(__file__).parents[1] / "golden" / "format-4"
TEXT = "wave sail salt wave about my parcel and then the invoice invoice"
SHOWN = "return [...document.querySelectorAll('.panel')].map(p => p.querySelector(arguments[0]).textContent)"
PASTE = """
window.seen = [];
const confidence = document.querySelector(".confidence");
new MutationObserver(() => seen.push(confidence.textContent)).observe(confidence, {childList: true});
document.execCommand("insertText", false, arguments[0]);
"""
PROBLEM = "return document.querySelector('#problem').textContent"
COLOURS = """return [...document.querySelectorAll('.panel')].map(panel => Object.fromEntries(
    [...panel.querySelectorAll('.bars li')].map(row => [row.querySelector('.name').textContent, row.className])))"""
LINES = "return [...document.querySelectorAll('line.decided')].map(line => +line.getAttribute('x1'))"
MARKED = "return [...document.querySelectorAll('.panel:first-child .words mark.for, .panel:first-child .words mark.against')].map(m => m.textContent)"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a server with three models: two that stream, of which one gives several labels, and one that does not."""
    folder = tmp_path_factory.mktemp("models")
    rule = [
        {"gap": 0.02, "threshold": 0.9, "words_read": 0.5},
        {"gap": 0.05, "threshold": 0.3, "words_read": 0.1},
    ]
    replace(build_keyword_model(multilabel=False), early=rule).save(folder / "one")
    build_keyword_model(multilabel=True).save(folder / "several")
    with start_server("-m", folder / "one", "-m", folder / "several", "-m", f"whole={GOLDEN}") as server:
        yield server.url


def wait_for(browser, script, expected, *arguments):
    """Wait until a script returns what is expected."""
    until = time.monotonic() + 15
    while (seen := browser.run(script, *arguments)) != expected:
        assert time.monotonic() < until, seen
        time.sleep(0.05)


def test_probabilities_move_word_by_word_for_all_models(browser, url) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    (box,) = browser.find("#text")
    box.send_keys("my password is")
    wait_for(browser, f"{SHOWN}.slice(0, 2)", ["login", "login"], ".label")
    box.send_keys(Keys.CONTROL, "a")
    browser.run(PASTE, f"{TEXT} ")
    wait_for(browser, SHOWN, ["billing", "billing, delivery", "sea"], ".label")
    # margins of 2.582 and 1.525, and of 0 for the third label
    wait_for(browser, f"{SHOWN}[0]", "70.3 %", ".confidence")
    assert {"33.3 %", "90.9 %", "47.2 %"} <= set(
        browser.run("return seen")
    )  # nothing known, the parcel, one invoice
    assert len(browser.find(".panel path")) == 9  # three labels in each course
    assert browser.run("return document.querySelector('svg').getAttribute('aria-label')").startswith(
        "Over 12 words"
    )
    wait_for(
        browser, "return document.querySelectorAll('.gates rect').length", 24
    )  # of the only model with a GRU
    assert browser.run(MARKED) == ["parcel", "invoice", "invoice"]
    wait_for(
        browser,
        "return document.querySelector('#spoken').textContent.split('. ')[0]",
        "one: billing, 70 percent, decided after 8 of 12 words as delivery",
    )
    browser.find("#clear")[0].click()
    wait_for(browser, SHOWN, ["–", "–", "–"], ".label")
    for box in browser.find("#models input")[:2]:  # their sessions end with them
        box.click()
    wait_for(browser, SHOWN, ["–"], ".label")
    assert browser.errors() == []
    assert {request.removeprefix(url) for request in browser.requests()} <= {
        "/", "/style.css", "/live.js", "/v1/models", "/v1/classify",
        "/v1/stream?top_k=50&model=one&gap=0.02", "/v1/stream?top_k=50&model=several",
    }  # fmt: skip


def test_the_moment_of_decision_is_drawn_and_the_gap_can_be_chosen_with_the_keyboard(browser, url) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    (choice,) = [box for box in browser.find(".rule select") if box.is_displayed()]
    assert choice.accessible_name == "Decide early"
    assert [option.text for option in choice.find_elements("css selector", "option")] == [
        "no",
        "at most 2 % more errors (reads 50 %)",
        "at most 5 % more errors (reads 10 %)",
    ]
    browser.find("#text")[0].send_keys("hello")
    wait_for(browser, SHOWN, ["not decided yet", "", ""], ".decision")
    browser.find("#clear")[0].click()
    wait_for(browser, SHOWN, ["", "", ""], ".decision")
    browser.run(PASTE, f"{TEXT} ")
    # the parcel is the 7th word, the next checkpoint the 8th, and the invoices are the 11th and 12th
    wait_for(browser, f"{SHOWN}[0]", "decided after 8 of 12 words as delivery", ".decision")
    assert browser.run(LINES) == [pytest.approx(600 * 7 / 11)]
    assert [part.is_displayed() for part in browser.find(".moment")] == [True, False, False]
    drawn = "return document.querySelector('.panel svg').getAttribute('aria-label')"
    wait_for(
        browser,
        drawn,
        "Over 12 words the probability of billing came to 70.3 %, decided after 8 of 12 words as delivery.",
    )
    choice.send_keys(Keys.ARROW_UP)
    wait_for(browser, SHOWN, ["", "", ""], ".decision")
    assert browser.run(LINES) == []
    choice.send_keys("at most 5")
    wait_for(browser, f"{SHOWN}[0]", "decided after 2 of 12 words", ".decision")
    assert browser.errors() == []


def test_a_label_has_one_colour_for_all_models_with_the_same_labels(browser, url) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    browser.run("giveColours(paletteOf(['billing', 'delivery', 'login']), ['login', 'delivery'])")
    browser.find("#text")[0].send_keys("my parcel ")
    wait_for(browser, f"{SHOWN}.slice(0, 2)", ["delivery", "delivery"], ".label")
    for panel in browser.run(COLOURS)[:2]:
        assert panel == {"login": "k0", "delivery": "k1", "billing": "k2"}
    browser.run("window.few = paletteOf(['a', 'b', 'c', 'd', 'e'])")
    browser.run("giveColours(few, ['a', 'b', 'c', 'd']); giveColours(few, ['c', 'a', 'e'])")
    assert browser.run("return few") == ["a", "e", "c", "d"]


def test_letters_of_scripts_without_spaces_are_words(browser, url) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    browser.find("#text")[0].click()
    browser.run(PASTE, "我的 parcel 不见了吗")
    # the parcel is the 3rd word, and so at a checkpoint; the first answer is about two words, which a space ends
    wait_for(browser, f"{SHOWN}[0]", "decided after 3 of 7 words", ".decision")
    assert browser.run(LINES) == [pytest.approx(600 * 1 / 5)]
    assert browser.find("#length")[0].text == "7 words"


def test_a_session_that_was_silent_for_too_long_ends_without_an_error_and_another_one_begins(
    browser, url
) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    browser.run(
        "window.Socket = WebSocket;"
        "window.sockets = [];"
        "window.WebSocket = class extends Socket { constructor(...a) { super(...a); sockets.push(this); } };"
    )
    browser.find("#text")[0].send_keys("my parcel ")
    wait_for(browser, f"{SHOWN}.slice(0, 2)", ["delivery", "delivery"], ".label")
    browser.run("""
        for (const socket of sockets) {
            socket.dispatchEvent(new MessageEvent('message', {data: '{"error": "nothing came for 300 s"}'}));
            socket.close();
        }
    """)
    wait_for(browser, "return sockets.every(socket => socket.readyState === 3)", True)
    browser.find("#text")[0].send_keys("invoice invoice ")
    wait_for(browser, f"{SHOWN}[0]", "billing", ".label")
    wait_for(browser, "return sockets.length", 4)  # of two models
    wait_for(browser, PROBLEM, "")
    assert browser.errors() == []


@pytest.fixture
def first_answer(browser):
    """Let the first answer that the next page asks for be another one."""
    added = []

    def replace_it(status, body):
        source = (
            "const asked = window.fetch; window.fetch = (...a) => { window.fetch = asked;"
            f"return Promise.resolve(new Response({body!r}, {{status: {status}}})); }};"
        )
        script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
        added.append(script)

    yield replace_it
    for script in added:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_the_page_waits_for_models_that_are_being_loaded(browser, url, first_answer) -> None:
    first_answer(503, '{"error": "the models are being loaded"}')
    browser.open(f"{url}/")
    wait_for(browser, PROBLEM, "the models are being loaded")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    wait_for(browser, PROBLEM, "")


def test_an_answer_that_is_not_the_servers_is_no_puzzle(browser, url, first_answer) -> None:
    first_answer(502, "<html>Bad Gateway</html>")
    browser.open(f"{url}/")
    wait_for(browser, PROBLEM, "The server does not answer.")


def test_models_can_be_hidden_with_the_keyboard(browser, url) -> None:
    browser.open(f"{url}/")
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    browser.find("#models input")[1].send_keys(" ")
    wait_for(browser, SHOWN, ["one", "whole"], "h2")


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_fit_and_can_be_read(browser, url, width, dark) -> None:
    browser.open(f"{url}/", width=width, dark=dark)
    wait_for(browser, SHOWN, ["one", "several", "whole"], "h2")
    browser.find("#text")[0].send_keys(TEXT)
    wait_for(browser, SHOWN, ["billing", "billing, delivery", "sea"], ".label")
    assert browser.overflowing() == []
    assert min(browser.contrasts())[0] >= 4.5
    browser.open(f"{url}/docs", width=width, dark=dark)
    wait_for(browser, "return document.querySelectorAll('.route').length", 6)
    assert browser.overflowing() == []
    assert min(browser.contrasts())[0] >= 4.5
    assert browser.errors() == []
    assert all(request.startswith(url) for request in browser.requests())
