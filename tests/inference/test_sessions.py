"""A session answers as the whole text does, however the text is cut."""

import importlib
import itertools
import pickle
import struct
import tracemalloc
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grutext import Classifier, kernels
from grutext.errors import GrutextError, SessionError
from grutext.inference.sessions import gru_stream
from grutext.inference.sessions.compiled_linear_stream import NgramTable

FORWARD = {"gru.bidirectional": False}
KINDS = {
    "convolution, max and mean": {},
    "pairs": {"text.tokenizer": "pair"},
    "characters": {"text.tokenizer": "character"},
    "attention, two layers": {"gru.pooling": "attention", "gru.layers": 2},
    "last, reset before": {"gru.convolution": 0, "gru.pooling": "last", "gru.reset_after": False},
    "wide convolution, mean": {"gru.convolution": 5, "gru.pooling": "mean", "linear.char_max": 0},
    "GRU alone": {"linear.enabled": False, "gru.pooling": "max"},
    "linear alone": {"gru.enabled": False, "linear.word_max": 0},
}
DRAWN = [
    "the parcel ", "invoice", "never", " came", "thanks, thanks ", "I'm 3.50 ", "!!", "?", "\n\n", " ", "\u00a0", "天气很好", "か\u3099", "ｶﾞ",
    "กำไร", "cafe\u0301 ", "\u0345x ", "ﬁ ", "👩\u200d🚀", "🇩🇪🇩", "1\ufe0f\u20e3", "посылка ", "가\u11a8 ", "x" * 40,
]  # fmt: skip
texts = st.lists(st.sampled_from(DRAWN), max_size=9).map("".join)


QUICK, *OTHERS = itertools.product(KINDS, [False, True])


@pytest.fixture(params=[QUICK, *(pytest.param(one, marks=pytest.mark.long) for one in OTHERS)], ids=str)
def model(request, build_bundle) -> Classifier:
    """A model of each kind that reads forward only, with text vectors where there is a linear part; with kernels and without."""
    kind, compiled = request.param
    chosen = FORWARD | KINDS[kind]
    vector_size = 3 if chosen.get("linear.enabled", True) else 0
    return classifier(build_bundle(chosen, vector_size=vector_size), compiled)


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.long)], ids=["NumPy", "kernels"])
def short(request, build_bundle) -> Classifier:
    """A model with all parts, with kernels and without."""
    return classifier(build_bundle(FORWARD, labels=("no", "yes"), vector_size=3), request.param)


def classifier(bundle, compiled) -> Classifier:
    if compiled and (why := kernels.why_unavailable(*kernels.PREDICTION, *kernels.SESSIONS)):
        pytest.skip(why)
    return Classifier(bundle, compiled=compiled)


def cut(text, places):
    """Cut a text, or bytes, at places that are taken modulo its length."""
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def finish(session, pieces):
    for piece in pieces:
        session.push(piece)
    return session.finish().probabilities


