"""Fits recover what they must, and do not depend on how the question is put."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Term, design
from scipy.special import expit

from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.engine import bind
from skglmm.exceptions import DesignError
from skglmm.families import Beta
from skglmm.fitting import Options, fit, refit
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.study import Study
from skglmm.inference import notes


def field_notes_data():
    """The recipe whose glmmTMB answers are known (24 groups of 20 rows, precision 8)."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(24), 20)
    x = rng.normal(size=480)
    b, s = rng.normal(0, 0.7, 24), rng.normal(0, 0.3, 24)
    mean = expit(0.3 + 0.5 * x + b[g] + s[g] * x)
    y = np.clip(rng.beta(8 * mean, 8 * (1 - mean)), 1e-6, 1 - 1e-6)
    assert_allclose([y.sum(), x.sum()], [279.26343, -22.152418], rtol=1e-7)
    return x, g, y


X, G, Y = field_notes_data()
ONE = np.ones(480)
FIXED = ([ONE, X], [ONE])
SLOPE = Term("g", G, (ONE, X), Unstructured(2))
GLMMTMB = {  # log likelihood, coefficients, their standard errors, SDs, precision
    "(1 | g)": (
        Term("g", G, (ONE,), Unstructured(1)),
        (188.3744, [0.38336, 0.51390], [0.14052, 0.04154], [0.66693], 6.8468),
    ),
    "(x || g)": (
        Term("g", G, (ONE, X), Diagonal(2)),
        (215.2399, [0.38568, 0.51805], [0.14451, 0.08142], [0.68961, 0.34781], 8.3897),
    ),
    "(x | g)": (
        SLOPE,
        (215.4689, [0.38384, 0.51719], [0.14444, 0.08148], [0.68918, 0.34804], 8.3881),
    ),
}


def sds(found, f=0):
    return np.sqrt(np.sum(found.lambdas[f] ** 2, axis=1))


@pytest.mark.parametrize("model", GLMMTMB)
def test_it_equals_glmmtmb(model):
    term, (log_likelihood, beta, errors, sd, precision) = GLMMTMB[model]
    found = fit(Beta(), design(FIXED, term), Y)
    assert found.converged
    assert found.n_evaluations <= 20  # a good start, a good first Hessian, no wasted step
    assert_allclose(found.log_likelihood, log_likelihood, atol=6e-5)
    assert_allclose(found.beta[0], beta, atol=1e-5)
    assert_allclose(np.sqrt(np.diag(found.covariance))[:2], errors, atol=6e-6)
    assert_allclose(sds(found), sd, atol=6e-6)
    assert_allclose(np.exp(found.beta[1]), precision, atol=6e-5)


def test_the_covariance_is_the_inverse_of_the_differenced_hessian():
    whole = design(FIXED, SLOPE)
    found = fit(Beta(), whole, Y)
    # In the user's units the root need not be triangular: refer to the basis of the fit.
    basis = replace(whole, columns=(np.asfortranarray(whole.columns[0] @ found.bases[0]),))
    problem = bind(basis, Y, None, Beta())
    vector, h = np.concatenate([*found.beta, *found.theta]), 1e-4
    steps = h * np.eye(len(vector))
    hessian = [
        (problem.evaluate(vector + e).gradient - problem.evaluate(vector - e).gradient) / (2 * h)
        for e in steps
    ]
    assert_allclose(found.covariance, np.linalg.inv(hessian), rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("shift", "factor"), [(0.0, 1e-9), (0.0, 1e9), (200.0, 1.0), (-2000.0, 7.0)]
)
def test_units_of_a_covariate_do_not_matter(shift, factor):
    plain = fit(Beta(), design(FIXED, SLOPE), Y)
    x = shift + factor * X
    other = fit(Beta(), design(([ONE, x], [ONE]), replace(SLOPE, columns=(ONE, x))), Y)
    assert_allclose(other.log_likelihood, plain.log_likelihood, atol=1e-8)
    assert_allclose(other.beta[0][1] * factor, plain.beta[0][1], rtol=1e-6)
    assert_allclose(other.modes(0)[1] * factor, plain.modes(0)[1], rtol=1e-5, atol=1e-7)
    by_intercept, by_slope = plain.mode_jacobian[0][:2]
    moves = factor * by_slope + shift * by_intercept
    assert_allclose(
        other.mode_jacobian[0][1] / np.abs(moves).max(), moves / np.abs(moves).max(), atol=1e-5
    )
    slope = np.sqrt(np.diag(other.covariance))[1] * factor
    assert_allclose(slope, np.sqrt(np.diag(plain.covariance))[1], rtol=1e-4)


