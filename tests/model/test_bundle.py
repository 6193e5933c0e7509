"""A bundle that is saved and loaded is the same bundle, and saving is all or nothing."""

import dataclasses
import errno
import hashlib
import json
import math
import mmap
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grutext.errors import BundleError
from grutext.model import bundle as bundles
from grutext.model import reading
from grutext.model.bundle import CARD_FILE, FORMAT, MODEL_FILE, WEIGHTS_FILE, Bundle, weights_digest

KINDS = {
    "both parts": {},
    "no GRU part": {"settings": {"gru.enabled": False}},
    "no linear part": {"settings": {"linear.enabled": False}},
    "two labels": {"labels": ("no", "yes")},
    "several labels": {"multilabel": True},
    "odd labels": {"labels": ("", "é 天\n", '"\\\0'), "texts": ["\ud800 \0 é", "天 's"]},
    "every other setting": {
        "settings": {
            "gru.layers": 2,
            "gru.bidirectional": False,
            "gru.reset_after": False,
            "gru.pooling": "attention",
            "text.tokenizer": "character",
            "text.subword_max": 0,
            "training.time_budget": 1.5,
        }
    },
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_loads_what_was_saved(build_bundle, check_equal, tmp_path, kind):
    bundle = build_bundle(**KINDS[kind])
    bundle.save(tmp_path / "model")
    check_equal(bundle, Bundle.load(tmp_path / "model"))


def test_weights_are_mapped_and_not_copied(build_bundle, check_equal, saved):
    bundle = Bundle.load(saved)
    root = bundle.weights["head/kernel"]
    while isinstance(root, np.ndarray):
        root = root.base
    assert isinstance(root.obj if isinstance(root, memoryview) else root, mmap.mmap)
    assert not any(array.flags.writeable for array in bundle.weights.values())
    build_bundle(seed=2).save(saved, overwrite=True)
    check_equal(bundle, build_bundle())  # a model that answers stays what it was
    shutil.rmtree(saved)
    check_equal(bundle, build_bundle())


@pytest.mark.parametrize(
    "reason", [errno.ENODEV, None], ids=["the file system cannot", "the file became shorter"]
)
def test_reads_weights_that_cannot_be_mapped(build_bundle, check_equal, saved, monkeypatch, reason):
    def refuse(*_args, **_kwargs):
        raise OSError(reason, "no mapping") if reason else ValueError("mmap length is greater than file size")

    monkeypatch.setattr(reading.mmap, "mmap", refuse)
    check_equal(Bundle.load(saved), build_bundle())


def test_reports_weights_that_do_not_fit_into_memory(saved, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(reading.mmap, "mmap", refuse)
    with pytest.raises(BundleError, match="does not fit into this machine's memory"):
        Bundle.load(saved)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["linear/kernel", "head/kernel"], ids=["float16", "float32"])
def test_refuses_a_weight_that_is_not_finite(build_bundle, tmp_path, name, value):
    bundle = build_bundle()
    array = bundle.weights[name].copy()
    array[:] = np.finfo(array.dtype).max  # the largest number is one
    replace(bundle, weights=bundle.weights | {name: array}).save(tmp_path / "large")
    array[-1, -1] = value
    with pytest.raises(BundleError, match=f"{name} has values that are not finite"):
        replace(bundle, weights=bundle.weights | {name: array}).save(tmp_path / "infinite")


def test_a_bundle_is_two_files_and_a_card_with_the_permissions_of_the_umask(saved):
    assert sorted(path.name for path in saved.iterdir()) == [CARD_FILE, MODEL_FILE, WEIGHTS_FILE]
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert stat.S_IMODE(saved.stat().st_mode) == 0o755
    document = json.loads((saved / MODEL_FILE).read_bytes())
    assert document["format"] == FORMAT
    digest = hashlib.sha256((saved / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert document["files"] == {WEIGHTS_FILE: digest}


def test_saving_the_same_bundle_twice_gives_the_same_bytes(build_bundle, tmp_path):
    build_bundle().save(tmp_path / "one")
    build_bundle().save(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    build_bundle(seed=6).save(tmp_path / "three")
    assert contents(tmp_path / "one") != contents(tmp_path / "three")


def test_the_digest_does_not_depend_on_the_memory_layout(build_bundle, tmp_path):
    bundle = build_bundle()
    bundle.save(tmp_path / "model")
    digest = hashlib.sha256((tmp_path / "model" / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert weights_digest(bundle) == digest
    turned = replace(bundle, weights={name: np.asfortranarray(a) for name, a in bundle.weights.items()})
    turned.save(tmp_path / "turned")
    assert weights_digest(turned) == digest
    assert contents(tmp_path / "turned") == contents(tmp_path / "model")


def test_creates_the_folder_and_its_parents(build_bundle, check_equal, tmp_path):
    build_bundle().save(tmp_path / "a" / "b" / "model")
    check_equal(build_bundle(), Bundle.load(str(tmp_path / "a" / "b" / "model")))


def test_replaces_an_existing_model_only_with_overwrite(build_bundle, check_equal, saved):
    before = contents(saved)
    with pytest.raises(BundleError, match="already exists; replace it with --overwrite"):
        build_bundle(seed=6).save(saved)
    assert contents(saved) == before
    build_bundle(seed=6).save(saved, overwrite=True)
    check_equal(build_bundle(seed=6), Bundle.load(saved))
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_never_replaces_what_is_not_a_model(build_bundle, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").write_text("notes")
    for name in ("thesis", "file"):
        for overwrite in (False, True):
            with pytest.raises(BundleError, match=rf"{name}.* exists.*name another folder with -m"):
                build_bundle().save(tmp_path / name, overwrite=overwrite)
    assert contents(tmp_path) == {"thesis/chapter.tex": b"years of work", "file": b"notes"}


def test_replaces_an_empty_folder_with_overwrite(build_bundle, check_equal, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(BundleError, match="already exists"):
        build_bundle().save(tmp_path / "model")
    build_bundle().save(tmp_path / "model", overwrite=True)
    check_equal(build_bundle(), Bundle.load(tmp_path / "model"))


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_to_a_model_stays_a_link(build_bundle, check_equal, tmp_path, exists):
    target, link = tmp_path / "disk" / "model", tmp_path / "link"
    if exists:
        build_bundle().save(target)
    link.symlink_to(target)
    build_bundle(seed=6).save(link, overwrite=True)
    assert link.is_symlink()
    check_equal(build_bundle(seed=6), Bundle.load(target))
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_the_current_folder_may_be_the_model(build_bundle, check_equal, saved, monkeypatch):
    monkeypatch.chdir(saved)
    build_bundle(seed=6).save(".", overwrite=True)
    check_equal(build_bundle(seed=6), Bundle.load(saved))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda weights: weights.pop("head/bias"), "head/bias is missing"),
        (lambda weights: weights.update(extra=np.ones(2)), "extra is unknown"),
        (lambda weights: weights["head/bias"].fill(np.nan), "head/bias has values that are not finite"),
        (lambda weights: weights["linear/scale"].fill(np.inf), "linear/scale has values that are not finite"),
        (
            lambda weights: weights.update({"head/bias": weights["head/bias"].astype(np.float64)}),
            r"head/bias is \(3,\) float64, not \(3,\) float32",
        ),
    ],
)
def test_does_not_save_weights_that_do_not_match(build_bundle, saved, change, problem):
    before, bundle = contents(saved.parent), build_bundle(seed=6)
    change(bundle.weights)
    with pytest.raises(BundleError, match=problem):
        bundle.save(saved, overwrite=True)
    assert contents(saved.parent) == before


class Failing:
    """Stands for a function of the file system and fails at its n-th call; counts the calls."""

    def __init__(self, function, at: int | None, error: BaseException) -> None:
        self.function, self.at, self.error, self.calls = function, at, error, 0

    def __call__(self, *arguments, **named):
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return self.function(*arguments, **named)


# What saving asks of the file system, and how often where a model is replaced.
STEPS = {
    "mkdtemp": ((bundles.tempfile, "mkdtemp"), 2),
    "write": ((bundles, "write_durably"), 3),
    "fsync": ((os, "fsync"), 4),
    "chmod": ((Path, "chmod"), 1),
    "rename": ((Path, "rename"), 2),
}
LAST = ("fsync", 4)  # of the parent folder: the new model is in its place by then
FAILURES = [
    (step, at) for step, (_, calls) in STEPS.items() for at in range(1, calls + 1) if (step, at) != LAST
]
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail(monkeypatch: pytest.MonkeyPatch, step: str, at: int | None, error: BaseException) -> Failing:
    """Make the `at`-th call of a step fail."""
    owner, name = STEPS[step][0]
    failing = Failing(getattr(owner, name), at, error)
    monkeypatch.setattr(owner, name, lambda *a, **named: failing(*a, **named))  # noqa: PLW0108 (a function binds as a method)
    return failing


@pytest.mark.parametrize("step", STEPS)
def test_the_listed_steps_are_those_of_saving(build_bundle, saved, monkeypatch, step):
    counter = fail(monkeypatch, step, None, FULL)
    build_bundle(seed=6).save(saved, overwrite=True)
    assert counter.calls == STEPS[step][1]


@pytest.mark.long
@pytest.mark.parametrize(
    "error", [FULL, PermissionError(errno.EACCES, "denied"), KeyboardInterrupt()], ids=repr
)
@pytest.mark.parametrize(("step", "at"), FAILURES)
def test_a_failure_leaves_the_old_model_and_nothing_else(
    build_bundle, check_equal, saved, monkeypatch, step, at, error
):
    before = contents(saved.parent)
    with monkeypatch.context() as broken:
        fail(broken, step, at, error)
        with pytest.raises(type(error)) as caught:
            build_bundle(seed=6).save(saved, overwrite=True)
    assert caught.value is error
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert contents(saved.parent) == before
    check_equal(build_bundle(), Bundle.load(saved))
    build_bundle(seed=6).save(saved, overwrite=True)
    check_equal(build_bundle(seed=6), Bundle.load(saved))


def test_saves_on_a_file_system_that_cannot_flush_folders(build_bundle, check_equal, saved, monkeypatch):
    fail(monkeypatch, *LAST, FULL)
    build_bundle(seed=6).save(saved, overwrite=True)
    check_equal(build_bundle(seed=6), Bundle.load(saved))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"thresholds": ()}, "there are 0 thresholds"),
        ({"thresholds": (0.5, 0.5, math.nan)}, "a number is not finite"),
        (
            {"linear_scale": (1.0, 1.0)},
            "linear_scale has neither one value nor one per label",
        ),
        ({"shift": (1.0, 1.0)}, "shift has neither one value nor one per label"),
        ({"scale": (1.0, math.inf, 1.0)}, "a number is not finite"),
        ({"gru_scale": math.inf}, "a number is not finite"),
        ({"fusion": 1.5}, r"the fusion is outside 0\.\.1"),
    ],
)
def test_does_not_save_a_calibration_that_does_not_match(build_bundle, tmp_path, change, problem):
    bundle = build_bundle(multilabel=True)
    broken = dataclasses.replace(bundle, calibration=dataclasses.replace(bundle.calibration, **change))
    with pytest.raises(BundleError, match=problem):
        broken.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("thresholds", "problem"), [((0.5,), "there are 1 thresholds"), ((0.2, 0.0, 0.3), "not positive")]
)
def test_single_label_thresholds_are_positive_and_one_per_label(build_bundle, tmp_path, thresholds, problem):
    bundle = build_bundle()
    for several in (thresholds, (0.2, 0.1, 0.3)):
        trial = dataclasses.replace(
            bundle, calibration=dataclasses.replace(bundle.calibration, thresholds=several)
        )
        if several is thresholds:
            with pytest.raises(BundleError, match=problem):
                trial.save(tmp_path / "model")
        else:
            trial.save(tmp_path / "model")
            assert Bundle.load(tmp_path / "model").calibration.thresholds == several