@settings(max_examples=10)
@given(text=texts, places=st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_ends_in_the_same_bits_and_as_the_whole_text(model, text, places):
    whole = finish(model.session(), [text])
    np.testing.assert_array_equal(finish(model.session(), cut(text, places)), whole)
    np.testing.assert_array_equal(finish(model.session(), list(text)), whole)
    np.testing.assert_allclose(whole, model.predict_proba([text])[0], rtol=0, atol=1e-5)


@settings(max_examples=10)
@given(text=texts, places=st.lists(st.integers(0, 900), max_size=8))
def test_bytes_may_be_cut_within_a_character(short, text, places):
    session = short.session()
    for piece in cut(text.encode(), places):
        session.push_bytes(piece)
    np.testing.assert_array_equal(session.finish().probabilities, finish(short.session(), [text]))


def test_an_answer_is_that_of_the_finished_words(short):
    session = short.session()
    for piece, finished in (
        ("The par", "The "),
        ("cel never", "The parcel "),
        (" came, ", "The parcel never came, "),
        ("天气", "The parcel never came, 天"),
    ):
        found = session.push(piece).probabilities
        np.testing.assert_allclose(found, short.predict_proba([finished])[0], rtol=0, atol=1e-5)


def test_wrong_bytes_are_read_as_replacement_characters(short):
    session = short.session()
    session.push_bytes(b"the \xff parcel \xe5\xa4")
    session.push(" came")
    expected = finish(short.session(), ["the \ufffd parcel \ufffd came"])
    np.testing.assert_array_equal(session.finish().probabilities, expected)


def test_sessions_that_advance_together_have_the_bits_of_each_alone(model, texts):
    texts = [*texts, "another parcel"]
    alone = [finish(model.session(), [text]) for text in texts]
    sessions = [model.session() for _ in texts]
    for start in range(0, max(map(len, texts)), 7):
        answers = model.push_many(sessions, [text[start : start + 7] for text in texts])
    assert len(answers) == len(texts)
    for last, expected in zip(model.finish_many(sessions), alone, strict=True):
        np.testing.assert_array_equal(last.probabilities, expected)
        assert last.is_decided
    with pytest.raises(SessionError, match="has ended"):
        sessions[0].push("more")
    assert model.push_many([], []) == model.finish_many([]) == []


def test_labels_are_those_of_predict(build_bundle, texts):
    for several in (False, True):
        model = Classifier(build_bundle(FORWARD, multilabel=several))
        for text, label in zip(texts, model.predict(texts), strict=True):
            with model.session() as session:
                session.push(text)
                assert session.finish().label == label


@pytest.mark.long
def test_a_long_piece_is_read_like_short_ones(short):
    text = "the parcel never came, thanks 天气 " * 600
    pieces = [text[start : start + 5_000] for start in range(0, len(text), 5_000)]
    np.testing.assert_array_equal(finish(short.session(), [text]), finish(short.session(), pieces))
    np.testing.assert_allclose(
        finish(short.session(), [text]), short.predict_proba([text])[0], rtol=0, atol=1e-5
    )


@settings(max_examples=10)
@given(drawn=st.lists(texts, min_size=1, max_size=3))
def test_texts_whose_tokens_are_read_in_parts_have_the_same_bits(model, drawn):
    drawn = ["?!" * 9, *drawn]  # a word of many tokens
    found = []
    for most in (1 << 16, 1, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gru_stream, "_TOKENS", most)
            sessions = [model.session() for _ in drawn]
            model.push_many(sessions, drawn)
            found.append([answer.probabilities for answer in model.finish_many(sessions)])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_very_long_word_takes_little_memory(build_bundle, monkeypatch):
    monkeypatch.setattr(gru_stream, "_TOKENS", 500)
    model = Classifier(build_bundle(FORWARD | {"gru.embedding_size": 64}), compiled=False)
    finish(model.session(), ["the parcel"])
    for text, most in (("x" * 100_000, 30e6), ("?!" * 2_000, 1.5e6)):  # many letters, many tokens
        tracemalloc.start()
        try:
            finish(model.session(), [text])
            assert tracemalloc.get_traced_memory()[1] < most
        finally:
            tracemalloc.stop()


@settings(max_examples=10)
@given(text=texts, place=st.integers(0, 400))
def test_a_session_resumes_from_its_state_with_the_same_bits(model, text, place):
    first, second = cut(text.encode(), [place])
    session = model.session()
    session.push_bytes(first)
    resumed = pickle.loads(pickle.dumps(model)).resume(session.state())
    for one in (session, resumed):
        one.push_bytes(second)
    assert resumed.state() == session.state()
    np.testing.assert_array_equal(resumed.finish().probabilities, session.finish().probabilities)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_with_kernels_continues_one_without_and_the_other_way_round(build_bundle, kind):
    bundle = build_bundle(FORWARD | KINDS[kind])
    numpy, compiled = classifier(bundle, False), classifier(bundle, True)
    text = "the parcel never came, thanks thanks 天气很好 " * 3
    for first, second in ((numpy, compiled), (compiled, numpy)):
        session = first.session()
        session.push(text[:61])
        resumed = second.resume(session.state())
        for one in (session, resumed):
            one.push(text[61:])
        np.testing.assert_allclose(
            resumed.finish().probabilities, session.finish().probabilities, rtol=0, atol=1e-5
        )


@pytest.mark.long
@pytest.mark.parametrize(
    "kernel",
    ["convolve_next", "run_next", "pool_next", "add_words", "find_next_ngrams", "count_rows", "add_counted"],
)
def test_sessions_use_kernels_where_their_classifier_does(build_bundle, monkeypatch, kernel):
    bundle, calls = build_bundle(FORWARD, vector_size=3), []
    compiled = classifier(bundle, True)
    module = importlib.import_module("grutext.kernels.sessions")
    run = getattr(module, kernel)
    monkeypatch.setattr(module, kernel, lambda *arguments: calls.append(1) or run(*arguments))
    finish(compiled.session(), ["the parcel "])
    assert calls
    calls.clear()
    finish(classifier(bundle, False).session(), ["the parcel "])
    assert not calls


@pytest.mark.long
def test_a_session_keeps_what_it_began_with_when_its_classifier_switches_to_kernels(build_bundle):
    bundle, text = build_bundle(FORWARD), "the parcel never came, thanks"
    if why := kernels.why_unavailable(*kernels.PREDICTION, *kernels.SESSIONS):
        pytest.skip(why)
    model = Classifier(bundle)
    before = model.session()
    model.predict(["the parcel " * 100_000])
    after = model.session()
    assert after.stream is not before.stream
    model.push_many([before, after], [text, text])
    for session, compiled in ((before, False), (after, True)):
        expected = finish(Classifier(bundle, compiled=compiled).session(), [text])
        np.testing.assert_array_equal(session.finish().probabilities, expected)


@pytest.mark.long
@settings(max_examples=200)
@given(
    counts=st.dictionaries(st.integers(0, 2**31 - 1), st.integers(1, 9)), drawn=st.lists(st.integers(0, 40))
)
def test_a_table_counts_as_a_dict_does_and_forgets_what_is_not_kept(counts, drawn):
    pytest.importorskip("grutext.kernels.sessions", exc_type=ImportError)
    table, rows, before = (
        NgramTable(counts.items()),
        np.array(drawn, np.int32),
        np.empty(len(drawn), np.int32),
    )
    assert table.items() == sorted(counts.items())
    for keep in (False, True):
        table.count(rows, before, keep)
        assert before.tolist() == [counts.get(row, 0) + drawn[:n].count(row) for n, row in enumerate(drawn)]
        found = Counter(counts) + Counter(drawn if keep else [])
        assert table.items() == sorted(found.items())


def test_the_state_without_a_linear_part_has_the_same_size_after_any_text(build_bundle):
    model = Classifier(build_bundle(FORWARD | {"linear.enabled": False}))
    session = model.session()
    session.push("the parcel ")
    size = len(session.state())
    session.push("never came " * 2_000)
    assert len(session.state()) == size


@pytest.mark.long
@settings(max_examples=50)
@given(st.data())
def test_hostile_bytes_are_refused(short, data):
    session = short.session()
    session.push("the parcel never 天")
    state = bytearray(session.state())
    how = data.draw(st.sampled_from(["flip", "cut", "append", "random"]))
    if how == "flip":
        state[data.draw(st.integers(0, len(state) - 1))] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del state[data.draw(st.integers(0, len(state) - 1)) :]
    else:
        state = (state if how == "append" else bytearray()) + data.draw(st.binary(min_size=1, max_size=99))
    with pytest.raises(SessionError):
        short.resume(bytes(state))


@pytest.mark.long
@settings(max_examples=40)
@given(st.data())
def test_bytes_whose_checksum_was_made_to_fit_do_no_harm(short, data):
    session = short.session()
    session.push("the parcel never 天")
    state = bytearray(session.state()[:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(42, len(state) - 1))
        new = data.draw(
            st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\0\0\xc0\x7f", b"\x7f" * 4, b"\x80", b"\x01"])
        )
        state[start : start + len(new)] = new
    state += struct.pack("<I", zlib.crc32(state))
    try:
        resumed = short.resume(bytes(state))
        assert np.isfinite(resumed.push("another parcel ").probabilities).all()
        short.resume(resumed.state()).finish()
    except GrutextError:
        pass


_HEADER = struct.Struct("<8sH32sQd?5I")


def changed(state, change):
    """Return a state with the right checksum whose parts, a list of bytes, were changed by a function."""
    *head, _, _, _, _, _ = fields = _HEADER.unpack_from(state)
    edges = [*itertools.accumulate(fields[-5:], initial=_HEADER.size)]
    parts = [state[start:end] for start, end in itertools.pairwise(edges)]
    change(parts)
    content = _HEADER.pack(*head, *map(len, parts)) + b"".join(parts)
    return content + struct.pack("<I", zlib.crc32(content))


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("gru", {"sums": 1e299}),
        ("gru", {"sums": 50.0}),
        ("linear", {"vectors": 1e299}),
        ("linear", {"margins": 1e299}),
        # The two families of n-grams cancel out, until one of them gets an n-gram.
        ("linear", {"margins": np.array([[1e280], [-1e280]]), "squares": 0.0}),
    ],
)
def test_a_state_that_no_text_has_is_refused_before_it_fails_beside_others(short, part, fields):
    session = short.session()
    session.push("the parcel ")

    def change(parts):
        numbers = np.frombuffer(bytearray(parts[0]), short.stream.dtype)
        for name, values in fields.items():
            numbers[part][name] = values
        parts[0] = numbers.tobytes()

    short.resume(changed(session.state(), lambda parts: None))
    with pytest.raises(SessionError, match="invalid"):
        short.resume(changed(session.state(), change))


