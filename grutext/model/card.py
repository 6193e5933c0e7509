"""The model card: a page for people, made of the values of `model.json`.

Its first lines are metadata as Hugging Face reads them: https://huggingface.co/docs/hub/model-cards. Apart from the names of labels and of
the source, it holds no text of the training data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grutext.messages import count, escape

_MODEL = """\
---
library_name: grutext
pipeline_tag: text-classification
tags:
- text-classification
---

# Text classifier with {labels}

This model gives {several} to a text. It is {parts}, trained by {version}. It answers without
TensorFlow.{stopped}

## Labels
What a label means is what the training data mean by it. Describe it here, for people who do not know them.

{label_table}

## How good it is
{quality}

## What it was trained on
{training_data}

## How to use it
DIR is this folder. `pip install grutext` installs all that is needed.

```console
$ grutext classify letter.txt -m DIR
$ grutext predict mails.csv -m DIR -o labelled.csv
```

```python
from grutext import Classifier

model = Classifier.load("DIR")
for answer in model.answer(["a text", "another text"]):
    print(answer.label, answer.confidence)
```
{streaming}

## Limits
- {scope}
- It learned from the texts above, and is as good as measured only on texts like them: of the same source, language, length and
  time. It repeats mistakes and prejudices in their labels.
- Its probabilities are calibrated on such texts too, and mean little for others.
- `model.json` holds words of the training texts and a few dev texts: the model is as confidential as they are.

## Licence
No licence is chosen. Whoever publishes the model chooses one that the training data allow, and names it here and as `license:` in the
first lines.
"""
_BASE = """\
---
library_name: grutext
tags:
- word-embeddings
---

# Base for text classifiers

This base has {words} and their vectors, learned by {version} from texts without labels. It gives no labels; trainings start from
it.{stopped}

## What it was trained on
{training_data}

## How to use it
DIR is this folder.

```console
$ pip install 'grutext[train]'
$ grutext train DATA --from DIR
```

