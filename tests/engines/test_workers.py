"""Several processes that train one network together, and what TF_CONFIG says about them."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.cluster import save_steps, start, tf_config, train_steps

from grutext.engines.workers import Task, read_task
from grutext.errors import ConfigError

ADDRESSES = ["10.0.0.1:2222", "10.0.0.2:2222", "10.0.0.3:2222"]


@pytest.mark.tf
@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "head", "settings"),
    [
        (2, "softmax", {"training.adversarial_radius": 0.3, "training.adversarial_direction": "own"}),
        pytest.param(
            2,
            "sigmoid",
            {"training.adversarial_radius": 0.3, "training.adversarial_direction": "own"},
            marks=pytest.mark.slow,
        ),
        pytest.param(3, "softmax", {"training.adversarial_radius": 0.0}, marks=pytest.mark.slow),
        pytest.param(
            3,
            "softmax",
            {"training.adversarial_radius": 0.3, "training.adversarial_direction": "own", "gru.layers": 2},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_workers_train_the_network_that_one_trains_on_the_same_batches(count, head, settings, tmp_path: Path):
    workers = start(count, train_steps, tmp_path, head, settings)
    save_steps(tmp_path / "alone.npz", None, head, settings)
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    alone, *others = (
        dict(np.load(tmp_path / f"{name}.npz"))
        for name in ("alone", *(f"weights-{rank}" for rank in range(count)))
    )
    assert len(alone["loss"]) == 50
    assert alone["loss"][-1] < 0.9 * alone["loss"][0]
    for name, array in alone.items():
        np.testing.assert_allclose(others[0][name], array, rtol=0, atol=1e-5, err_msg=name)
        for other in others[1:]:
            np.testing.assert_array_equal(other[name], others[0][name], err_msg=name)


def test_a_task_has_its_rank_after_the_chief():
    cluster = {"worker": ADDRESSES[1:], "chief": ADDRESSES[:1]}
    for rank, task in enumerate([("chief", 0), ("worker", 0), ("worker", "1")]):
        config = json.dumps({"cluster": cluster, "task": {"type": task[0], "index": task[1]}})
        assert read_task({"TF_CONFIG": config}) == Task(
            rank, tuple(ADDRESSES), ("chief", "worker 0", "worker 1")
        )
    names = ("worker 0", "worker 1", "worker 2")
    assert read_task({"TF_CONFIG": tf_config(ADDRESSES, 2)}) == Task(2, tuple(ADDRESSES), names)
    assert read_task({"TF_CONFIG": tf_config(["a:1", "[::1]:2"], 1)}) == Task(
        1, ("a:1", "[::1]:2"), names[:2]
    )


@pytest.mark.parametrize("text", ["", " ", "{}", tf_config(["localhost:1"], 0)])
def test_without_other_workers_a_process_trains_alone(text):
    assert read_task({"TF_CONFIG": text}) is None
    assert read_task({}) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{cluster", "is no JSON"),
        ("[]x", "is no JSON"),
        ("[1]", 'needs "cluster"'),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', 'needs "cluster"'),
        ('{"task": {"type": "worker", "index": 0}}', 'needs "cluster"'),
        ('{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}', 'needs "cluster"'),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', 'needs "cluster"'),
        (tf_config(["a", "b"], 0), 'the address "a" must be host:port'),
        (tf_config(["a:1", "b:x"], 0), 'the address "b:x" must be host:port'),
        (tf_config(["a:1", "b:70000"], 0), 'the address "b:70000" must be host:port'),
        (tf_config(["a:1", "::1:2"], 0), 'the address "::1:2" must be host:port'),
        (tf_config(["a:1", "b:0"], 0), 'the address "b:0" must be host:port'),
        (tf_config(["a:1", ":2"], 0), 'the address ":2" must be host:port'),
        (tf_config(ADDRESSES, 3), "task.index is 3; the cluster has 3 of worker"),
        (tf_config(ADDRESSES, -1), "task.index is -1"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}}', "task.index is None"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "has 0 of chief"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', '"ps"'),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator", "index": 0}}', '"evaluator"'),
        (
            '{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}',
            "address of its own",
        ),
        (
            '{"cluster": {"chief": ["a:1", "b:1"], "worker": ["c:1"]}, "task": {"type": "chief", "index": 0}}',
            "one chief",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_explained_in_one_line(text, named):
    with pytest.raises(ConfigError) as caught:
        read_task({"TF_CONFIG": text})
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
