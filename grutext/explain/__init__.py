"""Why a model answers what it answers: exact contributions of the words of a text to the logit of a label."""

from grutext.explain.explanation import Explanation, WordContribution

__all__ = ["Explanation", "WordContribution"]
