"""Kenward and Roger's and Satterthwaite's formulas against dense matrices of all rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design

from skglmm import LMMRegressor
from skglmm.covariance import Autoregressive, CompoundSymmetry
from skglmm.engine import Laplace
from skglmm.families import Gaussian
from skglmm.fitting import fit
from skglmm.inference.degrees_of_freedom import pair_sums
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.kenward_roger import KenwardRoger
from skglmm.inference.degrees_of_freedom.marginal import MarginalModel

FORMULAS = [
    "x + (1 | g)",
    "x + (x | g)",
    "x + (x || g)",
    "x + (1 | g) + (1 | h)",
    "x + (x | g) + (1 | h)",
    "x + (x | g) + (x | h)",
    "x + (1 | g/k)",
    "x + (1 | g) + (x | g:k) + (1 | h)",
    "x + (1 | c) + (1 | b/a)",
    "x",
]
pytestmark = pytest.mark.filterwarnings("ignore")


def simulated(n=60, spread=(1.0, 1.0), seed=0):
    rng = np.random.default_rng(seed)
    codes = {name: rng.integers(0, size, n) for name, size in (("g", 6), ("h", 5), ("k", 3))}
    X = pd.DataFrame({"x": rng.normal(3, 2, n), **codes, "w": rng.uniform(0.5, 2, n)})
    X["a"], X["c"] = rng.integers(0, 12, n), rng.integers(0, 4, n)
    X["b"] = X["a"] // 3
    effects = [rng.normal(0, size, 6)[X[name]] for size, name in zip(spread, "gh", strict=True)]
    return X, 10 + X["x"].to_numpy() + sum(effects) + rng.normal(size=n)


def fitted(formula, reml=True, **options):
    X, y = simulated(**options)
    return LMMRegressor(formula, scale="1 + offset(-0.5 * log(w))", reml=reml).fit(X, y), X


def dense(model, X):
    """V, its derivatives in free entries of covariances and in the variance, and X."""
    found, rows = model.fit_, model._spec.build(X)
    residual, columns = np.diag(np.exp(2 * rows.offsets[1])), []
    V = np.exp(2 * found.beta[1][0]) * residual
    for f, factor in enumerate(found.layout.factors):
        Z = np.zeros((len(X), factor.n_levels, factor.n_columns))
        Z[np.arange(len(X)), rows.codes[f]] = rows.columns[f]

        def spread(change, Z=Z):
            return np.einsum("ila,ab,jlb->ij", Z, change, Z)

        V = V + spread(found.lambdas[f] @ found.lambdas[f].T)
        for a, b in zip(*np.nonzero(np.triu(factor.covariance.pairs)), strict=True):
            unit = np.zeros((factor.n_columns,) * 2)
            unit[a, b] = unit[b, a] = 1.0
            columns.append(spread(unit))
    return V, [*columns, residual], rows.fixed[0]


def textbook(V, G, X):
    """The corrected covariance, the plain one, P and W, by matrices of all rows."""
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(X.T @ inverse @ X)
    P = [-X.T @ inverse @ each @ inverse @ X for each in G]
    Q = [[X.T @ inverse @ one @ inverse @ two @ inverse @ X for two in G] for one in G]
    every = range(len(G))
    information = [
        [
            np.trace(inverse @ G[r] @ inverse @ G[s])
            - 2 * np.trace(phi @ Q[r][s])
            + np.trace(phi @ P[r] @ phi @ P[s])
            for s in every
        ]
        for r in every
    ]
    W = 2 * np.linalg.pinv(information)
    middle = sum(W[r, s] * (Q[r][s] - P[r] @ phi @ P[s]) for r in every for s in every)
    return phi + 2 * phi @ middle @ phi, phi, P, W


def moments(phi, P, W, L):
    """Denominator degrees of freedom and scaling, from mean and variance of the statistic."""
    q, theta = len(L), L.T @ np.linalg.solve(L @ phi @ L.T, L)
    turned = [theta @ phi @ each @ phi for each in P]
    traces = np.array([np.trace(each) for each in turned])
    A1, A2 = traces @ W @ traces, np.einsum("rs,rij,sji->", W, turned, turned)
    B, g = (A1 + 6 * A2) / (2 * q), ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    c = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
    mean = 1 / (1 - A2 / q)
    variance = 2 / q * (1 + c[0] * B) / ((1 - c[1] * B) ** 2 * (1 - c[2] * B))
    rho = variance / (2 * mean**2)
    df = 4 + (q + 2) / (q * rho - 1)
    return df, df / (mean * (df - 2))


@pytest.mark.parametrize("spread", [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("formula", FORMULAS)
def test_kenward_roger_is_that_of_the_textbook(formula, spread):
    model, X = fitted(formula, spread=spread)
    corrected, phi, P, W = textbook(*dense(model, X))
    found = reference(model.fit_, "kenward-roger")
    assert_allclose(found.location_covariance, corrected, rtol=1e-8)
    for L in (np.eye(2)[:1], np.eye(2)[1:], np.eye(2), np.array([[1.0, 3.0]])):
        below = found.denominator(np.hstack([L, np.zeros((len(L), 1))]))
        assert_allclose(below, moments(phi, P, W, L), rtol=1e-6)
        if len(L) == 1:
            assert_allclose(found.df(np.append(L, 0.0)[None]), below.df, rtol=1e-9)


@pytest.mark.parametrize("formula", FORMULAS[:-1])
def test_sums_over_pairs_of_levels_are_those_of_the_whole_matrix(formula, monkeypatch):
    monkeypatch.setattr(pair_sums, "CHUNK", 16)
    model, _ = fitted(formula)
    marginal = MarginalModel(model.fit_)
    whole, blocks = product_of(marginal), marginal.equations.random.blocks
    vectors = np.random.default_rng(0).normal(size=(len(whole), 3))
    found = pair_sums.pair_sums(marginal, vectors)
    assert_allclose(found.products, whole @ vectors, atol=1e-9 * np.abs(whole).max())
    ends = np.cumsum([block.shape[1] * block.shape[2] for block in blocks])
    places = [np.arange(e - b.shape[1] * b.shape[2], e) for e, b in zip(ends, blocks, strict=True)]
    for (f, g), squares in found.squares.items():
        part = whole[np.ix_(places[f], places[g])]
        part = part.reshape(*blocks[f].shape[1:], *blocks[g].shape[1:])
        expected = np.einsum("blcm,aldm->bcad", part, part)
        assert_allclose(squares, expected, atol=1e-9 * np.abs(expected).max())
        if f == g:
            assert_allclose(found.own[f], np.einsum("blcl->bc", part), rtol=1e-8, atol=1e-9)


def product_of(model):
    """Z' inv(V) Z, dense, in the units of the fit."""
    N = model.equations.random.matrix.toarray() / model.residual_variance
    blocks = model.equations.random.blocks
    parts = zip(model.factors, blocks, strict=True)
    lower = [np.kron(factor, np.eye(block.shape[2])) for factor, block in parts]
    root = np.zeros_like(N)
    start = 0
    for each in lower:
        root[start : start + len(each), start : start + len(each)] = each
        start += len(each)
    H = np.eye(len(N)) + root.T @ N @ root
    return N - N @ root @ np.linalg.solve(H, root.T @ N)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_derivatives_of_the_covariance_are_those_of_differences(formula, reml):
    model, X = fitted(formula, reml)
    here, found = model.fit_, reference(model.fit_)
    V, _, columns = dense(model, X)
    assert_allclose(
        found.location_covariance, np.linalg.inv(columns.T @ np.linalg.solve(V, columns)), rtol=1e-8
    )
    for m in range(here.shape.n_beta - 1, here.shape.n_params):
        ends = [covariance_at(model, X, m, step) for step in (1e-5, -1e-5)]
        slope = (ends[0] - ends[1]) / 2e-5
        assert_allclose(found.moves[m], slope, atol=1e-6 * np.abs(found.location_covariance).max())


