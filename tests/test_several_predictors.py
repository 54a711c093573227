"""Answers averaged over effects of several linear predictors, against brute-force sums."""

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit, ndtri

from skglmm.design import Term, learn
from skglmm.families import Beta, ExtendedBeta, OrderedBeta, ZeroInflatedBeta, ZeroOneInflatedBeta
from skglmm.fitting import fit
from skglmm.inference import (
    Plan,
    deviance_residuals,
    log_density,
    mean_interval,
    part_probabilities,
    predict,
    predict_linear,
    predict_quantile,
    predictive_cdf,
    quantile_residuals,
    r_squared,
)
from skglmm.inference.distribution.between import Between
from skglmm.inference.distribution.predictive import PredictiveDistribution
from skglmm.inference.distribution.quantile import _Normals, _probabilities
from skglmm.inference.parameters.delta import linear_covariance, linear_variance
from skglmm.inference.prediction.averages import NormalShift, averages
from skglmm.inference.prediction.predict import linear_predictors, shift_covariance, shift_of
from skglmm.inference.prediction.sample import sample

NODES = 61  # a side, of the sums over three shifts
GRID = np.linspace(-6.0, 6.0, NODES)


def simulate(rng, n_groups=30, n_rows=20):
    frame = pd.DataFrame({"x": rng.normal(size=n_groups * n_rows)})
    frame["g"] = np.repeat(np.arange(n_groups), n_rows)
    b = rng.normal(0, [0.7, 0.5, 0.8], (n_groups, 3))[frame["g"]]
    mu, phi = expit(0.3 + 0.5 * frame["x"] + b[:, 0]), np.exp(2.0 + b[:, 1])
    y = rng.beta(mu * phi, (1 - mu) * phi).clip(1e-9, 1 - 1e-9)
    y[rng.random(len(y)) < expit(-1.0 + b[:, 2])] = 0.0
    return frame, y


@pytest.fixture(scope="module")
def study():
    """A zero-inflated model with effects in each predictor, made to be correlated."""
    frame, y = simulate(np.random.default_rng(0))
    fixed = {"mean": "1 + x", "precision": "1", "zero": "1"}
    terms = [Term("1", ("g",), predictor=each) for each in fixed]
    _, design = learn(frame, fixed, terms)
    result = fit(ZeroInflatedBeta(), design, y)
    root = result.lambdas[0] + np.array([[0, 0, 0], [0.2, 0, 0], [-0.3, 0.25, 0]])
    return replace(result, lambdas=(root,)), design, y


def brute(result, design, i, of):
    """Average a function of the three predictors of one row over the effects of a new group."""
    t = np.stack(np.meshgrid(GRID, GRID, GRID, indexing="ij")).reshape(3, -1)
    weights = np.exp(-0.5 * np.sum(t**2, axis=0))
    eta = [part[i] for part in linear_predictors(result, design, ())]
    shifted = [part + move for part, move in zip(eta, result.lambdas[0] @ t, strict=True)]
    return of(shifted) @ (weights / weights.sum())


def plan_of(result, kind, unseen="marginal"):
    return Plan.of(result.layout, kind, unseen)


def test_moments_and_masses_average_over_the_effects_of_every_predictor(study):
    result, design, _ = study
    rows, family, plan = design.take(np.arange(3)), result.family, plan_of(result, "marginal")
    found = predict(result, rows, plan, spread=True)
    masses = part_probabilities(result, rows, plan)
    assert_array_equal(predict(result, rows, plan).mean.round(7), found.mean.round(7))
    assert_allclose(masses.sum(axis=1), 1.0, rtol=1e-12)
    for i in range(3):
        mean = brute(result, rows, i, family.mean)
        square = brute(result, rows, i, lambda eta: family.variance(eta) + family.mean(eta) ** 2)
        zero = brute(result, rows, i, lambda eta: expit(eta[2]))
        # the nodes of the other predictors leave 1e-6
        assert_allclose(found.mean[i], mean, atol=1e-6)
        assert_allclose(found.std[i], np.sqrt(square - mean**2), atol=1e-6)
        assert_allclose(masses[i, 0], zero, atol=1e-6)


