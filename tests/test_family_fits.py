"""Fits of families without bounds, against glmmTMB: the engine knows none of them."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skglmm.design import Term, learn
from skglmm.families import Bernoulli, Gaussian, Hurdle, Poisson, Truncated, ZeroInflated
from skglmm.fitting import fit

REFERENCE = Path(__file__).with_name("reference")
FAMILIES = {"gaussian": Gaussian(), "poisson": Poisson(), "binomial": Bernoulli()}
COMBINED = {"inflated": ZeroInflated, "hurdle": Hurdle, "truncated": Truncated}
ANSWERS = json.loads((REFERENCE / "families.json").read_text(encoding="utf-8"))
CASES, ZEROS = ANSWERS["fits"], ANSWERS["zeros"]
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
    return family.with_link(found)


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


def split(case, predictor):
    """The fixed part of one of R's formulas, and its random-effects terms."""
    text = case[f"{predictor}_formula"]
    terms = re.findall(r"\((.+?) \| (\w+)\)", text)
    fixed = re.sub(r" \+ \(.*", "", text.removeprefix("~ "))
    return fixed, [Term(effects, (group,), predictor=predictor) for effects, group in terms]


@pytest.mark.parametrize(
    "case", ZEROS, ids=lambda c: f"{c['kind']}{c['mean_formula']}{c['zero_formula']}"
)
def test_counts_with_zeros_of_another_kind_are_those_of_glmmtmb(case):
    data, family = (
        pd.read_csv(REFERENCE / "simulated_counts.csv"),
        COMBINED[case["kind"]](Poisson()),
    )
    data = data[data["count"] >= family.support.low]
    parts = {name: split(case, name) for name in family.predictors}
    fixed = {name: part[0] for name, part in parts.items()}
    _, design = learn(data, fixed, [term for part in parts.values() for term in part[1]])
    found = fit(family, design, data["count"].to_numpy(dtype=float))
    assert found.converged
    assert_allclose(found.log_likelihood, case["log_likelihood"], atol=1e-6)
    estimates, errors = (
        np.concatenate([case[name][what] for name in family.predictors])
        for what in ("estimate", "std_error")
    )
    assert_allclose((np.concatenate(found.beta) - estimates) / errors, 0.0, atol=1e-4)
    assert_allclose(np.sqrt(np.diag(found.covariance)[: len(errors)]), errors, rtol=1e-4)