def covariance_at(model, X, m, step):
    """Covariance of fixed effects after a step in one parameter of the variances."""
    here = model.fit_
    vector = np.concatenate([*here.beta, *here.theta])
    vector[m] += step
    theta = [vector[here.shape.theta(f)] for f in range(len(here.theta))]
    beta = [vector[here.shape.beta(k)] for k in range(2)]
    factors = [each.covariance for each in here.layout.factors]
    lambdas = [b @ c.factor(t) for b, c, t in zip(here.bases, factors, theta, strict=True)]

    class Moved:
        fit_ = type("Fit", (), {"beta": beta, "lambdas": lambdas, "layout": here.layout})
        _spec = model._spec

    V, _, columns = dense(Moved, X)
    return np.linalg.inv(columns.T @ np.linalg.solve(V, columns))


@pytest.mark.parametrize("covariance", [CompoundSymmetry(3), Autoregressive(3)])
def test_other_covariances_have_the_derivatives_in_their_parameters(covariance):
    rng, n = np.random.default_rng(1), 90
    codes, time = np.repeat(np.arange(10), 9), np.tile(np.arange(3), 30)
    columns = tuple((time == t).astype(float) for t in range(3))
    x, one = rng.normal(size=n), np.ones(n)
    whole = design(([one, x], [one]), Term("g", codes, columns, covariance))
    y = rng.normal(size=(10, 3))[codes, time] + rng.normal(size=10)[codes] + rng.normal(size=n)
    found = fit(Gaussian(), whole, y, approximation=Laplace(integrated=(0,)))
    Z = np.einsum("il,ia->ila", codes[:, None] == np.arange(10), np.stack(columns).T)
    lower, base = found.lambdas[0], found.bases[0]
    halves = [base @ move @ lower.T for move in covariance.moves(found.theta[0])]
    changes = [half + half.T for half in halves]
    G = [np.einsum("ila,ab,jlb->ij", Z, each, Z) for each in (lower @ lower.T, *changes)]
    V = G[0] + np.exp(2 * found.beta[1][0]) * np.eye(n)
    corrected, phi, P, W = textbook(V, [*G[1:], np.eye(n)], whole.fixed[0])
    mine = reference(found, "kenward-roger")
    assert_allclose(mine.location_covariance, corrected, rtol=1e-8)
    L = np.eye(3)[:2]
    assert_allclose(mine.denominator(L), moments(phi, P, W, L[:, :2]), rtol=1e-6)


