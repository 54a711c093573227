"""What the numerical tests compare with: a Gaussian family, and designs made by hand."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from skglmm.design import Design, Factor, Layout, OneHot
from skglmm.families import Family, Identity, Log, LogDensity, Parameter, Role, Support


@dataclass(frozen=True)
class Gaussian(Family):
    """Normal with identity mean and log precision: its Laplace approximation is exact."""

    parameters = (
        Parameter("mean", Role.LOCATION, (Identity(),)),
        Parameter("precision", Role.DISPERSION, (Log(),), 20.0),
    )
    support = Support(-np.inf, np.inf)
    links: tuple = ()

    def prepare(self, y):
        return y[None, :]

    def log_density(self, prepared, eta, order=0):
        y = prepared[0]
        mean, log_tau, _ = np.broadcast_arrays(eta[0], eta[1], y)
        tau, error = np.exp(log_tau), y - mean
        square = tau * error**2
        value = 0.5 * (log_tau - np.log(2 * np.pi) - square)
        grad = np.stack([tau * error, 0.5 * (1 - square)])
        hess = np.stack([-tau, tau * error, -0.5 * square])
        third = np.stack([np.zeros_like(y), -tau, tau * error, -0.5 * square])
        return LogDensity(*(value, grad, hess, third)[: order + 1])

    def expected_information(self, eta):
        mean, log_tau = np.broadcast_arrays(*eta)
        return np.stack([np.exp(log_tau), np.zeros_like(mean), np.full_like(mean, 0.5)])

    def mean(self, eta):
        return np.broadcast_arrays(*eta)[0]

    def variance(self, eta):
        return np.exp(-np.broadcast_arrays(*eta)[1])

    def cdf(self, y, eta):
        return norm.cdf(y, eta[0], np.exp(-eta[1] / 2))

    def quantile(self, p, eta):
        return norm.ppf(p, eta[0], np.exp(-eta[1] / 2))

    def start(self, y, weights=None):
        return np.array([np.average(y, weights=weights), -np.log(np.var(y))])

    def sample(self, eta, rng):
        return rng.normal(self.mean(eta), np.sqrt(self.variance(eta)))


@dataclass(frozen=True)
class Bent(Gaussian):
    """Three predictors: normal with the mean ``eta_0 + eta_2**2 / 2`` and log precision eta_1."""

    parameters = (*Gaussian.parameters, Parameter("third", Role.SHAPE, (Identity(),)))

    def log_density(self, prepared, eta, order=0):
        y = prepared[0]
        center, log_tau, bend, _ = np.broadcast_arrays(*eta, y)
        tau, error = np.exp(log_tau), y - center - 0.5 * bend**2
        pull, square, zero = tau * error, 0.5 * tau * error**2, np.zeros_like(y)
        value = 0.5 * (log_tau - np.log(2 * np.pi)) - square
        grad = np.stack([pull, 0.5 - square, pull * bend])
        turn, slope = pull - tau * bend**2, -tau * bend
        hess = np.stack([-tau, pull, slope, -square, pull * bend, turn])
        third = np.stack(
            [zero, -tau, zero, pull, slope, -tau, -square, pull * bend, turn, 3 * slope]
        )
        return LogDensity(*(value, grad, hess, third)[: order + 1])

    def expected_information(self, eta):
        _, log_tau, bend = np.broadcast_arrays(*eta)
        tau, zero = np.exp(log_tau), np.zeros_like(bend)
        return np.stack([tau, zero, tau * bend, zero + 0.5, zero, tau * bend**2])


@dataclass(frozen=True)
class Term:
    """One random-effects term of a design made by hand."""

    group: str
    codes: np.ndarray
    columns: tuple[np.ndarray, ...] | OneHot
    covariance: object
    predictors: tuple[int, ...] | None = None


def design(fixed, *terms, offset=None):
    """A design of fixed columns, a list for each predictor, and terms of distinct factors."""
    n = len(fixed[0][0])
    names = tuple(tuple(f"x{j}" for j in range(len(columns))) for columns in fixed)
    factors, codes, effects = [], [], []
    for term in terms:
        levels, index = np.unique(term.codes, return_inverse=True)
        columns = tuple(f"z{j}" for j in range(term.covariance.size))
        parts = tuple(block.size for block in term.covariance.blocks)
        feeds = term.predictors or (0,) * len(columns)
        labels = levels.astype(str).astype(object)
        by_index = isinstance(term.columns, OneHot)
        names_of = (term.group, labels, columns, feeds, parts, term.covariance)
        factors.append(Factor(*names_of, is_one_hot=by_index))
        codes.append(index.astype(np.intp))
        z = term.columns
        if not isinstance(z, OneHot):
            z = np.asfortranarray(np.column_stack(z), dtype=float)
        effects.append(z)
    predictors = ("mean", "precision", "third", "fourth")[: len(fixed)]
    return Design(
        Layout(predictors, names, tuple(factors)),
        tuple(np.asfortranarray(np.column_stack(columns), dtype=float) for columns in fixed),
        (offset, *(None,) * (len(fixed) - 1)) if n else (),
        tuple(codes),
        tuple(effects),
    )


__all__ = ["Bent", "Gaussian", "Term", "design"]
