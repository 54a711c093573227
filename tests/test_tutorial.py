"""The path of the dragons tutorial, from no groups to nested sites, with glmmTMB's answers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm import BetaGLMMRegressor, ImplicitNestingWarning, SingularFitWarning

RANGE_SLOPES = "bodyLength + (bodyLength | mountainRange)"
FULL = f"{RANGE_SLOPES} + (1 | mountainRange:site)"
PATH = {
    "bodyLength": 38.3051,
    "bodyLength + (1 | mountainRange)": 157.8611,
    "bodyLength + (bodyLength | 1)": 38.3051,
    "bodyLength + (0 + bodyLength | mountainRange)": 153.8894,
    RANGE_SLOPES: 167.3042,
    FULL: 179.2668,
}


def fit(formula, X, y, **params):
    """Fit with the scores of 0 and 1 moved; return the model and the kinds of its warnings."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = BetaGLMMRegressor(formula, boundary=1e-4, **params).fit(X, y)
    return model, {item.category: str(item.message) for item in record}


@pytest.fixture
def scores(dragons):
    return dragons["testScore"].to_numpy() / 100


@pytest.mark.parametrize("formula", PATH)
def test_log_likelihoods_are_those_of_glmmtmb(formula, dragons, scores):
    model, _ = fit(formula, dragons, scores)
    assert model.converged_
    assert PATH[formula] - 1e-4 < model.log_likelihood_ < PATH[formula] + 1e-3


@pytest.mark.parametrize("formula", PATH)
def test_the_units_of_a_covariate_do_not_matter(formula, dragons, scores):
    raw, _ = fit(formula, dragons, scores)
    length = dragons["bodyLength"]
    standard = dragons.assign(bodyLength=(length - length.mean()) / length.std())
    if formula == "bodyLength + (0 + bodyLength | mountainRange)":
        standard["bodyLength"] = length / length.std()  # zero matters to a slope alone
    scaled, _ = fit(formula, standard, scores)
    assert_allclose(scaled.log_likelihood_, raw.log_likelihood_, atol=1e-6)
    assert_allclose(scaled.predict(standard), raw.predict(dragons), atol=1e-6)


@pytest.mark.parametrize("formula", PATH)
def test_bounds_change_the_scale_of_y_and_nothing_else(formula, dragons, scores):
    unit, _ = fit(formula, dragons, scores)
    percent, _ = fit(formula, dragons, dragons["testScore"].to_numpy(), bounds=(0, 100))
    expected = unit.log_likelihood_ - len(scores) * np.log(100)
    assert_allclose(percent.log_likelihood_, expected, atol=1e-6)
    assert_allclose(percent.predict(dragons), 100 * unit.predict(dragons), rtol=1e-6)
    assert percent.n_boundary_ == unit.n_boundary_ == np.isin(scores, [0, 1]).sum()


def test_the_term_without_a_grouping_factor_is_explained(dragons, scores):
    _, told = fit("bodyLength + (bodyLength | 1)", dragons, scores)
    assert "(0 + bodyLength | g)" in told[UserWarning]


def test_the_full_model_is_singular_and_says_where(dragons, scores):
    model, told = fit(FULL, dragons, scores)
    assert model.is_singular_
    assert model.converged_
    text = told[SingularFitWarning]
    assert "correlation of Intercept and bodyLength between levels of mountainRange is -1" in text
    components = model.variance_components()
    assert_allclose(components["corr"][1], -1.0, atol=1e-12)
    interval = model.confint().loc["corr(Intercept, bodyLength | mountainRange)"]
    assert interval[["conf_low", "conf_high"]].isna().all()
    assert "singular" in str(model.summary())


def test_sites_that_are_reused_in_every_range_are_noticed(dragons, scores):
    _, told = fit("bodyLength + (1 | mountainRange) + (1 | site)", dragons, scores)
    assert "(1 | mountainRange/site)" in told[ImplicitNestingWarning]


def test_exact_zeros_and_ones_are_counted(dragons, scores):
    zeros, ones = (scores == 0).sum(), (scores == 1).sum()
    with pytest.raises(ValueError, match=f"{zeros} equal to 0 and {ones} equal to 1"):
        BetaGLMMRegressor("bodyLength").fit(dragons, scores)


def test_the_named_column_is_the_response_of_its_formula(dragons):
    named = fit("testScore ~ bodyLength", dragons, dragons["testScore"], bounds=(0, 100))[0]
    plain = fit("bodyLength", dragons, dragons["testScore"].to_numpy(), bounds=(0, 100))[0]
    assert named.formula_ == plain.formula_
    assert named.log_likelihood_ == plain.log_likelihood_


def test_new_ranges_are_predicted_by_the_average(dragons, scores):
    model, _ = fit(RANGE_SLOPES, dragons, scores)
    rows = pd.DataFrame({"bodyLength": [180.0, 220.0], "mountainRange": "Newland"})
    assert_allclose(model.predict(rows), model.predict(rows, kind="marginal"))
