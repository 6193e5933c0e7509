"""The contributions of the words of a text to a label's logit, as plain values and as HTML.

In HTML, words are shaded in blue where they speak for the label and in orange where they speak against it, which people with any kind of
colour blindness can tell apart. The shades are transparent and the letters have the colour of the page, so that both stay readable on a
light and on a dark page. Everything that comes from a text or a label is escaped.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from grutext.messages import signed

_FOR, _AGAINST = "30,110,190", "230,115,0"  # red, green, blue
_DARKEST = 0.62  # opacity of the strongest word
_LEAST_SHADE = 0.02  # opacity; weaker words are not marked
_LISTED = 10
# Characters that HTML does not allow, and lone surrogates, which no file may have.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class WordContribution:
    """A word and what it adds to the logit.

    Attributes:
        text: The word as it is in the original text.
        start: Where it begins in the original text, in code points.
        end: Where it ends.
        contribution: What it adds to the logit: `gru + linear`.
        gru: The share of the GRU part.
        linear: The share of the linear part.
    """

    text: str
    start: int
    end: int
    contribution: float
    gru: float
    linear: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the words of a text add to the logit of a label; `bias` and all contributions sum to `logit`.

    Attributes:
        label: The label.
        probability: Its probability.
        logit: Its logit, the number before the last softmax or sigmoid. Where a text may have several labels, the sigmoid of it
            is `probability`. Otherwise the logits of all labels have a mean of 0, and their softmax is the probabilities.
        bias: The part of the logit that no word has added.
        words: The words in their order; none for an empty text.
        gru_weight: The weight of the GRU part in the logit, in 0..1; the linear part has the rest.
        text: The original text.
    """

    label: str
    probability: float
    logit: float
    bias: float
    words: tuple[WordContribution, ...]
    gru_weight: float
    text: str = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as values for JSON, without the text."""
        return {
            "label": self.label,
            "logit": self.logit,
            "bias": self.bias,
            "words": [
                {"text": word.text, "start": word.start, "end": word.end, "contribution": word.contribution}
                for word in self.words
            ],
        }

    def strongest(self, count: int) -> list[WordContribution]:
        """Return the words with the largest contributions, positive or negative, the largest first."""
        return sorted(self.words, key=lambda word: -abs(word.contribution))[:count]

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return render_html(self)


def _escape(text: str) -> str:
    """Return a text as HTML, with a replacement character for what HTML cannot have."""
    return html.escape(_FORBIDDEN.sub("\ufffd", text))


def render_text(explanation: Explanation) -> str:
    """Return the text with its words shaded, as one `<span>`; its white space is kept."""
    strongest = max((abs(word.contribution) for word in explanation.words), default=0.0)
    parts, at = [], 0
    for word in explanation.words:
        parts.append(_escape(explanation.text[at : word.start]))
        at = word.end
        shade = _DARKEST * abs(word.contribution) / strongest if strongest else 0.0
        if shade < _LEAST_SHADE:
            parts.append(_escape(word.text))
            continue
        color = _FOR if word.contribution > 0 else _AGAINST
        style = f"background:rgba({color},{shade:.2f});color:inherit"
        parts.append(f'<mark style="{style}" title="{signed(word.contribution)}">{_escape(word.text)}</mark>')
    parts.append(_escape(explanation.text[at:]))
    style = "white-space:pre-wrap;overflow-wrap:anywhere;print-color-adjust:exact;-webkit-print-color-adjust:exact"
    return f'<span dir="auto" style="{style}">{"".join(parts)}</span>'


def render_html(explanation: Explanation) -> str:
    """Return label, logit, shaded text, legend and the strongest words as one `<div>`."""
    words = sum(word.contribution for word in explanation.words)
    head = (
        f"<strong>{_escape(explanation.label)}</strong> {explanation.probability:.4f}: "
        f"logit {signed(explanation.logit)} = bias {signed(explanation.bias)}, words {signed(words)}"
    )
    if not explanation.words:
        return f"<div><p>{head}</p><p>The text is empty: the bias alone decides.</p></div>"
    rows = "".join(
        f'<tr><td dir="auto" style="text-align:start;padding:0 1em 0 0">{_escape(word.text)}</td>'
        f'<td style="text-align:right">{signed(word.contribution)}</td></tr>'
        for word in explanation.strongest(_LISTED)
    )
    legend = " ".join(
        f'<span style="background:rgba({color},{_DARKEST});padding:0 .4em">{name}</span>'
        for color, name in ((_FOR, "speaks for it"), (_AGAINST, "speaks against it"))
    )
    table = (
        '<table style="border-collapse:collapse"><thead><tr><th style="text-align:start">word</th>'
        f'<th style="text-align:right">contribution</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return (
        f'<div style="line-height:1.6"><p>{head}</p><p>{render_text(explanation)}</p>'
        f"<p>{legend}</p>{table}</div>"
    )