def test_a_ridge_without_an_optimum_is_named():
    """One row a level, and responses of three values: precision and variance trade places."""
    rng = np.random.RandomState(0)
    for _ in range(3):
        rng.normal(size=400)
    y = 0.5 + 0.0025 * (np.arange(20.0) % 3)
    term = Term("row", np.arange(20), (np.ones(20),), Unstructured(1))
    found = fit(Beta(), design(([np.ones(20), rng.rand(20)], [np.ones(20)]), term), y)
    assert found.converged
    kinds = {note.kind for note in notes(found)}
    assert kinds & {"undetermined", "capped", "singular"}


def test_an_offset_takes_its_part_from_the_coefficient():
    plain = fit(Beta(), design(FIXED, SLOPE), Y)
    shifted = fit(Beta(), design(FIXED, SLOPE, offset=0.2 + 0.3 * X), Y)
    assert_allclose(shifted.log_likelihood, plain.log_likelihood, atol=1e-8)
    assert_allclose(shifted.beta[0], plain.beta[0] - [0.2, 0.3], atol=1e-7)


def test_the_names_of_levels_do_not_matter():
    names = np.array([f"{7 * code % 24:02d}" for code in G])  # in another order, too
    plain, other = (fit(Beta(), design(FIXED, replace(SLOPE, codes=c)), Y) for c in (G, names))
    assert_allclose(other.log_likelihood, plain.log_likelihood, atol=1e-9)
    moved = plain.modes(0)[:, np.argsort(7 * np.arange(24) % 24)]
    assert_allclose(other.modes(0), moved, atol=1e-7)


def test_the_order_of_rows_does_not_matter():
    rows = np.random.default_rng(0).permutation(480)
    plain, other = (
        fit(Beta(), whole, y)
        for whole, y in (
            (design(FIXED, SLOPE), Y),
            (design(FIXED, SLOPE).take(rows), Y[rows]),
        )
    )
    assert_allclose(other.log_likelihood, plain.log_likelihood, atol=1e-9)
    assert_allclose(other.beta[0], plain.beta[0], atol=1e-9)
    assert other.data_digest == plain.data_digest


def test_a_weight_of_two_is_a_row_twice():
    whole = design(FIXED, SLOPE)
    weights = np.resize([1.0, 2.0, 3.0], 480)
    rows = np.repeat(np.arange(480), weights.astype(int))
    weighted = fit(Beta(), whole, Y, weights)
    repeated = fit(Beta(), whole.take(rows), Y[rows])
    assert_allclose(weighted.log_likelihood, repeated.log_likelihood, atol=1e-7)
    assert_allclose(weighted.beta[0], repeated.beta[0], atol=1e-7)
    assert_allclose(weighted.covariance, repeated.covariance, rtol=1e-3, atol=1e-8)


def test_a_larger_model_never_fits_worse():
    terms = [(), *((term,) for term, _ in GLMMTMB.values())]
    values = [fit(Beta(), design(FIXED, *term), Y).log_likelihood for term in terms]
    assert np.all(np.diff(values) > 0)


