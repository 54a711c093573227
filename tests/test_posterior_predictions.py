"""Predictions averaged over the posterior of known groups, against sums over lattices."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.special import expit, logit
from sklearn.model_selection import cross_val_score

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    LMMRegressor,
    PoissonGLMMRegressor,
)
from skglmm.covariance import Unstructured
from skglmm.engine import Params, bind, effect_posterior, find_mode
from skglmm.exceptions import DesignError
from skglmm.families import Bernoulli
from skglmm.inference import linear_predictors

RNG = np.random.default_rng(12)


def rows(n_groups, n_rows, sd, rng, inner=None):
    """Groups of yes-or-no rows, of which the later half is to be predicted."""
    codes = np.repeat(np.arange(n_groups), n_rows)
    x = rng.normal(size=len(codes))
    eta = 0.5 * x - 0.3 + sd * rng.normal(size=n_groups)[codes]
    table = pd.DataFrame({"g": [f"g{code:04d}" for code in codes], "x": x})
    if inner:
        sub = np.arange(len(codes)) % inner
        eta += rng.normal(size=(n_groups, inner))[codes, sub]
        table["s"] = [f"s{each}" for each in sub]
    return table, rng.random(len(x)) < expit(eta)


X, EVENT = rows(60, 6, 1.5, np.random.default_rng(1), inner=2)
EFFECTS = RNG.normal(size=(3, 60)).repeat(6, axis=1)
ETA = 0.4 * X["x"].to_numpy() + EFFECTS[0]
X["h"] = np.arange(360) % 7
Y = {
    "event": EVENT,
    "event with slopes": RNG.random(360) < expit(ETA + 1.2 * EFFECTS[1] * X["x"].to_numpy()),
    "count": RNG.poisson(np.exp(ETA)),
    "share": np.clip(expit(ETA + RNG.normal(size=360) * np.exp(0.5 * EFFECTS[2])), 0.01, 0.99),
    "real": ETA + RNG.normal(size=360) + RNG.normal(size=7)[X["h"]],
    "crossed": RNG.random(360) < expit(ETA + 1.5 * RNG.normal(size=7)[X["h"]]),
}
MODELS = {
    "classes": (BinomialGLMMClassifier("x + (1 | g)"), "event"),
    "classes, by quadrature": (BinomialGLMMClassifier("x + (1 | g)", n_quadrature=15), "event"),
    "slopes": (BinomialGLMMClassifier("x + (x | g)"), "event with slopes"),
    "counts": (PoissonGLMMRegressor("x + (1 | g)"), "count"),
    "shares": (BetaGLMMRegressor("x + (1 | g)", precision="(1 | g)"), "share"),
}


def fitted(model, response):
    return model.set_params(predict_kind="posterior").fit(X, Y[response])


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    model, response = MODELS[request.param]
    return fitted(model, response), Y[response], response


def means(model, X, kind=None):
    if isinstance(model, BinomialGLMMClassifier):
        return model.predict_proba(X, kind)[:, 1]
    return model.predict(X, kind)


def summed(model, y, response, step=0.2):
    """Means by sums over a lattice of the effects of each group, for all rows of X."""
    found, design = model.fit_, model._spec.build(X)
    size = len(found.lambdas[0])
    axis = np.arange(-6.0, 6.01, step if size > 1 else 0.05)
    u = np.stack(np.meshgrid(*[axis] * size, indexing="ij")).reshape(size, -1)
    codes, y = design.codes[0], np.asarray(y, dtype=float)
    if response == "share":
        y = model._scale.read(y)
    prepared = found.family.prepare(y)
    heights = np.repeat(-0.5 * np.sum(u**2, axis=0)[None], 60, axis=0)
    values = np.empty((len(y), u.shape[1]))
    base = linear_predictors(found, design, ())
    for place, b in enumerate((found.lambdas[0] @ u).T):
        eta = [row.copy() for row in base]
        for c, k in enumerate(found.layout.factors[0].predictors):
            eta[k] = eta[k] + design.columns[0][:, c] * b[c]
        heights[:, place] += np.bincount(codes, found.family.log_density(prepared, eta).value)
        values[:, place] = found.family.mean(eta)
    shares = np.exp(heights - heights.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.sum(values * shares[codes], axis=1)


def test_means_are_integrals_over_the_posterior(case):
    model, y, response = case
    found = means(model, X)
    exact = summed(model, y, response)
    assert_allclose(found, exact, rtol=2e-3, atol=3e-4)
    assert np.abs(means(model, X, "conditional") - exact).max() > 1e-3


def test_it_survives_pickling(case):
    model, _, _ = case
    again = pickle.loads(pickle.dumps(model))
    assert_allclose(means(again, X.head(9)), means(model, X.head(9)), rtol=1e-15)


@pytest.fixture(scope="module")
def nested():
    model = BinomialGLMMClassifier("x + (1 | g / s)", n_quadrature=11, predict_kind="posterior")
    return model.fit(X, EVENT)


def test_nested_effects_are_averaged_together(nested):
    found, design = nested.fit_, nested._spec.build(X)
    (outer, inner) = (found.layout.factors[f].name for f in (0, 1))
    assert (outer, inner) == ("g", "g:s")
    sd, sub = (found.lambdas[f][0, 0] for f in (0, 1))
    base = X["x"].to_numpy() * nested.coef_[0] + nested.intercept_
    axis, exact = np.arange(-6.0, 6.01, 0.15), np.empty(12)
    for group in range(2):
        own = slice(6 * group, 6 * group + 6)
        u, a, b = np.meshgrid(axis, axis, axis, indexing="ij")
        effect = np.where((np.arange(6) % 2 == 0)[:, None, None, None], a, b)
        eta = base[own][:, None, None, None] + sd * u + sub * effect
        sign = np.where(EVENT[own], 1.0, -1.0)[:, None, None, None]
        height = -np.logaddexp(0, -sign * eta).sum(axis=0) - 0.5 * (u**2 + a**2 + b**2)
        share = np.exp(height - height.max())
        exact[own] = np.sum(expit(eta) * share, axis=(1, 2, 3)) / share.sum()
    assert_allclose(nested.predict_proba(X.head(12))[:, 1], exact, atol=2e-5)
    assert design.n_samples == 360


def test_crossed_effects_have_the_closest_normal_distribution():
    g, h = np.repeat([0, 0, 1, 1], [3, 2, 2, 4]), np.repeat([0, 1, 0, 1], [3, 2, 2, 4])
    one, y = np.ones(11), np.array([1.0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1])
    terms = (Term(name, codes, (one,), Unstructured(1)) for name, codes in (("g", g), ("h", h)))
    problem = bind(design(([one],), *terms), y, None, Bernoulli())
    params = Params.unpack(np.array([0.2, 1.5, 1.1]), problem.shape)
    mode = find_mode(problem, params, problem.zero(), distance="far")
    found = effect_posterior(problem, mode)
    u = np.stack(np.meshgrid(*[np.arange(-5, 5.1, 0.4)] * 4, indexing="ij")).reshape(4, -1)
    eta = 0.2 + 1.5 * u[g] + 1.1 * u[2 + h]
    height = -np.logaddexp(0, np.where(y[:, None] > 0, -eta, eta)).sum(axis=0)
    share = np.exp(height - 0.5 * np.sum(u**2, axis=0))
    mean = u @ share / share.sum()
    assert_allclose(np.concatenate([found.mean[0][0], found.mean[1][0]]), mean, atol=0.02)
    modes = problem.in_layout_order(problem.join(mode.u))
    assert np.abs(np.concatenate([modes[0][0], modes[1][0]]) - mean).max() > 0.1
    variance = u**2 @ share / share.sum() - mean**2
    own = found.posterior.crossed if problem.order[0] else found.posterior.own[0]
    assert_allclose(np.ravel(own), variance[:2], rtol=0.05)


def test_crossed_effects_without_a_mean_have_their_variance_too():
    g, h = np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)
    one, y = np.ones(8), np.tile([0.0, 1.0], 4)
    terms = (Term(name, codes, (one,), Unstructured(1)) for name, codes in (("g", g), ("h", h)))
    problem = bind(design(([one],), *terms), y, None, Bernoulli())
    params = Params.unpack(np.array([0.0, 2.5, 2.1]), problem.shape)
    mode = find_mode(problem, params, problem.zero(), distance="far")
    found = effect_posterior(problem, mode)
    variances = np.linalg.inv(_balanced_precision(2.5, 2.1, g, h))
    own = found.posterior.crossed if problem.order[0] else found.posterior.own[0]
    assert_allclose(np.ravel(own)[0], variances[0, 0], rtol=1e-5)


def _balanced_precision(sd, other, g, h):
    """Precision of the closest normal distribution with mean 0, by iteration."""
    z = np.hstack([sd * np.eye(2)[g], other * np.eye(2)[h]])
    points, weights = hermegauss(9)
    precision = np.eye(4)
    for _ in range(200):
        spread = np.sqrt(np.einsum("na,ab,nb->n", z, np.linalg.inv(precision), z))
        share = expit(np.outer(spread, points))
        precision = np.eye(4) + z.T @ ((share * (1 - share) @ weights / weights.sum())[:, None] * z)
    return precision


def test_probabilities_of_crossed_groups_are_less_sure_than_at_the_modes():
    model = BinomialGLMMClassifier("x + (1 | g) + (1 | h)", predict_kind="posterior")
    model.fit(X, Y["crossed"])
    p, at_mode = (logit(model.predict_proba(X, kind)[:, 1]) for kind in (None, "conditional"))
    assert 0.9 < np.polyfit(at_mode, p, 1)[0] < 0.99


# --- groups that fit has not seen, and more rows --------------------------------------------------


def test_new_groups_are_averaged_over_as_elsewhere(nested):
    new = X.head(12).assign(g="new")
    assert_allclose(nested.predict_proba(new), nested.predict_proba(new, "marginal"), rtol=1e-12)
    part = X.head(6).assign(s="new")  # of known groups
    found = nested.predict_proba(part)[:, 1]
    others = (nested.predict_proba(part, kind)[:, 1] for kind in ("conditional", "marginal"))
    assert all(np.abs(found - other).max() > 1e-3 for other in others)


def test_all_rows_anew_give_the_posterior_of_the_fit(nested):
    again = nested.condition(X, EVENT, forget=True)
    assert_allclose(again.predict_proba(X), nested.predict_proba(X), atol=1e-7)


@pytest.mark.parametrize("formula", ["x + (1 | g / s)", "x + (1 | g) + (1 | h)"])
def test_new_rows_move_their_own_groups_alone(formula):
    table = X
    y = EVENT if "/" in formula else Y["crossed"]
    model = BinomialGLMMClassifier(formula, predict_kind="posterior").fit(table, y)
    few = table.head(4)
    updated = model.condition(few, [True] * 4)
    moved = np.abs(updated.predict_proba(table) - model.predict_proba(table))[:, 1]
    assert moved[:6].min() > 0.01
    assert moved[6:].max() < (1e-12 if "/" in formula else 0.05)
    new = few.assign(g="new")
    grown = model.condition(new, [True] * 4)
    assert_allclose(grown.predict_proba(table), model.predict_proba(table), atol=0.05)
    assert np.all(grown.predict_proba(new)[:, 1] > model.predict_proba(new)[:, 1] + 0.05)


def test_new_groups_have_the_posterior_that_fit_would_have_given(nested):
    rest = X[X["g"] < "g0030"]
    model = BinomialGLMMClassifier("x + (1 | g / s)", n_quadrature=11, predict_kind="posterior")
    few = model.fit(rest, EVENT[: len(rest)])
    grown, at_once = (
        few.condition(X[len(rest) :], EVENT[len(rest) :]),
        few.condition(X, EVENT, forget=True),
    )
    assert_allclose(grown.predict_proba(X), at_once.predict_proba(X), atol=1e-6)
    assert nested.n_levels_ == grown.n_levels_


# --- other answers --------------------------------------------------------------------------------


def test_density_and_moments_go_with_the_means(nested):
    p = nested.predict_proba(X)[:, 1]
    assert_allclose(nested.log_density(X, EVENT), np.log(np.where(EVENT, p, 1 - p)), rtol=1e-9)
    assert np.isfinite(nested.log_density(X, EVENT, joint=True)).all()
    counts = fitted(PoissonGLMMRegressor("x + (1 | g)"), "count")
    mean, std = counts.predict(X, return_std=True)
    assert_allclose(mean, counts.predict(X), rtol=1e-9)
    assert np.all(std**2 > mean)


def test_scores_and_classes_take_it(nested):
    labels = nested.predict_proba(X)[:, 1] > 0.5
    assert np.array_equal(nested.predict(X), labels)
    assert nested.score(X, EVENT) == np.mean(labels == EVENT)
    model = BinomialGLMMClassifier("x + (1 | g)", predict_kind="posterior", inference=False)
    assert np.isfinite(cross_val_score(model, X, EVENT, scoring="neg_log_loss", cv=3)).all()
    assert np.isfinite(nested.decision_function(X)).all()


def test_linear_mixed_models_have_their_means_at_the_mode():
    for formula in ("x + (1 | g)", "x + (1 | g) + (1 | h)"):
        model = LMMRegressor(formula, predict_kind="posterior").fit(X, Y["real"])
        assert_allclose(model.predict(X), model.predict(X, "conditional"), atol=1e-9)
        more = model.condition(X.head(3), Y["real"][:3])
        assert_allclose(more.predict(X), more.predict(X, "conditional"), atol=1e-6)


def test_models_without_groups_have_one_mean():
    model = BinomialGLMMClassifier("x", predict_kind="posterior").fit(X, EVENT)
    assert_allclose(model.predict_proba(X), model.predict_proba(X, "fixed"))


def test_a_fit_without_a_distribution_of_crossed_effects_says_so(monkeypatch):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"g": np.arange(120) % 12, "h": np.arange(120) // 10})
    y = rng.random(120) < expit(rng.normal(size=12)[X["g"]] + rng.normal(size=12)[X["h"]])
    module = sys.modules["skglmm.engine.objective.effect_posterior"]
    monkeypatch.setattr(module, "variational_normal", lambda *_: None)
    model = BinomialGLMMClassifier("1 + (1 | g) + (1 | h)", predict_kind="posterior")
    with pytest.warns(UserWarning, match="predictions need kind='conditional'"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="the search for a normal distribution"):
        model.predict_proba(X)
    assert model.predict_proba(X, "conditional").shape == (120, 2)


def test_a_fit_that_kept_nothing_says_what_to_set():
    model = BinomialGLMMClassifier("x + (1 | g)").fit(X, EVENT)
    for ask in (model.predict_proba, lambda X, kind: model.log_density(X, EVENT, kind=kind)):
        with pytest.raises(ValueError, match="set predict_kind='posterior', and fit again"):
            ask(X, kind="posterior")


@pytest.mark.parametrize("method", ["predict_interval", "predict_frame"])
def test_limits_are_those_of_other_kinds(nested, method):
    with pytest.raises(ValueError, match=r"no limits for kind='posterior', .* kind='conditional'"):
        getattr(nested, method)(X)
    assert len(getattr(nested, method)(X, kind="conditional")) == 360


def test_levels_that_have_moved_have_no_common_posterior():
    table = X.assign(t=X["g"] + X["s"])
    model = BinomialGLMMClassifier("x + (1 | g) + (1 | t)", predict_kind="posterior")
    model.fit(table, EVENT)
    moved = table.assign(g=np.roll(table["g"], 6))
    with pytest.raises(DesignError, match="360 of 360 rows have a level of 't', the first is"):
        model.predict_proba(moved)


# --- calibration ----------------------------------------------------------------------------------


def slope(y, p):
    """The coefficient of the logit of probabilities in a logistic regression of what happened."""
    z, beta = np.column_stack([np.ones(len(p)), logit(p)]), np.zeros(2)
    for _ in range(20):
        mean = expit(z @ beta)
        information = z.T @ ((mean * (1 - mean))[:, None] * z)
        beta = beta + np.linalg.solve(information, z.T @ (y - mean))
    return beta[1]


@pytest.mark.slow
@pytest.mark.parametrize("sd", [1.5, 2.5])
def test_probabilities_of_small_groups_are_calibrated(sd):
    table, y = rows(20_000, 8, sd, np.random.default_rng(7))
    old = np.arange(len(y)) % 8 < 4
    model = BinomialGLMMClassifier("x + (1 | g)", n_quadrature=11, predict_kind="posterior")
    model.fit(table[old], y[old])
    found = [
        slope(y[~old], means(model, table[~old], kind)) for kind in ("conditional", "posterior")
    ]
    assert found[0] < 0.95
    assert 0.97 < found[1] < 1.03
