"""Data that no model can come of: a table of what came in and what is said."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from refusals import MIXED, WEIGHTS, case, put, refuses, table
from sklearn.exceptions import DataConversionWarning

from skglmm import (
    BetaGLMMRegressor,
    DesignError,
    FormulaError,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
)

SCALES = [
    case(
        "an offset beyond the reach of the link",
        {**MIXED, "offset": "length"},
        X=lambda X: X.assign(length=1e6 * (np.arange(len(X)) % 7)),
        error=DesignError,
        fragments=["beyond the reach of its link", "scale of the offset"],
    ),
    case(
        "an offset of the formula beyond the reach of the link",
        {"formula": "x + offset(1e6 * length) + (1 | g)"},
        error=DesignError,
        fragments=["beyond the reach of its link", "scale of the offset"],
    ),
    case(
        "an offset without numbers",
        {"formula": "x + offset(log(length))"},
        X=lambda X: X.assign(length=-1.0),
        error=DesignError,
        fragments=["the expression 'log(length)' cannot be evaluated", "NaN"],
    ),
    case(
        "an offset of texts",
        {"formula": "x + offset(site)"},
        error=DesignError,
        fragments=["offset(site) is a category, expected one number for each row"],
    ),
    case(
        "an offset of several columns",
        {"formula": "x", "precision": "offset(bs(x, df=4))"},
        error=DesignError,
        fragments=["offset(bs(x, df=4)) is several columns"],
    ),
    case(
        "an offset of an unknown column",
        {"formula": "x + offset(log(lenth))"},
        error=DesignError,
        fragments=["unknown column 'lenth'; did you mean 'length'?"],
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
        "a scale from 1 to 7",
        y=lambda y: np.resize([1.0, 3.0, 4.0, 7.0], len(y)),
        fragments=["range of y: 1 to 7", "lowest and highest value that it allows"],
    ),
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
    case(
        "NaN in y",
        y=lambda y: put(y, (3, np.nan), (9, np.nan)),
        fragments=["Input y contains NaN: 2 of 60", "position 3 counted from 0", "y.notna()"],
    ),
    case(
        "infinity in y",
        y=lambda y: put(y, (5, -np.inf)),
        fragments=["Input y contains infinity: 1 of 60", "position 5", "divisions by zero"],
    ),
    case(
        "shares and a zero among percents",
        {**MIXED, "bounds": (0, 100)},
        y=lambda y: put(y, (3, 0.0)),
        fragments=["1 equal to 0", "all 60 responses lie between 0 and 1", "bounds=(0, 1)"],
    ),
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
        "the names of a column transformer",
        {"formula": "x + (1 | g)"},
        X=lambda X: X.rename(columns={"x": "standardscaler__x", "g": "remainder__g"}),
        error=DesignError,
        fragments=["'g'; X has 'remainder__g'", "verbose_feature_names_out=False"],
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
        "many dates without a formula",
        {},
        X=lambda X: X.assign(when=pd.date_range("2020-01-01", periods=60)),
        error=DesignError,
        fragments=["'when' holds datetime", "pd.Timedelta"],
    ),
    case(
        "many categories of numbers without a formula",
        {},
        X=lambda X: X.assign(id=pd.Categorical(range(60))),
        error=DesignError,
        fragments=["'id' has 60 levels", "grouping factor"],
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

CASES = [*SCALES, *RESPONSES, *WEIGHTS_TABLE, *COLUMNS]


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_it_is_refused_with_what_came_and_what_to_do(bad):
    refuses(bad)


def test_the_table_is_long_and_every_row_says_what_to_look_for():
    assert len(CASES) >= 40
    assert len({bad.name for bad in CASES}) == len(CASES)
    assert all(bad.fragments for bad in CASES)


def test_a_column_vector_is_flattened_with_the_warning_of_scikit_learn():
    frame, y = table()
    for column in (y[:, None], pd.DataFrame({"y": y})):
        with pytest.warns(DataConversionWarning, match="column-vector") as record:
            model = BetaGLMMRegressor("x + (1 | g)").fit(frame, column)
        assert model.predict(frame).shape == (60,)
        assert [Path(item.filename) for item in record] == [Path(__file__)]


def test_a_frame_of_one_column_gives_y_its_name():
    frame, y = table()
    with (
        pytest.warns(DataConversionWarning, match="column-vector"),
        pytest.raises(FormulaError, match="y is named 'grade'"),
    ):
        BetaGLMMRegressor("score ~ x").fit(frame, pd.DataFrame({"grade": y}))


def test_numbers_of_type_object_are_numbers_without_a_formula():
    frame, y = table()
    plain = BetaGLMMRegressor().fit(frame[["x", "g"]], y)
    objects = BetaGLMMRegressor().fit(frame[["x", "g"]].astype({"x": object}), y)
    assert objects.coef_names_ == plain.coef_names_
    assert_allclose(objects.coef_, plain.coef_)


@pytest.mark.parametrize(
    "kind", [BetaGLMMRegressor, ZeroInflatedBetaGLMMRegressor, OrderedBetaGLMMRegressor]
)
def test_shares_among_percents_are_told(kind):
    rng = np.random.default_rng(8)
    X, y = pd.DataFrame({"x": rng.normal(size=80)}), rng.beta(2, 2, 80)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        kind("x", bounds=(0, 100)).fit(X, y)
        shares = kind("x").fit(X, y)
        percents = kind("x", bounds=(0, 100)).fit(X, 100 * y)
    texts = [str(each.message) for each in told if "lie between 0 and 1" in str(each.message)]
    assert len(texts) == 1
    assert "pass bounds=(0, 1) or 100 * y" in texts[0]
    assert_allclose(shares.coef_, percents.coef_, rtol=1e-4)
