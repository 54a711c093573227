"""Linear mixed models of extreme and odd responses: an answer, or an error that says what to do."""

import datetime as dt
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import LMMRegressor
from skglmm.exceptions import DesignError
from skglmm.inspection import check_residuals
from skglmm.model_selection import compare

L, N = 12, 8
RNG = np.random.default_rng(0)
G, X1, B = np.repeat(np.arange(L), N), RNG.normal(size=L * N), RNG.normal(size=L)
X = pd.DataFrame({"x": X1, "g": G})
Y = 3.0 + 2.0 * X1 + B[G] + RNG.normal(0, 0.7, L * N)
EXACT = {
    "equal": np.full(L * N, 7.0),
    "line": 3.0 + 2.0 * X1,
    "line in groups": 3.0 + 2.0 * X1 + B[G],
}


def fitted(formula="x + (1 | g)", y=Y, frame=X, weights=None, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return LMMRegressor(formula, **parameters).fit(frame, y, weights)


def numbers(model):
    """All estimates and their standard errors, without units."""
    table = model.tidy(effects=["fixed", "random"])
    table = table[table["component"] == "mean"]
    return table["estimate"] / table["std_error"]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "factor", [1e80, 1e-80, *(pytest.param(each, marks=pytest.mark.slow) for each in (1e9, 1e-9))]
)
def test_dollars_and_millionths_have_the_same_tests_and_intervals(factor, reml):
    model, other = fitted(reml=reml), fitted(y=factor * Y, reml=reml)
    assert_allclose(numbers(other), numbers(model), rtol=1e-6)
    assert_allclose(
        other.confint(X, factor * Y, method="profile").drop("scale").to_numpy() / factor,
        model.confint(X, Y, method="profile").drop("scale").to_numpy(),
        rtol=1e-5,
    )
    assert_allclose(
        other.predict_interval(X, "response") / factor,
        model.predict_interval(X, "response"),
        rtol=1e-6,
    )


@pytest.mark.parametrize(("factor", "word"), [(1e150, "large"), (1e-150, "small")])
def test_responses_whose_variances_are_no_numbers_are_refused(factor, word):
    with pytest.raises(ValueError, match=rf"responses are too {word}: .* to ordinary units"):
        fitted(y=factor * Y)


