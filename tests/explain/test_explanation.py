"""An explanation as values and as HTML: whatever the text holds, the page shows it and nothing else."""

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grutext.config import TextConfig
from grutext.explain import Explanation, WordContribution, leave_out, render_html, render_text


def explain(text, contributions, label="good"):
    """An explanation of a text whose words are separated by blanks."""
    words, at = [], 0
    for word, contribution in zip(text.split(" "), contributions, strict=True):
        words.append(WordContribution(word, at, at + len(word), contribution, contribution, 0.0))
        at += len(word) + 1
    logit = 0.25 + sum(contributions)
    return Explanation(label, 0.9, logit, 0.25, tuple(words), 1.0, text)


class Reader(HTMLParser):
    """Reads the text of a page, and the names of its elements."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.marks = "", set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "mark":
            self.marks.append(dict(attrs)["style"])

    def handle_data(self, data):
        self.text += data


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_the_shaded_text_is_the_original_one(text):
    found = Reader(render_text(explain(text, [1.0] * (text.count(" ") + 1))))
    assert found.text == text
    assert found.tags <= {"span", "mark"}


def test_a_text_cannot_add_elements_or_forbidden_characters():
    attack = "<script>alert(1)</script> \x1b[31m\ud800\x00\" <img/src='x'onerror=alert(1)>"
    page = render_html(explain(attack, [1.0, -2.0, 0.5], label="</strong><script>"))
    page.encode("utf-8")
    assert Reader(page).tags == {
        "div", "p", "strong", "span", "mark", "table", "thead", "tbody", "tr", "th", "td"
    }  # fmt: skip
    assert not re.search("[\x00-\x08\x1b]", page)
    assert "<script>alert(1)</script>" in unescape(page)


def test_the_shade_grows_with_the_contribution_and_its_colour_is_the_sign():
    strong, weak, against = Reader(render_text(explain("a b c d", [2.0, 1.0, -1.0, 0.0]))).marks
    assert strong == "background:rgba(30,110,190,0.62);color:inherit"
    assert weak == "background:rgba(30,110,190,0.31);color:inherit"
    assert against == "background:rgba(230,115,0,0.31);color:inherit"


def test_the_page_shows_the_numbers_and_the_strongest_words_first():
    text = Reader(render_html(explain("weak strong", [0.5, -2.0]))).text
    assert "good 0.9000: logit -1.250 = bias +0.250, words -1.500" in text
    assert text.endswith("contributionstrong-2.000weak+0.500")
    empty = Explanation("good", 0.5, 0.0, 0.0, (), 1.0, "")
    assert "The text is empty" in empty._repr_html_()


def test_the_values_are_those_that_the_reference_names():
    values = explain("not good", [-1.0, 2.0]).to_dict()
    assert json.loads(json.dumps(values)) == {
        "label": "good",
        "logit": 1.25,
        "bias": 0.25,
        "words": [
            {"text": "not", "start": 0, "end": 3, "contribution": -1.0},
            {"text": "good", "start": 4, "end": 8, "contribution": 2.0},
        ],
    }


@pytest.mark.parametrize(
    ("text", "word", "without"),
    [
        ("where is it", "is", "where  it"),
        ("red-hot", "-", "red hot"),  # "redhot" would be another word
        ("天气很好", "气", "天很好"),
        ("ok!", "!", "ok"),
        ("ok", "ok", ""),
    ],
)
def test_a_word_is_left_out_without_joining_its_neighbours(text, word, without):
    start = text.index(word)
    assert leave_out(text, start, start + len(word), TextConfig()) == without
