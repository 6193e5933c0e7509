"""Texts without labels: which are kept, and what is learned from them."""

import pytest
from support.stopped_training import StopAt, check_same
from support.tiny_training import DEV, TRAIN, Recorder, examples, fit

from grutext.config import Config
from grutext.data import Example, fingerprint
from grutext.data.on_disk import DiskOptions, collect
from grutext.errors import ConfigError, DataError, TrainingError
from grutext.model.bundle import weights_digest
from grutext.training.budget import TimeBudget
from grutext.training.splits import TrainingData, read_splits

PRETRAINED = {"training__pretraining_epochs": 3}
LABELLED = (["saddle bell", "tyre pump", "chain lock", "lamp pedal"] * 5, ["repair", "refund"] * 10)
TEST = (["spoke rack"], ["repair"])
WITHOUT_LABELS = [Example(f"{e.text} kelp reef", (), "more.csv", e.row) for e in examples(40, 3) if e.text]


def read(tmp_path, unlabelled, test=None, megabytes=40.0, **options):
    heard = Recorder()
    config = Config().override({"training.in_memory_megabytes": megabytes})
    data = TrainingData(LABELLED, test=test, unlabelled=unlabelled, **options)
    splits = read_splits(data, config, tmp_path / "texts", heard, TimeBudget())
    return splits, [note for note in heard.notes if "without labels" in note]


def to_shards(folder, part):
    return collect(iter(part), DiskOptions(0, folder, 1, 0.0)).on_disk


def test_empty_and_labelled_texts_are_left_out_and_counted(tmp_path):
    texts = ["fender brake", "", " \n", "Spoke  RACK", "saddle bell", "TYRE pump", "wheel"]
    splits, notes = read(tmp_path, iter(texts), test=TEST, dev_fraction=0.1)
    assert [example.text for example in splits.unlabelled] == ["fender brake", "wheel"]
    in_dev = sum(text in {e.text for e in splits.dev} for text in ("saddle bell", "tyre pump"))
    counts = f"2 empty, {1 + in_dev} in the dev or test data"
    if in_dev < 2:
        counts += f", {2 - in_dev} in the training data"
    assert notes == [f"unlabelled texts in memory: 2 texts without labels; left out: {counts}"]


def test_texts_that_nothing_is_left_out_of_are_counted(tmp_path):
    assert read(tmp_path, ["fender brake"])[1] == ["unlabelled texts in memory: 1 text without labels"]


def test_files_are_read_as_predict_reads_them(tmp_path):
    (tmp_path / "a.txt").write_text("fender brake\nwheel\n")
    (tmp_path / "b.csv").write_text("id,message,topic\n1,the third wheel,x\n2,no wheel at all,y\n")
    splits, (note,) = read(tmp_path, [tmp_path / "a.txt", tmp_path / "b.csv"])
    assert [e.text for e in splits.unlabelled] == [
        "fender brake", "wheel", "the third wheel", "no wheel at all",
    ]  # fmt: skip
    assert {e.labels for e in splits.unlabelled} == {()}
    assert note.startswith(f"{tmp_path}/a.txt, {tmp_path}/b.csv: 4 texts")
    assert splits.data["unlabelled"] == f"{tmp_path}/a.txt, {tmp_path}/b.csv"
    assert len(read(tmp_path, str(tmp_path / "b.csv"))[0].unlabelled) == 2
    assert "unlabelled" not in read(tmp_path, None)[0].data


def test_many_texts_are_kept_in_files(tmp_path):
    texts = [f"wheel number {n}" for n in range(500)]
    kept = read(tmp_path, texts)[0].unlabelled
    # The labelled texts stay in memory: each has its own limit.
    splits, _ = read(tmp_path, texts, megabytes=0.001)
    assert isinstance(splits.train, list)
    shards = splits.unlabelled
    assert sorted(e.text for n in range(len(shards.paths)) for e in shards.read(n)) == sorted(texts)
    assert shards.sha256 == fingerprint(kept)


