"""The objective around the estimates of a fit, on the standardized columns of its rows."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.engine import Objective
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.hessian import NO_INFORMATION, differenced_hessian
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.search.restricted import with_integrated
from skglmm.fitting.search.singular import zeros
from skglmm.fitting.study import Study
from skglmm.fitting.uncertainty import determined, least_curvatures

__all__ = ["Local", "local"]

NEAR = 1e-6  # below a ceiling, on the scale of a link, by rounding of the user's units


@dataclass(frozen=True)
class Local:
    """Gradient and Hessian of the objective at the estimates.

    Parameters
    ----------
    vector : ndarray, shape (n_params,)
        Estimates, on the standardized columns.
    gradient : ndarray, shape (n_params,)
    hessian : ndarray, shape (n_params, n_params)
        By differences of the gradient; of the identity where a parameter is not free.
    free : ndarray of bool, shape (n_params,)
        Parameters that lie on no boundary.
    least : ndarray, shape (n_params,)
        Curvatures by which they are scaled at the least, see `least_curvatures`.
    """

    vector: Floats
    gradient: Floats
    hessian: Floats
    free: Bools
    least: Floats

    @property
    def informed(self) -> Bools:
        """Free parameters with which the objective changes at all, (n_params,)."""
        return np.asarray(self.free & (np.diag(self.hessian) > NO_INFORMATION))

    @cached_property
    def scaled(self) -> tuple[Floats, Floats, Floats]:
        """Gradient, eigenvalues and eigenvectors in units that make the Hessian's diagonal one.

        Of the informed parameters alone: shapes (m,), (m,) and (m, m), values ascending.
        """
        kept = np.flatnonzero(self.informed)
        scale = 1.0 / np.sqrt(np.diag(self.hessian)[kept])
        inner = self.hessian[np.ix_(kept, kept)] * scale * scale[:, None]
        values, vectors = np.linalg.eigh(inner)
        return self.gradient[kept] * scale, values, vectors

    @cached_property
    def covariance(self) -> Floats:
        """Inverse of the Hessian, 0 where not free, without the directions that are flat."""
        return determined(self.hessian, self.free, self.least)[0]


def local(study: Study, fit: Fit, here: Objective) -> Local | None:
    """Return the objective around the estimates; None where it cannot be evaluated there.

    Parameters
    ----------
    study : Study
        Rows of the fit.
    fit : Fit
    here : Objective
        The objective at the estimates, given all of them.
    """
    study = study.like(fit)
    problem, free = study.problem, ~zeros(study.problem, study.vector(fit)) & ~_capped(study, fit)
    bound = study.around(fit)
    optimum = _optimum(bound, fit, here)
    if optimum is None:
        return None
    hessian = differenced_hessian(bound.problem, optimum, free[problem.searched])
    if hessian is None:
        return None
    _, found = with_integrated(bound, replace(optimum, hessian=hessian))
    least = least_curvatures(study.scales, problem.shape.n_params - problem.shape.n_beta)
    return Local(found.vector, found.here.gradient, found.hessian, free, least)


def _optimum(bound: Bound, fit: Fit, here: Objective) -> Optimum | None:
    """The objective that was minimized, `here` unless fixed effects are integrated out."""
    vector = bound.vector(fit)
    there = here if bound.whole is None else bound.problem.evaluate(vector)
    if there is None:
        return None
    upper = np.full(len(vector), np.inf)
    return Optimum(vector, there, first_hessian(bound.problem, there), upper)


def _capped(study: Study, fit: Fit) -> Bools:
    """Coefficients of the predictors that stopped at their ceiling, (n_params,)."""
    near = study.vector(fit) >= study.upper - NEAR
    names = [
        np.full(n, name in fit.capped)
        for name, n in zip(fit.layout.predictors, study.problem.shape.n_coefficients, strict=True)
    ]
    thetas = (np.zeros_like(part, dtype=np.bool_) for part in fit.theta)
    return np.asarray(near & np.concatenate([*names, *thetas]))
