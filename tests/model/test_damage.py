"""Whatever happened to a model folder: one BundleError, whose one line names the file and a remedy."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from grutext.errors import BundleError
from grutext.model.bundle import FORMAT, MODEL_FILE, WEIGHTS_FILE, Bundle

REMEDIES = ("train it again", "copy", "grutext train makes one", "with -m", "update grutext")


def check_refused(path: str | Path, *said: str, named: str | Path | None = None) -> str:
    """Assert that loading raises a BundleError of one line with the path and a remedy; return the line."""
    with pytest.raises(BundleError) as caught:
        Bundle.load(path)
    line = str(caught.value)
    assert str(path if named is None else named) in line
    assert any(remedy in line for remedy in REMEDIES), line
    assert "\n" not in line
    for words in said:
        assert words in line, line
    return line


def test_refuses_a_missing_folder(tmp_path):
    check_refused(tmp_path / "nowhere", "does not exist", "grutext train makes one")
    check_refused("", "no model", named=".")
    check_refused(tmp_path / ("long" * 1000), "does not exist")
    check_refused(f"{tmp_path}/a\0b", "does not exist")


def test_refuses_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "model").write_text("no folder")
    check_refused(tmp_path / "model", "is not a folder")
    check_refused(tmp_path / "model" / "deeper", "does not exist")


def test_refuses_a_dangling_link(tmp_path):
    (tmp_path / "model").symlink_to(tmp_path / "gone")
    check_refused(tmp_path / "model", "is not a folder")


def test_refuses_a_folder_that_is_not_a_model(tmp_path):
    check_refused(tmp_path, f"is no model: it has no {MODEL_FILE}", "name the model folder with -m")


def test_refuses_a_folder_without_weights(saved):
    (saved / WEIGHTS_FILE).unlink()
    check_refused(saved, "No such file", "copy the whole model folder", named=saved / WEIGHTS_FILE)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_folder_in_place_of_a_file(saved, name):
    (saved / name).unlink()
    (saved / name).mkdir()
    check_refused(saved, "Is a directory", named=saved / name)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_file_without_read_permission(saved, name, monkeypatch):
    opened = os.open

    def open_unless_forbidden(path, *arguments, **named):
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(os, "open", open_unless_forbidden)
    check_refused(saved, "Permission denied", named=saved / name)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_refuses_a_truncated_file(saved, name, share):
    raw = (saved / name).read_bytes()
    (saved / name).write_bytes(raw[: int(len(raw) * share)])
    check_refused(saved, "damaged", named=saved / name)


@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_file_with_an_extra_byte(saved, name):
    with (saved / name).open("ab") as file:
        file.write(b"x")
    check_refused(saved, "damaged", named=saved / name)


@pytest.mark.long
@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_flipped_bit_unless_the_model_is_the_same(saved, check_equal, name):
    """Every place a few bytes apart, so that names, numbers, brackets and hashes all have their turn.

    JSON spells some values in two ways, such as 1E5 and 1e5: what is not refused must be the same model.
    """
    whole, raw, accepted = Bundle.load(saved), (saved / name).read_bytes(), 0
    places = {0, 1, 7, 8, len(raw) // 2, len(raw) - 2, len(raw) - 1, *range(0, len(raw), len(raw) // 80)}
    for place in sorted(places):
        for mask in (0x01, 0x20):
            changed = bytearray(raw)
            changed[place] ^= mask
            (saved / name).write_bytes(changed)
            try:
                check_equal(Bundle.load(saved), whole)
                accepted += 1
            except BundleError:
                check_refused(saved, named=saved)
    assert accepted <= (len(places) // 10 if name == MODEL_FILE else 0)


def test_refuses_the_weights_of_another_model(saved, build_bundle):
    build_bundle(seed=6).save(saved.parent / "other")
    shutil.copy(saved.parent / "other" / WEIGHTS_FILE, saved)
    check_refused(saved, "is damaged (its SHA-256 differs)", named=saved / WEIGHTS_FILE)


def test_refuses_a_setting_changed_by_hand(saved):
    text = (saved / MODEL_FILE).read_text(encoding="utf-8")
    assert '"gru_scale": 0.8' in text
    (saved / MODEL_FILE).write_text(text.replace('"gru_scale": 0.8', '"gru_scale": 0.9'), encoding="utf-8")
    check_refused(saved, "is damaged (its checksum differs)", named=saved / MODEL_FILE)


@pytest.mark.parametrize("version", [FORMAT + 1, 99])
def test_a_newer_format_is_not_reported_as_damage(saved, version):
    """The checksum may be computed in another way by then, so it must not be looked at first."""
    document = json.loads((saved / MODEL_FILE).read_bytes()) | {"format": version, "checksum": "another"}
    (saved / MODEL_FILE).write_text(json.dumps(document))
    check_refused(saved, f"model format {version}, newer than this grutext reads ({FORMAT}); update grutext")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"3", b'"model"', b"{}", b'{"format": "1"}', b'{"format": null}', b"NaN", b"\xff\xfe{}",
        b"[" * 100_000, b'{"format": 1}', b"9" * 10_000, b'{"backbone": {"class_name": "Keras"}}', b"\x80\x04K\x01.",
    ],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
def test_refuses_foreign_json_and_what_is_not_json(saved, content):
    (saved / MODEL_FILE).write_bytes(content)
    check_refused(saved, named=saved / MODEL_FILE)


def drop(name: str):
    return lambda document: document.pop(name)


def put(value, *path: str):
    def change(document):
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


VALUES = {
    **{f"without {name}": drop(name) for name in (
        "config", "labels", "multilabel", "vocabulary", "calibration", "history", "metrics", "data", "golden",
        "versions", "created", "files",
    )},
    "no digest of the weights": put({}, "files"),
    "files that are a list": put([], "files"),
    "files that are null": put(None, "files"),
    "a config that is a list": put([1], "config"),
    "a section that is a number": put(3, "config", "gru"),
    "an unknown setting": put(1, "config", "gru", "neurons"),
    "a setting of the wrong type": put("many", "config", "gru", "units"),
    "a setting out of range": put(0, "config", "gru", "units"),
    "an unknown pooling": put("median", "config", "gru", "pooling"),
    "labels that are a number": put(3, "labels"),
    "labels that are null": put(None, "labels"),
    "a vocabulary that is a number": put(3, "vocabulary"),
    "an unknown calibration": put(1.0, "calibration", "temperature"),
    "a calibration that is a list": put([1.0], "calibration"),
    "a label too many": lambda document: document["labels"].append("die"),
    "a token too few": lambda document: document["vocabulary"].pop(),
    "more units than weights": put(9, "config", "gru", "units"),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_refuses_invalid_values_with_a_valid_checksum(saved, rewrite, kind):
    rewrite(saved, values=VALUES[kind])
    check_refused(saved)


def test_loads_a_model_rewritten_without_changes(saved, rewrite, check_equal):
    before = Bundle.load(saved)
    rewrite(saved, values=lambda document: None, weights=lambda arrays: None)
    check_equal(before, Bundle.load(saved))


WEIGHTS = {
    "missing": (lambda a: a.pop("head/bias"), "head/bias is missing"),
    "extra": (lambda a: a.update(spare=np.ones(2, np.float32)), "spare is unknown"),
    "shape": (lambda a: a.update({"head/bias": a["head/bias"][:2]}), "head/bias is (2,) float32, not (3,) float32"),
    "axis": (
        lambda a: a.update({"head/kernel": a["head/kernel"].T.copy()}),
        "head/kernel is (3, 16) float32, not (16, 3) float32",
    ),
    "type": (
        lambda a: a.update({"linear/scale": a["linear/scale"].astype(np.float32)}), "float32, not",
    ),
    "number": (lambda a: a["gru/0/forward/bias"].fill(np.nan), "gru/0/forward/bias has values that are not finite"),
    "half": (lambda a: a["embedding/words"].fill(np.inf), "embedding/words has values that are not finite"),
    "scalar": (lambda a: a.update({"linear/keys": np.array(3, np.uint32)}), ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHTS)
def test_refuses_mismatched_weights_with_valid_hashes(saved, rewrite, kind):
    change, said = WEIGHTS[kind]
    rewrite(saved, weights=change)
    check_refused(saved, said)


def test_lists_every_mismatch_in_one_message(saved, rewrite):
    rewrite(saved, weights=lambda arrays: [change(arrays) for change, _ in list(WEIGHTS.values())[1:-1]])
    line = check_refused(saved)
    for kind in ("extra", "shape", "axis", "type", "number", "half"):
        assert WEIGHTS[kind][1] in line, kind


def narrow(arrays):
    arrays["text_vectors/words"] = arrays["text_vectors/words"][:, :-1].copy()


VECTORS = {
    "incomplete": (lambda a: a.pop("linear/vector_kernel"), "linear/vector_kernel is missing"),
    "kernel alone": (lambda a: a.pop("text_vectors/words"), "linear/vector_kernel is unknown"),
    "narrow": (narrow, "text_vectors/center is (5,) float32, not (4,) float32"),
    "rows": (lambda a: a.update({"text_vectors/scale": a["text_vectors/scale"][1:]}), "float16, not"),
    "type": (
        lambda a: a.update({"text_vectors/words": a["text_vectors/words"].astype(np.float16)}), "float16, not",
    ),
    "axes": (
        lambda a: a.update({"text_vectors/words": a["text_vectors/words"].ravel()}), "text_vectors/words is unknown",
    ),
    "no numbers": (
        lambda a: a.update({"text_vectors/words": a["text_vectors/words"][:, :0]}), "text_vectors/words is unknown",
    ),
    "scale": (lambda a: a["text_vectors/scale"].fill(np.inf), "text_vectors/scale has values that are not finite"),
    "center": (lambda a: a["text_vectors/center"].fill(1e30), "text_vectors/center has values beyond 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", VECTORS)
def test_refuses_damaged_text_vectors(build_bundle, tmp_path, rewrite, kind):
    build_bundle(vector_size=5).save(tmp_path / "model")
    rewrite(tmp_path / "model", values=lambda document: None, weights=lambda arrays: None)
    assert Bundle.load(tmp_path / "model").weights["text_vectors/words"].dtype == np.int8
    change, said = VECTORS[kind]
    rewrite(tmp_path / "model", weights=change)
    check_refused(tmp_path / "model", said)


@pytest.mark.parametrize("raw", [b"", b"\0" * 7, b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]"])
def test_refuses_weights_that_are_not_safetensors_with_a_valid_hash(saved, rewrite, raw):
    import hashlib

    (saved / WEIGHTS_FILE).write_bytes(raw)
    rewrite(saved, values=put(hashlib.sha256(raw).hexdigest(), "files", WEIGHTS_FILE))
    check_refused(saved)
