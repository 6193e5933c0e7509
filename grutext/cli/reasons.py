"""Print an explanation: the text with its words shaded, and the words that count most."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from grutext.messages import CONTROLS, pad, signed, width

if TYPE_CHECKING:
    from grutext.explain import Explanation, WordContribution

LeftOut: TypeAlias = "list[tuple[WordContribution, float]]"
STRONGEST = 5
# Colours of the 256 that terminals have, from weak to strong; the two scales can be told apart with any kind of colour blindness.
_FOR, _AGAINST = (153, 111, 68, 25), (223, 215, 208, 166)
_WHITE_ON = (25, 166)
_BLACK, _WHITE = 16, 231
_LEAST = 0.1  # of the strongest contribution; weaker words are not shaded
_MOST_CHARACTERS = 4000  # of a text that is printed
# Line breaks and tabs are part of the text.
_ESCAPES = {code: shown for code, shown in CONTROLS.items() if chr(code) not in "\n\t"}
_ONE_LINE = _ESCAPES | {ord("\n"): " ", ord("\t"): " "}


def reasons_fields(explanation: Explanation, left_out: LeftOut) -> dict[str, Any]:
    """Return an explanation, and what happens without the strongest words, as values for JSON."""
    changes = [
        {"text": word.text, "start": word.start, "end": word.end, "change": change}
        for word, change in left_out
    ]
    return {"explanation": explanation.to_dict(), "left_out": changes}


def print_reasons(explanation: Explanation, left_out: LeftOut, is_terminal: bool) -> None:
    """Print what the words of a text add to the logit of its label.

    Args:
        explanation: The explanation.
        left_out: The words that count most, and how much the logit changes without each.
        is_terminal: Whether stdout is a terminal; otherwise, and with NO_COLOR, signs stand for the colours.
    """
    has_colors = is_terminal and not os.environ.get("NO_COLOR")
    total = sum(word.contribution for word in explanation.words)
    label = explanation.label.translate(_ONE_LINE)
    click.echo(
        f"  {label}: logit {signed(explanation.logit)} = bias {signed(explanation.bias)}, words {signed(total)} "
        f"(GRU {explanation.gru_weight:.0%}, linear {1 - explanation.gru_weight:.0%})"
    )
    if not explanation.words:
        click.echo("  the text is empty: the bias alone decides\n")
        return
    click.echo()
    for line in _mark(explanation, has_colors).splitlines():
        click.echo(f"  {line}")
    click.echo(f"\n  {_legend(has_colors)}\n")
    shown = [word.text.translate(_ONE_LINE) for word, _ in left_out]
    columns = max(map(width, [*shown, "word"]))
    click.echo(f"  {pad('word', columns)}  contribution  left out")
    for text, (word, change) in zip(shown, left_out, strict=True):
        click.echo(f"  {pad(text, columns)}  {signed(word.contribution):>12}  {signed(change):>8}")
    click.echo()


def _mark(explanation: Explanation, has_colors: bool) -> str:
    """Return the text with its words marked; a long one is cut, and the end says so."""
    text, strongest = explanation.text, max(abs(word.contribution) for word in explanation.words)
    parts: list[str] = []
    at = 0
    for word in explanation.words:
        if word.end > _MOST_CHARACTERS:
            left = len(text) - at
            return "".join(parts) + f"… ({left:,} more characters; --json has all words)"
        parts.append(text[at : word.start].translate(_ESCAPES))
        at = word.end
        strength = word.contribution / strongest if strongest else 0.0
        shown = word.text.translate(_ESCAPES)
        parts.append(shown if abs(strength) < _LEAST else _paint(shown, strength, has_colors))
    return "".join(parts) + text[at:].translate(_ESCAPES)


def _paint(shown: str, strength: float, has_colors: bool) -> str:
    """Return a word in its colour, or with one to four signs before it; `strength` is in -1..1."""
    level = min(3, int(abs(strength) * 4))
    if not has_colors:
        return f"[{('+' if strength > 0 else '-') * (level + 1)}{shown}]"
    color = (_FOR if strength > 0 else _AGAINST)[level]
    return click.style(shown, bg=color, fg=_WHITE if color in _WHITE_ON else _BLACK)


def _legend(has_colors: bool) -> str:
    if not has_colors:
        return "[+word] speaks for the label, [-word] against it; more signs, more weight"
    scale = [(color, " - ") for color in reversed(_AGAINST)] + [(color, " + ") for color in _FOR]
    cells = [
        click.style(sign, bg=color, fg=_WHITE if color in _WHITE_ON else _BLACK) for color, sign in scale
    ]
    return f"against it {''.join(cells)} for it"
