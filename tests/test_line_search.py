"""Steps are shortened until the objective decreases, as much as it should."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skglmm.fitting.search.line_search import HALVINGS_MAX, Trial, line_search, noise_of

STEP = np.array([2.0])
EXACT = SimpleNamespace(decrement=0.0, system=SimpleNamespace(uncertainty=0.0))


def objective(value, gradient=0.0, mode=EXACT):
    return SimpleNamespace(value=value, gradient=np.array([gradient]), mode=mode)


def searched(curve, slope, **options):
    """Search along STEP on a curve of the share of the step."""

    def trial(share):
        value = curve(share)
        return Trial(STEP, slope, share, None if value is None else objective(value, 9.0))

    return line_search(objective(curve(0.0)), trial, **options)


def test_a_step_that_is_too_long_ends_where_a_parabola_has_its_minimum():
    found, n_tried = searched(lambda share: 5.0 * (share - 0.2) ** 2, -2.0)
    assert n_tried == 2
    assert_allclose(found.move, 0.2 * STEP)
    assert_allclose(found.there.value, 0.0, atol=1e-15)


def test_where_the_objective_has_no_value_the_next_step_is_a_quarter():
    found, n_tried = searched(lambda share: None if share > 0.1 else -share, -1.0)
    assert n_tried == 3
    assert_allclose(found.move, STEP / 16.0)


@pytest.mark.parametrize(("curve", "slope"), [(lambda share: share, -1.0), (np.negative, 1.0)])
def test_a_step_that_leads_or_is_said_to_lead_up_is_given_up(curve, slope):
    assert searched(curve, slope) == (None, HALVINGS_MAX)
    assert searched(curve, slope, n_trials=3) == (None, 3)


def test_a_decrease_that_is_small_beside_what_was_promised_is_none():
    assert not Trial(STEP, -1.0, 1.0, None).descends(objective(0.0), objective(-1e-5, 9.0))
    assert Trial(STEP, -1.0, 0.01, None).descends(objective(0.0), objective(-1e-5, 9.0))


@pytest.mark.parametrize(("slope", "is_accepted"), [(-0.4, True), (0.4, True), (-0.48, False)])
def test_within_rounding_a_flatter_slope_decides(slope, is_accepted):
    here, there = objective(1e6), objective(1e6 + 1e-6, slope)
    assert Trial(STEP, -1.0, 1.0, None).descends(here, there) is is_accepted
    assert not Trial(STEP, -1.0, 1.0, None).descends(objective(1.0), objective(1.0 + 1e-6, slope))


def test_noise_is_rounding_what_is_left_to_the_mode_and_what_probes_leave_open():
    mode = SimpleNamespace(decrement=0.25, system=SimpleNamespace(uncertainty=0.5))
    assert_allclose(noise_of(objective(-1e6)), 1e-5)
    assert_allclose(noise_of(objective(0.0, mode=mode)), 0.75 + 1e-11)
