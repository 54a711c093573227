"""Families of trials beyond what all families promise: links, tails, sums, large precisions."""

from itertools import product

import mpmath
import numpy as np
import pytest
from family_cases import evaluate, packed, rows
from numpy.testing import assert_allclose
from scipy.stats import betabinom, binom

from skglmm.families import BetaBinomial, Binomial, ZeroInflated

LINKS = Binomial().parameters[0].links
LINKED = [kind.with_link(link) for kind in (Binomial(), BetaBinomial()) for link in LINKS]
linked = pytest.mark.parametrize(
    "family", LINKED, ids=lambda f: f"{type(f).__name__}-{f.links[0].name}"
)


def points(family, n=300, seed=0):
    """Responses, possible ones of any probability, and linear predictors."""
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 60, n).astype(float)
    y = np.floor(rng.uniform(size=n) * (trials + 1.0))
    given = {"mean": rng.normal(size=n), "precision": rng.normal(3.0, 2.0, n), "trials": trials}
    return y, [given[each] for each in family.predictors]


@linked
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_match_differences_under_every_link(family, order):
    (y, eta), h = points(family), 1e-3
    found = rows(evaluate(family, y, eta, order))
    for k in family.estimated:
        ends = [
            [row + step * (i == k) for i, row in enumerate(eta)] for step in (2 * h, h, -h, -2 * h)
        ]
        near = [evaluate(family, y, end, order - 1) for end in ends]
        parts = [{(): each.value} if order == 1 else rows(each) for each in near]
        for index in (each for each in parts[0] if len(each) == order - 1):
            difference = np.tensordot([-1, 8, -8, 1], [part[index] for part in parts], 1) / (12 * h)
            value = found[tuple(sorted((*index, k)))]
            assert_allclose(value, difference, rtol=1e-6, atol=2e-8 * (1 + eta[-1].max()))


@linked
def test_nothing_moves_in_the_direction_of_the_trials(family):
    y, eta = points(family)
    (known,) = family.known
    for index, part in rows(evaluate(family, y, eta, 3)).items():
        assert (part == 0.0).all() == (known in index)
    information = family.expected_information(eta)
    for row, index in enumerate(packed(len(eta), 2)):
        assert (information[row] == 0.0).all() == (known in index)


@linked
def test_log_densities_and_tails_are_those_of_scipy(family):
    y, eta = points(family)
    share, trials = family.jets(eta)[0].value, eta[-1]
    other = binom(trials, share)
    if isinstance(family, BetaBinomial):
        phi = np.exp(eta[1])
        other = betabinom(trials, share * phi, (1.0 - share) * phi)
    assert_allclose(evaluate(family, y, eta, 0).value, other.logpmf(y), rtol=1e-9, atol=1e-9)
    assert_allclose(family.cdf(y, eta), other.cdf(y), rtol=1e-9, atol=1e-11)
    assert_allclose(family.survival(y, eta), 1.0 - other.cdf(y), atol=1e-11)
    assert (evaluate(family, trials + 1.0, eta, 0).value == -np.inf).all()


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_trials_that_share_nothing_are_those_of_a_binomial(link):
    y, (mean, trials) = points(Binomial())
    mean = np.clip(mean, -1.0, 1.0)  # a shape of n**2 or less tells them apart
    one = evaluate(Binomial().with_link(link), y, (mean, trials), 3)
    family = BetaBinomial().with_link(link)
    other = evaluate(family, y, (mean, np.array([29.9]), trials), 3)
    assert_allclose(other.value, one.value, rtol=1e-9, atol=1e-9)
    assert_allclose(other.grad[0], one.grad[0], rtol=1e-9, atol=1e-9)
    assert_allclose(other.hess[0], one.hess[0], rtol=1e-8, atol=1e-8)
    assert_allclose(other.third[0], one.third[0], rtol=1e-8, atol=1e-8)
    assert_allclose(other.grad[1], 0.0, atol=1e-8)


def exact(y, n, eta, counts):
    """Derivatives of the log density with a logit link, by how often in each predictor."""

    def log_density(mean, precision):
        phi = mpmath.exp(precision)
        a, b = phi / (1 + mpmath.exp(-mean)), phi / (1 + mpmath.exp(mean))
        value = mpmath.log(mpmath.binomial(n, y))
        value += mpmath.loggamma(y + a) + mpmath.loggamma(n - y + b) - mpmath.loggamma(n + phi)
        return value - mpmath.loggamma(a) - mpmath.loggamma(b) + mpmath.loggamma(phi)

    with mpmath.workdps(80):
        return [
            float(mpmath.diff(log_density, tuple(map(mpmath.mpf, eta)), each)) for each in counts
        ]


