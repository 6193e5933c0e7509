"""Texts that do not fit into memory: each is in one file, and the files are random."""

import collections

import pytest

from grutext.data import (
    DiskOptions,
    Example,
    ReadOptions,
    check_trainable,
    fingerprint,
    hash_text,
    read_dataset,
)
from grutext.data.on_disk import collect


def examples(count=3000):
    """Texts sorted by label, as many sources are."""
    made = [
        Example(f"text {n} \ud800\n☃", ("late" if n > count // 2 else "early",), "a.csv", n)
        for n in range(count)
    ]
    made[7] = Example("the only one of its kind", ("rare",), "a.csv", 7)
    return made


def options(tmp_path, limit=1000, share=0.0, seed=3):
    return DiskOptions(limit, tmp_path / "texts", seed, share)


def read_all(shards):
    return [example for number in range(len(shards.paths)) for example in shards.read(number)]


def test_few_texts_stay_in_memory(tmp_path):
    few = examples(10)
    collected = collect(iter(few), options(tmp_path, limit=sum(len(e.text) for e in few), share=0.5))
    assert collected.examples == few
    assert (collected.on_disk, collected.held_out) == (None, ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_every_text_is_in_one_file_or_held_out(tmp_path):
    many = examples()
    collected = collect(iter(many), options(tmp_path, share=0.1))
    shards = collected.on_disk
    assert collected.examples == []
    found = read_all(shards)
    assert sorted(found + list(collected.held_out), key=lambda e: e.row) == many
    assert len(collected.held_out) in {299, 300}  # without the rare label, if chance chose it
    assert shards.texts == len(found)
    assert shards.characters == sum(len(e.text) for e in found)
    assert shards.counts == collections.Counter(e.labels[0] for e in found)
    assert shards.sha256 == fingerprint(many)


@pytest.mark.long
def test_shards_and_held_out_texts_are_random_in_any_order(tmp_path):
    collected = collect(iter(examples()), options(tmp_path, share=0.2))
    early = [e.labels == ("early",) for e in collected.held_out]
    assert 0.42 < sum(early) / len(early) < 0.58
    sizes = [len(collected.on_disk.read(n)) for n in range(len(collected.on_disk.paths))]
    assert max(sizes) < 40, "a file has about 15"
    mixed = [len({e.labels for e in collected.on_disk.read(n)}) > 1 for n in range(len(sizes))]
    assert sum(mixed) > 0.9 * len(mixed)
    rows = [e.row for e in collected.held_out]
    assert rows == sorted(rows)


@pytest.mark.long
def test_the_seed_decides_the_shards(tmp_path):
    def split(seed):
        collected = collect(iter(examples()), options(tmp_path, share=0.1, seed=seed))
        return collected.held_out, [e.row for e in read_all(collected.on_disk)]

    first, again, other = split(1), split(1), split(2)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_label_stays_in_the_files(tmp_path, seed):
    collected = collect(iter(examples(60)), options(tmp_path, limit=10, share=0.9, seed=seed))
    assert set(collected.on_disk.counts) == {"early", "late", "rare"}
    assert collected.on_disk.texts + len(collected.held_out) == 60


def test_a_sample_is_random_within_a_file_too(tmp_path, monkeypatch):
    monkeypatch.setattr("grutext.data.on_disk._FILES", 2)
    shards = collect(iter(examples()), options(tmp_path)).on_disk
    sample = shards.sample(3000)
    assert 3000 <= sum(len(e.text) for e in sample) < 3050
    early = [e.labels == ("early",) for e in sample]
    assert 0.4 < sum(early) / len(early) < 0.6, "the source has these first"
    assert shards.sample(3000) == sample
    assert sorted(shards.sample(10**9), key=lambda e: e.row) == examples()


def test_what_is_held_out_is_bounded_in_characters(tmp_path, monkeypatch):
    monkeypatch.setattr("grutext.data.on_disk._MOST_CHARACTERS", 500)
    collected = collect(iter(examples()), options(tmp_path, share=0.5))
    assert 450 < sum(len(e.text) for e in collected.held_out) <= 500
    assert collected.on_disk.texts + len(collected.held_out) == 3000


def test_a_data_set_in_files_is_checked_like_any_other(write, tmp_path):
    rows = "".join(f'{{"text": "a{n}", "label": "{"xy"[n % 2]}"}}\n' for n in range(40))
    name = write("many.jsonl", rows.encode())
    dataset = read_dataset(name, ReadOptions(), on_disk=options(tmp_path, limit=20, share=0.25))
    assert (dataset.texts, len(dataset.held_out), dataset.examples) == (40, 10, [])
    assert dataset.label_counts == {"x": 20, "y": 20}
    assert check_trainable(dataset) == []
    name = write("rare.jsonl", (rows + '{"text": "b", "label": "z"}\n').encode())
    dataset = read_dataset(name, ReadOptions(), on_disk=options(tmp_path, limit=20))
    (note,) = check_trainable(dataset)
    assert note.startswith("rare.jsonl: 1 label with a single text, kept for training")


def copies(times, distinct=400, sort=False):
    """Texts that each occur several times, which are either neighbours or far apart."""
    made = [(f"text {n}", "early" if n < distinct // 2 else "late") for n in range(distinct)] * times
    if sort:
        made.sort(key=lambda pair: int(pair[0].split()[1]))
    return [Example(text, (label,), "a.csv", row) for row, (text, label) in enumerate(made)]


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("times", [2, 3, 10])
@pytest.mark.parametrize("most", [40, 10_000])
def test_no_held_out_text_has_a_copy_in_the_files(tmp_path, monkeypatch, times, sort, most):
    monkeypatch.setattr("grutext.data.on_disk._MOST_HELD_OUT", most)
    monkeypatch.setattr("grutext.data.on_disk._BLOCK", 64)
    many = copies(times, sort=sort)
    collected = collect(iter(many), options(tmp_path, share=0.1))
    found = read_all(collected.on_disk)
    assert sorted(found + list(collected.held_out), key=lambda e: e.row) == many
    assert not {e.text for e in found} & {e.text for e in collected.held_out}
    wanted = min(most, len(many) // 10)
    assert wanted - times < len(collected.held_out) <= wanted
    assert len(collected.held_out) % times == 0
    rows = [e.row for e in collected.held_out]
    assert rows == sorted(rows)
    assert collected.index.count() == (len(many), len(many) - 400, 0)


def test_a_text_that_is_most_of_the_data_stays_in_the_files(tmp_path):
    ok = [Example("ok", ("early",), "a.csv", row) for row in range(3000, 9000)]
    collected = collect(iter([*examples(1500), *ok, *examples()[1500:]]), options(tmp_path, share=0.1))
    held = {e.text for e in collected.held_out}
    assert "ok" not in held
    assert len(held) == 900


def test_a_label_whose_texts_are_all_copies_stays_in_the_files(tmp_path):
    alone = [Example("the only one", ("alone",), "a.csv", 60 + n) for n in range(4)]
    for seed in range(5):
        collected = collect(iter([*examples(60), *alone]), options(tmp_path, limit=10, share=0.9, seed=seed))
        assert collected.on_disk.counts["alone"] == 4
        assert len(collected.held_out) > 40


def test_the_key_decides_which_texts_are_copies(tmp_path):
    many = [
        Example(f"Text {n}" if n % 2 else f"text {n - 1}", (str(n % 4 // 2),), "a.csv", n) for n in range(800)
    ]
    many = [
        Example(e.text.upper() if n % 2 else e.text, e.labels, e.source, e.row) for n, e in enumerate(many)
    ]
    chosen = DiskOptions(100, tmp_path / "texts", 3, 0.2, key=lambda text: hash_text(text.lower()[:8]))
    collected = collect(iter(many), chosen)
    found = {e.text.lower()[:8] for e in read_all(collected.on_disk)}
    assert collected.held_out
    assert not found & {e.text.lower()[:8] for e in collected.held_out}
