"""The page that chooses a model: its chart is that of its script, and no estimator is forgotten."""

import re
import runpy
from pathlib import Path

from skglmm import estimators

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "choose.md").read_text(encoding="utf-8")
CHART = (DOCS / "_static" / "choice.svg").read_text(encoding="utf-8")
NAMES = set(estimators.__all__) - {"GLMMRegressor"}  # which is for families of one's own


def named(text):
    return set(re.findall(r"\b\w+(?:Regressor|Classifier)\b", text))


def test_the_chart_is_what_its_script_draws():
    assert runpy.run_path(str(DOCS / "_ext" / "choice_chart.py"))["chart"]() == CHART


def test_the_chart_names_estimators_that_the_table_has():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| "))
    assert named(table) == NAMES
    assert named(CHART) < NAMES