def test_without_inference_the_estimates_are_the_same():
    whole = design(FIXED, SLOPE)
    with_it, without = (fit(Beta(), whole, Y, inference=flag) for flag in (True, False))
    assert without.covariance is None
    assert without.mode_jacobian is None
    assert_allclose(without.log_likelihood, with_it.log_likelihood, atol=1e-8)
    assert_allclose(without.beta[0], with_it.beta[0], atol=1e-5)


def test_no_group_differences_give_an_exact_zero_that_is_named():
    rng = np.random.default_rng(5)
    y = Beta().sample([0.3 + 0.5 * X, np.full(480, 2.0)], rng)
    dealt = np.argsort(np.argsort(y - expit(0.3 + 0.5 * X))) % 24  # like cards: equal hands
    term = Term("g", dealt, (ONE,), Unstructured(1))
    found = fit(Beta(), design(FIXED, term), y)
    assert found.converged
    assert found.theta[0] == 0.0
    assert found.singular == ("the standard deviation of z0 between levels of g is 0",)
    plain = fit(Beta(), design(FIXED), y)
    assert_allclose(found.log_likelihood, plain.log_likelihood, atol=1e-8)
    assert_allclose(found.covariance[:3, :3], plain.covariance, rtol=1e-3, atol=1e-9)
    assert np.isnan(found.covariance[3, 3])


@pytest.mark.parametrize("seed", [10, 26, 37, 81, 99])
def test_the_order_of_effects_does_not_matter_where_the_first_hardly_varies(seed):
    """With no variance of the intercept the objective has a saddle where the slopes are."""
    rng = np.random.default_rng(1000 + seed)
    g, x, one = np.repeat(np.arange(20), 20), np.tile(np.linspace(-1, 1, 20), 20), np.ones(400)
    mean = expit(0.2 + 0.5 * x + rng.normal(0, 0.6, 20)[g] * x)
    y = np.clip(rng.beta(3 * mean, 3 * (1 - mean)), 1e-9, 1 - 1e-9)
    one_way, other = (
        fit(Beta(), design(([one, x], [one]), Term("g", g, columns, Unstructured(2))), y)
        for columns in ((one, x), (x, one))
    )
    assert one_way.converged
    assert_allclose(one_way.log_likelihood, other.log_likelihood, atol=1e-6)
    assert_allclose(one_way.beta[0], other.beta[0], atol=1e-4)


def test_a_constant_takes_up_only_centers_of_its_own_predictor():
    rng = np.random.default_rng(11)
    x = rng.normal(5, 1, 480)
    y = Beta().sample([0.3 + 0.1 * X, 1.0 + 0.2 * rng.normal(size=24)[G] * x], rng)
    term = Term("g", G, (ONE, x), Unstructured(2), predictors=(0, 1))
    found = fit(Beta(), design(([ONE, X], [ONE, x]), term), y)
    assert_allclose(found.bases[0][0, 1], 0.0)


@pytest.mark.parametrize("column", [np.zeros(480), np.full(480, 3.0), 2.0 - 5.0 * X])
def test_effects_that_no_data_can_tell_apart_are_refused(column):
    term = Term("g", G, (ONE, X, column), Unstructured(3))
    with pytest.raises(DesignError, match=r"random effects of g hold columns .* z2; their"):
        fit(Beta(), design(FIXED, term), Y)


