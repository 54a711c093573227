"""Small problems, whose effects are all crossed and whose columns are dense matrices."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import Bent, Term, design
from test_laplace import FIXED, LAYOUTS, ONE, WEIGHTS, H, N, X, Z, differences

from skglmm import BetaGLMMRegressor
from skglmm.covariance import Diagonal, Unstructured
from skglmm.design import OneHot
from skglmm.engine import bind, effect_information, information, jacobian, posterior
from skglmm.engine.rows.dense_shard import DenseShard, is_small
from skglmm.families import Beta
from skglmm.linalg import Elimination, without_chain
from skglmm.parts import Here

RANDOM = [name for name in LAYOUTS if name not in {"no random effects", "one row per level"}]
LEVELS = np.random.default_rng(4).integers(0, 6, N)
MORE = {
    "one-hot": (
        Term("g", LEVELS, OneHot(H % 3, 3, X), Unstructured(3)),
        Term("h", H, (ONE,), Unstructured(1)),
    ),
    "one-hot and the precision": (
        Term("g", LEVELS, OneHot(H % 4, 4), Diagonal(4)),
        Term("h", H, (ONE, X), Unstructured(2), predictors=(1, 1)),
    ),
    "a level without rows": (Term("g", np.where(H == 3, 4, H), (ONE, X), Unstructured(2)),),
}
ALL = {**{name: LAYOUTS[name] for name in RANDOM}, **MORE}


def both(layout, *, weights=WEIGHTS, offset=None, family=None, fixed=FIXED):
    """The same problem with dense matrices and with sums by level, and a point."""
    rng = np.random.default_rng(5)
    whole, family = design(fixed, *ALL[layout], offset=offset), family or Beta()
    y = family.sample([0.2 + 0.4 * X, np.full(N, 2.0)], rng)
    dense, plain = (bind(whole, y, weights, family, dense=each) for each in (True, False))
    assert isinstance(next(iter(dense.shards)), DenseShard)
    assert dense.n_nested == 0
    theta = rng.normal(0, 0.5, sum(dense.shape.n_theta))
    return dense, plain, np.concatenate([[0.1, 0.3, 1.5, 0.2], theta])


@pytest.mark.parametrize("layout", ALL)
def test_value_and_gradient_are_those_of_sums_by_level(layout):
    dense, plain, vector = both(layout, offset=0.3 * Z)
    mine, theirs = (problem.evaluate(vector) for problem in (dense, plain))
    assert_allclose(mine.value, theirs.value, rtol=1e-12)
    assert_allclose(mine.gradient, theirs.gradient, rtol=1e-10, atol=1e-9)
    assert_allclose(mine.gradient, differences(dense, vector), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("layout", ALL)
def test_what_follows_from_the_mode_is_the_same(layout):
    dense, plain, vector = both(layout)
    ours, theirs = (problem.evaluate(vector).mode for problem in (dense, plain))
    modes = zip(dense.join(ours.u), plain.join(theirs.u), strict=True)
    for mine, other in modes:
        assert_allclose(mine, other, atol=1e-9)
    found = zip(dense.information(ours), plain.information(theirs), strict=True)
    for mine, other in found:
        assert_allclose(mine, other, rtol=1e-9, atol=1e-9)
    moves = zip(jacobian(dense, ours), jacobian(plain, theirs), strict=True)
    for mine, other in moves:
        assert_allclose(mine, other, atol=1e-9)
    assert_allclose(ours.system.half_logdet, theirs.system.half_logdet, rtol=1e-12)
    known, other = effect_information(dense, ours), effect_information(plain, theirs)
    assert_allclose(known.matrix.toarray(), other.matrix.toarray(), atol=1e-8)


@pytest.mark.parametrize("layout", ["crossed", "nested in nested, and crossed", "one-hot"])
def test_posterior_covariances_are_the_same(layout):
    dense, plain, vector = both(layout)
    every, found = range(len(ALL[layout])), []
    for problem in (dense, plain):
        covariances = posterior(problem, problem.evaluate(vector).mode)
        sizes, place = problem.in_layout_order(problem.sizes), problem.order.index
        for f in every:
            for g in every:
                levels = np.arange(min(sizes[f][1], sizes[g][1]))
                found.append(covariances.between(place(f), place(g), levels, levels))
    half = len(found) // 2
    for mine, other in zip(found[:half], found[half:], strict=True):
        assert_allclose(mine, other, atol=1e-9)


def test_gradients_nearby_are_the_same():
    dense, plain, vector = both("effects in two predictors")
    change, found = np.full(len(vector), 1e-6), []
    for problem in (dense, plain):
        here = problem.evaluate(vector)
        found.append(problem.gradient_near(here, change, problem.third_slopes(here)))
    assert_allclose(*found, rtol=1e-9, atol=1e-8)


def test_effects_may_feed_three_predictors():
    fixed = ([ONE, X], [ONE], [ONE, Z])
    terms = (
        Term("g", LEVELS, (ONE, X, Z), Unstructured(3), predictors=(0, 2, 1)),
        Term("h", H, (ONE, ONE), Diagonal(2), predictors=(2, 0)),
    )
    y = np.random.default_rng(9).normal(0.5 * X, 1.0)
    theta = np.random.default_rng(10).normal(0, 0.3, 8)
    vector = np.concatenate([[0.1, 0.3, 0.2, 0.5, -0.1], theta])
    found = [
        bind(design(fixed, *terms), y, WEIGHTS, Bent(links=()), dense=each).evaluate(vector)
        for each in (True, False)
    ]
    assert_allclose(found[0].value, found[1].value, rtol=1e-12)
    assert_allclose(found[0].gradient, found[1].gradient, rtol=1e-10, atol=1e-9)


def test_dense_systems_solve_and_invert():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(7, 7))
    matrix, right = root @ root.T + np.eye(7), rng.normal(size=7)
    system = without_chain(Here([Elimination(None, ())]), np.triu(matrix))
    nothing = Here([()])
    assert_allclose(system.solve(nothing, right)[1], np.linalg.solve(matrix, right))
    assert_allclose(system.crossed_inverse, np.linalg.inv(matrix))
    assert_allclose(system.corner(2), np.linalg.inv(matrix)[-2:, -2:])
    assert_allclose(system.half_logdet, 0.5 * np.linalg.slogdet(matrix)[1])
    draw = system.draw(nothing, right)[1]
    assert_allclose(draw @ matrix @ draw, right @ right)
    assert without_chain(Here([Elimination(None, ())]), -np.eye(3)) is None


@pytest.mark.parametrize(
    ("n_rows", "n_effects", "small"),
    [(10, 3, True), (480, 40, True), (6_000, 10, False), (100, 200, False), (5_000, 100, False)],
)
def test_the_size_decides(n_rows, n_effects, small):
    assert is_small(n_rows, n_effects) is small


def rows(n=300):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"x": rng.normal(size=n), "g": rng.integers(0, 12, n), "h": rng.integers(0, 5, n)}
    )
    eta = 0.3 * frame["x"] + rng.normal(0, 0.5, 12)[frame["g"]] + rng.normal(0, 0.3, 5)[frame["h"]]
    return frame, eta.to_numpy(), rng


def results(formula, frame, y, **parameters):
    model = BetaGLMMRegressor(formula, **parameters).fit(frame, y)
    table = model.tidy().select_dtypes("number").to_numpy()
    return [
        model.log_likelihood_,
        table,
        model.predict(frame),
        model.random_effects().select_dtypes("number").to_numpy(),
        model.predict(frame.assign(g=99)),
    ]


@pytest.mark.parametrize("reml", [False, True])
def test_fits_and_what_is_made_of_them_are_the_same(monkeypatch, reml):
    frame, eta, rng = rows()
    y = rng.beta(4 / (1 + np.exp(-eta)), 4 / (1 + np.exp(eta)))
    found = results("x + (x | g) + (1 | h)", frame, y, reml=reml)
    monkeypatch.setattr("skglmm.engine.binding.is_small", lambda *_: False)
    other = results("x + (x | g) + (1 | h)", frame, y, reml=reml)
    assert_allclose(found[0], other[0], rtol=1e-10)
    for mine, theirs in zip(found, other, strict=True):
        assert_allclose(mine, theirs, rtol=2e-5, atol=1e-6)


def test_a_row_of_no_effect_and_unused_levels_have_a_place():
    dense, plain, vector = both("a level without rows", weights=None)
    assert_allclose(dense.evaluate(vector).value, plain.evaluate(vector).value, rtol=1e-12)
    assert len(information(dense, dense.evaluate(vector).mode)) == 4