@pytest.mark.parametrize(
    ("texts", "kind", "message"),
    [
        (["a", None], TypeError, r"texts\[1\] is None"),
        ([__file__], ConfigError, "names of files"),
        (["saddle bell", ""], DataError, "there is no text to learn from; left out: 1 empty, 1 in the "),
        ([], DataError, "there is no text to learn from; left out: none"),
    ],
)
def test_what_cannot_be_used_is_an_error(tmp_path, texts, kind, message):
    with pytest.raises(kind, match=message):
        read(tmp_path, texts)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        read(tmp_path, "nowhere.csv")


def test_a_file_that_is_named_twice_is_an_error(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("a rider\na wheel\n")
    with pytest.raises(DataError, match="named twice"):
        read(tmp_path, [file, tmp_path / "." / ".." / tmp_path.name / "a.txt"])


@pytest.mark.long
def test_words_and_vectors_are_learned_from_texts_without_labels():
    heard = Recorder()
    plain, bundle = fit(**PRETRAINED), fit(listener=heard, unlabelled=WITHOUT_LABELS, **PRETRAINED)
    assert {"kelp", "reef"} <= set(bundle.vocabulary)
    assert not {"kelp", "reef"} & set(plain.vocabulary)
    (note,) = [note for note in heard.notes if note.startswith("pretraining: read")]
    read = 3 * (sum(bool(e.text) for e in [*TRAIN, *WITHOUT_LABELS]))
    count = int(note.split()[2])
    assert 0.9 * read < count <= 3 * (len(TRAIN) + len(WITHOUT_LABELS)), (
        "but for batches without a predicted token"
    )
    assert bundle.data["unlabelled_texts"] == len(WITHOUT_LABELS)
    assert bundle.data["unlabelled_sha256"] == fingerprint(WITHOUT_LABELS)
    assert weights_digest(bundle) == weights_digest(fit(unlabelled=WITHOUT_LABELS, **PRETRAINED))
    assert weights_digest(bundle) != weights_digest(fit(unlabelled=WITHOUT_LABELS[1:], **PRETRAINED))


@pytest.mark.long
@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("steps", [7, 40])
def test_a_training_with_texts_without_labels_resumes_to_the_same_bytes(tmp_path, steps, on_disk):
    from grutext.training.gru.interruption import Interrupted

    def texts(name):
        return to_shards(tmp_path / name, WITHOUT_LABELS) if on_disk else WITHOUT_LABELS

    whole = fit(unlabelled=texts("whole"), **PRETRAINED)
    state = {"checkpoint": tmp_path / "state", **PRETRAINED}
    with pytest.raises(Interrupted):
        fit(unlabelled=texts("first"), listener=StopAt(steps), **state)
    with pytest.raises(TrainingError, match="a training that differs: the texts without labels"):
        fit(unlabelled=WITHOUT_LABELS[1:], resume=True, **state)
    with pytest.raises(TrainingError, match="a training that differs: the texts without labels"):
        fit(resume=True, **state)
    check_same(fit(unlabelled=texts("second"), resume=True, **state), whole)


@pytest.mark.long
def test_training_texts_and_texts_without_labels_may_both_be_in_files(tmp_path):
    train, more = to_shards(tmp_path / "train", TRAIN), to_shards(tmp_path / "more", WITHOUT_LABELS)
    bundle = fit(train, DEV, unlabelled=more, **PRETRAINED)
    assert {"kelp", "reef"} <= set(bundle.vocabulary)
    assert len(bundle.history) == 4


def test_labelled_texts_that_are_in_folds_count_as_training_data(tmp_path):
    _, (note,) = read(tmp_path, ["saddle bell", "Spoke  RACK", "wheel"], test=TEST)
    assert note.endswith("1 text without labels; left out: 1 in the dev or test data, 1 in the training data")
