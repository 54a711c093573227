"""Betas with probabilities of 0 and 1: formulas, glmmTMB's fits, and data that touch the bounds."""

import numpy as np
import pytest
from family_cases import TWO_PART, evaluate, name, point
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.special import expit, logit
from scipy.stats import beta as scipy_beta

from skglmm.covariance import Unstructured
from skglmm.families import (
    LINKS,
    Identity,
    Log,
    Logit,
    OneInflatedBeta,
    OrderedBeta,
    ZeroInflatedBeta,
    ZeroOneInflatedBeta,
)
from skglmm.fitting import fit

boundary = pytest.mark.parametrize("family", TWO_PART, ids=name)


def constant(*values):
    return tuple(np.array([each]) for each in values)


# Formulas


def shares(family, eta):
    """P(0) and P(1) as the papers write them."""
    mean, _, *others = eta
    odds = np.exp(others)
    if isinstance(family, ZeroInflatedBeta):
        return odds[0] / (1 + odds[0]), 0.0
    if isinstance(family, OneInflatedBeta):
        return 0.0, odds[0] / (1 + odds[0])
    if isinstance(family, ZeroOneInflatedBeta):
        return odds / (1 + odds.sum())
    lower, upper = others[0], others[0] + np.exp(others[1])
    return 1 - expit(mean - lower), expit(mean - upper)


@boundary
def test_the_density_is_that_of_the_papers(family):
    rng = np.random.default_rng(5)
    for _ in range(40):
        eta = rng.normal([0.0, 2.0, -1.0, -0.5][: len(family.links)], 1.0)
        low, high = shares(family, eta)
        mu, phi = expit(eta[0]), np.exp(eta[1])
        y = np.array([*family.masses, 0.02, 0.4, 0.97])
        inner = (1 - low - high) * scipy_beta.pdf(y, mu * phi, (1 - mu) * phi)
        expected = np.where(y == 0.0, low, np.where(y == 1.0, high, inner))
        found = evaluate(family, y, constant(*eta), 0).value
        assert_allclose(np.exp(found), expected, rtol=1e-11)


def test_without_a_gap_the_ordered_beta_is_a_logistic_regression():
    """With the cut points together the interior vanishes, and P(1) is that of a binary response."""
    eta = constant(0.7, 1.0, 0.2, -20.0)
    low, inner, high = OrderedBeta().part_probabilities(eta).ravel()
    assert_allclose([low, high], [expit(-0.5), expit(0.5)], rtol=1e-8)
    assert_allclose(inner, expit(0.5) * expit(-0.5) * np.exp(-20.0), rtol=1e-8)


@pytest.mark.parametrize("link", LINKS.values(), ids=lambda link: link.name)
def test_the_cut_points_of_an_ordered_beta_do_not_know_the_link_of_the_mean(link):
    eta = constant(0.4, 1.0, -1.0, 0.8)
    plain = OrderedBeta().part_probabilities(eta)
    family = OrderedBeta(links=(link, Log(), Identity(), Log()))
    assert_allclose(family.part_probabilities(eta), plain, rtol=1e-14)
    y = np.array([0.0, 0.3, 1.0])
    full = [np.full(3, each[0]) for each in eta]
    score, h = evaluate(family, y, full, 1).grad[0], 1e-5
    ends = [evaluate(family, y, [full[0] + s * h, *full[1:]], 0).value for s in (-1, 1)]
    assert_allclose(score, (ends[1] - ends[0]) / (2 * h), rtol=1e-7)


def test_rare_bounds_keep_their_digits():
    eta = constant(0.0, 1.0, -28.0, -29.0)
    low, inner, high = ZeroOneInflatedBeta().part_probabilities(eta).ravel()
    assert_allclose([low, high], np.exp([-28.0, -29.0]), rtol=1e-11)
    assert_allclose(inner, 1.0, rtol=1e-11)
    common = constant(0.0, 1.0, 28.0)
    assert_allclose(ZeroInflatedBeta().part_probabilities(common)[1], np.exp(-28.0), rtol=1e-11)
    cut = constant(0.0, 1.0, -28.0, np.log(57.0))
    low, _, high = OrderedBeta().part_probabilities(cut).ravel()
    assert_allclose([low, high], np.exp([-28.0, -29.0]), rtol=1e-11)


# glmmTMB


def fitted(family, data, y):
    one = np.ones(len(y))
    term = Term("mountainRange", data["mountainRange"].to_numpy(), (one,), Unstructured(1))
    columns = [one, data["bodyLength_z"].to_numpy()]
    fixed = [columns, *([one] for _ in family.links[1:])]
    return fit(family, design(fixed, term), y)


