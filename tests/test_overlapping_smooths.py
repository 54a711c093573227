"""Curves that share columns with other terms, and curves of few rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor
from skglmm.exceptions import DesignError


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.uniform(0, 10, 80), "z": rng.normal(size=80)})
    X["rare"] = np.where(np.arange(80) < 3, "seldom", "often")
    return X, np.sin(X["x"].to_numpy()) + rng.normal(0, 0.3, 80)


@pytest.fixture(scope="module")
def beside(rows):
    """A number beside the curve that it is multiplied by, whose constant is this number."""
    X, y = rows
    with pytest.warns(UserWarning, match=r"as where .*, or z beside s\(x, by=z\)"):
        return LMMRegressor("z + s(x, by=z, k=5)", reml=False).fit(X, y)


def test_dropped_trends_are_no_degrees_of_freedom(rows, beside):
    alone = LMMRegressor("s(x, by=z, k=5)", reml=False).fit(*rows)
    assert_allclose(beside.log_likelihood_, alone.log_likelihood_, rtol=1e-9)
    found, whole = (model.smooth_terms().iloc[0] for model in (beside, alone))
    assert_allclose(found["edf"], whole["edf"] - 1.0, rtol=1e-4)
    assert_allclose(found["reference_df"], whole["reference_df"] - 1.0, rtol=1e-4)
    assert_allclose(found["residual_df"], whole["residual_df"], rtol=1e-4)


def test_a_level_of_fewer_rows_than_columns_has_a_curve(rows):
    model = LMMRegressor("rare + s(x, by=rare, k=8)").fit(*rows)
    edf = model.smooth_terms().set_index("name")["edf"]
    assert 0.9 < edf["s(x):rare[seldom]"] < 3.0


def test_the_same_curve_twice_is_refused_by_its_name(rows):
    X, y = rows
    words = r"variances of the curves cannot be told apart: s\(x2\) can .* as s\(x\); leave"
    with pytest.raises(DesignError, match=words):
        LMMRegressor("s(x, k=5) + s(x2, k=5)").fit(X.assign(x2=2 * X["x"]), y)
