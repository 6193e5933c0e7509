"""Trainings that are killed at random moments, also while they save, and always started with `--resume`."""

import hashlib
import sys
import time

import numpy as np
import pytest

pytestmark = [pytest.mark.tf, pytest.mark.skipif(sys.platform == "win32", reason="there is nothing to fork")]


@pytest.fixture
def folder(tmp_path):
    names = [f"{a}{b}" for a in ("ada", "ben", "cleo", "dan", "eve") for b in ("x", "y", "z", "q")]
    texts = {
        "billing": "the invoice of {} is wrong",
        "delivery": "my parcel from {} is late",
        "login": "{} forgot",
    }
    rows = [f"{text.format(name)},{label}" for name in names for label, text in texts.items()]
    (tmp_path / "mails.csv").write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    return tmp_path


def digest(folder, name):
    return hashlib.sha256((folder / name / "weights.safetensors").read_bytes()).hexdigest()


def kill_and_resume(folder, kills, seed):
    """Kills trainings so often; returns how often at which moment, after comparing all that came to their end."""
    from support.killed_training import start_and_kill, train

    train(folder, "warm").join()  # it also makes machine code, if that has not been made
    began = time.monotonic()
    whole = train(folder, "whole")
    whole.join()
    lasted = time.monotonic() - began
    assert whole.exitcode == 0, (folder / "log").read_text(encoding="utf-8")
    wanted = digest(folder, "whole")
    rng = np.random.default_rng(seed)
    done = dict.fromkeys(("any", "state", "model"), 0)
    number = 1
    while sum(done.values()) < kills:
        name = f"m{number}"
        moment = min(done, key=done.__getitem__)  # each of them in turn, until it is hit
        within = lasted if moment == "any" else 4.0
        killed, code = start_and_kill(moment, folder, name, float(rng.uniform(0.0, within)), "--resume")
        if killed:
            done[moment] += 1
            continue
        assert code == 0, (folder / "log").read_text(encoding="utf-8")
        assert digest(folder, name) == wanted
        number += 1
    last = train(folder, name, "--resume")
    last.join()
    assert digest(folder, name) == wanted
    assert sorted(path.name for path in folder.glob(".*")) == [], "what the killed ones left is cleared away"
    return done


def test_a_training_killed_10_times_ends_with_the_same_bytes(folder):
    done = kill_and_resume(folder, 10, seed=4)
    assert min(done.values()) >= 1, done


@pytest.mark.slow
def test_a_training_killed_200_times_ends_with_the_same_bytes(folder, capsys):
    done = kill_and_resume(folder, 200, seed=5)
    with capsys.disabled():
        sys.stdout.write(f"\n200 kills: {done}\n")