def test_too_many_crossed_effects_are_refused(monkeypatch):
    monkeypatch.setattr(pair_sums, "DENSE_MAX", 4)
    model, _ = fitted("x + (1 | g) + (1 | h)")
    with pytest.raises(ValueError, match="matrices of 5 columns"):
        model.summary(df="kenward-roger")


def test_nested_factors_need_no_large_matrix(monkeypatch):
    monkeypatch.setattr(pair_sums, "DENSE_MAX", 1)
    model, _ = fitted("x + (1 | b/a)")
    assert np.isfinite(model.summary(df="kenward-roger").coefficients[0].df).all()


@pytest.mark.parametrize(
    "term", ["ar1(0 + t | g)", "(1 | g) + ar1(0 + t | g)", "(1 | h) + (x | g)"]
)
def test_large_blocks_give_what_sums_of_products_give(term, monkeypatch):
    rng, cells = np.random.default_rng(0), np.arange(120) // 2
    X = pd.DataFrame({"t": cells % 4, "g": cells // 4, "x": rng.normal(size=120)})
    X["h"] = np.arange(120) % 7
    effects = rng.normal(size=15)[X["g"]] * (1 + X["x"]) + rng.normal(size=60)[cells]
    y = X["x"] + effects + rng.normal(size=7)[X["h"]] + 0.5 * rng.normal(size=120)
    model = LMMRegressor(f"x + {term}").fit(X, y.to_numpy())
    contrasts = np.eye(model.fit_.shape.n_params)[:2]
    few = KenwardRoger(model.fit_)
    known = few.df(contrasts), few.location_covariance, few.denominator(contrasts)
    monkeypatch.setattr("skglmm.inference.degrees_of_freedom.large_blocks.MANY", 0)
    many = KenwardRoger(model.fit_)
    assert_allclose(many.df(contrasts), known[0], rtol=1e-8)
    assert_allclose(many.location_covariance, known[1], rtol=1e-9)
    assert_allclose(many.denominator(contrasts), known[2], rtol=1e-8)
    monkeypatch.setattr("skglmm.inference.degrees_of_freedom.large_blocks.DENSE_MAX", 10)
    if "(1" in term:
        with pytest.raises(ValueError, match=r"dense matrices of \d+ columns.*satterthwaite"):
            KenwardRoger(model.fit_).df(contrasts)
