"""Labels' names as texts of the linear part."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.tiny_training import fit_splits

from grutext.config import Config, LinearConfig, TextConfig
from grutext.data import Example
from grutext.inference import Classifier
from grutext.inference.linear_part import LinearPart
from grutext.text import Vectorizer
from grutext.training.linear import fit as linear
from grutext.training.linear.fit import LinearTask, fit_linear
from grutext.training.linear.label_names import as_texts
from grutext.training.splits import Splits

TEXTS = ["where is my parcel", "my parcel is late", "", "close my account", "delete it please", "my login"]
TARGETS = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
NAMES = ("delivery", "login/Account", "cash_flow")  # the third has no text
VECTORIZER = Vectorizer.fit(TEXTS, TextConfig())
CONFIG = LinearConfig(char_max=3, min_count=1, regularization=0.5)


def task(config=CONFIG, multilabel=False):
    return LinearTask(VECTORIZER, config, multilabel, 1, np.ones(3, np.float32))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("card_arrival", "card arrival"), ("comp.sys.ibm.pc-hardware", "comp sys ibm pc hardware"),
        ("Sci/Tech", "Sci Tech"), ("AddToPlaylist", "Add To Playlist"), ("R&B", "R&B"), ("__label__joy", "label joy"),
        ("हिन्दी", "हिन्दी"), ("体育", "体育"), ("two  words", "two words"), ("B2", "B2"), ("a:b|c\\d", "a b c d"), ("NASA", "NASA"),
    ],
)  # fmt: skip
def test_a_name_is_read_as_words(name, text):
    assert as_texts([name])[0] == [text]


def test_each_name_is_a_text_of_its_own_label_and_those_without_letters_are_none():
    texts, targets = as_texts(["0", "spam", "", "-1", "not spam", "👍"])
    assert texts == ["spam", "not spam"]
    assert targets.argmax(axis=1).tolist() == [1, 4]
    assert (targets.sum(axis=1) == 1).all()
    assert as_texts(["0", "-1"])[1].shape == (0, 2)
    assert as_texts(())[0] == []


def test_names_weigh_as_much_as_texts_that_say_the_same():
    named = fit_linear(TEXTS, TARGETS, task(), label_names=NAMES)
    texts, targets = [*TEXTS, "delivery", "login Account", "cash flow"], np.concatenate([TARGETS, np.eye(3)])
    spelled = fit_linear(texts, targets, task())
    assert {n: a.tobytes() for n, a in named.arrays.items()} == {
        n: a.tobytes() for n, a in spelled.arrays.items()
    }
    assert (named.rows, spelled.rows) == (6, 9)


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_label_that_no_text_has_is_known_by_its_name(multilabel):
    fit = fit_linear(TEXTS, TARGETS, task(CONFIG, multilabel), label_names=NAMES)
    margins = LinearPart(CONFIG, fit.arrays).margins(VECTORIZER.vectorize(["Flow of cash", "delivery"]))
    assert margins.argmax(axis=1).tolist() == [2, 0]


def test_where_there_may_be_several_a_label_learns_nothing_from_the_names_of_others():
    """`sport.hockey` is about `sport`, too, though its name alone is no text that says so."""
    config, targets = replace(CONFIG, word_max=1, char_max=0), np.repeat(TARGETS[[0, 3], :2], 3, axis=0)
    targets[2] = 1.0
    names = ("sport", "sport.hockey")
    fit = fit_linear(TEXTS, targets, task(config, True), label_names=names)
    bias = fit.arrays["linear/bias"]
    of_hockey = LinearPart(config, fit.arrays).margins(VECTORIZER.vectorize(["hockey"]))[0]
    assert of_hockey[0] == bias[0]
    assert of_hockey[1] > bias[1] + 0.1


@pytest.mark.parametrize("names", [(), NAMES])
def test_a_label_that_all_texts_have_is_always_predicted(names):
    targets = np.repeat(np.eye(3, dtype=np.float32)[:1], 6, axis=0)
    fit = fit_linear(TEXTS, targets, task(CONFIG, True), label_names=names)
    margins = LinearPart(CONFIG, fit.arrays).margins(VECTORIZER.vectorize([*TEXTS, "login", "cash flow"]))
    assert (margins[:, 0] == 1).all()
    assert (margins[:6, 1:] < 0).all()


@pytest.mark.parametrize(("seconds", "rows"), [(1e-9, 12), (7.0, 57), (1e9, 120)])
def test_a_short_time_leaves_out_texts_but_no_name(seconds, rows, monkeypatch):
    """The first fit, to 12 texts and 3 names, takes a second; so 15 * 6 / 1.5 are foreseen to fit into 6 more."""
    monkeypatch.setattr(linear, "time", SimpleNamespace(monotonic=iter([0.0, 1.0]).__next__))
    texts, targets = TEXTS[:2] * 30 + TEXTS[3:5] * 30, np.eye(3, dtype=np.float32)[np.repeat([0, 1], 60)]
    fit = fit_linear(texts, targets, task(), seconds=seconds, label_names=NAMES)
    assert rows <= fit.rows <= rows + 2  # each label has a text
    margins = LinearPart(CONFIG, fit.arrays).margins(VECTORIZER.vectorize(["cash", "delivery", "login"]))
    assert margins.argmax(axis=1).tolist() == [2, 0, 1]


@pytest.mark.long
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("reads", [True, False])
def test_train_reads_the_names_unless_told_not_to(reads, multilabel, monkeypatch):
    """Both fits of the linear part: the one that is calibrated, and the one to all texts."""
    seen = []
    monkeypatch.setattr(
        "grutext.training.linear.fit.as_texts", lambda names: seen.append(names) or as_texts(names)
    )
    texts = ["it is late", "do close it"] * 20
    examples = [Example(text, (NAMES[n % 2],), "made.csv", n) for n, text in enumerate(texts)]
    config = Config().override({"gru.enabled": False, "linear.label_names": reads, "linear.vector_size": 0})
    splits = Splits(examples, examples[:10], None, multilabel, {}, dev_is_split_off=True)
    model = Classifier(fit_splits(splits, config))
    assert seen == [NAMES[:2] if reads else ()] * 2
    if reads:
        assert model.predict_proba(["account", "delivery"]).argmax(axis=1).tolist() == [1, 0]
