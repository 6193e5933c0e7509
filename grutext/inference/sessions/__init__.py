"""Texts that are still coming: an answer after each piece, from a state of constant size."""

from grutext.inference.sessions.early import (
    EarlyAnswer,
    Reading,
    answer_early,
    read_to_checkpoints,
    stop_threshold,
)
from grutext.inference.sessions.saved import load_state
from grutext.inference.sessions.session import Session, SessionAnswer, finish_many, push_many
from grutext.inference.sessions.stream import Stream, can_stream, length_factors, next_checkpoint

__all__ = [
    "EarlyAnswer",
    "Reading",
    "Session",
    "SessionAnswer",
    "Stream",
    "answer_early",
    "can_stream",
    "finish_many",
    "length_factors",
    "load_state",
    "next_checkpoint",
    "push_many",
    "read_to_checkpoints",
    "stop_threshold",
]
