"""The null space of a fixed matrix: which other rows it determines, whatever the units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import design

from skglmm.fitting import learn_scales
from skglmm.parts import Here

N = 60
ONE = np.ones(N)


def space_of(*columns, parts=1, weights=None):
    """Null space of the first predictor's matrix, learned from rows in several parts."""
    whole = design((list(columns), [ONE]))
    pieces = np.array_split(np.arange(N), parts)
    mass = [None if weights is None else weights[rows] for rows in pieces]
    designs = [whole.take(rows) for rows in pieces]
    return learn_scales(whole.layout, Here(designs), Here(mass)).null_spaces[0]


def misses(space, *row):
    return space.misses(np.array([row], dtype=float)).any()


def test_independent_columns_leave_nothing_open():
    rng = np.random.default_rng(0)
    space = space_of(ONE, rng.normal(size=N), rng.normal(size=N))
    assert space.columns == ()
    assert not misses(space, 1, 1e9, -1e9)


@pytest.mark.parametrize("parts", [1, 3])
def test_relations_are_those_of_the_users_columns(parts):
    rng = np.random.default_rng(1)
    x, z = rng.normal(2000, 5, N), rng.normal(0, 1e-9, N)
    space = space_of(ONE, x, 2.5 * x - 7, z, 0 * x, z + 3e-9 * x, 4 * ONE, parts=parts)
    assert space.columns == (2, 4, 5, 6)
    expected = np.zeros((7, 4))
    expected[[2, 4, 5, 6], range(4)] = 1
    expected[:2, 0] = 7, -2.5
    expected[[1, 3], 2] = -3e-9, -1
    expected[0, 3] = -4
    assert_allclose(space.basis, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
@pytest.mark.parametrize("origin", [0.0, 2000.0])
def test_units_and_origins_do_not_count(unit, origin):
    x = np.random.default_rng(2).normal(origin, 5, N) * unit
    space = space_of(ONE, x, 3 * x)
    for value in (origin, origin + 4, origin + 500):
        assert not misses(space, 1, value * unit, 3 * value * unit)
        assert misses(space, 1, value * unit, (3 * value + 0.01 * max(15, abs(value))) * unit)


def test_rounding_is_no_weight():
    x = np.random.default_rng(5).normal(size=N)
    x -= x.mean()  # to rounding
    space = space_of(ONE, x, 0.1 * x)
    assert_array_equal(space.basis[:, 0] == 0, [True, False, False])


def test_two_years_say_nothing_of_a_parabola_elsewhere():
    year = np.resize([2000.0, 2001.0], N)
    space = space_of(ONE, year, year**2)
    assert space.columns == (2,)
    assert not misses(space, 1, 2001, 2001**2)
    for other in (1999, 2000.5, 2003):  # R's estimability, whose tolerance is not centered, errs
        assert misses(space, 1, other, other**2)


def test_a_constant_is_one_to_rounding():
    seconds = 1.7e9
    space = space_of(ONE, seconds * ONE, 0.1 + 1e-15 * np.arange(N), 0 * ONE)
    row = (1, seconds, 0.1, 0)
    assert not misses(space, *row)
    assert not misses(space, 1, seconds, float(np.float32(0.1)), 0)
    assert misses(space, 1, seconds + 3600, 0.1, 0)
    assert misses(space, 1, seconds, 0.1001, 0)
    assert misses(space, 1, seconds, 0.1, 1e-12)


def test_without_an_intercept_a_shift_is_seen():
    x = np.random.default_rng(3).normal(2000, 5, N)
    space = space_of(x, 2 * x)
    assert not misses(space, 1900, 3800)
    assert misses(space, 2000, 4000.1)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_rows_of_the_fit_are_determined_and_so_are_their_combinations(seed, weighted):
    rng = np.random.default_rng(seed)
    rank, size = rng.integers(1, 4), rng.integers(4, 7)
    sizes = 10.0 ** rng.integers(-6, 7, size)
    x = rng.normal(size=(N, rank)) @ rng.normal(size=(rank, size)) * sizes
    x[:, 0] = 1.0
    x[:, -1] += 3e-8 * np.std(x[:, -1]) * rng.normal(size=N)  # within R's tolerance
    weights = 10.0 ** rng.uniform(-3, 3, N) if weighted else None
    space = space_of(*x.T, weights=weights)
    assert len(space.columns) >= size - rank - 1
    assert not space.misses(x).any()
    mixed = rng.normal(size=(5, N)) @ x / 10
    assert not space.misses(mixed).any()
    outside = mixed[:, space.columns] + 0.5 * np.std(x[:, space.columns], axis=0)
    for d, column in enumerate(space.columns):
        moved = mixed.copy()
        moved[:, column] = outside[:, d]
        assert space.misses(moved).any(axis=1).all()


def test_the_order_of_columns_changes_nothing():
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 3, N), rng.integers(0, 3, N)
    b[(a == 1) & (b == 2)] = 0
    cells = np.array([(i, j) for i in range(3) for j in range(3)])

    def columns(a, b):
        one = [np.ones(len(a))]
        mains = [a == 1, a == 2, b == 1, b == 2]
        return np.column_stack(
            [*one, *mains, *[(a == i) & (b == j) for i in (1, 2) for j in (1, 2)]]
        ).astype(float)

    for seed in range(5):
        order = np.random.default_rng(seed).permutation(9)
        space = space_of(*columns(a, b)[:, order].T)
        missed = space.misses(columns(*cells.T)[:, order]).any(axis=1)
        assert_array_equal(missed, (cells == [1, 2]).all(axis=1))
