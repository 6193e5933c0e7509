"""A classifier begins with NumPy, and changes to compiled kernels once it has read enough text."""

import threading

import numpy as np
import pytest

from grutext import Classifier, kernels
from grutext.inference import kernel_switch
from grutext.inference.kernel_switch import KernelSwitch


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How much text was read each time when kernels were thought of; they are not cached, and must be compiled."""
    found = []

    def load_if_worth_it(characters: int) -> bool:
        found.append(characters)
        return characters >= 1000

    monkeypatch.setattr(kernel_switch, "WORTH_LOADING", 100)
    monkeypatch.setattr(kernel_switch, "WORTH_COMPILING", 1000)
    monkeypatch.setattr(kernel_switch, "load_if_worth_it", load_if_worth_it)
    return found


def test_the_text_of_all_calls_counts_and_each_threshold_is_tried_once(asked):
    switch = KernelSwitch(None)
    assert [switch.should_switch(characters) for characters in (60, 39, 1, 500, 399, 1, 5000)] == [
        False
    ] * 5 + [
        True,
        False,
    ]
    assert asked == [100, 1000]
    assert switch.compiled


def test_one_call_with_much_text_is_read_by_kernels_at_once(asked):
    switch = KernelSwitch(None)
    assert switch.should_switch(1000)
    assert asked == [1000]


@pytest.mark.parametrize("choice", [True, False])
def test_what_was_asked_for_never_changes(asked, monkeypatch, choice):
    monkeypatch.setattr(kernel_switch, "why_unavailable", lambda *modules: None)
    switch = KernelSwitch(choice)
    assert not switch.should_switch(10_000)
    assert switch.compiled == choice
    assert asked == []


def test_other_threads_go_on_while_one_compiles(asked, monkeypatch):
    compiling, done = threading.Event(), threading.Event()

    def compile_slowly(characters: int) -> bool:
        compiling.set()
        return done.wait(60)

    monkeypatch.setattr(kernel_switch, "load_if_worth_it", compile_slowly)
    switch = KernelSwitch(None)
    found = []
    thread = threading.Thread(target=lambda: found.append(switch.should_switch(1000)))
    thread.start()
    assert compiling.wait(60)
    assert not switch.should_switch(1000)
    done.set()
    thread.join()
    assert found == [True]


def test_answers_are_the_same_before_and_after(build_bundle, texts, monkeypatch):
    if why := kernels.why_unavailable(*kernels.PREDICTION):
        pytest.skip(why)
    characters = sum(map(len, texts))
    monkeypatch.setattr(kernels, "WORTH_LOADING", 2 * characters)
    monkeypatch.setattr(kernel_switch, "WORTH_LOADING", 2 * characters)
    model = Classifier(build_bundle())
    before, after = model.predict_proba(texts), model.predict_proba(texts)
    assert before.tobytes() == Classifier(model.bundle, compiled=False).predict_proba(texts).tobytes()
    assert after.tobytes() == Classifier(model.bundle, compiled=True).predict_proba(texts).tobytes()
    np.testing.assert_allclose(after, before, atol=1e-5)
