"""Mixed model equations, and columns that are constant within groups, against sums over rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Term, design

from skglmm.covariance import Unstructured
from skglmm.engine import LinearModel, bind, constant_within
from skglmm.families import Beta, Gaussian
from skglmm.links import Log

N = 300


def rows(seed=0, scale=None, offset=None, feeds=0):
    """Return a design of nested and crossed factors with slopes, responses and weights."""
    rng = np.random.default_rng(seed)
    one, x, leaf = np.ones(N), rng.normal(size=N), rng.integers(0, 120, N)
    z = rng.normal(size=6)[leaf % 6]
    terms = [
        Term("leaf", leaf, (one,), Unstructured(1)),
        Term("crossed", rng.integers(0, 7, N), (one, x), Unstructured(2), (0, feeds)),
        Term("top", leaf % 6, (x,), Unstructured(1)),
    ]
    scales = [-one] if scale is None else scale(one, x)  # the log scale has a floor
    whole = design(([one, x, z], scales), *terms)
    if offset is not None:
        object.__setattr__(whole, "offsets", (None, offset(x)))
    return whole, rng.normal(size=N), rng.uniform(0.5, 2, N)


def columns_of(whole, f):
    """Random columns of a factor, (n, k, L)."""
    levels = np.arange(whole.layout.factors[f].n_levels)
    return whole.columns[f][:, :, None] * (whole.codes[f][:, None, None] == levels)


@pytest.mark.parametrize("shard_rows", [40, 10_000])
@pytest.mark.parametrize("offset", [None, np.tanh])
def test_equations_are_cross_products_of_all_columns(shard_rows, offset):
    whole, y, weights = rows(offset=offset)
    problem = bind(whole, y, weights, Gaussian(), shard_rows)
    found, X = LinearModel.of(problem).shared.equations, whole.fixed[0]
    w = weights * (1.0 if offset is None else np.exp(-2 * offset(X[:, 1])))
    assert_allclose(found.fixed, X.T @ (w[:, None] * X))
    assert_allclose(found.weight, weights.sum())
    for f, mixed in enumerate(found.mixed):
        Z = columns_of(whole, f)
        assert_allclose(mixed, np.einsum("n,nal,np->apl", w, Z, X), atol=1e-10)
        block = np.einsum("n,nal,nbl->abl", w, Z, Z)
        assert_allclose(found.random.blocks[f], block, atol=1e-10)
        for g in range(f + 1, 3):
            pair = found.random.between(f, g)
            every = np.einsum("n,nal,nbm->ablm", w, Z, columns_of(whole, g))
            assert_allclose(pair.values, every[:, :, pair.left, pair.right], atol=1e-10)
            assert_allclose(pair.values.sum(), every.sum())


def test_other_models_have_no_equations():
    whole, y, weights = rows()
    assert LinearModel.of(bind(whole, y, weights, Gaussian(links=(Log(), Log())))) is None
    assert LinearModel.of(bind(whole, np.full(N, 0.5), weights, Beta())) is None
    varying = rows(scale=lambda one, x: [one, x])[0]
    assert LinearModel.of(bind(varying, y, weights, Gaussian())) is None
    fed = rows(feeds=1)[0]
    assert LinearModel.of(bind(fed, y, weights, Gaussian())) is None


@pytest.mark.parametrize("shard_rows", [40, 10_000])
def test_columns_that_are_constant_within_levels_are_found(shard_rows):
    whole, y, weights = rows()
    found = constant_within(bind(whole, y, weights, Gaussian(), shard_rows))
    for f in range(3):
        expected = [
            all(np.ptp(x[whole.codes[f] == level]) == 0 for level in np.unique(whole.codes[f]))
            for x in whole.fixed[0].T
        ]
        assert_array_equal(found[f][0], expected)
        assert_array_equal(found[f][1], [True])
    assert found[2][0].tolist() == [True, False, True]
