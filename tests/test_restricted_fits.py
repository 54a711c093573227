"""Fits by a restricted likelihood, against lme4, glmmTMB and lm."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.testing import assert_allclose, assert_array_equal

from skglmm.design import Term, learn
from skglmm.engine import Laplace, bind
from skglmm.exceptions import DesignError
from skglmm.families import Bernoulli, Beta, Gaussian, Poisson
from skglmm.fitting import Options, Study, fit, refit

CASES = json.loads((REFERENCE / "restricted.json").read_text(encoding="utf-8"))["fits"]
SUBJECT, ITEM = Term("1", ("subject",)), Term("1", ("item",))
MODELS = {
    "crossed": ("1 + x", "1", [Term("1 + x", ("subject",)), ITEM]),
    "aliased": ("1 + x + twice", "1", [SUBJECT]),
    "units": ("1 + far", "1", [SUBJECT]),
    "scale": ("1 + x", "1 + x", [SUBJECT]),
    "counts": ("1 + x", None, [SUBJECT, ITEM]),
    "no random effects": ("1 + x", "1", []),
}
REML = Laplace(integrated=(0,))


def data_of(name, rows=slice(None)):
    """Design, responses and family of a model, as restricted.R has them."""
    data = pd.read_csv(REFERENCE / "simulated_crossed.csv").iloc[rows]
    data["twice"], data["far"] = 2 * data["x"] + 1, 1e3 * data["x"] + 1e5
    mean, scale, terms = MODELS[name]
    y = data["y"].to_numpy()
    if scale is None:
        return learn(data, {"mean": mean}, terms)[1], np.floor(20 * y), Poisson()
    design = learn(data, {"mean": mean, "scale": scale}, terms)[1]
    return design, np.log(y / (1 - y)), Gaussian()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_fit_is_that_of_r(case):
    design, y, family = data_of(case["name"])
    found = fit(family, design, y, approximation=REML)
    kept = [j for j in range(len(found.beta[0])) if j not in found.aliased[0]]
    errors, sds = np.array(case["std_error"]), [np.linalg.norm(r, axis=1) for r in found.lambdas]
    assert found.converged
    assert_allclose(found.log_likelihood, case["log_likelihood"], atol=1e-6)
    assert_allclose(found.beta[0][kept] / errors, np.array(case["mean"]) / errors, atol=1e-4)
    assert_allclose(np.sqrt(np.diag(found.covariance)[kept]), errors, rtol=1e-5)
    assert_allclose(np.concatenate([[], *sds]), case["sds"], rtol=1e-5)


def test_rows_in_another_order_are_fitted_alike():
    design, y, family = data_of("crossed")
    order = np.random.default_rng(0).permutation(len(y))
    one = fit(family, design, y, approximation=REML)
    other = fit(family, design.take(order), y[order], approximation=REML)
    assert_allclose(other.log_likelihood, one.log_likelihood, rtol=1e-12)
    assert_allclose(other.beta[0], one.beta[0], rtol=1e-7)
    assert_allclose(other.covariance, one.covariance, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_a_column_change_the_likelihood_by_their_logarithm_alone(unit):
    design, y, family = data_of("scale", slice(0, 300))
    x = design.fixed[0] * np.array([1.0, unit])
    one = fit(family, design, y, approximation=REML)
    other = fit(family, replace(design, fixed=(x, design.fixed[1])), y, approximation=REML)
    assert_allclose(other.log_likelihood, one.log_likelihood - np.log(unit), rtol=1e-10)
    assert_allclose(other.beta[0] * [1.0, unit], one.beta[0], rtol=1e-7)
    assert_allclose(other.beta[1], one.beta[1], rtol=1e-7)


def test_shards_threads_and_rows_ahead_do_not_change_it(monkeypatch):
    design, y, family = data_of("crossed")
    one = fit(family, design, y, approximation=REML)
    monkeypatch.setattr("skglmm.fitting.study.bind", partial(bind, shard_rows=100))
    other = fit(family, design, y, approximation=REML, options=Options(n_threads=2))
    assert other.n_iterations != one.n_iterations
    assert_allclose(other.log_likelihood, one.log_likelihood, rtol=1e-12)
    assert_allclose(other.covariance, one.covariance, rtol=1e-4, atol=1e-9)


def test_a_refit_is_restricted_as_the_fit_was():
    design, y, family = data_of("scale", slice(0, 400))
    found = fit(family, design, y, approximation=REML)
    again = refit(Study.of(family, design, y), found, inference=True)
    assert again.integrated == found.integrated == (0,)
    assert_allclose(again.log_likelihood, found.log_likelihood, rtol=1e-12)
    assert_allclose(again.covariance, found.covariance, rtol=1e-4, atol=1e-9)


def test_all_parameters_count_and_fixed_effects_do_not_covary_with_the_others():
    design, y, family = data_of("aliased", slice(0, 400))
    found = fit(family, design, y, approximation=REML)
    assert found.n_params == 4  # two of the mean, the scale and a standard deviation
    assert_array_equal(found.covariance[:2, 3:], 0.0)
    assert_array_equal(found.covariance[2], 0.0)  # it was left out
    assert found.mode_jacobian[0].shape == (5, 1, 40)


def test_without_random_effects_and_parameters_nothing_is_searched_for():
    design, y, family = data_of("counts", slice(0, 200))
    alone = replace(design, layout=replace(design.layout, factors=()), codes=(), columns=())
    one, other = (fit(family, alone, y, approximation=each) for each in (REML, Laplace()))
    assert_allclose(one.beta[0], other.beta[0], rtol=1e-7)
    assert_allclose(one.covariance, other.covariance, rtol=1e-4)
    volume = np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(other.covariance)[1]
    assert_allclose(one.log_likelihood, other.log_likelihood + volume, rtol=1e-6)


def test_a_model_without_fixed_effects_has_the_same_estimates_as_ever():
    design, y, family = data_of("counts", slice(0, 200))
    design = replace(
        design,
        layout=replace(design.layout, coefficients=((),)),
        fixed=(np.zeros((200, 0)),),
    )
    one, other = (fit(family, design, y, approximation=each) for each in (REML, Laplace()))
    assert one.log_likelihood == other.log_likelihood


def test_separated_responses_have_no_restricted_likelihood():
    design, _, _ = data_of("counts", slice(0, 200))
    y = (design.fixed[0][:, 1] > 0.0) * 1.0
    with pytest.raises(DesignError, match=r"the mean cannot be integrated out .* reml=False"):
        fit(Bernoulli(), design, y, approximation=REML)


def test_what_has_a_ceiling_is_not_integrated_out():
    design, y, _ = data_of("scale", slice(0, 200))
    y = 1.0 / (1.0 + np.exp(-y))
    with pytest.raises(ValueError, match="of the scale, which has a limit, cannot be integrated"):
        fit(Beta(), design, y, approximation=Laplace(integrated=(1,)))