def test_the_start_does_not_depend_on_which_rows_come_first():
    n = 40_000
    x = np.r_[np.zeros(n // 2), np.linspace(0, 400, n // 2)]
    one = np.ones(n)
    y = Beta().sample([-1 + 0.002 * x, 2 * one], np.random.default_rng(0))
    found = fit(Beta(), design(([one, x], [one, x])), y, inference=False)
    assert found.converged
    assert_allclose(found.beta[0], [-1, 0.002], rtol=0.1)


def test_collinear_columns_are_left_out_and_named():
    plain = fit(Beta(), design(FIXED), Y)
    columns = [ONE, X, 3.0 * ONE, 2.0 - 5.0 * X, np.zeros(480)]
    found = fit(Beta(), design((columns, [ONE])), Y)
    assert found.aliased == ((2, 3, 4), ())
    assert found.n_params == 3
    assert_allclose(found.beta[0], [*plain.beta[0], 0, 0, 0], rtol=1e-9)
    assert_allclose(np.diag(found.covariance)[2:5], 0.0)


def test_data_on_a_line_stop_at_the_cap_of_the_precision():
    y = expit(0.3 + 0.5 * X)
    found = fit(Beta(), design(FIXED), y)
    assert found.capped == ("precision",)
    assert_allclose(found.beta[1], Beta().ceilings[1])
    assert_allclose(found.beta[0], [0.3, 0.5], rtol=1e-6)
    assert np.isnan(found.covariance[2, 2])


def test_the_optimizer_reports_and_stops_where_it_is_told():
    lines = []
    options = Options(max_iter=2, report=lines.append)
    found = fit(
        Beta(), design(FIXED, SLOPE), Y, inference=False, options=replace(options, tol=1e-300)
    )
    assert not found.converged
    assert "2 iterations" in found.message
    assert len(lines) == 2
    assert lines[0].startswith("iteration 1: objective")


def test_a_fit_that_is_cut_short_says_what_is_left(monkeypatch):
    """Far from the optimum the Hessian may be indefinite; what it promises is still a number."""
    monkeypatch.setattr("skglmm.fitting.search.optimize.FINISH_MAX", 0)
    best = fit(Beta(), design(FIXED, SLOPE), Y).log_likelihood
    for n in (1, 2, 3):
        found = fit(Beta(), design(FIXED, SLOPE), Y, options=Options(max_iter=n))
        assert not found.converged
        assert found.message.startswith(f"no convergence in {n} iterations, although a step")
        assert 0 < best - found.log_likelihood < 100
        assert found.decrease < 1000


def test_an_indefinite_hessian_has_differences_of_a_sane_step():
    whole = design(FIXED, SLOPE)
    problem = bind(whole, Y, None, Beta())
    vector = np.array([0.3, 0.5, 2.0, 0.6, 0.0, 0.3])
    here = problem.evaluate(vector)
    state = Optimum(vector, here, -np.eye(6), np.full(6, np.inf))
    found = differenced_hessian(problem, state, np.ones(6, dtype=bool))
    assert found is not None
    central = (
        (problem.evaluate(vector + e).gradient - problem.evaluate(vector - e).gradient) / 2e-4
        for e in 1e-4 * np.eye(6)
    )
    assert_allclose(found, list(central), rtol=1e-2, atol=0.1)


@pytest.mark.parametrize("seed", [16, 28, 46, 99, 115])
def test_a_fit_again_from_the_estimates_ends_there(seed):
    """A start whose mode is only roughly known must not look better than what follows."""
    rng = np.random.default_rng(seed)
    n_levels, m = rng.choice([3, 8, 20, 100]), rng.choice([2, 5, 20])
    g, x = np.repeat(np.arange(n_levels), m), rng.normal(size=n_levels * m)
    one, b = np.ones(len(x)), rng.normal(size=(2, n_levels)) * rng.choice([0.3, 1, 2.5])
    feeds = [(0, 0), (0, 1), (1, 1)][seed % 3]
    eta = [0.3 + 0.5 * x, np.full(len(x), rng.choice([0.0, 2.0, 5.0]))]
    eta[feeds[0]] = eta[feeds[0]] + b[0][g]
    eta[feeds[1]] = eta[feeds[1]] + 0.5 * b[1][g] * x
    y = Beta().sample(eta, rng).clip(1e-9, 1 - 1e-9)
    term = Term("g", g, (one, x), Unstructured(2), predictors=feeds)
    whole = design(([one, x], [one]), term)
    first = fit(Beta(), whole, y)
    again = refit(Study.of(Beta(), whole, y), first)
    assert first.converged
    assert again.converged
    assert_allclose(again.log_likelihood, first.log_likelihood, atol=1e-6)
    assert again.n_evaluations < 40


def test_one_row_per_level_and_one_level_have_a_fit():
    rows = Term("row", np.arange(480), (ONE,), Unstructured(1))
    single = fit(Beta(), design(FIXED, rows), Y)
    assert single.converged
    assert single.log_likelihood > 78.97691 - 1e-5  # that of the model without effects
    level = Term("all", np.zeros(480, dtype=int), (ONE,), Unstructured(1))
    found = fit(Beta(), design(FIXED, level), Y)
    assert found.singular
    assert_allclose(found.log_likelihood, 78.97691, atol=1e-5)


def test_a_log_jacobian_moves_the_log_likelihood_alone():
    plain, moved = (fit(Beta(), design(FIXED), Y, log_jacobian=c) for c in (0.0, 100.0))
    assert_allclose(plain.log_likelihood - 100.0, moved.log_likelihood, rtol=1e-12)
    assert plain.data_digest != moved.data_digest


def test_singular_terms_are_found_behind_healthy_ones():
    """Of three factors and two terms, only the second term of the last has no variance."""
    rng = np.random.default_rng(12)
    h, b, c = rng.integers(0, 12, 480), rng.normal(0, 0.8, 24), rng.normal(0, 0.8, 12)
    z = rng.normal(size=480)
    mean = expit(0.3 + b[G] + c[h] * X)
    y = np.clip(rng.beta(9 * mean, 9 * (1 - mean)), 1e-9, 1 - 1e-9)
    dealt = np.argsort(np.argsort(z * (y - mean))) % 12  # sums of z (y - mean) are alike
    terms = (
        Term("g", G, (ONE,), Unstructured(1)),
        Term("h", h, (ONE, X), Diagonal(2)),
        Term("k", dealt, (X, z), BlockDiagonal((Unstructured(1), Unstructured(1)))),
    )
    found = fit(Beta(), design(([ONE, X], [ONE]), *terms), y)
    assert found.converged
    assert "the standard deviation of z1 between levels of k is 0" in found.singular
    assert not any("levels of g" in sentence for sentence in found.singular)
    assert sds(found, 2)[1] == 0


@pytest.mark.parametrize("seed", [1, 2, 57])
def test_effects_that_do_not_vary_have_no_variance_and_no_correlation(seed):
    rng = np.random.default_rng(seed)
    group, x = np.repeat(np.arange(12), 10), rng.normal(size=120)
    mean = expit(0.3 * x)
    y = rng.beta(8 * mean, 8 * (1 - mean))
    one = np.ones(120)
    found = fit(Beta(), design([[one, x], [one]], Term("g", group, (one, x), Unstructured(2))), y)
    assert_array_equal(found.theta[0], 0.0)
    (sentence,) = found.singular
    assert sentence.startswith("the standard deviation of z0 and z1")
    assert np.isnan(np.diag(found.covariance))[3:].all()
    assert np.isfinite(np.diag(found.covariance)[:3]).all()


def test_three_effects_of_rank_two_name_their_direction():
    rng = np.random.default_rng(8)
    z = rng.normal(size=480)
    u, v = rng.normal(size=24), rng.normal(size=24)
    mean = expit(0.3 + u[G] + v[G] * X + (u - v)[G] * z)
    y = np.clip(rng.beta(20 * mean, 20 * (1 - mean)), 1e-9, 1 - 1e-9)
    term = Term("g", G, (ONE, X, z), Unstructured(3))
    found = fit(Beta(), design(([ONE, X, z], [ONE]), term), y)
    (sentence,) = found.singular
    assert sentence.startswith("the combination ")
    assert sentence.endswith("does not vary between levels of g")
    assert_allclose(np.linalg.matrix_rank(found.lambdas[0] @ found.lambdas[0].T, tol=1e-9), 2)