def test_an_older_calibration_keeps_its_meaning(build_bundle, tmp_path):
    build_bundle().save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    values = json.loads(path.read_bytes())
    del values["checksum"], values["calibration"]["scale"], values["calibration"]["shift"]
    values["checksum"] = reading.checksum(values)
    path.write_text(json.dumps(values, indent=1), encoding="utf-8")
    calibration = Bundle.load(tmp_path / "model").calibration
    assert (calibration.scale, calibration.shift) == ((1.0,), (0.0,))


def test_does_not_save_repeated_labels_or_unsorted_keys(build_bundle, tmp_path):
    bundle = build_bundle()
    with pytest.raises(BundleError, match="a label is repeated"):
        dataclasses.replace(bundle, labels=(bundle.labels[0],) * len(bundle.labels)).save(tmp_path / "model")
    bundle.weights["linear/keys"] = bundle.weights["linear/keys"][::-1].copy()
    with pytest.raises(BundleError, match="linear/keys does not ascend"):
        bundle.save(tmp_path / "model")


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_does_not_save_a_model_that_is_too_large_to_load(build_bundle, saved, monkeypatch, name):
    before, size = contents(saved.parent), (saved / name).stat().st_size
    monkeypatch.setitem(reading.LIMITS, name, size)
    build_bundle().save(saved, overwrite=True)
    assert contents(saved.parent) == before
    monkeypatch.setitem(reading.LIMITS, name, size - 1)
    with pytest.raises(
        BundleError, match=rf"{name} would have {size:,} bytes, but at most {size - 1:,} can be"
    ):
        build_bundle().save(saved, overwrite=True)
    assert contents(saved.parent) == before
    with pytest.raises(BundleError, match=rf"{name} has {size:,} bytes, more than a model's {size - 1:,}"):
        Bundle.load(saved)


