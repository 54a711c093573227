"""What a fit by iterations is asked afterwards: as after a factorization, or a reason."""

import re
from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2
from sklearn.base import clone
from test_iterative import EDGES, LAYOUTS, edge, fitted, problem_of, ratings, space_of

from skglmm import LMMRegressor
from skglmm.engine.iterative.draws import colored
from skglmm.engine.iterative.plan import ProbePlan
from skglmm.engine.iterative.space import deflated
from skglmm.estimators.reading.study import study_of
from skglmm.exceptions import DesignError
from skglmm.inference import Addition, likelihood_ratio
from skglmm.model_selection import compare, likelihood_ratio_test
from skglmm.preprocessing import GLMMEncoder


def few(patch):
    """Make so many crossed effects as the data have too many for a dense matrix."""
    patch.setattr("skglmm.engine.binding.fits", lambda n_crossed: n_crossed <= 50)


@cache
def evaluated(layout):
    """A system by iterations at parameters where some rows curve the wrong way."""
    problem, vector = problem_of(layout)
    plan = ProbePlan(space=space_of(problem, 3))
    return replace(problem, plan=plan).evaluate(vector), problem.evaluate(vector)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_draws_have_the_inverse_as_covariance(layout):
    """Unit vectors in place of noise are the columns of a root of it."""
    reduced = evaluated(layout)[0].mode.system.reduced
    n = reduced.n_crossed
    inverse = np.linalg.inv(reduced.times(np.eye(n)))
    for rank in (0, 3, n):
        noise = np.random.default_rng(2).standard_normal((n, rank))
        operator = deflated(reduced, np.linalg.qr(noise)[0])
        root = np.column_stack([colored(operator, unit) for unit in np.eye(n)])
        assert_allclose(root @ root.T, inverse, atol=1e-7)


@pytest.mark.parametrize("layout", ["intercepts", "chain"])
def test_draws_of_all_effects_have_the_inverse_as_covariance(layout):
    found, exact = (each.mode.system for each in evaluated(layout))
    problem = problem_of(layout)[0]
    sizes = [k * n for k, n in problem.sizes]
    columns = []
    for unit in np.eye(sum(sizes)):
        parts = np.split(unit, np.cumsum(sizes)[:-1])
        shaped = (part.reshape(size) for part, size in zip(parts, problem.sizes, strict=True))
        noise = problem.split(tuple(shaped))
        columns.append([joined(problem, each, noise) for each in (found.draw, exact.solve)])
    root, inverse = (np.column_stack(part) for part in zip(*columns, strict=True))
    assert_allclose(root @ root.T, inverse, atol=1e-7)


def joined(problem, of, noise):
    """What a system makes of effects, in one vector."""
    made = type(noise)(*of(noise.nested, noise.crossed))
    return np.concatenate([part.ravel() for part in problem.join(made)])


@pytest.mark.parametrize("kind", ["binary", "normal"])
def test_profiles_need_no_dense_matrix(kind, monkeypatch):
    X, y = ratings()
    found, exact = fitted(kind, "iterative"), fitted(kind, "direct")
    asked = {"method": "profile", "parameters": ["x", "sd(Intercept | i)"]}
    expected = exact.confint(X, y[kind], **asked)
    few(monkeypatch)
    assert_allclose(found.confint(X, y[kind], **asked), expected, rtol=1e-3)


def test_rows_given_again_have_the_log_likelihood_of_the_fit(monkeypatch):
    X, y = ratings()
    model = fitted("binary", "iterative")
    few(monkeypatch)
    study = study_of(model, X, y["binary"])
    here = study.at(model.fit_)
    assert_allclose(
        here.value, study.around(model.fit_).problem.evaluate(study.vector(model.fit_)).value
    )
    assert_allclose(-here.value, model.log_likelihood_ + study.bound.log_jacobian, rtol=1e-9)


@cache
def smaller(solver):
    """The model without a slope that is not there."""
    X, y = ratings()
    return (
        clone(fitted("binary", solver))
        .set_params(formula="1 + (1 | u) + (1 | i)")
        .fit(X, y["binary"])
    )


def test_a_test_tells_what_chance_has_done_to_it():
    found, exact = (
        likelihood_ratio_test(smaller(solver), fitted("binary", solver))
        for solver in ("iterative", "direct")
    )
    assert exact.std_error == 0.0
    assert 0.0 < found.std_error < 0.04
    assert abs(found.statistic - exact.statistic) < 4 * found.std_error
    assert re.search(r"standard error of 0.\d+, by which p is between", found.notes[-1])
    assert not any("standard error" in note for note in exact.notes)


def test_the_p_values_that_chance_leaves_are_those_two_errors_apart():
    fit = fitted("binary", "iterative").fit_
    fit = replace(fit, log_likelihood_std_error=0.3)
    exact = replace(fit, log_likelihood=fit.log_likelihood + 2.0, log_likelihood_std_error=0.0)
    test = likelihood_ratio(fit, exact, ("one", "other"), Addition(1, (), 0, 0))
    assert_allclose(test.std_error, 0.6)
    low, high = (chi2.sf(4.0 + side * 1.2, 1) for side in (1.0, -1.0))
    assert f"p is between {low:.2g} and {high:.2g}" in test.notes[-1]