## Licence
No licence is chosen. Whoever publishes the base chooses one that the texts allow, whose words it holds.
"""
_METRICS = {
    "n": "texts",
    "accuracy": "accuracy",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted-F1",
    "log_loss": "log loss",
    "ece": "expected calibration error",
}
_SPLITS = ("dev", "test")


def render_card(values: Mapping[str, Any]) -> str:
    """Return the card of a model or of a base, as Markdown.

    Args:
        values: The entries of `model.json`, as `Bundle.entries` returns them.
    """
    common = {
        "version": _code(f"grutext {values['versions'].get('grutext', '')}".strip()),
        "stopped": " **Its training was stopped early.**" if "unfinished" in values["data"] else "",
        "training_data": _training_data(values),
    }
    if not values["labels"]:
        return _BASE.format(words=count(len(values["vocabulary"]), "word"), **common)
    parts = ["a GRU encoder"] * values["config"]["gru"]["enabled"]
    parts += ["a linear model over n-grams"] * values["config"]["linear"]["enabled"]
    return _MODEL.format(
        labels=count(len(values["labels"]), "label"),
        several="any number of labels" if values["multilabel"] else "one label",
        parts=" and ".join(parts),
        label_table=_labels(values),
        quality="\n\n".join(filter(None, (_quality(values), _abstention(values)))),
        streaming=_streaming(values),
        scope=_scope(values),
        **common,
    )


def _labels(values: Mapping[str, Any]) -> str:
    """Return a table: each label with its texts in training, and its scores on the test data, or else on the dev data."""
    counts = _entries(values["data"].get("label_counts"))
    split = next((name for name in reversed(_SPLITS) if name in values["metrics"]), None)
    scores = _entries(values["metrics"][split].get("per_label")) if split else {}
    heads = ["label", "training texts"]
    if scores:
        heads += [f"{name} ({split})" for name in ("precision", "recall", "F1")]
    rows = []
    for label in values["labels"]:
        own = _entries(scores.get(label))
        row = [_code(label), _number(counts.get(label))]
        rows.append(row + [_number(own.get(key)) for key in ("precision", "recall", "f1")] * bool(scores))
    return _table(heads, rows)


def _quality(values: Mapping[str, Any]) -> str:
    reports = {name: values["metrics"][name] for name in _SPLITS if name in values["metrics"]}
    if not reports:
        return "It has not been measured."
    metrics = [key for key in _METRICS if key != "micro_f1" or values["multilabel"]]
    names = _METRICS | ({"accuracy": "all labels right"} if values["multilabel"] else {})
    rows = [[names[key], *(_number(report.get(key)) for report in reports.values())] for key in metrics]
    notes = []
    if "dev" in reports:
        folds = reports["dev"].get("folds")
        what = (
            f"a {folds}-fold cross-validation"
            if isinstance(folds, int)
            else "texts that the weights were not trained on"
        )
        chosen = "Epoch, calibration" if values["config"]["gru"]["enabled"] else "Calibration"
        notes.append(
            f"The dev figures come from {what}. {chosen} and thresholds were chosen on them, so they are a little "
            "too optimistic."
        )
    if "test" in reports:
        notes.append("The test data had no part in the training.")
    return f"{_table(['metric', *reports], rows)}\n\n{' '.join(notes)}"


def _abstention(values: Mapping[str, Any]) -> str:
    """Return a sentence for each error rate that the model can keep if it abstains from texts of low confidence."""
    offers = [
        f"- At most {_percent(entry.get('errors'))} of the answers are wrong if it answers {_percent(entry.get('coverage'))} of the dev "
        f"texts: `--abstain-below {entry['threshold']:g}`"
        for entry in values["abstention"]
        if isinstance(entry.get("threshold"), float) and entry.get("coverage")
    ]
    return "\n".join(["It can leave texts of low confidence to a person:", "", *offers]) if offers else ""


def _training_data(values: Mapping[str, Any]) -> str:
    data = values["data"]
    facts = {
        "source": _code(str(data["source"])) if "source" in data else None,
        "texts": data.get("train"),
        "texts of the dev set": data.get("dev"),
        "folds of the cross-validation": data.get("folds"),
        "texts without labels": data.get("unlabelled_texts"),
        "SHA-256 of the texts and labels": _code(str(data["sha256"])) if "sha256" in data else None,
    }
    lines = [
        f"- {name}: {value if isinstance(value, str) else _number(value)}"
        for name, value in facts.items()
        if value
    ]
    left_out = data.get("left_out")
    if isinstance(left_out, list) and left_out:
        lines.append(f"- left out for the time budget: {_code('; '.join(map(str, left_out)))}")
    lines.append(f"- random seed: {values['config']['training']['seed']}")
    return "\n".join([*lines, "", "`grutext show -m DIR` lists all settings and versions."])


def _scope(values: Mapping[str, Any]) -> str:
    """Return what becomes of a text that none of the labels fits."""
    if values["multilabel"]:
        return "It knows only these labels. A text about something else should get none of them, but may get one."
    remedy = ""
    if values["unfamiliar"]:
        threshold = values["unfamiliar"][-1]["threshold"]
        remedy = f" `--familiar-above {threshold:g}` leaves the least familiar texts to a person."
    return f"It knows only these labels, and gives one of them even to a text about something else.{remedy}"


def _streaming(values: Mapping[str, Any]) -> str:
    """Return whether the model can answer about a text that is still coming, and how."""
    gru = values["config"]["gru"]
    if gru["enabled"] and gru["bidirectional"]:
        return "\nIt reads texts from both ends, and answers when they are complete."
    return "\nIt also answers while a text is still coming: `grutext classify --stream -m DIR`, or `model.session()`."


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _entries(value: Any) -> Mapping[str, Any]:
    """Return a value that should be an object, or an empty one in place of anything else, as a file may have it."""
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> str:
    """Return a count with separators, another number with four decimals, and anything else as a dash."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _percent(value: Any) -> str:
    """Return a share in whole percent, rounded down so that nothing is promised too much, and anything else as a dash."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        return "-"
    return f"{math.floor(round(100 * value, 6))} %"


def _code(text: str) -> str:
    """Return text as code in a table, where Markdown and HTML mean nothing."""
    shown = escape(text).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
