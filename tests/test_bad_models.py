"""Formulas and parameters that no model can come of: what came in and what is said."""

import numpy as np
import pytest
from refusals import MIXED, case, refuses, table

from skglmm import BetaGLMMRegressor, DesignError, FormulaError

FORMULAS = [
    case(
        "a bar without parentheses",
        {"formula": "x | g"},
        error=FormulaError,
        fragments=["'|' outside parentheses; write (x | g)", "^"],
    ),
    case(
        "an open parenthesis",
        {"formula": "x + (1 | g"},
        error=FormulaError,
        fragments=["unbalanced"],
    ),
    case(
        "a closing parenthesis",
        {"formula": "x + 1 | g)"},
        error=FormulaError,
        fragments=["unbalanced"],
    ),
    case("no plus", {"formula": "x (1 | g)"}, error=FormulaError, fragments=["+ (1 | g)"]),
    case("a call for a bar", {"formula": "x(1|g)"}, error=FormulaError, fragments=["(1 | g)"]),
    case("two bars", {"formula": "x + (1 | g | site)"}, error=FormulaError, fragments=["one bar"]),
    case(
        "no effects",
        {"formula": "x + ( | g)"},
        error=FormulaError,
        fragments=["no effects before the bar"],
    ),
    case(
        "no group",
        {"formula": "x + (1 | )"},
        error=FormulaError,
        fragments=["no grouping factor after the bar"],
    ),
    case(
        "effects of zero", {"formula": "x + (0 | g)"}, error=FormulaError, fragments=["no effects"]
    ),
    case("an empty formula", {"formula": "  "}, error=FormulaError, fragments=["no terms"]),
    case(
        "a function as group",
        {"formula": "x + (1 | C(g))"},
        error=FormulaError,
        fragments=["a column, not an expression such as 'C(g)'"],
    ),
    case(
        "a number as group",
        {"formula": "x + (1 | 3)"},
        error=FormulaError,
        fragments=["a column, not the value 3"],
    ),
    case(
        "a sum of groups",
        {"formula": "x + (1 | g + site)"},
        error=FormulaError,
        fragments=["(1 | a) + (1 | b)"],
    ),
    case(
        "a product with a bar",
        {"formula": "x * (1 | g)"},
        error=FormulaError,
        fragments=["only + joins a random term"],
    ),
    case(
        "the same term twice",
        {"formula": "(1 | g) + (1 + x | g)"},
        error=FormulaError,
        fragments=["both have an intercept"],
    ),
    case(
        "bars and groups",
        {**MIXED, "groups": "site"},
        error=FormulaError,
        fragments=["given twice", "(1 | g)", "groups='site'"],
    ),
    case(
        "a left-hand side in the precision",
        {**MIXED, "precision": "phi ~ x"},
        error=FormulaError,
        fragments=["left-hand side"],
    ),
    case(
        "an import",
        {"formula": "I(x + __import__('os').getpid())"},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case(
        "a file",
        {"formula": "{len(open('f').read()) + x}"},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case("an attribute", {"formula": "I(x.values)"}, error=FormulaError, fragments=["attribute"]),
    case("a method", {"formula": "x.map(abs)"}, error=FormulaError, fragments=["not allowed"]),
    case(
        "a lambda",
        {"formula": "I((lambda v: v)(x))"},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case(
        "a huge power",
        {"formula": "I(x + 9**9**9)"},
        error=FormulaError,
        fragments=["power of constants"],
    ),
    case(
        "an import among the effects",
        {"formula": "x + (__import__('os') | g)"},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case(
        "an import in the precision",
        {**MIXED, "precision": "I(__import__('os'))"},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case(
        "an import in groups",
        {"groups": {"g": "I(__import__('os'))"}},
        error=FormulaError,
        fragments=["not allowed"],
    ),
    case(
        "an unknown function",
        {"formula": "square(x)"},
        error=FormulaError,
        fragments=["'square' is not known", "context={'square': ...}"],
    ),
    case(
        "a logarithm of negative numbers",
        {"formula": "log(x)"},
        error=DesignError,
        fragments=["log(x)"],
    ),
]

PARAMETERS = [
    case(
        "a formula of another type",
        {"formula": 3},
        error=TypeError,
        fragments=["formula=3", "(1 | g)"],
    ),
    case("groups of another type", {"groups": 1.5}, error=TypeError, fragments=["groups=1.5"]),
    case("empty groups", {"groups": []}, error=FormulaError, fragments=["names no column"]),
    case(
        "an unknown link",
        {**MIXED, "link": "logti"},
        fragments=["link='logti'", "did you mean 'logit'?"],
    ),
    case(
        "an unknown kind",
        {**MIXED, "predict_kind": "mean"},
        fragments=["predict_kind='mean'", "'marginal'"],
    ),
    case(
        "unknown new groups",
        {**MIXED, "new_groups": None},
        fragments=["new_groups=None", "'fixed'"],
    ),
    case(
        "bounds in reverse", {**MIXED, "bounds": (1, 0)}, fragments=["bounds=(1, 0)", "low < high"]
    ),
    case("one bound", {**MIXED, "bounds": 100}, fragments=["bounds=100", "(0, 100)"]),
    case("infinite bounds", {**MIXED, "bounds": (0, np.inf)}, fragments=["finite"]),
    case(
        "a boundary of one half",
        {**MIXED, "boundary": 0.5},
        fragments=["boundary=0.5", "below 0.5"],
    ),
    case(
        "an unknown boundary",
        {**MIXED, "boundary": "clip"},
        fragments=["boundary='clip'", "'squeeze'"],
    ),
    case("no threads", {**MIXED, "n_jobs": 0}, fragments=["n_jobs=0", "-1 takes all"]),
    case("half a thread", {**MIXED, "n_jobs": 1.5}, fragments=["n_jobs=1.5", "whole number"]),
    case("no iterations", {**MIXED, "max_iter": 0}, fragments=["max_iter=0", "at least 1"]),
    case(
        "half an iteration", {**MIXED, "max_iter": 2.5}, fragments=["max_iter=2.5", "whole number"]
    ),
    case("no tolerance", {**MIXED, "tol": 0.0}, fragments=["tol=0.0", "above 0"]),
    case(
        "a precision of another type",
        {**MIXED, "precision": 1},
        error=TypeError,
        fragments=["precision=1", "'1 + x'"],
    ),
    case(
        "an offset of numbers",
        {**MIXED, "offset": np.zeros(60)},
        error=TypeError,
        fragments=["offset", "the name of a column"],
    ),
    case(
        "a context of another type",
        {**MIXED, "context": [abs]},
        error=TypeError,
        fragments=["context", "a dict"],
    ),
    case(
        "a context of values",
        {**MIXED, "context": {"k": 3}},
        error=TypeError,
        fragments=["'k': 3", "a function"],
    ),
    case(
        "a text for inference",
        {**MIXED, "inference": "yes"},
        error=TypeError,
        fragments=["inference='yes'"],
    ),
    case("a text for verbose", {**MIXED, "verbose": "yes"}, fragments=["verbose='yes'"]),
]

CASES = [*FORMULAS, *PARAMETERS]


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_it_is_refused_with_what_came_and_what_to_do(bad):
    refuses(bad)


def test_the_table_is_long_and_every_row_says_what_to_look_for():
    assert len(CASES) >= 40
    assert len({bad.name for bad in CASES}) == len(CASES)
    assert all(bad.fragments for bad in CASES)


def test_a_refused_formula_runs_nothing(tmp_path):
    frame, y = table()
    target = tmp_path / "written"
    with pytest.raises(FormulaError):
        BetaGLMMRegressor(f"I(x if x.to_csv({str(target)!r}) is None else x)").fit(frame, y)
    assert not target.exists()
