"""Row-wise densities with random effects in several linear predictors, against fine sums."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from skglmm.families import (
    Beta,
    ExtendedBeta,
    FixedExtendedBeta,
    OneInflatedBeta,
    OrderedBeta,
    ZeroInflatedBeta,
    ZeroOneInflatedBeta,
    packed_rows,
)
from skglmm.inference.density.row_density import averaged_log_density
from skglmm.inference.prediction.averages import NormalShift

CENTERS = {"mean": -0.4, "precision": 2.1, "zero": -1.2, "one": -2.0}
CENTERS |= {"lower_cut": -2.0, "cut_gap": 1.4, "exceedance": -1.5}
FAMILIES = [
    *(Beta(), FixedExtendedBeta(), ExtendedBeta(), OrderedBeta()),
    *(ZeroInflatedBeta(), OneInflatedBeta(), ZeroOneInflatedBeta()),
]


def name_of(family):
    return type(family).__name__


def center_of(family):
    return np.array([CENTERS[name] for name in family.predictors])


def shift_of(covariance, n):
    def of(j, k):
        return np.full(n, covariance[j, k])

    return NormalShift.of(of, n, range(1, len(covariance)))


def found_of(family, y, covariance):
    eta = [np.full(len(y), each) for each in center_of(family)]
    return averaged_log_density(family, y, eta, shift_of(covariance, len(y)))


def summed(family, y, root, nodes, reach=7.0):
    """Log of the average over a fine grid of numbers that move the predictors by a root."""
    line = np.linspace(-reach, reach, nodes)
    t = np.stack(np.meshgrid(*[line] * root.shape[1], indexing="ij")).reshape(root.shape[1], -1)
    t = t[:, np.sum(t**2, axis=0) <= reach**2]
    eta = center_of(family)[:, None] + root @ t
    prepared = family.prepare(np.full(t.shape[1], y))
    weight = -0.5 * np.sum(t**2, axis=0) + len(t) * np.log((line[1] - line[0]) / 2.50662827463)
    return logsumexp(family.log_density(prepared, list(eta)).value + weight)


def correlated(sds, rho):
    correlation = np.where(np.eye(len(sds)) > 0, 1.0, rho)
    return correlation * np.outer(sds, sds)


@pytest.mark.parametrize("family", FAMILIES, ids=name_of)
def test_the_factors_of_a_density_multiply_to_it(family):
    rng = np.random.default_rng(0)
    y = np.r_[rng.uniform(0.05, 0.95, 6), family.masses]
    eta = [each + rng.normal(0, 0.5, len(y)) for each in center_of(family)]
    whole, size = family.log_density(family.prepare(y), eta, 2), len(eta)
    value, hess = np.zeros(len(y)), np.zeros_like(whole.hess)
    for factor in family.factors:
        here = np.ones(len(y), bool) if factor.applies is None else factor.applies(y)
        part = factor.log_density(family.prepare(y[here]), [row[here] for row in eta], 2)
        value[here] += part.value
        for key, row in packed_rows(len(factor.predictors), 2).items():
            place = packed_rows(size, 2)[tuple(factor.predictors[i] for i in key)]
            hess[place, here] += part.hess[row]
    assert_allclose(value, whole.value, rtol=1e-12)
    assert_allclose(hess, whole.hess, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rho", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
@pytest.mark.parametrize("sd", [0.05, 0.6])
@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if not isinstance(f, ExtendedBeta)], ids=name_of
)
def test_densities_average_over_effects_in_every_predictor(family, sd, rho):
    y = np.r_[0.03, 0.5, 0.95, family.masses]
    covariance = correlated(sd * np.linspace(0.8, 1.2, len(family.predictors)), rho)
    nodes = {2: 121, 3: 61, 4: 29}[len(covariance)]
    found, root = found_of(family, y, covariance), np.linalg.cholesky(covariance)
    expected = [summed(family, each, root, nodes) for each in y]
    assert_allclose(found, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_densities_of_an_extended_beta_average_over_three_predictors(rho):
    y, covariance = np.array([0.0, 0.4]), correlated(np.array([0.5, 0.4, 0.6]), rho)
    found = found_of(ExtendedBeta(), y, covariance)
    expected = [summed(ExtendedBeta(), each, np.linalg.cholesky(covariance), 21) for each in y]
    assert_allclose(found, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("rho", [0.0, -0.6])
@pytest.mark.parametrize("sd", [3.0, 30.0, pytest.param(300.0, marks=pytest.mark.slow)])
def test_densities_at_masses_are_right_however_large_the_effects(sd, rho):
    covariance = np.zeros((4, 4))
    covariance[2:, 2:] = correlated(np.array([sd, sd]), rho)
    found = found_of(ZeroOneInflatedBeta(), np.array([0.0, 1.0]), covariance)
    eta, total = center_of(ZeroOneInflatedBeta())[2:], np.zeros(2)
    line = np.linspace(-7.0, 7.0, 12_001 if sd > 100 else 4_001)
    weight = np.exp(-0.5 * line**2) / np.exp(-0.5 * line**2).sum()
    for t, share in zip(
        line[np.abs(line) < 5.5][::4], weight[np.abs(line) < 5.5][::4], strict=True
    ):
        zero = eta[0] + sd * t
        one = eta[1] + sd * (rho * t + np.sqrt(1 - rho**2) * line)
        log_total = np.logaddexp(np.logaddexp(0.0, zero), one)
        total += 4 * share * np.array([np.exp(z - log_total) @ weight for z in (zero, one)])
    assert_allclose(found, np.log(total), rtol=0, atol=1e-4)


def test_effects_that_are_one_number_are_integrated_over_one():
    family, direction = ZeroOneInflatedBeta(), np.array([[0.7], [0.4], [-0.5], [0.9]])
    y = np.array([0.0, 0.2, 0.7, 1.0])
    found = found_of(family, y, direction @ direction.T)
    expected = [summed(family, each, direction, 2001) for each in y]
    assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_rows_with_and_without_correlated_effects_are_what_they_are_alone():
    family, n = ZeroOneInflatedBeta(), 6
    choices = [np.zeros((4, 4)), correlated(np.full(4, 0.5), 0.0), correlated(np.full(4, 0.5), 0.4)]
    each = np.array(choices)[np.arange(n) % 3]
    y = np.array([0.1, 0.0, 0.5, 1.0, 0.8, 0.9])
    eta = [np.full(n, value) for value in center_of(family)]
    together = NormalShift.of(lambda j, k: each[:, j, k], n, (1, 2, 3))
    found = averaged_log_density(family, y, eta, together)
    alone = [found_of(family, y[i : i + 1], each[i])[0] for i in range(n)]
    assert_allclose(found, alone, rtol=0, atol=1e-10)
