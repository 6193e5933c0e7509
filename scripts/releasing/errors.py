"""What may go wrong with a release."""

from __future__ import annotations


class ReleaseError(Exception):
    """A check of a release failed; the message says which, and what was found."""
