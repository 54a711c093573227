"""Fits of families without bounds, against glmmTMB: the engine knows none of them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.testing import assert_allclose

from skglmm.design import Term, learn
from skglmm.families import Bernoulli, Gaussian, Poisson
from skglmm.fitting import fit

FAMILIES = {"gaussian": Gaussian(), "poisson": Poisson(), "binomial": Bernoulli()}
CASES = json.loads((REFERENCE / "families.json").read_text(encoding="utf-8"))["fits"]
TERMS = [Term("1 + x", ("subject",)), Term("1", ("item",))]


def responses(name):
    """The responses of families.R."""
    data = pd.read_csv(REFERENCE / "simulated_crossed.csv")
    y = data["y"].to_numpy()
    made = {"logit": np.log(y / (1 - y)), "count": np.floor(20 * y), "event": (y > 0.5) * 1.0}
    return data, made[name]


def linked(family, link):
    """The family with a link of its first parameter by name."""
    (found,) = (each for each in family.parameters[0].links if each.name == link)
    return replace(family, links=(found, *family.links[1:]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['family']}-{case['link']}")
def test_a_fit_is_that_of_glmmtmb(case):
    data, y = responses(case["response"])
    family = linked(FAMILIES[case["family"]], case["link"])
    fixed = dict.fromkeys(family.predictors, "1") | {"mean": "1 + x"}
    _, design = learn(data, fixed, TERMS)
    found = fit(family, design, y)
    assert found.converged
    assert_allclose(found.log_likelihood, case["log_likelihood"], atol=1e-6)
    errors = np.array(case["std_error"])
    assert_allclose(found.beta[0] / errors, np.array(case["mean"]) / errors, atol=1e-4)
    assert_allclose(np.sqrt(np.diag(found.covariance)[:2]), errors, rtol=1e-4)
