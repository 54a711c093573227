"""Curves that share columns with other terms, and curves of few rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.exceptions import DesignError, FormulaError, SingularFitWarning


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


def test_there_is_no_sandwich_of_rows_that_share_a_curve(rows, beside):
    for cluster in (None, "rare"):
        with pytest.raises(ValueError, match=r"all rows share the bends of s"):
            beside.confint(*rows, method="sandwich", cluster=cluster)


def test_quadrature_names_the_curves_that_it_cannot_integrate(rows):
    X, y = rows
    model = PoissonGLMMRegressor("s(x, k=5) + s(z, k=5)", n_quadrature=3)
    with pytest.raises(DesignError, match=r"the smooth s\(x\) \+ s\(z\) has 6"):
        model.fit(X, np.round(y + 3))


def test_a_number_of_columns_is_given_by_its_name(rows):
    with pytest.raises(FormulaError, match=r"s\(x, 5\) in .* given by name, k=5"):
        LMMRegressor("s(x, 5)").fit(*rows)


def test_singular_curves_of_levels_have_the_names_of_variance_components(rows):
    X = rows[0]
    words = r"standard deviation of s\(z\) and s\(z\)\[level\] and s\(z\)\[z\] between levels"
    with pytest.warns(SingularFitWarning, match=words):
        LMMRegressor("s(z, rare, bs='fs', k=4)").fit(X, np.tile([1.0, -1.0], 40))