def test_an_estimated_ratio_below_zero_by_chance_is_zero():
    fit = fitted("binary", "iterative").fit_
    larger = replace(fit, log_likelihood=fit.log_likelihood - fit.log_likelihood_std_error)
    names, added = ("one", "other"), Addition(1, (), 0, 0)
    assert likelihood_ratio(fit, larger, names, added).p_value == 1.0
    exact = [replace(each, log_likelihood_std_error=0.0) for each in (fit, larger)]
    with pytest.raises(ValueError, match="has the lower log likelihood"):
        likelihood_ratio(*exact, names, added)


def test_criteria_that_differ_by_chance_are_told():
    one = fitted("binary", "iterative")
    other = copy(one)
    other.fit_ = replace(one.fit_, log_likelihood=one.fit_.log_likelihood - 1e-4)
    with pytest.warns(UserWarning, match="the order of these models is a matter of chance"):
        table = compare(one, other)
    assert_allclose(table["aic_std_error"], 2 * one.log_likelihood_std_error_)
    table = compare(one, smaller("iterative"))
    assert "by which p is between" in " ".join(map(str, table["lr_note"]))
    assert "aic_std_error" not in compare(fitted("binary", "direct"), smaller("direct"))


@pytest.mark.parametrize("smooth", ["auto", 5.0])
def test_an_encoder_has_the_effects_of_the_exact_one(smooth, monkeypatch):
    X, y = ratings()
    asked = {"smooth": smooth, "return_std": True, "random_state": 0}
    expected = GLMMEncoder(["u", "i"], solver="direct", **asked).fit(X, y["binary"])
    few(monkeypatch)
    with pytest.raises(DesignError, match="solver='iterative' does without it"):
        GLMMEncoder(["u", "i"], solver="direct", **asked).fit(X, y["binary"])
    found = GLMMEncoder(["u", "i"], **asked).fit(X, y["binary"])
    for one, other in (
        (found.encodings_, expected.encodings_),
        (found.encodings_std_, expected.encodings_std_),
    ):
        for mine, theirs in zip(one, other, strict=True):
            assert_allclose(mine, theirs, atol=2e-3)


@pytest.mark.parametrize("kind", ["binary", "normal"])
def test_the_conditional_criterion_is_the_exact_one(kind):
    X, y = ratings()
    tables = [
        compare(fitted(kind, solver), conditional=True, X=X, y=y[kind])
        for solver in ("iterative", "direct")
    ]
    for column in ("caic", "effective_df"):
        assert_allclose(*(table[column] for table in tables), rtol=1e-3)


@pytest.mark.parametrize("kind", ["binary", "normal"])
def test_new_rows_are_added_to_the_old_ones(kind, monkeypatch):
    X, y = ratings()
    found, exact = fitted(kind, "iterative"), fitted(kind, "direct")
    new, new_y = X[:50].assign(u=[999] * 5 + list(X["u"][5:50])), y[kind][:50]
    later = exact.condition(new, new_y)
    expected = (
        exact.log_density(new, new_y, joint=True).sum(),
        later.random_effects()["std_error"],
        later.predict_linear(new),
    )
    few(monkeypatch)
    again = found.condition(new, new_y)
    assert_allclose(found.log_density(new, new_y, joint=True).sum(), expected[0], atol=0.01)
    assert_allclose(again.random_effects()["std_error"], expected[1], rtol=0.01)
    assert_allclose(again.predict_linear(new), expected[2], atol=1e-3)


def test_new_rows_join_crossed_factors_that_know_of_each_other():
    X, eta, _ = edge("three")
    y = eta + np.random.default_rng(5).normal(size=len(eta))
    found, exact = (
        LMMRegressor(EDGES["three"], solver=solver).fit(X, y).condition(X[:40], y[:40] + 1.0)
        for solver in ("iterative", "direct")
    )
    assert_allclose(found.predict(X), exact.predict(X), atol=1e-4)
    own, other = (each.random_effects()["std_error"] for each in (found, exact))
    assert_allclose(own, other, rtol=1e-3)


def test_too_many_pairs_of_levels_are_not_kept(monkeypatch):
    X, y = ratings()
    monkeypatch.setattr("skglmm.fitting.outcome.PAIRS_MAX", 10)
    model = clone(fitted("binary", "iterative")).fit(X, y["binary"])
    with pytest.raises(ValueError, match="as these are too many"):
        model.condition(X[:50], y["binary"][:50])


def test_a_draw_that_does_not_settle_says_so(monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.draws.STEPS_MAX", 1)
    reduced = evaluated("intercepts")[0].mode.system.reduced
    operator = deflated(reduced, np.zeros((reduced.n_crossed, 0)))
    with pytest.raises(ArithmeticError, match="did not settle in 1 steps"):
        colored(operator, np.arange(reduced.n_crossed, dtype=float))