def test_probabilities_and_densities_average_over_the_effects_of_every_predictor(study):
    result, design, y = study
    rows, plan = design.take(np.arange(4)), plan_of(result, "marginal")
    family, known, here = result.family, replace(result, uncertainty=None), y[:4].copy()
    here[1] = 0.0
    below = predictive_cdf(known, rows, plan, here)
    density = log_density(known, rows, plan, here)
    for i in range(4):
        at = np.full(NODES**3, here[i])
        value = brute(result, rows, i, lambda eta, at=at: family.cdf(at, eta))
        assert_allclose(below[i], value, atol=2e-6)
        value = brute(
            result,
            rows,
            i,
            lambda eta, at=at: np.exp(family.log_density(family.prepare(at), eta).value),
        )
        assert_allclose(density[i], np.log(value), atol=1e-5)


@pytest.mark.parametrize("kind", ["conditional", pytest.param("marginal", marks=pytest.mark.slow)])
def test_quantiles_are_those_of_simulated_responses_and_reach_the_masses(study, kind):
    result, design, _ = study
    known = replace(result, uncertainty=None, posterior=_without_spread(result.posterior))
    rows, plan = design.take(np.array([0, 77])), plan_of(result, kind)
    copies = 1 if kind == "marginal" else 100  # whose rows of one draw share no new effects
    often = design.take(np.repeat([0, 77], copies))
    rng = np.random.default_rng(1)
    draws = sample(known, often, plan, 40_000 // copies, rng, new_effects=False).reshape(2, -1)
    q = np.array([0.02, 0.4, 0.5, 0.9])
    found = predict_quantile(known, rows, plan, q)
    assert np.all(found[:, 0] == 0.0)
    assert np.all(np.diff(found[:, 1:], axis=1) > 0.0)
    for j in range(1, 4):
        share = np.mean(draws <= found[:, j, None], axis=1)
        assert_allclose(share, q[j], atol=4 * np.sqrt(q[j] * (1 - q[j]) / 40_000))


def _without_spread(posterior):
    """Modes that count as known."""
    return replace(posterior, blocks=(np.zeros_like(posterior.own[0]),))


def test_quantiles_invert_the_probabilities(study):
    result, design, _ = study
    rows, plan = design.take(np.arange(0, 60, 7)), plan_of(result, "conditional")
    for q in (0.35, 0.8, 0.99):
        y = predict_quantile(result, rows, plan, [q])[:, 0]
        inside = y > 0.0
        assert_allclose(predictive_cdf(result, rows, plan, y)[inside], q, atol=2e-6)
        assert np.all(predictive_cdf(result, rows, plan, y)[~inside] >= q)


def test_many_rows_have_the_quantiles_of_few(study):
    result, design, _ = study
    plan, few = plan_of(result, "marginal"), np.arange(0, 200, 50)
    found = predict_quantile(result, design.take(np.arange(200)), plan, [0.9])[few]
    alone = predict_quantile(result, design.take(few), plan, [0.9])
    assert_allclose(found, alone, atol=2e-6)


def test_intervals_of_averages_follow_all_parameters(study):
    """The delta method of mean_interval against differences in every parameter."""
    result, design, _ = study
    result = replace(result, lambdas=(result.bases[0] @ _factor(result, result.theta[0]),))
    rows, plan = design.take(np.arange(2)), plan_of(result, "marginal")
    sizes = [len(part) for part in (*result.beta, *result.theta)]
    gradient = []
    for place in range(sum(sizes)):
        ends = [predict(_moved(result, place, step), rows, plan).mean for step in (1e-4, -1e-4)]
        gradient.append((ends[0] - ends[1]) / 2e-4)
    gradient = np.stack(gradient, axis=1)
    expected = np.sqrt(np.einsum("ip,pq,iq->i", gradient, result.covariance, gradient))
    found = mean_interval(result, rows, plan, 0.9)
    assert_allclose(found.se, expected, rtol=1e-5)
    assert np.all((found.lower < found.mean) & (found.mean < found.upper))


def _factor(result, theta):
    return result.layout.factors[0].covariance.factor(theta)


def _moved(result, place, step):
    """Return the fit with one parameter of (beta, theta) moved."""
    parts = [part.copy() for part in (*result.beta, *result.theta)]
    whole = np.concatenate(parts)
    whole[place] += step
    cut = np.split(whole, np.cumsum([len(part) for part in parts])[:-1])
    k = len(result.beta)
    root = result.bases[0] @ _factor(result, cut[k])
    return replace(result, beta=tuple(cut[:k]), theta=tuple(cut[k:]), lambdas=(root,))


def test_intervals_of_a_group_follow_every_predictor(study):
    result, design, _ = study
    rows, plan = design.take(np.arange(0, 600, 100)), plan_of(result, "conditional")
    eta = linear_predictors(result, rows, (0,))
    family, variance = result.family, np.zeros(6)
    slopes = {}
    for k in (0, 2):
        ends = [[*eta[:k], eta[k] + step, *eta[k + 1 :]] for step in (1e-5, -1e-5)]
        slopes[k] = (family.mean(ends[0]) - family.mean(ends[1])) / 2e-5
    for j, k in combinations_with_replacement((0, 2), 2):
        twice = 1 + (j != k)
        variance += twice * slopes[j] * slopes[k] * linear_covariance(result, rows, (0,), j, k)
    found = mean_interval(result, rows, plan, 0.95)
    assert_allclose(found.se, np.sqrt(variance), rtol=1e-5)
    half = ndtri(0.975) * found.se / (found.mean * (1.0 - found.mean))  # on the logit scale
    assert_allclose(found.lower, expit(logit(found.mean) - half), rtol=1e-9)
    assert_allclose(found.upper, expit(logit(found.mean) + half), rtol=1e-9)


def test_covariances_of_predictors_are_those_of_their_sum(study):
    """Var(a + b) = Var(a) + Var(b) + 2 Cov(a, b), with a predictor that is the sum."""
    result, design, _ = study
    rows, root = design.take(np.arange(0, 600, 50)), result.lambdas[0]
    plan = plan_of(result, "marginal")
    sigma = root @ root.T
    for j, k in combinations_with_replacement(range(3), 2):
        assert_allclose(shift_covariance(result, rows, plan, j, k), sigma[j, k], rtol=1e-12)
    correlated = linear_covariance(result, rows, (0,), 0, 2)
    assert_allclose(correlated, linear_covariance(result, rows, (0,), 2, 0), rtol=1e-10)
    bound = np.sqrt(linear_variance(result, rows, (0,), 0) * linear_variance(result, rows, (0,), 2))
    assert np.all(np.abs(correlated) < bound)


def test_unseen_levels_add_the_variance_of_each_predictor(study):
    result, design, _ = study
    rows = design.take(np.arange(2))
    new = replace(rows, codes=(np.full(2, -1),))
    sigma = result.lambdas[0] @ result.lambdas[0].T
    for k in range(3):
        seen = predict_linear(result, new, plan_of(result, "conditional", "fixed"), k)
        found = predict_linear(result, new, plan_of(result, "conditional"), k)
        assert_allclose(found.std**2 - seen.std**2, sigma[k, k], rtol=1e-10)


def test_explained_variance_averages_over_the_effects_of_every_predictor(study):
    result, design, _ = study
    rows = design.take(np.arange(2))
    family, means, within, between = result.family, [], [], []
    for i in range(2):
        mean = brute(result, rows, i, family.mean)
        means.append(mean)
        within.append(brute(result, rows, i, family.variance))
        between.append(brute(result, rows, i, lambda eta, m=mean: (family.mean(eta) - m) ** 2))
    found = r_squared(result, rows).response
    assert_allclose(found.residual, np.mean(within), rtol=1e-4)
    assert_allclose(found.random, np.mean(between), rtol=1e-4)
    assert_allclose(found.fixed, np.var(means), rtol=1e-3)


def test_residuals_of_the_true_model_are_standard_normal(study):
    result, design, y = study
    rng = np.random.default_rng(3)
    for kind in ("conditional", "marginal"):
        residual = quantile_residuals(result, design, y, plan_of(result, kind), rng)
        assert abs(residual.mean()) < 0.15
        assert 0.85 < residual.std() < 1.1
    signed = deviance_residuals(result, design, y, plan_of(result, "conditional"))
    assert np.all(np.isfinite(signed))
    assert np.all(signed[y == 0.0] < 0.0)
    probability = part_probabilities(result, design, plan_of(result, "conditional"))[:, 0]
    assert_allclose(signed[y == 0.0] ** 2, -2.0 * np.log(probability[y == 0.0]), rtol=1e-9)


@pytest.mark.parametrize(
    "family", [Beta(), ZeroInflatedBeta(), ZeroOneInflatedBeta(), OrderedBeta(), ExtendedBeta()]
)
def test_means_and_bounds_depend_on_the_predictors_that_say_so(family):
    rng = np.random.default_rng(4)
    eta = [np.array([value]) for value in rng.uniform(-1.5, 0.5, len(family.links))]
    here = family.mean(eta)
    moved = [
        k for k in range(len(eta)) if family.mean([*eta[:k], eta[k] + 0.1, *eta[k + 1 :]]) != here
    ]
    assert moved == list(family.mean_predictors)
    shares = family.part_probabilities(eta)
    moved = [
        k
        for k in range(len(eta))
        if np.any(family.part_probabilities([*eta[:k], eta[k] + 0.1, *eta[k + 1 :]]) != shares)
    ]
    assert moved == list(family.part_predictors)


def test_shifts_of_several_chunks_are_those_of_one():
    rng = np.random.default_rng(5)
    root = np.tril(rng.normal(size=(5, 3, 3)))
    root[1, 2] = 0.0  # a row whose last predictor does not move
    covariance = np.einsum("nij,nkj->nik", root, root)
    whole = NormalShift.of(lambda j, k: covariance[:, j, k], 5, (1, 2))
    parts = [
        NormalShift.of(lambda j, k, r=rows: covariance[r, j, k], len(covariance[rows]), (1, 2))
        for rows in (slice(0, 1), slice(1, 2), slice(2, 5))
    ]
    assert parts[1].others == (1,)
    again = NormalShift.concatenate(parts)
    assert_allclose(again.sd, whole.sd, rtol=1e-12)
    loadings = whole.loadings[:, [1, 2]]
    assert_allclose(loadings @ np.swapaxes(loadings, 1, 2), covariance[:, 1:, 1:], atol=1e-12)
    first = whole.loadings[:, 0]
    assert_allclose(np.sum(first**2, axis=1) + whole.sd**2, covariance[:, 0, 0], rtol=1e-12)
    assert_allclose(np.einsum("nj,nkj->nk", first, loadings), covariance[:, 0, 1:], atol=1e-12)
    assert whole.is_wide.all()


@pytest.mark.slow
def test_the_average_of_a_row_is_its_own_whatever_the_other_rows():
    rng = np.random.default_rng(8)
    roots = (
        np.tril(rng.normal(size=(6, 3, 3)))
        * np.array([0.0, 0.05, 0.3, 1.0, 4.0, 20.0])[:, None, None]
    )
    covariance = np.einsum("nij,nkj->nik", roots, roots)
    shift = NormalShift.of(lambda j, k: covariance[:, j, k], 6, (1, 2))
    eta = [np.full(6, each) for each in (0.3, -1.0, 2.0)]

    def products(part, _):
        return np.prod([expit(each) for each in np.broadcast_arrays(*part)], axis=0)[None]

    whole = averages(products, eta, shift)[0]
    for row in range(6):
        alone = averages(products, [each[[row]] for each in eta], shift.take(np.array([row])))
        assert_allclose(alone[0], whole[[row]], rtol=1e-13)


def test_averages_of_products_are_covariances():
    covariance = np.array([[0.5, 0.2, -0.1], [0.2, 0.3, 0.1], [-0.1, 0.1, 0.9]])
    shift = NormalShift.of(lambda j, k: np.full(2, covariance[j, k]), 2, (1, 2))
    eta = [np.array([0.3, -1.0]), np.zeros(2), np.array([2.0, 0.5])]

    def products(part, rows):
        moves = [each - eta[k][rows] for k, each in enumerate(part)]
        pairs = combinations_with_replacement(range(3), 2)
        return np.stack([moves[j] * moves[k] for j, k in pairs])

    found = averages(products, eta, shift)
    expected = [covariance[j, k] for j, k in combinations_with_replacement(range(3), 2)]
    assert_allclose(found, np.tile(expected, (2, 1)).T, atol=1e-5)  # tails beyond 5


def test_rows_of_unseen_levels_use_shifts_and_the_others_do_not(study):
    result, design, _ = study
    rows = replace(design.take(np.arange(2)), codes=(np.array([0, -1]),))
    shift = shift_of(result, rows, plan_of(result, "conditional"))
    assert_array_equal(shift.is_wide, [False, True])


@pytest.fixture(scope="module")
def inflated():
    """A zero-one-inflated model whose effects in the four predictors are independent."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=400), "g": np.repeat(np.arange(20), 20)})
    b = rng.normal(0, [0.7, 0.5, 0.8, 0.6], (20, 4))[frame["g"]]
    mu, phi = expit(0.3 + 0.5 * frame["x"] + b[:, 0]), np.exp(2.0 + b[:, 1])
    y = rng.beta(mu * phi, (1 - mu) * phi).clip(1e-9, 1 - 1e-9)
    odds = np.exp([-1.0, -1.5] + b[:, 2:])
    part, total = rng.random(400), 1.0 + odds.sum(axis=1)
    y = np.where(part < odds[:, 0] / total, 0.0, np.where(part > 1 - odds[:, 1] / total, 1.0, y))
    fixed = {"mean": "1 + x", "precision": "1", "zero": "1 + x", "one": "1"}
    terms = [Term("1", ("g",), predictor=each) for each in fixed]
    _, design = learn(frame, fixed, terms)
    return fit(ZeroOneInflatedBeta(), design, y), design


def whole(family):
    """The same family, which does not tell its interior."""

    class Whole(type(family)):
        interior = None

    return Whole()


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(True, id="estimates known", marks=pytest.mark.slow),
        pytest.param(False, id="estimates uncertain"),
    ],
)
def test_probabilities_of_unrelated_shifts_are_those_of_their_grid(inflated, known):
    result, design = inflated
    result = replace(result, uncertainty=None) if known else result
    rows, plan = design.take(np.arange(0, 7)), plan_of(result, "marginal")
    y = np.array([-0.1, 0.0, 1e-9, 0.3, 0.97, 1.0, 1.1])
    found = predictive_cdf(result, rows, plan, y)
    slow = predictive_cdf(replace(result, family=whole(result.family)), rows, plan, y)
    assert_allclose(found, slow, atol=1e-6)
    assert_array_equal(found[[0, 5, 6]], [0.0, 1.0, 1.0])


@pytest.mark.parametrize("kind", ["conditional", pytest.param("marginal", marks=pytest.mark.slow)])
def test_quantiles_of_unrelated_shifts_have_their_probabilities(inflated, kind):
    result, design = inflated
    rows, plan = design.take(np.array([3, 23])), plan_of(result, kind)
    masses = part_probabilities(replace(result, uncertainty=None), rows, plan)
    q = np.array([0.01, 0.5, 0.6, 0.99])
    found = predict_quantile(result, rows, plan, q)
    assert masses[:, 0].min() > 0.02
    assert masses[:, 2].min() > 0.02
    assert_array_equal(found[:, [0, 3]], [[0.0, 1.0], [0.0, 1.0]])
    slow = replace(result, family=whole(result.family))
    for j in (1, 2):
        assert_allclose(predictive_cdf(slow, rows, plan, found[:, j]), q[j], atol=2e-6)


def test_quantiles_of_many_rows_with_unrelated_shifts_are_those_of_few(inflated):
    result, design = inflated
    plan, some = plan_of(result, "marginal"), np.arange(0, 400, 57)
    many = predict_quantile(result, design, plan, [0.4, 0.7])[some]
    few = predict_quantile(result, design.take(some), plan, [0.4, 0.7])
    for j in (0, 1):
        between = (few[:, j] > 0.0) & (few[:, j] < 1.0)
        rows = design.take(some[between])
        found = [predictive_cdf(result, rows, plan, each[between, j]) for each in (many, few)]
        assert between.sum() > 3
        assert_allclose(*found, atol=1e-6)


@pytest.mark.parametrize(("place", "apart"), [((1, 0), True), ((2, 0), False), ((2, 1), False)])
def test_correlated_effects_of_one_part_only_leave_the_masses_apart(study, place, apart):
    result, design, _ = study
    root = np.diag(np.diag(result.lambdas[0]))
    root[place] = -0.4
    known = replace(result, lambdas=(root,), uncertainty=None)
    rows, plan = design.take(np.arange(2)), plan_of(result, "marginal")
    assert (_Normals.of(known, rows, plan).interior is not None) == apart
    below = predictive_cdf(known, rows, plan, np.array([0.2, 0.7]))
    for i, y in enumerate((0.2, 0.7)):
        at = np.full(NODES**3, y)
        value = brute(known, rows, i, lambda eta, at=at: result.family.cdf(at, eta))
        assert_allclose(below[i], value, atol=2e-6)


def related(sd, correlation, n=3):
    """Shifts of four predictors, all of them correlated."""
    rng = np.random.default_rng(4)
    root = rng.normal(size=(4, 4))
    full = root @ root.T
    full /= np.sqrt(np.outer(np.diag(full), np.diag(full)))
    covariance = sd**2 * ((1 - correlation) * np.eye(4) + correlation * full)
    return NormalShift.of(lambda j, k: np.full(n, covariance[j, k]), n, (1, 2, 3)), covariance


@pytest.mark.parametrize(("sd", "correlation"), [(0.4, 0.5), (0.6, 0.95)])
def test_shares_between_correlated_masses_give_the_probabilities_of_the_grid(sd, correlation):
    shift, _ = related(sd, correlation)
    eta = np.array([[-0.5, 0.0, 1.0], [2.0, 1.0, 3.0], [-1.5, -2.0, -1.0], [-2.5, -1.0, -2.0]])
    y = np.array([0.1, 0.5, 0.93])
    family = ZeroOneInflatedBeta()
    masses = _Normals(family, eta, shift).masses
    found, expected = (
        PredictiveDistribution.of(each, list(eta), shift, masses).cdf_and_density(y)
        for each in (family, whole(family))
    )
    assert_allclose(found[0], expected[0], atol=1e-6)
    assert_allclose(found[1], expected[1], rtol=1e-5)


def test_wide_correlated_masses_have_the_probabilities_of_draws():
    shift, covariance = related(2.5, 0.9, n=2)
    eta = np.array([[-0.5, 1.0], [2.0, 1.0], [-1.5, 0.5], [-2.5, 0.0]])
    y, family, rng = np.array([0.1, 0.8]), ZeroOneInflatedBeta(), np.random.default_rng(1)
    masses = _Normals(family, eta, shift).masses
    found = PredictiveDistribution.of(family, list(eta), shift, masses).cdf(y)
    moves = rng.multivariate_normal(np.zeros(4), covariance, 100_000)
    moves = np.concatenate([moves, -moves])
    for i in (0, 1):
        below = family.cdf(np.full(len(moves), y[i]), list(eta[:, i, None] + moves.T))
        assert abs(below.mean() - found[i]) < 4.0 * below.std() / np.sqrt(len(below))


def test_probabilities_of_correlated_shifts_end_at_zero_and_one():
    shift, _ = related(1.5, 0.9, n=9)
    bounds = np.linspace(-2.0, 1.0, 18).reshape(2, 9)
    eta = np.array([np.linspace(-3.0, 3.0, 9), np.ones(9), *bounds])
    normals = _Normals(ZeroOneInflatedBeta(), eta, shift)
    assert normals.interior is None
    for y, expected in ((-0.1, 0.0), (1.0, 1.0), (1.1, 1.0)):
        assert_array_equal(_probabilities(normals, np.full(9, y)), expected)
    assert_allclose(_probabilities(normals, np.zeros(9)), normals.masses[0], atol=1e-9)
    predictive = PredictiveDistribution.of(normals.family, list(eta), shift, normals.masses)
    assert_allclose(predictive.cdf(np.ones(9)), 1.0, atol=1e-6)
    assert (_probabilities(normals, np.full(9, 1.0 - 1e-16)) < 1.0 - normals.masses[1] + 1e-6).all()


def test_parted_shifts_are_the_same_shifts():
    shift, covariance = related(0.7, 0.8, n=1)
    inner, follow, left = shift.parted([0, 1])
    outer = follow[0] @ follow[0].T + left.covariance[0, 1:, 1:]
    assert_allclose(inner.covariance[0], covariance[:2, :2], atol=1e-12)
    assert_allclose(outer, covariance[2:, 2:], atol=1e-12)
    root = inner.root[0]
    assert_allclose(follow[0] @ root.T, covariance[2:, :2], atol=1e-12)


@pytest.mark.parametrize("sd", [0.1, 1.0, 4.0])
def test_shares_follow_one_number(sd):
    covariance = np.zeros((3, 3))
    covariance[0, 0], covariance[2, 2], covariance[0, 2] = 1.0, sd**2, 0.999 * sd
    shift = NormalShift.of(lambda j, k: covariance[j, k][None], 1, (1, 2))
    eta = [np.array([0.3]), np.array([1.0]), np.array([-1.0])]
    share = Between.of(ZeroInflatedBeta(), eta, shift).shares[0]
    t, nodes = np.linspace(-5.0, 5.0, 21), np.linspace(-8.0, 8.0, 4001)
    weights = np.exp(-0.5 * nodes**2)
    left = sd * np.sqrt(1 - 0.999**2)
    exact = expit(1.0 - 0.999 * sd * t[:, None] - left * nodes) @ weights / weights.sum()
    assert_allclose(share.at(t[None])[0], exact, atol=2e-6)


def test_masses_that_move_far_more_than_the_mean_are_averaged_finely():
    covariance = np.zeros((3, 3))
    covariance[0, 0], covariance[2, 2] = 0.05**2, 6.0**2
    covariance[0, 2] = covariance[2, 0] = 0.9999 * 0.05 * 6.0
    shift = NormalShift.of(lambda j, k: covariance[j, k][None], 1, (1, 2))
    eta, y, family = np.array([[0.3], [1.0], [-1.0]]), np.array([0.4]), ZeroInflatedBeta()
    masses = _Normals(family, eta, shift).masses
    found = PredictiveDistribution.of(family, list(eta), shift, masses).cdf(y)
    t, u = np.linspace(-8.0, 8.0, 4001)[:, None], np.linspace(-8.0, 8.0, 201)
    weights = np.exp(-0.5 * t**2) * np.exp(-0.5 * u**2)
    left = 6.0 * np.sqrt(1.0 - 0.9999**2)
    zero = expit(-1.0 + 0.9999 * 6.0 * t + left * u)
    inner = Beta().cdf(np.full(len(t), 0.4), [0.3 + 0.05 * t[:, 0], np.full(len(t), 1.0)])
    exact = np.sum(weights * (zero + (1.0 - zero) * inner[:, None])) / weights.sum()
    assert_allclose(found, exact, atol=2e-6)