@pytest.mark.parametrize(
    ("family", "name"),
    [(OrderedBeta(), "dragons-ordered-beta"), (ZeroInflatedBeta(), "dragons-zero-inflated")],
    ids=["ordered", "zero-inflated"],
)
def test_it_equals_glmmtmb(reference_fit, reference_data, family, name):
    theirs, data = reference_fit(name), reference_data(name)
    y = data["testScore"].to_numpy() / 100
    if name == "dragons-zero-inflated":
        data, y = data[y < 1], y[y < 1]
    found = fitted(family, data, y)
    assert found.converged
    assert_allclose(found.log_likelihood, theirs["log_likelihood"], atol=1e-4)
    table = theirs["conditional"]
    away = (found.beta[0] - table["estimate"]) / np.array(table["std_error"])
    assert_allclose(away, 0.0, atol=1e-3)
    assert_allclose(np.sqrt(np.diag(found.covariance))[:2], table["std_error"], rtol=5e-3)
    assert_allclose(np.exp(found.beta[1][0]), theirs["sigma"], rtol=1e-5)
    spread = theirs["random_effects"]["mountainRange"]["sd"]
    assert_allclose(abs(found.lambdas[0][0, 0]), spread, rtol=1e-4)
    if name == "dragons-ordered-beta":
        lower, gap = found.beta[2][0], np.exp(found.beta[3][0])
        cuts = theirs["family_parameters"]
        expected = [cuts["lower cutoff"], cuts["upper cutoff"]]
        assert_allclose(expit([lower, lower + gap]), expected, rtol=1e-5)
    else:
        table = theirs["zero_inflation"]
        distance = (found.beta[2] - table["estimate"]) / table["std_error"]
        assert_allclose(distance, 0.0, atol=1e-3)


# Data that touch the bounds


def touching(family, share, n=400):
    """Responses of which a share lies on the masses of the family, and a covariate."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=n)
    y = Logit().inverse(rng.normal(0.3 * x, 0.5)).value
    at = rng.permutation(n)[: int(share * n)]
    y[at] = np.resize(family.masses, len(at))
    return x, y


@boundary
def test_the_start_of_the_bounds_is_their_share(family):
    _, y = touching(family, 0.3)
    start = constant(*family.start(y))
    observed = [np.mean(y == 0.0), np.mean((y > 0.0) & (y < 1.0)), np.mean(y == 1.0)]
    assert_allclose(family.part_probabilities(start).ravel(), observed, atol=0.003)
    assert_allclose(family.mean(start)[0], y.mean(), atol=0.003)


@boundary
@pytest.mark.parametrize("share", [0.0, 0.93, 1.0])
def test_the_start_is_finite_however_many_responses_are_on_the_bounds(family, share):
    _, y = touching(family, share)
    start = family.start(y)
    density = evaluate(family, y, constant(*start), 3)
    assert all(np.isfinite(part).all() for part in (start, *density))
    assert (start < family.ceilings).all()


@boundary
def test_the_start_counts_weights(family):
    _, y = touching(family, 0.3, n=40)
    weights = np.resize([0.0, 1.0, 2.0], 40)
    assert_allclose(family.start(y, weights), family.start(np.repeat(y, weights.astype(int))))
    assert np.isfinite(family.start(y, (y > 0.0) & (y < 1.0) & False)).all()


@boundary
@pytest.mark.parametrize("share", [0.3, 0.93])
def test_a_fit_reproduces_the_shares_of_the_bounds(family, share):
    x, y = touching(family, share)
    one = np.ones(len(y))
    found = fit(family, design([[one, x], *([one] for _ in family.links[1:])]), y)
    assert found.converged
    assert np.isfinite(np.sqrt(np.diag(found.covariance))).all()
    eta = (found.beta[0][0] + found.beta[0][1] * x, *(each[:1] for each in found.beta[1:]))
    fitted_shares = family.part_probabilities(eta).mean(axis=1)
    observed = [np.mean(y == 0.0), np.mean((y > 0.0) & (y < 1.0)), np.mean(y == 1.0)]
    tolerance = 0.02 if isinstance(family, OrderedBeta) else 1e-5  # of logits: score equations
    assert_allclose(fitted_shares, observed, atol=tolerance)


def test_zeros_leave_the_beta_between_the_bounds_alone():
    """The likelihood is a product, so mean and precision are those of the interior rows."""
    x, y = touching(ZeroInflatedBeta(), 0.4)
    one = np.ones(len(y))
    whole = fit(ZeroInflatedBeta(), design([[one, x], [one], [one]]), y)
    keep = y > 0.0
    inner = fit(ZeroInflatedBeta().inner, design([[one[keep], x[keep]], [one[keep]]]), y[keep])
    assert_allclose(whole.beta[0], inner.beta[0], atol=1e-6)
    assert_allclose(whole.beta[1], inner.beta[1], atol=1e-6)
    assert_allclose(whole.beta[2], logit(0.4), atol=1e-6)


@boundary
def test_groups_on_the_bounds_alone_have_finite_modes(family):
    x, y = touching(family, 0.3)
    g = np.repeat(np.arange(20), 20)
    y[g < 3] = np.resize(family.masses, 60)
    one = np.ones(len(y))
    term = Term("g", g, (one,), Unstructured(1))
    found = fit(family, design([[one, x], *([one] for _ in family.links[1:])], term), y)
    assert np.isfinite(found.log_likelihood)
    assert np.isfinite(found.modes(0)).all()


@boundary
def test_draws_touch_exactly_the_bounds_that_have_a_mass(family):
    eta = point(family, np.zeros(4000), np.full(4000, 1.0))
    draws = family.sample(eta, np.random.default_rng(3))
    assert set(draws[(draws == 0.0) | (draws == 1.0)]) == set(family.masses)
