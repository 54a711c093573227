"""glmmTMB's fits of responses with exact zeros and ones, through the estimators.

Tolerances: a log likelihood 1e-4 lower, coefficients 1e-3 standard errors, standard errors and
standard deviations 1e-3 of themselves.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import logit

from skglmm import OrderedBetaGLMMRegressor, ZeroInflatedBetaGLMMRegressor

REFERENCE = Path(__file__).parent / "reference"
ANSWERS = json.loads((REFERENCE / "boundary.json").read_text())
DATA = pd.read_csv(REFERENCE / "simulated_boundary.csv")

MIXED = "x + (1 | g)"
MODELS = {
    "zero-covariate": (MIXED, {"zero": "x"}),
    "zero-intercepts": ("x", {"zero": MIXED}),
    "zero-and-mean-intercepts": (MIXED, {"zero": MIXED}),
    "zero-slopes": (MIXED, {"zero": "x + (x | g)"}),
    "zero-precision": ("x + (x | g)", {"zero": "x", "precision": "x"}),
    "zero-probit": (MIXED, {"zero": "x", "link": "probit"}),
    "zero-weights": (MIXED, {"zero": "x"}),
    "ordered-intercepts": (MIXED, {}),
    "ordered-slopes": ("x + (x | g)", {}),
    "ordered-precision": (MIXED, {"precision": "x"}),
    "ordered-weights": (MIXED, {}),
}


@pytest.fixture(scope="module", params=MODELS)
def pair(request):
    """A fit and glmmTMB's answers."""
    formula, params = MODELS[request.param]
    kind, response = (
        (ZeroInflatedBetaGLMMRegressor, "zeros")
        if request.param.startswith("zero")
        else (OrderedBetaGLMMRegressor, "both")
    )
    weights = DATA["w"] if request.param.endswith("weights") else None
    model = kind(formula, **params).fit(DATA[["x", "g"]], DATA[response], weights)
    return model, ANSWERS[request.param]


def test_the_log_likelihood_is_glmmtmb_s(pair):
    model, answer = pair
    assert answer["convergence"] == 0
    assert_allclose(model.log_likelihood_, answer["log_likelihood"], rtol=0, atol=1e-4)


def test_coefficients_and_their_errors_are_glmmtmb_s(pair):
    model, answer = pair
    tables = model.summary().coefficients
    names = {"mean": "cond", "zero": "zi", "precision": "disp"}
    for table in tables:
        part = names.get(table.predictor)
        if part not in answer["coefficients"]:
            continue
        expected = list(answer["coefficients"][part].values())
        errors = np.array(list(answer["std_errors"][part].values()))
        assert np.all(np.abs(table.estimate - expected) < 1e-3 * errors)
        assert_allclose(table.std_error, errors, rtol=1e-3)
    assert_allclose(model.precision_coef_, answer["log_precision"], atol=1e-4)


def test_standard_deviations_and_cut_points_are_glmmtmb_s(pair):
    model, answer = pair
    expected = [
        sd
        for part in ("cond", "zi")
        for block in (answer["random"][part] or {}).values()
        for sd in np.atleast_1d(block["sd"])
    ]
    assert_allclose(model.variance_components()["sd"], expected, rtol=1e-3)
    if answer["psi"]:
        assert_allclose(model.cut_points_, answer["psi"], atol=1e-3)  # of errors of about 0.1


@pytest.mark.parametrize("name", ["dragons-ordered-beta", "dragons-zero-inflated"])
def test_the_dragons_are_glmmtmb_s(name, reference_fit, reference_data):
    answer, frame = reference_fit(name), reference_data("dragons")
    kind = OrderedBetaGLMMRegressor
    if name == "dragons-zero-inflated":
        kind, frame = ZeroInflatedBetaGLMMRegressor, frame[frame["testScore"] < 100]
    y = frame["testScore"] / 100
    model = kind("bodyLength_z + (1 | mountainRange)").fit(frame, y)
    assert_allclose(model.log_likelihood_, answer["log_likelihood"], rtol=0, atol=1e-4)
    found = np.array([model.intercept_, *model.coef_])
    errors = np.array(answer["conditional"]["std_error"])
    assert np.all(np.abs(found - answer["conditional"]["estimate"]) < 1e-3 * errors)
    assert_allclose(model.summary().coefficients[0].std_error, errors, rtol=1e-3)
    assert_allclose(np.exp(model.precision_coef_), answer["sigma"], rtol=1e-3)
    sd = answer["random_effects"]["mountainRange"]["sd"]
    assert_allclose(model.variance_components()["sd"], sd, rtol=1e-3)
    if name == "dragons-zero-inflated":
        zero = answer["zero_inflation"]
        assert_allclose(model.zero_coef_, zero["estimate"], atol=1e-3 * zero["std_error"])
    else:
        cuts = answer["family_parameters"]
        expected = logit([cuts["lower cutoff"], cuts["upper cutoff"]])
        assert_allclose(model.cut_points_, expected, atol=1e-3)
