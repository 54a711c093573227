"""Adaptive Gauss-Hermite quadrature: integrals, exact gradients, and fits as lme4 makes them."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import Bent, Gaussian, Term, design
from scipy.integrate import quad
from scipy.stats import norm

from skglmm import inference as infer
from skglmm.covariance import CompoundSymmetry, Diagonal, Unstructured
from skglmm.covariance.reparametrized import Rotated
from skglmm.design import Term as RandomTerm
from skglmm.design import learn
from skglmm.engine import AdaptiveQuadrature, Laplace, Params, bind, third_slopes
from skglmm.engine.objective.nodes import product_rule
from skglmm.exceptions import DesignError
from skglmm.families import Bernoulli, Beta, Poisson
from skglmm.fitting import Study, fit, local, refit
from skglmm.inference import Plan
from skglmm.inference.diagnosis.influence import influences
from skglmm.inference.uncertainty.axis import axes
from skglmm.inference.uncertainty.profile import profile_intervals, profiles
from skglmm.inference.uncertainty.simulate import unweighted
from skglmm.parts import Here

REFERENCE = Path(__file__).parent / "reference"
N = 240
RNG = np.random.default_rng(20)
ONE, X, Z = np.ones(N), RNG.normal(size=N), RNG.normal(size=N)
G, WEIGHTS = RNG.integers(0, 20, N), RNG.uniform(0.5, 2.0, N)
RESPONSES = {
    "bernoulli": (Bernoulli(), (RNG.random(N) < 0.5) * 1.0),
    "poisson": (Poisson(), RNG.poisson(2.0, N) * 1.0),
    "beta": (Beta(), RNG.beta(2.0, 2.0, N)),
    "bent": (Bent(links=()), RNG.normal(0.5 * X, 1.0)),
}
FIXED = {"beta": ([ONE, X], [ONE, Z]), "bent": ([ONE, X], [ONE], [ONE, Z])}
TERMS = {
    "intercept": Term("g", G, (ONE,), Unstructured(1)),
    "slope": Term("g", G, (ONE, X), Unstructured(2)),
    "independent": Term("g", G, (ONE, X), Diagonal(2)),
    "three": Term("g", G, (ONE, X, Z), Unstructured(3)),
    "symmetric": Term("g", G, (ONE, X, Z), CompoundSymmetry(3)),
    "both predictors": Term("g", G, (ONE, X), Unstructured(2), predictors=(0, 1)),
    "one twice": Term("g", G, (ONE, X, Z), Unstructured(3), predictors=(0, 1, 0)),
    "all predictors": Term("g", G, (ONE, X, Z), Unstructured(3), predictors=(0, 2, 1)),
}
CASES = [
    *((name, term) for name in ("bernoulli", "poisson") for term in list(TERMS)[:5]),
    *(("beta", term) for term in ("slope", "both predictors", "one twice")),
    ("bent", "all predictors"),
]


def problem_of(response, term, n_points, *, weights=WEIGHTS, shard_rows=10**6):
    """A problem and a point away from its optimum."""
    family, y = RESPONSES[response]
    whole = design(FIXED.get(response, ([ONE, X],)), TERMS[term], offset=0.3 * Z)
    problem = bind(whole, y, weights, family, shard_rows)
    problem = problem.approximated(AdaptiveQuadrature(n_points), whole.layout)
    rng = np.random.default_rng(1)
    beta = rng.normal(0, 0.3, problem.shape.n_beta)
    return problem, np.concatenate([beta, rng.normal(0.3, 0.6, sum(problem.shape.n_theta))])


def differences(problem, vector, h=1e-5):
    ends = (
        (problem.evaluate(vector + e), problem.evaluate(vector - e))
        for e in h * np.eye(len(vector))
    )
    return np.array([(one.value - other.value) / (2 * h) for one, other in ends])


TURNED = {
    "the second first": Rotated.beginning_with(np.array([[1.0, 0.3], [0.0, 2.0]]), [1]),
    "angled": Rotated.beginning_with(np.array([[1.0, 0.3], [-0.4, 2.0]]), [1, 0]),
    "three": Rotated.beginning_with(RNG.normal(size=(3, 3)), [2, 0]),
}


@pytest.mark.parametrize("name", TURNED)
def test_it_is_one_of_the_covariance_whatever_its_root(name):
    turned = TURNED[name]
    problem, vector = problem_of("bernoulli", "three" if name == "three" else "slope", 3)
    beta, theta = vector[:2], vector[2:]
    root = problem.covariances[0].factor(theta)
    other = replace(problem, covariances=(turned,))
    there = np.concatenate([beta, turned.of_factor(root)])
    assert_allclose(other.evaluate(there).value, problem.evaluate(vector).value, rtol=1e-13)
    found = other.evaluate(there).gradient
    assert_allclose(found, differences(other, there), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("n_points", [2, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_gradient_matches_differences(case, n_points):
    problem, vector = problem_of(*case, n_points)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("setting", [{"weights": None}, {"shard_rows": 50}])
def test_the_gradient_matches_differences_without_weights_and_in_shards(setting):
    problem, vector = problem_of("bernoulli", "slope", 4, **setting)
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), rtol=1e-7, atol=1e-6)


def test_zero_variances_are_ordinary_points():
    problem, vector = problem_of("poisson", "slope", 5)
    vector[2:] = 0.0
    found = problem.evaluate(vector).gradient
    assert_allclose(found, differences(problem, vector), atol=1e-6)
    assert_allclose(found[2:], 0.0, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_one_point_is_laplace(case):
    problem, vector = problem_of(*case, 1)
    found = problem.evaluate(vector)
    laplace = replace(problem, approximation=Laplace()).evaluate(vector)
    assert_allclose(found.value, laplace.value, rtol=1e-12)
    assert_allclose(found.gradient, laplace.gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n_points", [1, 2, 9])
def test_it_is_exact_for_a_normal_response(n_points):
    y = np.random.default_rng(2).normal(0.5 * X, 1.0)
    whole = design(([ONE, X], [ONE]), TERMS["three"])
    exact = bind(whole, y, None, Gaussian(links=()))
    vector = np.array([0.1, 0.3, 0.2, 0.7, 0.1, 0.5, -0.2, 0.3, 0.4])
    found = exact.approximated(AdaptiveQuadrature(n_points), whole.layout).evaluate(vector)
    assert_allclose(found.value, exact.evaluate(vector).value, rtol=1e-13)
    assert_allclose(found.gradient, exact.evaluate(vector).gradient, rtol=1e-9, atol=1e-10)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", ["bernoulli", "poisson"])
def test_the_likelihood_is_the_product_of_integrals_over_levels(response):
    problem, vector = problem_of(response, "intercept", 25, weights=None)
    family, y = RESPONSES[response]
    beta, sd, total = vector[:2], vector[2], 0.0
    for level in range(20):
        rows = level == G
        eta, prepared = beta[0] + beta[1] * X[rows] + 0.3 * Z[rows], family.prepare(y[rows])

        def joint(u, eta=eta, prepared=prepared):
            value = family.log_density(prepared, [eta + sd * u]).value.sum()
            return np.exp(value + len(eta) - 0.5 * u * u)  # not too small

        area = quad(joint, -12, 12, epsabs=0.0, epsrel=1e-12, limit=500)[0]
        total += np.log(area) - len(eta) - 0.5 * np.log(2 * np.pi)
    assert_allclose(-problem.evaluate(vector).value, total, atol=1e-8)


@pytest.mark.parametrize("response", ["bernoulli", "beta"])
def test_two_effects_are_integrated_over_a_plane(response):
    problem, vector = problem_of(response, "both predictors" if response == "beta" else "slope", 25)
    params = Params.unpack(vector, problem.shape)
    root, step = problem.covariances[0].factor(params.theta[0]), 0.25
    u = step * np.stack(np.meshgrid(*[np.arange(-32, 33)] * 2)).reshape(2, -1)
    (shard,) = problem.shards
    heights = -0.5 * np.sum(u**2, axis=0) + np.zeros((20, 1))
    for place, each in enumerate(u.T):
        eta = shard.predictors(params.beta, [np.repeat((root @ each)[:, None], 20, axis=1)])
        value = shard.log_density(problem.family, eta, 0)[0]
        heights[:, place] += shard.factors[0].grouping.sum(value)
    exact = np.logaddexp.reduce(heights, axis=1) + 2 * np.log(step) - np.log(2 * np.pi)
    assert_allclose(-problem.evaluate(vector).value, exact.sum(), atol=1e-5)


@pytest.mark.parametrize("n_points", [1, 2, 7, 25, 64, 100, 300])
def test_a_rule_is_exact_for_polynomials(n_points):
    points, heights = product_rule(n_points, 1)
    weights = np.exp(heights - 0.5 * points[:, 0] ** 2)
    assert len(weights) == n_points
    expected = 1.0
    for power in range(0, min(2 * n_points, 12), 2):
        assert_allclose(weights @ points[:, 0] ** power, expected, rtol=1e-11)
        expected *= power + 1


def test_levels_without_rows_add_nothing():
    family, y = RESPONSES["bernoulli"]
    term = replace(TERMS["slope"], codes=G)
    whole = design(([ONE, X],), term)
    factor = whole.layout.factors[0]
    wider = replace(factor, labels=np.append(factor.labels, ["more", "and more"]))
    values = []
    for each in (factor, wider):
        layout = replace(whole.layout, factors=(each,))
        problem = bind(replace(whole, layout=layout), y, None, family, 60)
        problem = problem.approximated(AdaptiveQuadrature(5), layout)
        values.append(problem.evaluate(np.array([0.1, 0.2, 0.6, 0.1, 0.5])))
    assert_allclose(values[0].value, values[1].value, rtol=1e-13)
    assert_allclose(values[0].gradient, values[1].gradient, rtol=1e-11, atol=1e-12)


def test_columns_of_a_root_may_change_their_signs():
    problem, vector = problem_of("bernoulli", "slope", 3)
    turned = np.concatenate([vector[:2], vector[2:] * [-1.0, -1.0, 1.0]])
    assert_allclose(problem.evaluate(turned).value, problem.evaluate(vector).value, rtol=1e-13)


# --- derivatives beside the gradient --------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_gradients_nearby_give_the_hessian(case):
    problem, vector = problem_of(*case, 3)
    here, h = problem.evaluate(vector), 1e-6
    slopes = third_slopes(problem, here.mode.point)
    base = problem.gradient_near(here, np.zeros(len(vector)), slopes)
    assert_allclose(base, here.gradient, rtol=1e-7, atol=1e-7)
    for change in h * np.eye(len(vector)):
        found = (problem.gradient_near(here, change, slopes) - base) / h
        ends = (problem.evaluate(vector + 10 * s * change).gradient for s in (1, -1))
        expected = -np.subtract(*reversed([*ends])) / (20 * h)
        assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("shard_rows", [40, 10**6])
@pytest.mark.parametrize("case", [("bernoulli", "slope"), ("beta", "one twice")], ids=" ".join)
def test_gradients_of_clusters_are_those_of_clusters_alone(case, shard_rows):
    problem, vector = problem_of(*case, 4, shard_rows=shard_rows)
    here, clusters = problem.evaluate(vector), G % 5
    found = problem.cluster_gradients(here.mode, clusters)
    assert_allclose(found.sum(axis=0), here.gradient, rtol=1e-9, atol=1e-9)
    family, y = RESPONSES[case[0]]
    whole = design(FIXED.get(case[0], ([ONE, X],)), TERMS[case[1]], offset=0.3 * Z)
    rows = np.flatnonzero(clusters == 3)
    alone = bind(whole.take(rows), y[rows], WEIGHTS[rows], family)
    alone = alone.approximated(problem.approximation, whole.layout).evaluate(vector)
    assert_allclose(found[3], alone.gradient, rtol=1e-7, atol=1e-7)


class Elsewhere(Here):
    """Parts whose functions and results travel, as between the workers of a cluster."""

    def map(self, function, *others, **common):
        sent, shared = pickle.loads(pickle.dumps((function, common)))
        return Elsewhere(pickle.loads(pickle.dumps([*super().map(sent, *others, **shared)])))


def test_rows_may_live_elsewhere():
    problem, vector = problem_of("beta", "one twice", 3, shard_rows=50)
    remote = replace(problem, shards=Elsewhere(problem.shards))
    here, there = problem.evaluate(vector), remote.evaluate(vector)
    assert_allclose(there.value, here.value, rtol=1e-14)
    assert_allclose(there.gradient, here.gradient, rtol=1e-12)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_points", [0, -3, 2.5, 301, "7"])
def test_the_number_of_points_is_whole_and_moderate(n_points):
    with pytest.raises(ValueError, match="a whole number of points for each effect, 1 to 300; got"):
        AdaptiveQuadrature(n_points)


OTHER = Term("h", RNG.integers(0, 9, N), (ONE, X), Unstructured(2))
MANY = Term("g", G, (ONE, X, Z, X * Z), Diagonal(4))
REFUSED = {
    "crossed": (
        (TERMS["intercept"], OTHER),
        7,
        r"levels of \(z0 \+ z1 \| h\) are crossed with those of \(z0 \| g\); leave it out, or",
    ),
    "many nested nodes": (
        (TERMS["slope"], replace(OTHER, codes=G // 4)),
        25,
        r"4 effects of \(z0 \+ z1 \| g\) and \(z0 \+ z1 \| h\) are 390,625 nodes, .* take 17",
    ),
    "many effects": ((MANY,), 2, r"3 random effects .* \(z0 \+ z1 \+ z2 \+ z3 \| g\) has 4"),
    "many nodes": ((TERMS["three"],), 50, "125,000 nodes, .* take 46 points or fewer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_term_in_the_way_is_named(name):
    terms, n_points, message = REFUSED[name]
    family, y = RESPONSES["bernoulli"]
    whole = design(([ONE, X],), *terms)
    with pytest.raises(DesignError, match=message):
        fit(family, whole, y, approximation=AdaptiveQuadrature(n_points))


def test_fixed_effects_are_not_integrated_out():
    family, y = RESPONSES["bernoulli"]
    whole = design(([ONE, X],), TERMS["intercept"])
    with pytest.raises(DesignError, match="over random effects alone, and fixed effects"):
        fit(family, whole, y, approximation=AdaptiveQuadrature(3, integrated=(0,)))


def test_a_term_is_named_as_a_formula_has_it():
    x = np.arange(12.0)
    data = pd.DataFrame({"g": np.repeat(list("abc"), 4), "h": x.astype(int), "x": x})
    terms = [RandomTerm("1 + x", ("g",)), RandomTerm("1", ("h",))]
    layout = learn(data, {"mean": "1"}, terms)[1].layout
    with pytest.raises(DesignError, match=r"\(1 \+ x \| g\) are crossed with those of \(1 \| h\);"):
        AdaptiveQuadrature(2).check(layout, ((1, 0), 1))


def test_a_model_without_random_effects_needs_no_nodes():
    family, y = RESPONSES["bernoulli"]
    whole = design(([ONE, X],))
    found, plain = (fit(family, whole, y, approximation=a) for a in (AdaptiveQuadrature(7), None))
    assert found.log_likelihood == plain.log_likelihood
    assert_allclose(found.covariance, plain.covariance)


# --- fits -----------------------------------------------------------------------------------------

FITS = json.loads((REFERENCE / "quadrature.json").read_text(encoding="utf-8"))["fits"]
FAMILIES = {"binomial": Bernoulli(), "poisson": Poisson()}


def simulated(term="1", group="subject"):
    """The rows of quadrature.R, and their design."""
    data = pd.read_csv(REFERENCE / "simulated_crossed.csv")
    _, whole = learn(data, {"mean": "1 + x"}, [RandomTerm(term, (group,))])
    y = data["y"].to_numpy()
    return whole, {"event": (y > 0.5) * 1.0, "count": np.floor(5 * y)}


@pytest.mark.parametrize("case", FITS, ids=lambda c: f"{c['family']}-{c['group']}-{c['n_points']}")
def test_a_fit_is_that_of_lme4(case):
    whole, y = simulated(group=case["group"])
    family, approximation = FAMILIES[case["family"]], AdaptiveQuadrature(case["n_points"])
    found = fit(family, whole, y[case["response"]], approximation=approximation)
    errors = np.array(case["std_error"])
    assert found.converged
    assert found.approximation == approximation
    assert_allclose(found.log_likelihood, case["log_likelihood"], atol=1e-8)
    assert_allclose(found.beta[0] / errors, case["mean"] / errors, atol=1e-6)
    assert_allclose(found.lambdas[0], [[case["sd"]]], rtol=1e-6)
    assert_allclose(np.sqrt(np.diag(found.covariance)[:2]), errors, rtol=1e-5)
    assert_allclose(found.beta[0] / errors, case["lme4"]["mean"] / errors, atol=1e-3)
    assert_allclose(found.lambdas[0], [[case["lme4"]["sd"]]], rtol=1e-4)


@pytest.mark.parametrize("response", ["event", "count"])
def test_one_point_gives_the_fit_of_laplace(response):
    whole, y = simulated("1 + x")
    family = Bernoulli() if response == "event" else Poisson()
    one, plain = (
        fit(family, whole, y[response], approximation=a) for a in (AdaptiveQuadrature(1), None)
    )
    assert_allclose(one.log_likelihood, plain.log_likelihood, rtol=1e-11)
    assert_allclose(one.beta[0], plain.beta[0], rtol=1e-6)
    errors = np.sqrt(np.diag(plain.covariance))
    scale = np.outer(errors, errors)  # some covariances are next to nothing
    assert_allclose(one.covariance / scale, plain.covariance / scale, atol=1e-5)


@pytest.fixture(scope="module")
def fitted():
    """A fit with two effects, and its study."""
    whole, y = simulated("1 + x")
    approximation = AdaptiveQuadrature(7)
    found = fit(Bernoulli(), whole, y["event"], approximation=approximation)
    study = Study.of(Bernoulli(), whole, y["event"], approximation=found.approximation)
    return whole, y["event"], found, study


def test_a_study_has_the_likelihood_of_the_fit(fitted):
    _, _, found, study = fitted
    here = study.problem.evaluate(study.vector(found))
    assert_allclose(-here.value, found.log_likelihood, rtol=1e-12)
    assert_allclose(here.gradient, 0.0, atol=1e-4)
    assert_allclose(refit(study, found).log_likelihood, found.log_likelihood, rtol=1e-10)


def test_weights_count_rows(fitted):
    whole, y, _, _ = fitted
    counts = np.random.default_rng(3).integers(1, 4, len(y)).astype(float)
    rows = np.repeat(np.arange(len(y)), counts.astype(int))
    approximation = AdaptiveQuadrature(5)
    weighted = fit(Bernoulli(), whole, y, counts, approximation=approximation)
    repeated = fit(Bernoulli(), whole.take(rows), y[rows], approximation=approximation)
    assert_allclose(weighted.log_likelihood, repeated.log_likelihood, rtol=1e-10)
    assert_allclose(weighted.beta[0], repeated.beta[0], rtol=1e-5)


def test_simulated_responses_are_fitted_by_the_same_approximation():
    whole, y = simulated()
    weights, approximation = np.full(2000, 2.0), AdaptiveQuadrature(3)
    study = Study.of(Bernoulli(), whole, y["event"], weights, approximation=approximation)
    assert unweighted(study).problem.approximation == approximation


def test_profiles_fall_by_the_same_likelihood(fitted):
    _, _, found, study = fitted
    for axis in axes(found, study.bound):
        here = axis.problem.evaluate(axis.vector)
        assert_allclose(-here.value, found.log_likelihood, rtol=1e-12)
        assert_allclose(here.gradient, 0.0, atol=1e-4)
    walked = profiles(found, study, [0, 4], level=0.9, n_points=4)
    interval = profile_intervals(walked, 0.9)
    assert np.all((interval.low < interval.estimate) & (interval.estimate < interval.high))
    assert [profile.excess for profile in walked] == [0.0, 0.0]


def test_robust_errors_come_from_levels(fitted):
    whole, _, found, study = fitted
    robust = infer.sandwich(found, study, whole.codes[0])
    ratio = np.sqrt(np.diag(robust.covariance) / np.diag(found.covariance))
    assert np.all((ratio > 0.6) & (ratio < 1.6))


def test_levels_left_out_have_the_gradient_of_the_other_rows(fitted):
    whole, y, found, study = fitted
    here = study.problem.evaluate(study.vector(found))
    around = local(study, found, here)
    moved = next(influences(study, here.mode, around))
    rest = np.flatnonzero(whole.codes[0] != 0)
    standard = study.design.take(rest)
    alone = bind(standard, y[rest], None, Bernoulli())
    alone = alone.approximated(found.approximation, standard.layout).evaluate(around.vector)
    shift = -around.covariance @ alone.gradient / (1.0 - (len(y) - len(rest)) / len(y))
    assert_allclose(moved.shift, shift / np.sqrt(np.diag(around.covariance)), rtol=1e-4, atol=1e-6)


def test_rows_of_new_levels_have_the_likelihood_of_the_fit(fitted):
    whole, y, found, _ = fitted
    shares = infer.joint_log_density(found, whole, Plan.of(whole.layout, "marginal", "nan"), y)
    assert_allclose(shares.sum(), found.log_likelihood, rtol=1e-12)


def test_rows_of_known_levels_are_averaged_over_what_the_fit_knows():
    whole, y = simulated()
    rows, approximation = np.arange(2000) % 2 == 0, AdaptiveQuadrature(25)
    found = fit(Bernoulli(), whole.take(rows), y["event"][rows], approximation=approximation)
    rest, event = whole.take(~rows), y["event"][~rows]
    plan = Plan.of(whole.layout, "conditional", "nan")
    shares = infer.joint_log_density(found, rest, plan, event)
    u, (sd,), total = np.linspace(-9, 9, 1801), found.lambdas[0][0], 0.0
    for level, center in enumerate(found.u[0][0]):
        own, variance = rest.codes[0] == level, found.posterior.own[0][0, 0, level]
        eta = (rest.fixed[0][own] @ found.beta[0])[:, None] + sd * u
        log_odds = np.where(event[own][:, None] > 0.5, eta, -eta)
        heights = norm.logpdf(u, center, np.sqrt(variance)) - np.logaddexp(0, -log_odds).sum(axis=0)
        total += np.log(np.exp(heights).sum() * (u[1] - u[0]))
    assert_allclose(shares.sum(), total, atol=1e-6)
