"""Input that no model can come of: a table of what came in and what the message has to say."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning

from skglmm import BetaGLMMRegressor, DesignError, FormulaError


def table():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(6), 10)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=60),
            "length": rng.normal(size=60),
            "g": np.array(list("abcdef"))[code],
            "site": np.resize(["p", "q", "r"], 60),
            "number": code,
            "real": code + 0.5,
        }
    )
    return frame, rng.beta(2 + code, 4)


def put(values, *pairs):
    """Copy values with some of them replaced."""
    values = np.array(values, dtype=object if isinstance(pairs[0][1], str) else None)
    for row, value in pairs:
        values[row] = value
    return values


class Case(NamedTuple):
    """A fit that must fail: parameters, changes to X, y and weights, error, fragments."""

    name: str
    params: dict[str, Any]
    X: Any = lambda X: X
    y: Any = lambda y: y
    weights: Any = None
    error: type[Exception] = ValueError
    fragments: tuple[str, ...] = ()


MIXED = {"formula": "x + (1 | g)"}
WEIGHTS = np.ones(60)


def case(name, params=MIXED, fragments=(), error=ValueError, **changes):
    return Case(name, params, fragments=tuple(fragments), error=error, **changes)


SCALES = [
    case(
        "an offset beyond the reach of the link",
        {**MIXED, "offset": "length"},
        X=lambda X: X.assign(length=1e6),
        error=DesignError,
        fragments=["beyond the reach of its link", "scale of the offset"],
    ),
    case(
        "an offset in the formula",
        {"formula": "x + offset(length)"},
        error=FormulaError,
        fragments=["named beside the formula, offset='x'"],
    ),
]
RESPONSES = [
    case(
        "above the bounds",
        y=lambda y: put(y, (7, 1.2), (9, 3.0)),
        fragments=["2 of 60", "y[7]=1.2", "bounds"],
    ),
    case("percentages", y=lambda y: 100 * y, fragments=["perhaps bounds=(0, 100)"]),
    case(
        "below the bounds",
        {**MIXED, "bounds": (1, 7)},
        y=lambda y: y,
        fragments=["between the bounds 1 and 7", "60 of 60"],
    ),
    case(
        "on the lower bound",
        y=lambda y: put(y, (3, 0.0)),
        fragments=["1 of 60", "1 equal to 0", "boundary='squeeze'", "boundary=1e-4"],
    ),
    case(
        "on both bounds",
        y=lambda y: put(y, (3, 0.0), (4, 1.0), (5, 1.0)),
        fragments=["3 of 60", "1 equal to 0 and 2 equal to 1"],
    ),
    case("NaN in y", y=lambda y: put(y, (3, np.nan)), fragments=["Input y contains NaN"]),
    case("infinity in y", y=lambda y: put(y, (3, np.inf)), fragments=["Input y contains infinity"]),
    case("no y", y=lambda y: None, fragments=["requires y to be passed, but the target y is None"]),
    case(
        "y too short", y=lambda y: y[:-1], fragments=["inconsistent numbers of samples: [60, 59]"]
    ),
    case(
        "y with two columns", y=lambda y: np.column_stack([y, y]), fragments=["1d array", "(60, 2)"]
    ),
    case(
        "y of texts",
        y=lambda y: put(y, (0, "high")),
        fragments=["could not convert string to float: 'high'"],
    ),
    case("complex y", y=lambda y: y + 1j, fragments=["Complex data not supported"]),
    case(
        "another name on the left",
        {"formula": "score ~ x"},
        y=lambda y: pd.Series(y, name="grade"),
        error=FormulaError,
        fragments=["about 'score'", "y is named 'grade'"],
    ),
    case(
        "response on the right",
        {"formula": "length ~ x + length"},
        error=FormulaError,
        fragments=["response 'length' is also on the right-hand side"],
    ),
    case(
        "expression on the left",
        {"formula": "log(y) ~ x"},
        error=FormulaError,
        fragments=["TransformedTargetRegressor"],
    ),
]

WEIGHTS_TABLE = [
    case(
        "negative weights",
        weights=put(WEIGHTS, (2, -1.0)),
        fragments=["Negative values in data passed to `sample_weight`", "sample_weight[2]=-1"],
    ),
    case("all weights zero", weights=0 * WEIGHTS, fragments=["Sample weights", "non-zero"]),
    case(
        "NaN weights", weights=put(WEIGHTS, (2, np.nan)), fragments=["sample_weight contains NaN"]
    ),
    case(
        "infinite weights",
        weights=put(WEIGHTS, (2, np.inf)),
        fragments=["sample_weight contains infinity"],
    ),
    case("too few weights", weights=WEIGHTS[:-1], fragments=["inconsistent numbers of samples"]),
    case(
        "two-dimensional weights",
        weights=np.ones((60, 2)),
        fragments=["Sample weights must be 1D", "(60, 2)"],
    ),
]

COLUMNS = [
    case(
        "unknown column",
        {"formula": "lenght + (1 | g)"},
        error=DesignError,
        fragments=["unknown column 'lenght'", "did you mean 'length'?"],
    ),
    case(
        "unknown group",
        {"formula": "x + (1 | sit)"},
        error=DesignError,
        fragments=["'sit'", "did you mean 'site'?"],
    ),
    case(
        "unknown group in groups",
        {"groups": "gg"},
        error=DesignError,
        fragments=["'gg'", "did you mean 'g'?"],
    ),
    case(
        "unknown precision column",
        {**MIXED, "precision": "lenth"},
        error=DesignError,
        fragments=["did you mean 'length'?"],
    ),
    case(
        "unknown offset",
        {**MIXED, "offset": "lenth"},
        error=DesignError,
        fragments=["did you mean 'length'?"],
    ),
    case(
        "names for an array",
        X=lambda X: X.to_numpy(dtype=object),
        error=DesignError,
        fragments=["uses column 'g'", "set_output(transform='pandas')", "x5"],
    ),
    case(
        "position beyond the columns",
        {"groups": 9},
        error=FormulaError,
        fragments=["column 9", "6 feature(s)"],
    ),
    case(
        "NaN in X",
        X=lambda X: X.assign(x=X["x"].mask(X.index == 3)),
        error=DesignError,
        fragments=["'x' has 1 missing", "row 3"],
    ),
    case(
        "infinity in X",
        X=lambda X: X.assign(x=X["x"].mask(X.index == 3, np.inf)),
        error=DesignError,
        fragments=["'x'", "1 infinite"],
    ),
    case(
        "missing group",
        X=lambda X: X.assign(g=X["g"].mask(X.index < 2)),
        error=DesignError,
        fragments=["'g' has 2 missing"],
    ),
    case(
        "NaN in an array",
        {},
        X=lambda X: put(X[["x", "length"]].to_numpy(), (3, np.nan)),
        fragments=["Input X contains NaN"],
    ),
    case(
        "a column of nothing",
        X=lambda X: X.assign(x=np.nan),
        error=DesignError,
        fragments=["60 missing"],
    ),
    case(
        "texts of numbers and numbers",
        X=lambda X: X.assign(g=put(X["g"].to_numpy(dtype=object), (0, 3))),
        error=DesignError,
        fragments=["'g'", "mixed values"],
    ),
    case(
        "float group of a frame",
        {"formula": "x + (1 | real)"},
        error=DesignError,
        fragments=["'real' holds floating-point", "astype(int)"],
    ),
    case(
        "one level",
        X=lambda X: X.assign(g="a"),
        error=DesignError,
        fragments=["'g' has one level, 'a'"],
    ),
    case(
        "complex column",
        X=lambda X: X.assign(x=X["x"] + 1j),
        error=DesignError,
        fragments=["'x'", "Complex data not supported"],
    ),
    case(
        "complex array",
        {},
        X=lambda X: X[["x"]].to_numpy() + 1j,
        fragments=["Complex data not supported"],
    ),
    case(
        "a dict in an array",
        {"groups": 0},
        X=lambda X: put(X[["g", "x"]].to_numpy(dtype=object), ((0, 0), {})),
        error=TypeError,
        fragments=["argument must be a string or a real number"],
    ),
    case(
        "dates as effects",
        {"formula": "when"},
        X=lambda X: X.assign(when=pd.Timestamp("2020-01-01")),
        error=DesignError,
        fragments=["'when' holds datetime", "pd.Timedelta"],
    ),
    case(
        "many categories without a formula",
        {},
        X=lambda X: X.assign(id=[f"i{i}" for i in range(60)]),
        error=DesignError,
        fragments=["'id' has 60 levels", "grouping factor", "groups='id'"],
    ),
    case(
        "a name twice",
        X=lambda X: X.set_axis(["x", "x", *X.columns[2:]], axis=1),
        error=DesignError,
        fragments=["'x' 2 times"],
    ),
    case(
        "a name twice without a formula",
        {},
        X=lambda X: X.set_axis(["x", "x", *X.columns[2:]], axis=1),
        error=DesignError,
        fragments=["'x' 2 times"],
    ),
    case(
        "names of two types",
        {},
        X=lambda X: X.set_axis(["x", 1, *X.columns[2:]], axis=1),
        error=TypeError,
        fragments=["str"],
    ),
    case(
        "no rows",
        X=lambda X: X.iloc[:0],
        y=lambda y: y[:0],
        fragments=["0 sample(s)", "minimum of 2"],
    ),
    case("one row", X=lambda X: X.iloc[:1], y=lambda y: y[:1], fragments=["1 sample(s)"]),
    case(
        "one row of an array",
        {},
        X=lambda X: X[["x"]].to_numpy()[:1],
        y=lambda y: y[:1],
        fragments=["1 sample(s)"],
    ),
    case(
        "no columns",
        X=lambda X: X[[]],
        fragments=["0 feature(s) (shape=(60, 0)) while a minimum of 1 is required."],
    ),
    case(
        "one dimension",
        {},
        X=lambda X: X["x"].to_numpy(),
        fragments=["Expected 2D array, got 1D array"],
    ),
    case(
        "a lazy frame",
        X=lambda X: pl.LazyFrame({"x": X["x"].to_list()}),
        error=TypeError,
        fragments=["LazyFrame", "X.collect()"],
    ),
]

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
        "bars in the precision",
        {**MIXED, "precision": "1 + (1 | g)"},
        error=FormulaError,
        fragments=["precision", "only the mean"],
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

CASES = [*SCALES, *RESPONSES, *WEIGHTS_TABLE, *COLUMNS, *FORMULAS, *PARAMETERS]


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_bad_input_is_refused_with_what_came_and_what_to_do(bad):
    frame, y = table()
    estimator = BetaGLMMRegressor(**bad.params)
    with pytest.raises(bad.error) as caught:
        estimator.fit(bad.X(frame), bad.y(y), sample_weight=bad.weights)
    message = str(caught.value)
    for fragment in bad.fragments:
        assert fragment in message


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


def test_a_column_vector_is_flattened_with_the_warning_of_scikit_learn():
    frame, y = table()
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y[:, None])
    assert model.predict(frame).shape == (60,)
