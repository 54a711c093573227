"""Systems solved by iterations: exact where probes are, close to the direct ones elsewhere."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design
from sklearn.base import clone

from skglmm import BetaGLMMRegressor, BinomialGLMMClassifier, LMMRegressor, PoissonGLMMRegressor
from skglmm.covariance import Unstructured
from skglmm.engine import Params, bind, settled
from skglmm.engine.iterative.gradients import log_remainders, solved
from skglmm.engine.iterative.plan import NOTHING, ProbePlan, Solver
from skglmm.engine.iterative.refinement import squared_norm, trace_of_square
from skglmm.engine.iterative.space import deflated, outer_space
from skglmm.exceptions import DesignError
from skglmm.families import Beta
from skglmm.linalg import IndefiniteError

N = 600
RNG = np.random.default_rng(3)
ONE, X = np.ones(N), RNG.normal(size=N)
A, B, C = RNG.integers(0, 40, N), RNG.integers(0, 12, N), RNG.integers(0, 7, N)
CHAIN_A = Term("a", A, (ONE,), Unstructured(1))
LAYOUTS = {
    "intercepts": (CHAIN_A, Term("b", B, (ONE,), Unstructured(1))),
    "slopes": (
        Term("a", A, (ONE, X), Unstructured(2)),
        Term("b", B, (ONE, X), Unstructured(2)),
    ),
    "three": (
        Term("a", A, (ONE, X), Unstructured(2)),
        Term("b", B, (ONE,), Unstructured(1)),
        Term("c", C, (ONE,), Unstructured(1)),
    ),
    "chain": (
        Term("a", A, (ONE, X), Unstructured(2)),
        Term("s", A // 5, (ONE,), Unstructured(1)),
        Term("b", B, (ONE, X), Unstructured(2)),
    ),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Small factors count as large ones, and equations are solved to the last digits."""
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 2)
    monkeypatch.setattr("skglmm.engine.iterative.space.WHOLE", 2)
    monkeypatch.setattr("skglmm.engine.iterative.space.FEW", 2)
    monkeypatch.setattr("skglmm.engine.iterative.system.PROBE_TOL", 1e-12)
    monkeypatch.setattr("skglmm.engine.iterative.system.SOLVE_TOL", 1e-12)


@cache
def ratings(n=1500):
    """Responses of 150 raters and 80 rated, of which some occur once."""
    rng = np.random.default_rng(11)
    u, i = rng.integers(0, 150, n), np.minimum(rng.geometric(0.03, n), 80)
    x = rng.normal(size=n)
    eta = 0.2 + 0.5 * x + 0.8 * rng.normal(size=150)[u] + 0.6 * rng.normal(size=81)[i]
    mean = 1 / (1 + np.exp(-eta))
    y = {
        "binary": (rng.random(n) < mean).astype(int),
        "counts": rng.poisson(np.exp(eta)),
        "normal": eta + rng.normal(size=n),
    }
    return pd.DataFrame({"x": x, "u": u, "i": i}), y


ESTIMATORS = {
    "binary": BinomialGLMMClassifier("x + (1 | u) + (1 | i)"),
    "counts": PoissonGLMMRegressor("x + (1 | u) + (1 | i)"),
    "normal": LMMRegressor("x + (1 | u) + (1 | i)"),
}


@cache
def fitted(kind, solver):
    X, y = ratings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skglmm.engine.iterative.space.WHOLE", 2)
        model = clone(ESTIMATORS[kind]).set_params(solver=solver)
        return model.fit(X, y[kind])


class Orthogonal(ProbePlan):
    """As many orthogonal probes as effects, with which nothing is left to chance."""

    def probes(self, n_crossed):
        noise = np.random.default_rng(1).standard_normal((n_crossed, n_crossed))
        return np.sqrt(n_crossed) * np.linalg.qr(noise)[0]


@cache
def problem_of(layout):
    """A beta response, of which some rows curve the wrong way."""
    rng = np.random.default_rng(5)
    terms = LAYOUTS[layout]
    mean = 1 / (1 + np.exp(-(0.3 + 0.5 * X + rng.normal(size=12)[B] + rng.normal(size=40)[A])))
    y = np.clip(rng.beta(2 * mean, 2 * (1 - mean)), 1e-5, 1 - 1e-5)
    problem = bind(design(([ONE, X], [ONE]), *terms), y, None, Beta())
    n_theta = [term.covariance.n_params for term in terms]
    theta = [np.array([0.7] if n == 1 else [0.7, 0.2, 0.4]) for n in n_theta]
    vector = Params((np.array([0.2, 0.4]), np.array([0.7])), tuple(theta)).pack()
    return problem, vector


