"""Reports as one HTML file each: no network, no JavaScript library, light and dark. Needs jinja2 and matplotlib.

Numbers come from `grutext.evaluation`; this package only draws them. Pictures are SVG whose colours are CSS variables, so
that they follow the page. Every text is escaped by jinja2, and the page's policy allows no script but its own.
"""

from grutext.report.data_check import render_check
from grutext.report.evaluation import EvaluationReport, render_evaluation
from grutext.report.page import render_page, write_page

__all__ = ["EvaluationReport", "render_check", "render_evaluation", "render_page", "write_page"]