# A first save has no old model to put aside.
FIRST = [failure for failure in FAILURES if failure not in {("mkdtemp", 2), ("rename", 2)}]


@pytest.mark.parametrize(("step", "at"), FIRST)
def test_a_failed_first_save_leaves_nothing(build_bundle, tmp_path, monkeypatch, step, at):
    fail(monkeypatch, step, at, FULL)
    with pytest.raises(OSError, match="No space left"):
        build_bundle().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_partial_write_leaves_the_old_model(build_bundle, check_equal, saved, monkeypatch):
    opened = Path.open

    def open_on_a_full_disk(path, *arguments, **named):
        file = opened(path, *arguments, **named)
        write = file.write

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def write(self, content):
                write(content[: len(content) // 2])
                raise FULL

        return Full()

    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", open_on_a_full_disk)
        with pytest.raises(OSError, match="No space left"):
            build_bundle(seed=6).save(saved, overwrite=True)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    check_equal(build_bundle(), Bundle.load(saved))


def test_an_old_model_that_cannot_be_restored_is_not_deleted(build_bundle, check_equal, saved, monkeypatch):
    """The worst that can happen: every rename after the first fails."""
    rename, calls = Path.rename, []

    def rename_once(path, target):
        calls.append(path)
        if len(calls) > 1:
            raise FULL
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_once)
    with pytest.raises(OSError, match="No space left"):
        build_bundle(seed=6).save(saved, overwrite=True)
    (left,) = saved.parent.iterdir()
    check_equal(build_bundle(), Bundle.load(left))