def space_of(problem, rank):
    noise = np.random.default_rng(2).standard_normal((problem.n_crossed, rank))
    return np.linalg.qr(noise)[0]


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_orthogonal_probes_give_value_gradient_and_inverse_exactly(layout, rank, monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.sketch.np.float32", np.float64)
    problem, vector = problem_of(layout)
    expected = problem.evaluate(vector)
    plan = Orthogonal(space=space_of(problem, rank))
    found = replace(problem, plan=plan).evaluate(vector)
    assert_allclose(found.value, expected.value, atol=1e-10)
    assert_allclose(found.gradient, expected.gradient, atol=1e-8)
    own, exact = (each.mode.system.inverse() for each in (found, expected))
    for part, other in zip(own.pieces, exact.pieces, strict=True):
        for mine, theirs in zip(
            (*part.own, *part.crossed), (*other.own, *other.crossed), strict=True
        ):
            assert_allclose(mine, theirs, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_estimates_by_few_probes_lie_within_their_own_error(layout):
    problem, vector = problem_of(layout)
    expected = problem.evaluate(vector).value
    rough = replace(problem, plan=ProbePlan(seed=1)).evaluate(vector)
    plan = settled(rough.mode.system)
    found = replace(problem, plan=plan).evaluate(vector)
    error = found.mode.system.uncertainty
    assert error <= max(4e-3, rough.mode.system.uncertainty)
    assert abs(found.value - expected) < 4 * error + 1e-9


@pytest.mark.parametrize("layout", ["intercepts", "slopes"])
def test_the_gradient_is_that_of_the_estimated_value(layout):
    problem, vector = problem_of(layout)
    exact = problem.evaluate(vector)
    rough = replace(problem, plan=ProbePlan(seed=1)).evaluate(vector).mode.system
    plan = ProbePlan(seed=1, space=outer_space(rough.reduced, 6, 1))
    problem = replace(problem, plan=plan)
    here, step = problem.evaluate(vector), 1e-4
    ways = step * np.eye(len(vector))
    ends = [[problem.evaluate(vector + side * way).value for side in (1, -1)] for way in ways]
    slopes = np.array([(after - before) / (2 * step) for after, before in ends])
    off = np.linalg.norm(here.gradient - exact.gradient)
    assert off > 1e-5  # by chance, of which the value has its part
    assert np.linalg.norm(slopes - here.gradient) < 0.1 * off


def test_a_hidden_direction_that_curves_downward_is_found():
    problem, vector = problem_of("intercepts")
    reduced = problem_with_plan(problem).evaluate(vector).mode.system.reduced
    operator = deflated(reduced, np.zeros((reduced.n_crossed, 0)))
    least = np.linalg.eigh(reduced.times(np.eye(reduced.n_crossed)))
    way = least[1][:, 0]
    signs = ProbePlan().probes(reduced.n_crossed)
    for curvature, is_definite in ((0.01, True), (-0.01, False)):
        bent = Bent(operator.reduced, way, least[0][0] - curvature)
        if is_definite:
            solved(deflated(bent, operator.space), signs, 1e-10)
        else:
            with pytest.raises(IndefiniteError):
                solved(deflated(bent, operator.space), signs, 1e-10)


def problem_with_plan(problem):
    return replace(problem, plan=ProbePlan())


class Bent:
    """A matrix with another curvature in one direction."""

    def __init__(self, reduced, way, less):
        self.reduced, self.way, self.less = reduced, way, less

    def times(self, x):
        return self.reduced.times(x) - self.less * np.outer(self.way, self.way @ x)


def test_quadrature_is_the_logarithm_that_it_stands_for():
    problem, vector = problem_of("slopes")
    reduced = problem_with_plan(problem).evaluate(vector).mode.system.reduced
    whole = reduced.times(np.eye(reduced.n_crossed))
    values, vectors = np.linalg.eigh(whole)
    signs = ProbePlan().probes(reduced.n_crossed)
    inside = vectors.T @ signs
    expected = np.einsum("im,i->m", inside**2, np.log(values) + 1 - values)
    run = solved(deflated(reduced, np.zeros((len(whole), 0))), signs, 1e-12)
    assert_allclose(log_remainders(run), expected, rtol=1e-8)
    assert_allclose(np.trace(whole), len(whole))


def test_probes_are_those_of_the_seed_and_begin_with_fewer():
    assert_allclose(ProbePlan(n_probes=4).probes(9), ProbePlan(n_probes=8).probes(9)[:, :4])
    assert not np.array_equal(ProbePlan(1).probes(9), ProbePlan(2).probes(9))


def _have_room(n_crossed):
    del n_crossed
    return True


def _have_none(n_crossed):
    del n_crossed
    return False


def test_auto_is_direct_where_that_is_faster_and_fits():
    assert Solver("auto").plan(9, 9, _have_room) is None
    assert Solver("auto").plan(10, 9, _have_room) is not None
    assert Solver("auto").plan(9, 9, _have_none) is not None
    assert Solver("iterative").plan(2, 9, _have_room) is not None
    assert Solver("iterative").plan(0, 9, _have_none) is None
    assert Solver("direct").plan(10, 9, _have_none) is None


def test_few_crossed_effects_are_factorized_also_where_iterations_are_asked_for(monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.plan.DENSE", 500)
    assert Solver("iterative").plan(500, 9, _have_room) is None
    assert Solver("iterative").plan(501, 9, _have_room) is not None
    X, y = ratings()
    found = clone(ESTIMATORS["normal"]).set_params(solver="iterative").fit(X, y["normal"])
    assert found.log_likelihood_std_error_ == 0.0
    assert_allclose(found.log_likelihood_, fitted("normal", "direct").log_likelihood_)


def test_more_probes_say_more_of_the_value_and_nothing_of_the_slopes(monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.refinement.VALUE_TARGET", 0.0)
    problem, vector = problem_of("three")
    exact = problem.evaluate(vector).value
    system = replace(problem, plan=ProbePlan(seed=1)).evaluate(vector).mode.system
    plan = settled(system)
    rough = replace(plan, refinement=NOTHING)
    found, before = (replace(problem, plan=each).evaluate(vector) for each in (plan, rough))
    error = found.mode.system.uncertainty
    assert error < 0.5 * before.mode.system.uncertainty
    assert abs(found.value - exact) < 4 * error
    assert_allclose(found.gradient, before.gradient, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_trace_of_the_square_is_exact(layout, rank):
    problem, vector = problem_of(layout)
    reduced = replace(problem, plan=ProbePlan()).evaluate(vector).mode.system.reduced
    space = outer_space(reduced, rank, 1) if rank else np.zeros((reduced.n_crossed, 0))
    operator = deflated(reduced, space)
    projector = np.eye(reduced.n_crossed) - space @ space.T
    left = projector - projector @ operator.times(projector)
    assert_allclose(trace_of_square(operator), np.sum(left * left.T), rtol=1e-10)


def test_a_trace_that_takes_too_long_is_left_to_probes(monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.refinement.MEETINGS_MAX", 0.0)
    problem, vector = problem_of("three")
    system = replace(problem, plan=ProbePlan()).evaluate(vector).mode.system
    assert squared_norm(system.reduced) is None
    assert settled(system).refinement.variance < system.uncertainty**2


def test_equations_that_are_not_solved_are_told(monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.gradients.STEPS_MAX", 1)
    X, y = ratings()
    with pytest.raises(DesignError, match="were not solved in 1 iterations"):
        clone(ESTIMATORS["binary"]).set_params(solver="iterative").fit(X, y["binary"])


def test_derivatives_of_rows_are_the_same_when_they_are_computed_again():
    problem, vector = problem_of("three")
    here = replace(problem, plan=ProbePlan()).evaluate(vector)
    before = [state.rows.hess for state in here.mode.point.states]
    here.mode.let_go()
    for old, state in zip(before, here.mode.point.states, strict=True):
        assert state.rows.hess is not old
        assert np.array_equal(state.rows.hess, old)


def test_what_a_mode_was_solved_with_is_the_same_when_it_is_computed_again():
    problem, vector = problem_of("slopes")
    problem = replace(problem, plan=ProbePlan())
    here, direction = problem.evaluate(vector), np.ones(len(vector))
    before = problem.tangent(here.mode, direction)
    sums = [each[0, 1] for each in here.mode.cross_products]
    error, value = here.mode.system.uncertainty, here.mode.system.half_logdet
    here.mode.leave()
    for old, new in zip(sums, here.mode.cross_products, strict=True):
        assert new[0, 1] is not old
        assert np.array_equal(new[0, 1], old)
    assert (here.mode.system.uncertainty, here.mode.system.half_logdet) == (error, value)
    after = problem.tangent(here.mode, direction)
    assert_allclose(after.crossed, before.crossed, rtol=1e-9, atol=1e-12)


EDGES = {  # formulas
    "slopes": "x + (x | u) + (x | i)",
    "three": "x + (1 | u) + (1 | i) + (1 | c)",
    "pieces": "x + (1 | u) + (1 | i)",
    "once": "x + (1 | u) + (1 | i)",
    "wide": "x + (1 | u) + (1 | i)",
    "both wide": "x + (1 | u) + (1 | i)",
}
USUAL = [
    ("slopes", "normal"),
    ("three", "beta"),
    ("pieces", "binary"),
    ("once", "binary"),
    ("wide", "normal"),
    ("both wide", "normal"),
]
KINDS = {"normal": LMMRegressor, "binary": BinomialGLMMClassifier, "beta": BetaGLMMRegressor}


def edge(name):
    """Rows of a pattern that is not the usual one, and their linear predictor."""
    rng = np.random.default_rng(4)
    n, n_u, n_i = 900, 60, 24
    u, i = rng.integers(0, n_u, n), rng.integers(0, n_i, n)
    if name == "pieces":
        i = 6 * (u % 4) + i % 6
    if name == "once":
        i[:300] = n_i + np.arange(300)
    x, c = rng.normal(size=n), rng.integers(0, 12, n)
    spread = 12.0 if "wide" in name else 0.8
    eta = 0.2 + 0.5 * x + spread * rng.normal(size=n_u)[u]
    eta += (spread if name == "both wide" else 0.6) * rng.normal(size=n_i + 300)[i]
    eta += 0.5 * rng.normal(size=n_u)[u] * x * (name == "slopes")
    eta += 0.5 * rng.normal(size=n_i)[i % n_i] * x * (name == "slopes")
    eta += 0.5 * rng.normal(size=12)[c] * (name == "three")
    return pd.DataFrame({"x": x, "u": u, "i": i, "c": c}), eta, rng


# Of such wide effects both solvers say that they are nearly nested, or singular.
@pytest.mark.filterwarnings("ignore::skglmm.exceptions.ImplicitNestingWarning")
@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *USUAL,
        *(
            pytest.param(name, kind, marks=pytest.mark.slow)
            for name in EDGES
            for kind in KINDS
            if (name, kind) not in USUAL
        ),
    ],
)
def test_unusual_patterns_have_the_answers_of_the_factorization(name, kind, monkeypatch):
    monkeypatch.setattr("skglmm.engine.iterative.space.WHOLE", 2)
    monkeypatch.setattr("skglmm.engine.iterative.system.PROBE_TOL", 1e-6)
    X, eta, rng = edge(name)
    mean = 1 / (1 + np.exp(-np.clip(eta, -20, 20)))  # shapes of Beta draws stay above 0
    y = {
        "normal": eta + rng.normal(size=len(eta)),
        "binary": (rng.random(len(eta)) < mean).astype(int),
        "beta": np.clip(rng.beta(4 * mean, 4 * (1 - mean)), 1e-4, 1 - 1e-4),
    }[kind]
    found, exact = (
        KINDS[kind](EDGES[name], solver=solver).fit(X, y) for solver in ("iterative", "direct")
    )
    error = found.log_likelihood_std_error_
    assert error < 0.01
    assert abs(found.log_likelihood_ - exact.log_likelihood_) < 4 * error + 1e-6
    mine, theirs = (np.concatenate([*m.fit_.beta, *m.fit_.theta]) for m in (found, exact))
    errors = np.sqrt(np.diag(exact.fit_.covariance))
    scale = np.nan_to_num(errors, nan=0.01)  # of a variance of zero, which both have
    assert np.max(np.abs(mine - theirs) / scale) < 0.01
    assert_allclose(np.sqrt(np.diag(found.fit_.covariance)), errors, rtol=0.01)


def test_a_direction_that_is_nearly_unidentified_has_its_answer():
    """Levels that differ a thousand times as much as rows: of their means little is known."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"u": rng.integers(0, 800, 4000), "i": rng.integers(0, 300, 4000)})
    X["x"] = rng.normal(size=4000)
    effects = [1e3 * rng.normal(size=n)[X[name]] for name, n in (("u", 800), ("i", 300))]
    y = 0.5 * X["x"].to_numpy() + sum(effects) + rng.normal(size=4000)
    found, exact = (
        LMMRegressor("x + (1 | u) + (1 | i)", solver=solver).fit(X, y)
        for solver in ("iterative", "direct")
    )
    error = found.log_likelihood_std_error_
    assert 0.0 < error < 0.01
    assert abs(found.log_likelihood_ - exact.log_likelihood_) < 4 * error
    errors = np.sqrt(np.diag(exact.fit_.covariance))
    assert_allclose(np.sqrt(np.diag(found.fit_.covariance)), errors, rtol=0.01)
    assert_allclose(found.coef_, exact.coef_, atol=0.01 * errors[1])


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_fit_by_iterations_is_that_by_factorization(kind):
    found, exact = fitted(kind, "iterative"), fitted(kind, "direct")
    error = found.log_likelihood_std_error_
    assert 0.0 < error < 0.01
    assert exact.log_likelihood_std_error_ == 0.0
    assert abs(found.log_likelihood_ - exact.log_likelihood_) < 4 * error
    (mine, theirs) = (np.concatenate([*m.fit_.beta, *m.fit_.theta]) for m in (found, exact))
    errors = np.sqrt(np.diag(exact.fit_.covariance))
    assert_allclose(mine, theirs, atol=0.01 * errors.min())
    assert_allclose(np.sqrt(np.diag(found.fit_.covariance)), errors, rtol=0.01)


@pytest.mark.parametrize("kind", ["binary", "normal"])
def test_modes_and_predictions_have_their_standard_errors(kind):
    X, _ = ratings()
    found, exact = fitted(kind, "iterative"), fitted(kind, "direct")
    of = "predict_proba" if kind == "binary" else "predict"
    for way in ("conditional", "fixed", "marginal"):
        answers = [getattr(each, of)(X[:50], kind=way) for each in (found, exact)]
        assert_allclose(*answers, atol=1e-4)
    own, other = (each.random_effects() for each in (found, exact))
    assert_allclose(own["std_dev"], other["std_dev"], rtol=5e-3)
    assert_allclose(own["std_error"], other["std_error"], rtol=5e-3)


def test_the_same_seed_has_the_same_numbers_whatever_the_number_of_threads():
    X, y = ratings()
    model = clone(ESTIMATORS["counts"]).set_params(solver="iterative", n_jobs=2)
    again = model.fit(X, y["counts"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skglmm.engine.iterative.space.WHOLE", 2)
        once = clone(model).set_params(n_jobs=None).fit(X, y["counts"])
        other = clone(model).set_params(n_jobs=None, random_state=7).fit(X, y["counts"])
    assert once.log_likelihood_ == again.log_likelihood_
    assert once.log_likelihood_ != other.log_likelihood_


def test_shards_have_the_same_numbers_whatever_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.SHARE_ROWS", 0)
    terms, rng = LAYOUTS["slopes"], np.random.default_rng(5)
    y, vector = rng.uniform(0.1, 0.9, N), problem_of("slopes")[1]
    found = []
    for n_threads in (1, 2):
        data = design(([ONE, X], [ONE]), *terms)
        how = {"shard_rows": 100, "n_threads": n_threads, "solver": Solver("iterative")}
        problem = bind(data, y, None, Beta(), **how)
        assert len(list(problem.shards)) > 3
        found.append(problem.evaluate(vector))
    assert found[0].value == found[1].value
    assert np.array_equal(found[0].gradient, found[1].gradient)


def test_the_summary_tells_what_chance_has_done():
    assert "with a standard error of" in str(fitted("binary", "iterative").summary())
    assert "with a standard error of" not in str(fitted("binary", "direct").summary())


def test_averages_over_posteriors_are_refused_in_words():
    X, y = ratings()
    model = clone(ESTIMATORS["binary"]).set_params(solver="iterative", predict_kind="posterior")
    with pytest.raises(DesignError, match="averages over the posterior"):
        model.fit(X, y["binary"])


@pytest.mark.parametrize("solver", ["Iterative", None, []])
def test_other_solvers_are_refused(solver):
    X, y = ratings()
    with pytest.raises(ValueError, match="expected one of 'auto', 'direct', 'iterative'"):
        clone(ESTIMATORS["binary"]).set_params(solver=solver).fit(X, y["binary"])


@pytest.mark.slow
def test_the_stated_error_covers_the_truth_over_seeds():
    """Over 50 seeds errors in units of the stated one are those of a t distribution."""
    problem, vector = problem_of("slopes")
    exact = problem.evaluate(vector).value
    system = replace(problem, plan=ProbePlan()).evaluate(vector).mode.system
    space = outer_space(system.reduced, 4, 1)
    units = []
    for seed in range(50):
        found = replace(problem, plan=ProbePlan(seed, space=space)).evaluate(vector)
        units.append((found.value - exact) / found.mode.system.uncertainty)
    assert np.mean(np.abs(units) < 2.0) > 0.85
    assert abs(np.mean(units)) < 0.6
