"""A trained model with one bit flipped, or cut off anywhere: one clear error, or the very same answers.

JSON spells some values in two ways, such as 1E5 and 1e5, and white space does not matter in it: that is
where the same answers come from. In the weights no bit is like that.
"""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from grutext.model.bundle import MODEL_FILE, WEIGHTS_FILE, Bundle

GOLDEN = Path(__file__).parents[1] / "golden"
FLIPS, BLOCK = 2000, 512


@pytest.fixture(params=["format-1", "as it is written now"])
def trained(request, tmp_path) -> Path:
    """A model that was really trained, of the oldest format and of the newest."""
    path = tmp_path / "model"
    if request.param.startswith("format"):
        shutil.copytree(GOLDEN / request.param, path)
    else:
        Bundle.load(GOLDEN / "format-2").save(path)
    return path


@pytest.mark.long
def test_two_thousand_flipped_bits_are_refused_or_change_nothing(trained, outcome_of):
    """Drawn over both files as if they were one, so that each bit is as likely as any other."""
    outcome = outcome_of(trained)
    whole = {name: (trained / name).read_bytes() for name in (MODEL_FILE, WEIGHTS_FILE)}
    bits = [(name, bit) for name, raw in whole.items() for bit in range(8 * len(raw))]
    seen: Counter[tuple[str, str]] = Counter()
    for name, bit in random.Random(4).sample(bits, FLIPS):
        changed = bytearray(whole[name])
        changed[bit // 8] ^= 1 << bit % 8
        (trained / name).write_bytes(changed)
        seen[name, outcome()] += 1
        (trained / name).write_bytes(whole[name])
    assert outcome() == "same answers"
    assert sum(seen.values()) == FLIPS
    assert seen[WEIGHTS_FILE, "same answers"] == 0
    assert seen[MODEL_FILE, "same answers"] < seen[MODEL_FILE, "refused"] / 10
    assert min(seen[name, "refused"] for name in whole) > 300


@pytest.mark.long
@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_file_truncated_at_any_block_or_last_byte(trained, outcome_of, name):
    outcome, raw = outcome_of(trained), (trained / name).read_bytes()
    sizes = {*range(0, len(raw), BLOCK), *range(len(raw) - 9, len(raw))}
    assert len(sizes) > 15
    for size in sizes:
        (trained / name).write_bytes(raw[:size])
        assert outcome() == "refused", size


@pytest.mark.long
@pytest.mark.parametrize("name", [MODEL_FILE, WEIGHTS_FILE])
def test_refuses_a_block_of_zeros(trained, outcome_of, name):
    """After a power failure a file may have its length and a block of zeros."""
    outcome, raw = outcome_of(trained), (trained / name).read_bytes()
    for start in range(0, len(raw), BLOCK):
        block = len(raw[start : start + BLOCK])
        (trained / name).write_bytes(raw[:start] + bytes(block) + raw[start + block :])
        assert outcome() == "refused", start
