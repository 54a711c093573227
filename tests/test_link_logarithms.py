"""Logarithms of inverse links, and links in other units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skglmm.families import (
    Cauchit,
    CLogLog,
    EventCLogLog,
    EventLogLog,
    EventProbit,
    Identity,
    Log,
    Logit,
    LogLog,
    LogMean,
    LogMedian,
    LogOdds,
    Positive,
    Probit,
    Reciprocal,
    ReciprocalSquared,
    Sqrt,
)

PROBABILITIES = [Logit(), LogOdds(), Probit(), CLogLog(), LogLog(), Cauchit()]
PROBABILITIES += [EventProbit(), EventCLogLog(), EventLogLog()]
DECREASING = [Reciprocal(), ReciprocalSquared()]
POSITIVE = [Log(), LogMean(), LogMedian(), Positive(), Sqrt(), *DECREASING]
ETA = np.array([0.2, 0.7, 1.1, 1.9])


def derivatives(function, order):
    """The highest derivative by central differences of the one below it."""
    h = 1e-5
    return (function(ETA + h, order - 1)[-1] - function(ETA - h, order - 1)[-1]) / (2.0 * h)


@pytest.mark.parametrize("link", [*PROBABILITIES, *POSITIVE], ids=lambda link: link.name)
def test_the_logarithm_of_a_parameter(link):
    assert_allclose(np.exp(link.log_inverse(ETA)[0]), link.inverse(ETA).value, rtol=1e-12)
    for order in (1, 2, 3):
        found = link.log_inverse(ETA, order)
        assert len(found) == order + 1
        assert_allclose(found[-1], derivatives(link.log_inverse, order), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("link", PROBABILITIES, ids=lambda link: link.name)
def test_the_logarithm_of_a_complement(link):
    assert_allclose(np.exp(link.log_complement(ETA)[0]), link.inverse(ETA).complement, rtol=1e-12)
    for order in (1, 2, 3):
        found = link.log_complement(ETA, order)
        assert_allclose(found[-1], derivatives(link.log_complement, order), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("link", PROBABILITIES, ids=lambda link: link.name)
@pytest.mark.parametrize("far", [1.0, 4.0, 200.0, 5000.0])
def test_outcomes_are_events_or_none_in_both_tails(link, far):
    eta = np.clip(np.repeat(far * np.array([-1.0, -0.3, 0.1, 0.9]), 2), *link.reach)
    sign = np.tile([1.0, -1.0], 4)
    event, none = link.log_inverse(eta, 3), link.log_complement(eta, 3)
    for order in range(4):
        expected = [np.where(sign > 0.0, *pair) for pair in zip(event, none, strict=True)]
        found = link.log_outcome(sign, eta, order)
        assert_allclose(found, expected[: order + 1], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("link", [*POSITIVE, Identity()], ids=lambda link: link.name)
def test_a_link_in_other_units(link):
    mu, width = np.array([0.3, 1.0, 4.0]), 100.0
    unit, shift = link.rescaled(width)
    assert_allclose(link.link(width * mu), unit * link.link(mu) + shift, rtol=1e-13)


def test_probabilities_have_no_units():
    with pytest.raises(TypeError, match="have no units"):
        Probit().rescaled(2.0)


@pytest.mark.parametrize(
    "link", [LogMean(), Positive(), Sqrt(), *DECREASING], ids=lambda link: link.name
)
def test_a_mean_of_zero_has_a_finite_linear_predictor(link):
    near = link.link_within(np.array([0.0, 4.0]))
    assert np.isfinite(near).all()
    assert_allclose(near[1], link.link(np.array(4.0)), rtol=1e-15)


@pytest.mark.parametrize("link", POSITIVE, ids=lambda link: link.name)
def test_slopes_are_those_of_the_inverse(link):
    h = 1e-5
    for order in (1, 2, 3):
        above, below = (link.inverse(ETA + sign * h, order - 1) for sign in (1.0, -1.0))
        parts = [(jet.value, *jet.slopes)[-1] for jet in (above, below)]
        found = link.inverse(ETA, order).slopes[-1]
        assert_allclose(found, (parts[0] - parts[1]) / (2.0 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("link", POSITIVE, ids=lambda link: link.name)
def test_positive_links_rise_or_fall_over_their_reach(link):
    low, high = (np.clip(end, 1e-30, 1e30) if link.reach[0] > 0 else end for end in link.reach)
    eta = np.geomspace(low, high, 99) if low > 0.0 else np.linspace(low, high, 99)
    jet = link.inverse(eta, 3)
    assert (np.diff(jet.value) * (-1 if link.is_decreasing else 1) > 0.0).all()
    assert (np.sign(jet.slopes[0]) == (-1 if link.is_decreasing else 1)).all()
    assert np.isfinite([jet.value, jet.complement, *jet.slopes]).all()
    assert_allclose(link.link(jet.value), eta, rtol=1e-12, atol=1e-13)
    assert_allclose(jet.complement, 1.0 - jet.value, rtol=1e-12, atol=1e-15)
