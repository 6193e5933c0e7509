"""Texts that are still coming: an answer after each piece, from a state of constant size."""

from grutext.inference.sessions.saved import load_state
from grutext.inference.sessions.session import Session, SessionAnswer, push_many
from grutext.inference.sessions.stream import Stream

__all__ = ["Session", "SessionAnswer", "Stream", "load_state", "push_many"]