@pytest.mark.parametrize("name", EXACT)
def test_what_is_asked_of_an_exact_fit_is_answered_without_a_warning(name):
    y = EXACT[name]
    model = fitted(y=y)
    assert_allclose(model.predict(X), y, atol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnosis = model.diagnose(X, y)
        found = check_residuals(model, X, y, random_state=0).to_frame()
        compare(model, conditional=True, X=X, y=y)
        model.r2(X, y), model.sample_y(X, 2, random_state=0)
    assert "residuals, of which the model leaves none" in str(diagnosis)
    assert not {"convergence", "residuals"} & {each.kind for each in diagnosis.findings}
    assert found["p_value"].notna().all()


@pytest.mark.parametrize("places", [[0, 8], [0, 1, 8], [0, 1, 2, 3]])
def test_rows_that_are_no_more_than_fixed_effects_are_too_few_for_reml(places):
    formula = " + ".join(["x", "I(x**2)", "I(x**3)"][: len(places) - 1])
    with pytest.raises(DesignError, match=rf"{len(places)} rows are too few for REML with"):
        fitted(formula, Y[places], X.iloc[places])


def test_weights_that_sum_to_less_than_the_fixed_effects_are_too_few_for_reml():
    with pytest.raises(DesignError, match=r"96 rows of total weight 1.92 are too few for REML"):
        fitted(weights=np.full(L * N, 0.02))
    assert fitted(weights=np.full(L * N, 0.04)).converged_


def test_three_rows_are_enough_for_a_mean_of_two_groups():
    places = [0, 1, 8]
    model = fitted("1 + (1 | g)", Y[places], X.iloc[places])
    assert model.is_singular_
    assert_allclose(model.intercept_, Y[places].mean())
    assert_allclose(np.exp(model.scale_coef_[0]), Y[places].std(ddof=1), rtol=1e-6)


def test_levels_of_one_row_leave_sums_of_variances_alone():
    model = fitted(frame=X.assign(g=np.arange(L * N)))
    assert "do not determine" in str(model.summary())
    total = np.exp(2 * model.scale_coef_[0]) + model.variance_components()["variance"].iloc[0]
    assert_allclose(total, np.exp(2 * fitted("x").scale_coef_[0]), rtol=1e-6)
    errors = model.tidy(effects=["fixed", "random"])["std_error"]
    assert list(errors.notna()) == [True, True, False, False]
    limits = model.confint(X.assign(g=np.arange(L * N)), Y, method="profile")
    assert_allclose(limits.loc[["scale", "sd(Intercept | g)"], "conf_low"], 0.0, atol=1e-9)
    expected = fitted("x").confint(X, Y, method="profile").loc["scale", "conf_high"]
    assert_allclose(limits.loc[["scale", "sd(Intercept | g)"], "conf_high"], expected, rtol=1e-3)


def test_a_constant_column_is_left_out_and_one_level_is_no_group():
    with pytest.warns(UserWarning, match="dropped from the mean: 'x'"):
        model = LMMRegressor("x + (1 | g)").fit(X.assign(x=5.0), Y)
    assert_allclose(model.intercept_, fitted("1 + (1 | g)").intercept_, rtol=1e-6)
    with pytest.raises(DesignError, match="'g' has one level, '1'"):
        fitted(frame=X.assign(g=1))
    with pytest.raises(DesignError, match="constant beside an intercept"):
        fitted("x + (x | g)", frame=X.assign(x=5.0))


TENTHS = np.round(10 * Y).astype(int)
READABLE = {
    "integers": TENTHS,
    "objects": TENTHS.astype(object),
    "decimals": [Decimal(int(each)) for each in TENTHS],
    "fractions": [Fraction(int(each)) for each in TENTHS],
    "nullable": pd.array(TENTHS, dtype="Int64"),
    "numbers of categories": pd.Categorical(TENTHS),
    "masked, none is": np.ma.masked_array(TENTHS, False),
}


@pytest.mark.parametrize("name", READABLE)
def test_numbers_of_any_type_are_responses(name):
    found, expected = fitted(y=READABLE[name]), fitted(y=TENTHS.astype(float))
    assert_allclose(found.coef_, expected.coef_, rtol=1e-12)


def test_yes_and_no_are_one_and_zero():
    assert_allclose(fitted(y=Y > 3).coef_, fitted(y=(Y > 3) * 1.0).coef_, rtol=1e-12)


DATES = [dt.datetime(2020, 1, 1) + dt.timedelta(days=int(each)) for each in TENTHS]
UNREADABLE = {
    "text": (np.where(Y > 3, "high", "low"), ValueError, "96 of 96 .* type str; classes are for"),
    "one text": ([*Y[:-1], "high"], ValueError, "1 of 96 .* position 95 .* type str"),
    "categories": (pd.Categorical(np.where(Y > 3, "a", "b")), ValueError, "BinomialGLMMClassifier"),
    "dates": (DATES, TypeError, "type datetime; subtract a date and divide by a pd.Timedelta"),
    "periods": (pd.period_range("2020", periods=96), TypeError, "type Period; subtract a date"),
    "complex": (Y + 1j, ValueError, "Complex data not supported: y has .* take y.real"),
    "masked": (np.ma.masked_array(Y, Y > 5), ValueError, "masked; drop these rows, of X as well"),
    "missing": (np.where(G == 0, np.nan, Y), ValueError, "contains NaN: 8 of 96"),
    "infinite": (np.where(G == 0, np.inf, Y), ValueError, "contains infinity: 8 of 96"),
    "no decimal": ([Decimal("NaN"), *map(Decimal, Y[1:])], ValueError, "contains NaN: 1 of 96"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_number_is_told_with_its_place_and_what_to_do(name):
    y, error, text = UNREADABLE[name]
    with pytest.raises(error, match=text):
        fitted(y=y)


def test_polars_has_responses_too():
    polars = pytest.importorskip("polars")
    assert_allclose(fitted(y=polars.Series("y", Y)).coef_, fitted().coef_, rtol=1e-12)
    with pytest.raises(ValueError, match="contains NaN: 1 of 96"):
        fitted(y=polars.Series("y", [None, *Y[1:]]))
