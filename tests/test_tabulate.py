"""Tables of smooth functions: as exact as asked for, from few evaluations, or not at all."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skglmm.inference.distribution.tabulate import SHARE, Values, tabulate

UNIT = 1e-7


class Function:
    """A function of points whose evaluations are kept."""

    def __init__(self, *parts):
        self.parts, self.points = parts, []

    def __call__(self, points):
        self.points.append(points)
        value = self.exact(points)
        return Values(value, UNIT * (1.0 + np.abs(value)))

    def exact(self, points):
        return np.column_stack([part(*points.T) for part in self.parts])

    @property
    def cost(self):
        return sum(map(len, self.points))


def bump(*x):
    """Much steeper in the middle than outside."""
    return np.tanh(4 * x[0]) + sum(np.cos(part / (k + 1)) for k, part in enumerate(x))


def wave(*x):
    return np.exp(sum((k + 1) * part / 3 for k, part in enumerate(x)))


SIZES = [(1, 10_000, 0.05), (2, 60_000, 0.15), (3, 200_000, 0.5)]


@pytest.mark.parametrize(("d", "n", "share"), SIZES)
def test_a_table_has_the_errors_asked_for(d, n, share):
    points = np.random.default_rng(d).normal(size=(n, d))
    function = Function(bump if d < 3 else lambda *x: np.tanh(x[0]), wave)
    found = tabulate(points, function, 2)
    done = ~np.isnan(found).any(axis=1)
    assert function.cost + np.count_nonzero(~done) < share * n
    assert np.isnan(found[~done]).all()
    # rows that were not tried may miss by a little more
    exact = function.exact(points)
    assert (np.abs(found - exact) / (1.0 + np.abs(exact)))[done].max() < 3 * UNIT


def test_nothing_is_extrapolated():
    points = np.random.default_rng(0).normal(size=(20_000, 2))
    function = Function(bump)
    tabulate(points, function, 1)
    evaluated = np.concatenate(function.points)
    assert np.all(evaluated >= points.min(axis=0))
    assert np.all(evaluated <= points.max(axis=0))


def test_an_outlying_row_is_left_out_and_costs_little():
    points = np.random.default_rng(1).normal(size=(20_000, 2))
    without = Function(wave)
    tabulate(points, without, 1)
    points[123] = [1e200, 0.0]
    function = Function(lambda x, y: wave(np.minimum(x, 10.0), y))
    found = tabulate(points, function, 1)
    assert np.isnan(found[123])
    assert np.isfinite(found).mean() > 0.9
    assert function.cost < without.cost + 0.1 * len(points)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_outermost_row_is_tried(axis, sign):
    points = np.random.default_rng(1).uniform(-1, 1, (20_000, 2))
    points[4321, axis] = sign
    beyond = np.sort(np.abs(points[sign * points[:, axis] > 0, axis]))[-2]
    function = Function(lambda *x: wave(*x) + 1e-3 * (sign * x[axis] > beyond))
    found, exact = tabulate(points, function, 1)[4321, 0], function.exact(points[[4321]])[0, 0]
    assert np.isnan(found) or abs(found - exact) < 3 * UNIT * (1 + abs(exact))


def test_numbers_that_do_not_vary_cost_nothing():
    x = np.random.default_rng(2).normal(size=(5000, 1))
    one = Function(bump)
    tabulate(x, one, 1)
    points = np.column_stack([np.full(5000, 3.0), x, np.full(5000, -1.0)])
    three = Function(lambda a, b, c: bump(b))
    found = tabulate(points, three, 1)
    assert np.isfinite(found).mean() > 0.9
    assert three.cost < 1.3 * one.cost


def test_a_number_with_two_values_costs_less_than_one_with_many():
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.normal(size=(30_000, 2)), rng.uniform(-9, 9, 30_000)])
    many, two = Function(wave), Function(wave)
    tabulate(points, many, 1)
    points[:, 2] = np.where(points[:, 2] > 0, 9.0, -9.0)
    found = tabulate(points, two, 1)
    assert np.isfinite(found).mean() > 0.9
    assert two.cost < 0.5 * many.cost


def test_equal_rows_are_evaluated_a_few_times():
    function = Function(bump)
    found = tabulate(np.full((1000, 2), 0.3), function, 1)
    assert function.cost < 20
    np.testing.assert_allclose(found, bump(0.3, 0.3), rtol=1e-14)


@pytest.mark.parametrize("rough", [lambda x: np.abs(x - 0.3), lambda x: np.where(x > 0.3, 5.0, x)])
def test_rows_at_a_kink_or_step_are_left_out(rough):
    points = np.random.default_rng(3).uniform(-1, 1, (20_000, 1))
    function = Function(rough)
    found = tabulate(points, function, 1)
    left = np.isnan(found[:, 0])
    assert np.abs(points[left] - 0.3).max() < 0.02
    assert np.abs(found - function.exact(points))[~left].max() < 3 * UNIT


def test_noise_has_no_table_and_its_evaluations_are_bounded():
    rng = np.random.default_rng(4)
    points = rng.normal(size=(30_000, 2))
    function = Function(lambda x, y: rng.normal(size=len(x)))
    assert np.isnan(tabulate(points, function, 1)).all()
    assert function.cost <= len(points) / SHARE


def test_where_a_function_has_no_values_rows_are_left_out():
    points = np.random.default_rng(5).uniform(-1, 1, (20_000, 1))
    function = Function(lambda x: np.where(x < 0.5, np.sin(x), np.nan))
    found = tabulate(points, function, 1)[:, 0]
    assert np.isnan(found[points[:, 0] >= 0.5]).all()
    assert np.isfinite(found[points[:, 0] < 0.45]).all()


def test_rows_that_are_few_or_not_finite_are_left_out():
    function = Function(bump)
    assert tabulate(np.empty((0, 2)), function, 1).shape == (0, 1)
    assert np.isnan(tabulate(np.full((500, 1), np.nan), function, 1)).all()
    assert np.isnan(tabulate(np.linspace(0, 1, 50)[:, None], function, 1)).all()
    assert function.cost == 0
    points = np.linspace(0, 1, 5000)[:, None]
    points[[7, 8, 9], 0] = [np.nan, np.inf, -np.inf]
    found = tabulate(points, function, 1)[:, 0]
    assert_array_equal(np.flatnonzero(np.isnan(found)), [7, 8, 9])
