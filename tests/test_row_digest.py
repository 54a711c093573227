"""The rows of a fit are known again by what they are, however the fit went."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import ConvergenceWarning

from skglmm import BetaGLMMRegressor
from skglmm.estimators.reading.study import study_of
from skglmm.fitting import digest, row_digest
from skglmm.inspection import check_residuals
from skglmm.model_selection import compare, likelihood_ratio_test

FORMULA = "poly(x, 2) + log(size) + trt + (1 + x | g)"


def make_rows(seed=0, n=60):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n).round(2),
            "size": rng.uniform(1, 9, n),
            "trt": np.tile(["a", "b", "c"], n // 3),
            "g": rng.integers(0, 6, n),
            "effort": rng.normal(size=n),
            "unused": rng.normal(size=n),
        }
    )
    return X, rng.beta(3, 2, n), rng.integers(0, 3, n).astype(float)


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def stopped(rows):
    """A fit that stopped after its first iterations."""
    model = BetaGLMMRegressor(FORMULA, precision="trt", offset="effort", max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*rows)


def test_a_fit_that_did_not_converge_knows_its_rows(rows, stopped):
    assert not stopped.converged_
    X, y, weights = rows
    assert len(study_of(stopped, X, y, weights).y) == np.count_nonzero(weights)
    assert "did not converge" in str(stopped.diagnose(X, y, weights))
    assert np.isfinite(stopped.r2(X, y, weights).to_frame()).all(axis=None)
    assert check_residuals(stopped, X, y, sample_weight=weights, random_state=0)


SAME = {
    "in another order": lambda X: X.iloc[np.random.default_rng(1).permutation(len(X))],
    "with categories": lambda X: X.assign(trt=X["trt"].astype("category")),
    "with categories in another order": lambda X: X.assign(
        trt=pd.Categorical(X["trt"], categories=["c", "unseen", "b", "a"])
    ),
    "with pandas' own texts": lambda X: X.assign(trt=X["trt"].astype("string")),
    "in single precision": lambda X: X.astype({"size": "float32", "effort": "float32"}),
    "computed again": lambda X: X.assign(size=np.exp(np.log(X["size"]))),
    "with small integers": lambda X: X.astype({"g": "int8"}),
    "of polars": lambda X: pl.DataFrame({name: X[name].to_list() for name in X}),
    "without what is not used": lambda X: X.drop(columns="unused"),
    "with other columns that are not used": lambda X: X.assign(unused=0.0, more=1),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_rows_are_accepted(rows, stopped, how):
    X, y, weights = rows
    given = SAME[how](X)
    order = given.index.to_numpy() if isinstance(given, pd.DataFrame) else np.arange(len(y))
    study_of(stopped, given, y[order], weights[order])


def with_one(X, name, value):
    changed = X.copy()
    changed.loc[changed.index[5], name] = value
    return changed


OTHERS = {
    "one number": lambda X: with_one(X, "x", X["x"].iloc[5] + 1e-3),
    "one number behind a logarithm": lambda X: with_one(X, "size", X["size"].iloc[5] + 1e-3),
    "one category": lambda X: with_one(X, "trt", "a"),
    "one group": lambda X: with_one(X, "g", (X["g"].iloc[5] + 1) % 6),
    "one offset": lambda X: with_one(X, "effort", 0.0),
    "a moved column": lambda X: X.assign(size=X["size"] + 1),
    "another unit": lambda X: X.assign(effort=X["effort"] * 10),
    "shuffled groups": lambda X: X.assign(g=X["g"].to_numpy()[::-1]),
}


@pytest.mark.parametrize("what", OTHERS)
def test_rows_that_differ_in_one_number_are_refused(rows, stopped, what):
    X, y, weights = rows
    weights = np.maximum(weights, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = BetaGLMMRegressor(FORMULA, offset="effort", max_iter=1, inference=False)
        model.fit(X, y, weights)
    with pytest.raises(ValueError, match="X is not that of fit: columns that the model uses hold"):
        study_of(model, OTHERS[what](X), y, weights)


def test_rows_in_another_order_than_their_responses_are_refused(rows, stopped):
    X, y, weights = rows
    with pytest.raises(ValueError, match="they belong to other rows of y"):
        study_of(stopped, X[weights > 0][::-1], y[weights > 0], weights[weights > 0])
    model = BetaGLMMRegressor("x").fit(X, y)
    with pytest.raises(ValueError, match="they belong to other rows of y"):
        model.r2(X[::-1], y)


def test_levels_that_fit_did_not_see_are_other_rows(rows):
    X, y, _ = rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    with pytest.raises(ValueError, match="X is not that of fit"):
        model.diagnose(X.assign(g=X["g"] + 1), y)


def test_models_of_different_columns_are_compared(rows):
    X, y, _ = rows
    smaller, larger = BetaGLMMRegressor("x").fit(X, y), BetaGLMMRegressor("x + size").fit(X, y)
    assert smaller._row_digest != larger._row_digest
    assert likelihood_ratio_test(smaller, larger).df == 1
    assert len(compare(smaller, larger)) == 2


def test_fingerprints_add_up_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=30), rng.integers(0, 4, 30), np.full(30, 1e300)]
    y, weights = rng.uniform(size=30), rng.uniform(1, 2, 30)

    def of(places):
        return row_digest([c[places] for c in columns], y[places], weights[places])

    whole, order = of(np.arange(30)), rng.permutation(30)
    assert of(order) == of(order[:11]) + of(order[11:]) == whole
    assert of(np.arange(29)) != whole
    assert row_digest(columns, y, None) != whole
    assert row_digest(columns, y, None).part == whole.part
    turned = row_digest(columns[1::-1] + columns[2:], y, weights)
    assert turned.part != whole.part
    zeros = [np.zeros(30), -np.zeros(30)]
    assert row_digest(zeros[:1], y, None) == row_digest(zeros[1:], y, None)


def test_fingerprints_of_many_rows_add_up_too():
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=70_000), rng.integers(0, 4, 70_000)]
    y, weights = rng.uniform(size=70_000), rng.uniform(1, 2, 70_000)
    parts = [slice(0, 11), slice(11, 40_000), slice(40_000, None)]
    found = [row_digest([c[part] for c in columns], y[part], weights[part]) for part in parts]
    assert found[0] + found[1] + found[2] == row_digest(columns, y, weights)
    kinds = [digest(y[part], weights[part], 0.5) for part in parts]
    assert kinds[0] + kinds[1] + kinds[2] == digest(y, weights, 0.5)
