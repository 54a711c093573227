"""Rows whose predictors move a little, and curvature that is made positive."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Bent, Gaussian, Term, design
from test_laplace import problem_of as problem_of_layout

from skglmm.arrays import slices
from skglmm.covariance import Unstructured
from skglmm.engine import Params, bind, find_mode, third_slopes
from skglmm.engine.mode.absolute import absolute
from skglmm.engine.mode.mode import mode_at
from skglmm.engine.mode.point import evaluate
from skglmm.engine.objective.gradient import gradient
from skglmm.engine.rows.rows import Rows, moved
from skglmm.families import Beta, Packing, packed_rows
from skglmm.links import LINKS, Log

N = 50
CASES = {
    "beta": (Beta(), [(0,), (0, 1), (1,)]),
    "three predictors": (Bent(), [(1,), (2,), (0, 2), (0, 1, 2)]),
}
EVERY = [(name, active) for name, (_, several) in CASES.items() for active in several]


def rows_at(family, prepared, eta):
    found = family.log_density(prepared, eta, 3)
    return Rows(float(found.value.sum()), found.grad, found.hess, found.third)


def start(name):
    family, rng = CASES[name][0], np.random.default_rng(4)
    eta = [rng.normal(0.2, 0.5, N), np.array([1.3]), rng.normal(0.0, 0.5, N)]
    eta = eta[: len(family.predictors)]
    full = [np.broadcast_to(row, N) for row in eta]
    return family, family.prepare(family.sample(full, rng)), eta, rng


def errors(name, active, size, kept):
    """Of the value and the derivatives, where the active predictors move by about `size`."""
    family, prepared, eta, rng = start(name)
    move = [size * rng.normal(size=N) if k in active else None for k in range(len(eta))]
    end = [row if step is None else row + step for row, step in zip(eta, move, strict=True)]
    there = rows_at(family, prepared, end)
    found = moved(rows_at(family, prepared, eta), move, family.packing, active, kept)
    return found, there


@pytest.mark.parametrize(("name", "active"), EVERY)
def test_errors_of_moved_rows_fall_with_powers_of_the_move(name, active):
    sizes = np.array([1e-2, 5e-3])
    misses = []
    for size in sizes:
        found, there = errors(name, active, size, None)
        hess = [found.hess[row] - there.hess[row] for row in _of_active(name, active)]
        parts = (found.value - there.value, found.grad - there.grad, hess)
        misses.append([np.abs(part).max() for part in parts])
    powers = np.log2(np.array(misses[0]) / misses[1])
    assert_allclose(powers, [4, 3, 2], atol=0.4)


def _of_active(name, active):
    keys = packed_rows(len(CASES[name][0].predictors), 2)
    return [row for key, row in keys.items() if set(key) & set(active)]


def problem_of(family=None, n_levels=12, **options):
    rng = np.random.default_rng(7)
    n = 20 * n_levels
    g, x, one = np.repeat(np.arange(n_levels), 20), rng.normal(size=n), np.ones(n)
    b = rng.normal(size=(2, n_levels))
    family = family or Beta()
    y = family.sample([b[0][g] + 0.5 * b[1][g] * x, np.full(n, 2.0)], rng)
    term = Term("g", g, (one, x), Unstructured(2), **options)
    return bind(design(([one, x], [one]), term), y, None, family, shard_rows=100)


VECTOR = np.array([0.1, 0.2, 1.8, 0.9, 0.1, 0.6])


@pytest.mark.parametrize("feeds", [(0, 0), (0, 1), (1, 1)])
def test_slopes_of_third_derivatives_match_central_differences(feeds):
    problem, h = problem_of(predictors=feeds), 1e-3
    point = problem.evaluate(VECTOR).mode.point
    parts = zip(problem.shards, point.states, third_slopes(problem, point), strict=True)
    for shard, state, found in parts:
        assert set(found) == set(feeds)
        for k, ours in found.items():
            ends = [
                [row + h * sign * (j == k) for j, row in enumerate(state.eta)] for sign in (1, -1)
            ]
            above, below = (shard.evaluate(problem.family, eta, 3).third for eta in ends)
            slope = (above - below) / (2 * h)
            assert_allclose(ours, slope, rtol=1e-3, atol=1e-3 * np.abs(slope).max())


def test_slopes_are_right_at_the_end_of_a_reach():
    problem = problem_of(family=Beta((LINKS["probit"], Log())))
    params = Params.unpack(np.array([7.2999, 0.0, 1.8, 0.0, 0.0, 0.0]), problem.shape)
    point = evaluate(problem, params, problem.zero(), 3)
    slopes = next(iter(third_slopes(problem, point)))[0]
    inside = evaluate(
        problem, replace(params, beta=(np.array([7.2989, 0.0]), params.beta[1])), problem.zero(), 3
    )
    third = [next(iter(each.states)).rows.third for each in (point, inside)]
    assert_allclose(slopes, (third[0] - third[1]) / 1e-3, rtol=0.1, atol=1e-6)


@pytest.mark.parametrize(("name", "active"), EVERY)
def test_third_derivatives_move_along_their_slopes(name, active):
    family, prepared, eta, rng = start(name)
    move = [1e-4 * rng.normal(size=N) if k < 2 else None for k in range(len(eta))]
    here, slopes = rows_at(family, prepared, eta), {}
    for k in active:
        moved_eta = [row + 1e-6 * (j == k) for j, row in enumerate(eta)]
        slopes[k] = (rows_at(family, prepared, moved_eta).third - here.third) / 1e-6
    end = [row if step is None else row + step for row, step in zip(eta, move, strict=True)]
    there = rows_at(family, prepared, end).third
    keys = packed_rows(len(eta), 3).items()
    wanted = [row for key, row in keys if sum(j in active for j in key) >= 2]
    others = [row for _, row in keys if row not in wanted]
    found = moved(here, move, family.packing, active, slopes).third
    size = np.abs(there - here.third)[wanted].max()
    assert_allclose(found[wanted], there[wanted], atol=1e-3 * size)
    assert_array_equal(found[others], here.third[others])


@pytest.mark.parametrize("feeds", [(0, 0), (0, 1), (1, 1)])
def test_the_objective_is_corrected_for_the_step_that_is_left(feeds):
    problem = problem_of(predictors=feeds)
    exact = problem.evaluate(VECTOR)
    rng = np.random.default_rng(1)
    apart = exact.mode.u.plus(problem.split((0.02 * rng.normal(size=(2, 12)),)))
    rough = problem.evaluate(VECTOR, apart, 1.0, "near")
    assert rough.mode.decrement > 1e-4  # no step was taken
    assert abs(rough.value - exact.value) < 0.1 * rough.mode.decrement
    size = np.abs(exact.gradient).max()
    assert_allclose(rough.gradient, exact.gradient, atol=5e-3 * size)
    plain = _without_correction(problem, apart)
    assert (
        np.abs(rough.gradient - exact.gradient).max() < 0.1 * np.abs(plain - exact.gradient).max()
    )


@pytest.mark.parametrize(
    "layout", ["correlated slopes", "crossed", "nested in nested, and crossed"]
)
def test_what_is_left_is_corrected_exactly_for_a_gaussian_response(layout):
    problem, vector = problem_of_layout(layout, family=Gaussian())
    exact = problem.evaluate(vector)
    rng = np.random.default_rng(2)
    moves = tuple(0.3 * rng.normal(size=size) for size in problem.sizes)
    rough = problem.evaluate(vector, exact.mode.u.plus(problem.split(moves)), 1e3, "near")
    assert rough.mode.decrement > 0.1
    assert_allclose(rough.value, exact.value, rtol=1e-12)
    assert_allclose(rough.gradient, exact.gradient, rtol=1e-8, atol=1e-8)


def _without_correction(problem, u):
    point = evaluate(problem, Params.unpack(VECTOR, problem.shape), u, 3)
    return gradient(problem, mode_at(problem, point))[0]


@pytest.mark.parametrize("distance", ["far", "some", "near"])
@pytest.mark.parametrize("feeds", [(0, 0), (0, 1), (1, 1)])
def test_every_search_ends_in_the_same_mode(feeds, distance):
    problem = problem_of(predictors=feeds)
    params = Params.unpack(VECTOR, problem.shape)
    nearby = problem.evaluate(VECTOR).mode.u
    found = find_mode(problem, params, problem.zero(), distance=distance)
    assert_allclose(problem.join(found.u)[0], problem.join(nearby)[0], atol=1e-9)


def test_modes_of_wild_levels_take_few_steps():
    """Effects of the precision, where the observed curvature is of either sign."""
    problem = problem_of(predictors=(0, 1), n_levels=60)
    params = Params.unpack(np.array([3.0, 0.2, -2.0, 5.0, 1.0, 5.0]), problem.shape)
    ends = []
    for distance in ("far", "some"):
        mode = find_mode(problem, params, problem.zero(), distance=distance)
        assert mode.n_steps < 25
        ends.append(problem.join(mode.u)[0])
    assert_allclose(ends[1], ends[0], atol=1e-8)


@pytest.mark.parametrize("active", [(0,), (2,), (0, 2), (0, 1, 2)])
def test_absolute_curvature_has_the_absolute_eigenvalues(active):
    hess = np.random.default_rng(3).normal(size=(6, N))
    hess[:, 0] = 0.0
    found = absolute(hess, Packing.full(3), active)
    places = {(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 1): 3, (1, 2): 4, (2, 2): 5}
    block = [[places[min(j, k), max(j, k)] for k in active] for j in active]
    before, after = (np.moveaxis(each[block], -1, 0) for each in (hess, found))
    values, vectors = np.linalg.eigh(before)
    expected = -(vectors * np.abs(values)[:, None]) @ np.swapaxes(vectors, 1, 2)
    assert_allclose(after, expected, atol=1e-12)
    others = np.setdiff1d(np.arange(6), np.ravel(block))
    assert_array_equal(found[others], hess[others])


@pytest.mark.parametrize("n", [0, 1, 15, 16, 24, 25, 33, 100])
def test_slices_are_even_and_cover_all_rows(n):
    found = list(slices(n, 16))
    assert [row for part in found for row in range(n)[part]] == list(range(n))
    sizes = [part.stop - part.start for part in found]
    assert max(sizes, default=0) <= 24
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
