r"""Log prior densities of parameters, as users know these, that a likelihood is multiplied by.

Estimates are then posterior modes: the objective loses :math:`\sum_j \log p_j(q_j)`, where each
quantity :math:`q_j` is a coefficient, a standard deviation or the log determinant of a correlation
matrix in the units of the user, a smooth function of the parameters of the fit.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Covariance
from skglmm.engine.rows.params import Params, Sizes
from skglmm.links import Link
from skglmm.priors import PriorDensity

__all__ = [
    "CoefficientOf",
    "CorrelationsOf",
    "Penalty",
    "PenaltyTerm",
    "Quantity",
    "SpreadOf",
    "ThroughLink",
]

STEP, LEAST = 1e-5, 1e-3  # of differences of slopes, relative to parameters of this size at least


class Quantity(ABC):
    """A number that the parameters of a fit make."""

    @abstractmethod
    def at(self, covariances: Sequence[Covariance], params: Params) -> tuple[float, Floats]:
        """Return the number, and its slopes in the parameters of its place."""

    @abstractmethod
    def place(self, shape: Sizes) -> slice:
        """Return where the parameters are that it depends on."""

    @property
    def is_curved(self) -> bool:
        """Whether its slopes depend on the parameters."""
        return True

    def turned(self, k: int, turn: Floats) -> "Quantity":
        """Return the same where fixed columns of predictor k are multiplied by a matrix."""
        del k, turn
        return self


@dataclass(frozen=True)
class ThroughLink:
    """From a linear predictor in the units of the user to the parameter that it stands for.

    Parameters
    ----------
    link : Link
    shift, size : float
        Linear predictors of the user are ``size * eta + shift`` in the units of the link.
    center, width : float
        Parameters of the user are ``center + width * value``.
    """

    link: Link
    shift: float = 0.0
    size: float = 1.0
    center: float = 0.0
    width: float = 1.0

    def at(self, eta: float) -> tuple[float, float]:
        """Return the parameter, and its slope."""
        jet = self.link.inverse(np.array([(eta - self.shift) / self.size]), 1)
        value, slope = float(jet.value[0]), float(jet.slopes[0][0])
        return self.center + self.width * value, self.width / self.size * slope


@dataclass(frozen=True, eq=False)
class CoefficientOf(Quantity):
    """A coefficient of predictor k, or what it is through a link.

    Parameters
    ----------
    k : int
    rows : mapping of int to ndarray, each of shape (p_j,)
        Weights of the coefficients of the fit, by the predictors j that have any.
    origin : float
        What it is where these are zero.
    through : ThroughLink or None
    """

    k: int
    rows: Mapping[int, Floats]
    origin: float
    through: ThroughLink | None = None

    def at(self, covariances: Sequence[Covariance], params: Params) -> tuple[float, Floats]:
        del covariances
        nothing = {j: np.zeros(len(beta)) for j, beta in enumerate(params.beta)}
        row = np.concatenate(list((nothing | dict(self.rows)).values()))
        value = float(row @ np.concatenate(params.beta)) + self.origin
        if self.through is None:
            return value, row
        value, slope = self.through.at(value)
        return value, slope * row

    def place(self, shape: Sizes) -> slice:
        return slice(0, shape.n_beta)

    @property
    def is_curved(self) -> bool:
        return self.through is not None

    def moves(self, k: int, change: Floats) -> bool:
        """Return whether a change of the fixed effects of predictor k changes it."""
        return k in self.rows and float(self.rows[k] @ change) != 0.0

    def turned(self, k: int, turn: Floats) -> Quantity:
        rows = {j: row @ turn if j == k else row for j, row in self.rows.items()}
        return replace(self, rows=rows)


@dataclass(frozen=True, eq=False)
class SpreadOf(Quantity):
    """The standard deviation of a combination of the effects of one level of factor f.

    Parameters
    ----------
    f : int
        The factor, in the order of the layout.
    row : ndarray, shape (q,)
        Weights of the effects of the fit.
    """

    f: int
    row: Floats

    def at(self, covariances: Sequence[Covariance], params: Params) -> tuple[float, Floats]:
        covariance, theta = covariances[self.f], params.theta[self.f]
        root = self.row @ covariance.factor(theta)
        sd = float(np.linalg.norm(root))
        # At zero it is even in theta, so that zero is one of its slopes.
        kernel = np.outer(self.row, root) / sd if sd else np.zeros((len(root), len(root)))
        return sd, covariance.slope(theta, kernel)

    def place(self, shape: Sizes) -> slice:
        return shape.theta(self.f)


@dataclass(frozen=True, eq=False)
class CorrelationsOf(Quantity):
    """The log determinant of the correlations of some effects of factor f.

    Effects that do not vary are not correlated.

    Parameters
    ----------
    f : int
        The factor, in the order of the layout.
    rows : ndarray, shape (m, q)
        Weights of the effects of the fit in those that are correlated.
    """

    f: int
    rows: Floats

    def at(self, covariances: Sequence[Covariance], params: Params) -> tuple[float, Floats]:
        covariance, theta = covariances[self.f], params.theta[self.f]
        factor = covariance.factor(theta)
        sds = np.linalg.norm(self.rows @ factor, axis=1)
        rows = self.rows[sds > 0.0] / sds[sds > 0.0, None]
        root = rows @ factor
        correlations = root @ root.T
        sign, value = np.linalg.slogdet(correlations)
        if not (sign > 0.0 and isfinite(value)):
            return -np.inf, np.zeros(len(theta))
        inverse = np.linalg.inv(correlations)
        kernel = 2.0 * rows.T @ (inverse - np.eye(len(rows))) @ root
        return float(value), covariance.slope(theta, kernel)

    def place(self, shape: Sizes) -> slice:
        return shape.theta(self.f)


class PenaltyTerm(NamedTuple):
    """A prior of one quantity.

    Parameters
    ----------
    quantity : Quantity
    density : PriorDensity
    constant : float
        What is added to its log density, as it is cut off somewhere.
    """

    quantity: Quantity
    density: PriorDensity
    constant: float = 0.0


@dataclass(frozen=True, eq=False)
class Penalty:
    """Minus the log prior of the parameters of a problem.

    Parameters
    ----------
    terms : tuple of PenaltyTerm
    """

    terms: tuple[PenaltyTerm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def at(
        self, covariances: Sequence[Covariance], vector: Floats, shape: Sizes
    ) -> tuple[float, Floats] | None:
        """Return minus the log density and its gradient, (n_params,); None where it is infinite.

        Parameters
        ----------
        covariances : sequence of Covariance
            Of the factors, in the order of the layout.
        vector : ndarray, shape (n_params,)
        shape : Sizes
        """
        value, gradient = 0.0, np.zeros(len(vector))
        params = Params.unpack(vector, shape)
        for quantity, density, constant in self.terms:
            number, slopes = quantity.at(covariances, params)
            log_prior = density.at(number)
            value -= log_prior.value + constant
            gradient[quantity.place(shape)] -= log_prior.slope * slopes
        return (value, gradient) if isfinite(value) else None

    def hessian(self, covariances: Sequence[Covariance], vector: Floats, shape: Sizes) -> Floats:
        """Return the Hessian, (n_params, n_params), partly by differences: for a first guess."""
        hessian = np.zeros((len(vector), len(vector)))
        for term in self.terms:
            where = term.quantity.place(shape)
            hessian[where, where] += _curvature(term, covariances, Params.unpack(vector, shape))
        return np.asarray(0.5 * (hessian + hessian.T))

    def uncorrelated(
        self, covariances: Sequence[Covariance], vector: Floats, shape: Sizes
    ) -> Iterator[tuple[Ints, Floats]]:
        """Yield parameters of single effects whose correlations have a prior, and their sizes.

        Without any variance an effect has no correlations; with the least one it has.

        Yields
        ------
        places : ndarray of int
            In the vector.
        values : ndarray
            Of the parameters there; all are zero where the effect does not vary.
        """
        for quantity, _, _ in self.terms:
            if isinstance(quantity, CorrelationsOf):
                start = quantity.place(shape).start
                for effect in np.flatnonzero(np.any(quantity.rows != 0.0, axis=0)):
                    places = start + covariances[quantity.f].governing(int(effect))
                    yield places, vector[places]

    @property
    def of_coefficients(self) -> "Penalty":
        """The priors of fixed effects alone."""
        return Penalty(tuple(t for t in self.terms if isinstance(t.quantity, CoefficientOf)))

    def resists(self, k: int, change: Floats) -> bool:
        """Return whether a change of the fixed effects of predictor k moves some with a prior."""
        quantities = (quantity for quantity, _, _ in self.of_coefficients.terms)
        return any(isinstance(q, CoefficientOf) and q.moves(k, change) for q in quantities)

    def turned(self, k: int, turn: Floats) -> "Penalty":
        """Return the same where fixed columns of predictor k are multiplied by a matrix."""
        return Penalty(
            tuple(term._replace(quantity=term.quantity.turned(k, turn)) for term in self.terms)
        )


def _curvature(term: PenaltyTerm, covariances: Sequence[Covariance], params: Params) -> Floats:
    """Minus the Hessian of a log density in the parameters of its place."""
    shape = Sizes(tuple(map(len, params.beta)), tuple(map(len, params.theta)))
    value, slopes = term.quantity.at(covariances, params)
    curvature = -term.density.at(value).curvature * np.outer(slopes, slopes)
    vector, where = params.pack(), term.quantity.place(shape)
    changes = []
    for j in range(where.start, where.stop) if term.quantity.is_curved else ():
        step, ends = STEP * max(abs(vector[j]), LEAST), []
        for sign in (1.0, -1.0):
            moved = vector.copy()
            moved[j] += sign * step
            ends.append(term.quantity.at(covariances, Params.unpack(moved, shape))[1])
        changes.append((ends[0] - ends[1]) / (2.0 * step))
    if changes:
        curvature = curvature - term.density.at(value).slope * np.array(changes)
    return np.asarray(curvature)
