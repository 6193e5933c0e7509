"""Why a model answers what it answers: exact contributions of the words of a text to the logit of a label."""

from grutext.explain.explanation import Explanation, WordContribution, render_html, render_text
from grutext.explain.gates import TokenGates
from grutext.explain.occlusion import leave_out

__all__ = ["Explanation", "TokenGates", "WordContribution", "leave_out", "render_html", "render_text"]