def test_a_state_whose_unfinished_text_could_have_been_read_is_refused(short):
    def put(text):
        def change(parts):
            parts[1] = text.encode()

        return changed(short.session().state(), change)

    for text in ("parcel", "天\u0301", ""):
        short.resume(put(text))
    for text in ("the parcel ", "天气", "parcel天"):
        with pytest.raises(SessionError, match="finished words"):
            short.resume(put(text))


def test_a_state_of_another_model_or_version_is_refused(build_bundle, short):
    state = short.session().state()
    with pytest.raises(SessionError, match="of another model"):
        Classifier(build_bundle(FORWARD, seed=6)).resume(state)
    with pytest.raises(SessionError, match="version 2"):
        short.resume(state[:8] + b"\2\0" + state[10:])


def test_a_model_that_reads_backward_says_how_to_train_one_that_does_not(build_bundle):
    with pytest.raises(SessionError, match="--preset streaming"):
        Classifier(build_bundle()).session()


def test_wrong_calls_are_refused_in_one_line(build_bundle, short):
    session, other = short.session(), short.session()
    with pytest.raises(TypeError, match="of session 1 is int"):
        short.push_many([session, other], ["a", 1])
    with pytest.raises(SessionError, match="2 sessions but 1 pieces"):
        short.push_many([session, other], ["a"])
    with pytest.raises(SessionError, match="twice"):
        short.push_many([session, session], ["a", "b"])
    with pytest.raises(SessionError, match="twice"):
        short.finish_many([session, session])
    with pytest.raises(SessionError, match="of another model"):
        Classifier(build_bundle(FORWARD)).push_many([session], ["a"])
    session.finish()
    for call in (lambda: session.push("a"), lambda: session.push_bytes(b"a"), session.finish, session.state):
        with pytest.raises(SessionError, match="has ended"):
            call()
    with other:
        other.push("a")
    with pytest.raises(SessionError, match="has ended"):
        other.push("a")