FEW = [(-3.0, -4.0, 7, 40), (2.0, -40.0, 3, 3), (20.0, 0.4, 7, 40), (8.0, 0.4, 900, 2000)]
MANY = list(
    product(
        [-20.0, -3.0, 2.0, 8.0, 20.0], [-40.0, -4.0, 0.4], [(0, 1), (3, 3), (0, 40), (900, 2000)]
    )
)


@pytest.mark.parametrize(
    ("precision", "mean", "y", "n"),
    [*FEW, *(pytest.param(p, m, *yn, marks=pytest.mark.slow) for p, m, yn in MANY)],
)
def test_derivatives_have_their_digits_whatever_the_precision(precision, mean, y, n):
    eta = [np.array([mean]), np.array([precision]), np.array([float(n)])]
    value, grad, hess, third = evaluate(BetaBinomial(), np.array([float(y)]), eta, 3)
    counts = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)]
    expected = exact(y, n, (mean, precision), counts)
    found = [value[0], *grad[:2, 0], *hess[[0, 1, 3], 0], *third[[0, 1, 3, 6], 0]]
    assert_allclose(found, expected, rtol=1e-11, atol=1e-13 * (1 + 10 * n))


@pytest.mark.parametrize("trials", [600.0, 3000.0])
@pytest.mark.parametrize(("mean", "log_phi"), [(-0.8, 2.3), (-0.8, 11.0), (-4.6, 0.7), (0.0, -1.2)])
def test_tails_and_information_of_many_trials_are_those_of_their_sums(trials, mean, log_phi):
    family, y = BetaBinomial(), np.arange(trials + 1.0)
    eta = [np.array([mean]), np.array([log_phi]), np.array([trials])]
    density = evaluate(family, y, eta, 1)
    mass = np.exp(density.value)
    assert_allclose(mass.sum(), 1.0, rtol=1e-11)
    cumulated = np.minimum(np.cumsum(mass), 1.0)
    assert_allclose(family.cdf(y, eta), cumulated, atol=1e-11)
    assert_allclose(family.survival(y, eta), 1.0 - cumulated, atol=1e-11)
    score = density.grad[:2]
    found = family.expected_information(eta)[[0, 1, 3], 0]
    expected = [mass @ (score[i] * score[j]) for i, j in ((0, 0), (0, 1), (1, 1))]
    assert_allclose(found, expected, rtol=5e-3, atol=5e-3 * np.sqrt(expected[0] * expected[2]))


def test_small_tails_have_digits_on_either_side():
    family = BetaBinomial()
    eta = [np.array([-3.0, 3.0]), np.array([4.0]), np.array([50.0])]
    above, below = (
        family.survival(np.array([40.0, 40.0]), eta),
        family.cdf(np.array([9.0, 9.0]), eta),
    )
    assert_allclose(above[0], below[1], rtol=1e-12)
    y = np.arange(41.0, 51.0)
    here = [np.full(10, -3.0), np.array([4.0]), np.array([50.0])]
    assert_allclose(above[0], np.exp(evaluate(family, y, here, 0).value).sum(), rtol=1e-12)
    assert above[0] < 1e-9


def test_a_start_finds_the_extra_zeros_beside_those_of_few_trials():
    family, trials = ZeroInflated(BetaBinomial()), np.resize([1.0, 2.0, 5.0, 20.0], 40_000)
    eta = (np.full(40_000, -0.5), np.full(40_000, 2.0), trials, np.full(40_000, -1.0))
    y = family.sample(eta, np.random.default_rng(0))
    assert_allclose(family.start_within(y, trials)[[0, 3]], [-0.5, -1.0], atol=0.15)


@linked
def test_a_start_is_that_of_the_shares_of_rows_with_unlike_trials(family):
    rng, trials = np.random.default_rng(0), np.resize([1.0, 3.0, 40.0], 30_000)
    eta = [*[np.array([0.3]), np.array([1.5])][: len(family.links) - 1], trials]
    start = family.start_within(family.sample(eta, rng), trials)
    assert_allclose(start[:-1], [row[0] for row in eta[:-1]], atol=0.1)
