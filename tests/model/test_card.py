"""The model card: the values of `model.json` for people, ignored by everything that loads."""

import json
from dataclasses import replace

import pytest

from grutext.evaluation import evaluate
from grutext.inference import Classifier
from grutext.model import card as cards
from grutext.model.bundle import Bundle
from grutext.model.reading import CARD_FILE, MODEL_FILE

LABELS = ("ask", "a|b`c", "<script>alert(1)</script>\n# not a heading")


@pytest.fixture
def bundle(build_bundle):
    """A model with reports, and with labels that Markdown and HTML could take for their own."""
    shares = [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]
    reports = {
        split: evaluate([(LABELS[n],) for n in truth], shares, LABELS).to_dict()
        for split, truth in (("dev", (0, 1, 2)), ("test", (0, 2, 2)))
    }
    return replace(
        build_bundle(labels=LABELS),
        metrics=reports | {"dev": reports["dev"] | {"folds": 5}},
        data={
            "source": "mails.csv",
            "train": 1200,
            "label_counts": dict(zip(LABELS, (1000, 150, 50), strict=True)),
        },
        abstention=[
            {"errors": 0.01, "coverage": 0.0, "threshold": None},
            {"errors": 0.05, "coverage": 0.628, "threshold": 0.8125},
        ],
        golden=[{"text": "a secret", "probabilities": [0.2, 0.3, 0.5]}],
        created="2026-01-01T00:00:00+00:00",
    )


def render_card(bundle):
    return cards.render_card(bundle.entries())


def rows_of(card, heading):
    """The cells of the table below a heading."""
    lines = card.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    return [
        [cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")]
        for line in lines
        if line[:1] == "|"
    ]


def test_the_figures_are_those_of_the_model(bundle, tmp_path):
    bundle.save(tmp_path / "model")
    card = (tmp_path / "model" / CARD_FILE).read_text(encoding="utf-8")
    metrics = json.loads((tmp_path / "model" / MODEL_FILE).read_bytes())["metrics"]
    assert {row[0]: row[1:] for row in rows_of(card, "How good it is")[2:]} == {
        "texts": ["3", "3"],
        **{
            name: [f"{metrics[split][key]:.4f}" for split in ("dev", "test")]
            for name, key in (
                ("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("weighted-F1", "weighted_f1"),
                ("log loss", "log_loss"), ("expected calibration error", "ece"),
            )
        },
    }  # fmt: skip
    labels = rows_of(card, "Labels")
    assert labels[0] == ["label", "training texts", "precision (test)", "recall (test)", "F1 (test)"]
    assert [row[1] for row in labels[2:]] == ["1,000", "150", "50"]
    for row, label in zip(labels[2:], LABELS, strict=True):
        score = metrics["test"]["per_label"][label]
        assert row[2:] == [f"{score[key]:.4f}" for key in ("precision", "recall", "f1")]
    assert "5-fold cross-validation" in card
    assert (
        "At most 5 % of the answers are wrong if it answers 62 % of the dev texts: `--abstain-below 0.8125`"
        in card
    )
    assert "--abstain-below None" not in card


def test_names_are_shown_as_code_and_cannot_become_markup(bundle):
    rows = rows_of(render_card(bundle), "Labels")[2:]
    assert [row[0] for row in rows] == [
        "`ask`",
        "`` a¦b`c ``",
        "`<script>alert(1)</script>\\n# not a heading`",
    ]


def test_versions_and_sentences_of_a_file_cannot_become_markup_either(bundle):
    odd = "<img src=x> [a](b)`"
    card = render_card(
        replace(bundle, versions={"grutext": odd}, data=bundle.data | {"left_out": [f"**{odd}**"]})
    )
    assert f"trained by `` grutext {odd} ``." in card
    assert f"- left out for the time budget: `` **{odd}** ``" in card


def test_options_are_shown_with_values_of_the_model(bundle):
    assert "--familiar-above" not in render_card(bundle)
    unfamiliar = [{"threshold": -1.5, "coverage": 0.9}, {"threshold": 0.25, "coverage": 0.8}]
    assert "`--familiar-above 0.25` leaves the least" in render_card(replace(bundle, unfamiliar=unfamiliar))


@pytest.mark.parametrize(
    ("settings", "chosen", "streams"),
    [
        ({"gru.bidirectional": True}, "Epoch, calibration and thresholds were chosen", False),
        ({"gru.bidirectional": False}, "Epoch, calibration and thresholds were chosen", True),
        ({"gru.enabled": False}, "Calibration and thresholds were chosen", True),
    ],
)
def test_what_was_chosen_and_whether_it_streams_depends_on_the_parts(
    bundle, build_bundle, settings, chosen, streams
):
    card = render_card(replace(build_bundle(settings, labels=LABELS), metrics=bundle.metrics))
    assert f" {chosen} on them" in card
    assert ("grutext classify --stream" in card) == streams


def test_texts_times_and_folder_do_not_matter(bundle, tmp_path):
    again = replace(bundle, created="2027-01-01T00:00:00+00:00", golden=[])
    assert render_card(again) == render_card(bundle)
    assert "secret" not in render_card(bundle)


def test_a_card_that_is_edited_or_removed_does_not_matter(bundle, check_equal, tmp_path):
    bundle.save(tmp_path / "model")
    card = tmp_path / "model" / CARD_FILE
    card.write_text("license: mine", encoding="utf-8")
    loaded = Bundle.load(tmp_path / "model")
    check_equal(loaded, bundle)
    card.unlink()
    check_equal(Bundle.load(tmp_path / "model"), bundle)
    Classifier(loaded).save(tmp_path / "copy")
    assert (tmp_path / "copy" / CARD_FILE).read_text(encoding="utf-8") == render_card(bundle)


def test_begins_with_metadata_and_says_what_the_model_does(bundle, build_bundle):
    card = render_card(bundle)
    assert card.splitlines()[:3] == ["---", "library_name: grutext", "pipeline_tag: text-classification"]
    assert "gives one label to a text. It is a GRU encoder and a linear model over n-grams" in card
    several = render_card(build_bundle({"gru.enabled": False}, multilabel=True))
    assert "gives any number of labels to a text. It is a linear model over n-grams, " in several
    stopped = replace(bundle, data=bundle.data | {"unfinished": "it was interrupted"})
    assert "**Its training was stopped early.**" in render_card(stopped)


@pytest.mark.parametrize(
    "odd", [None, "x", [], {}, {"per_label": 3, "accuracy": "x", "n": True, "folds": []}]
)
def test_values_that_a_file_should_not_have_are_dashes(bundle, odd):
    data = {"label_counts": odd, "left_out": odd, "train": odd, "source": odd, "sha256": odd}
    metrics = {"dev": odd} if isinstance(odd, dict) else {}
    card = render_card(replace(bundle, data=data, metrics=metrics, abstention=[{"threshold": odd}]))
    assert next(row[:2] for row in rows_of(card, "Labels")[2:]) == ["`ask`", "-"]


def test_a_base_has_a_card_of_its_own(bundle):
    card = render_card(replace(bundle, labels=(), metrics={}))
    assert card.count("# Base for text classifiers") == 1
    assert "grutext train DATA --from DIR" in card
