"""The verb of the package, and the frozen record of what it found."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, Layout
from skglmm.families import Family
from skglmm.fitting._digest import digest
from skglmm.fitting._optimize import NOISE, Optimum, curvature, finish, minimize
from skglmm.fitting._singular import rectified, singular_terms, zeros
from skglmm.fitting._standardize import Standardization, standardize
from skglmm.fitting._start import start
from skglmm.laplace import (
    Laplace,
    Modes,
    Params,
    Problem,
    bind,
    information,
    jacobian,
    laplace,
    mode_covariance,
    theta_information,
)

__all__ = ["Fit", "fit"]

FLAT = 1e-7  # scaled curvature below which a direction is not determined by the data
SHARED = 1e-3  # share of a flat direction from which a parameter counts as undetermined


@dataclass(frozen=True)
class Fit:
    r"""A fitted model; no training rows.

    The order of factors is that of the layout. Fixed effects, roots and covariances of modes
    are in the user's units; `theta` belongs to the internal, standardized columns.

    Parameters
    ----------
    family : Family
    layout : Layout
    beta : tuple of ndarray, each of shape (p_k,)
        Fixed effects of each predictor; 0 for aliased columns.
    theta : tuple of ndarray, each of shape (n_theta_f,)
    roots : tuple of ndarray, each of shape (k, k)
        ``b = root @ u``; the covariance of the effects is ``root @ root.T``.
    u : tuple of ndarray, each of shape (k, L)
        Spherical conditional modes.
    bases : tuple of ndarray, each of shape (k, k)
        ``root = basis @ factor(theta)``.
    aliased : tuple of tuple of int
        Fixed columns left out, as linear combinations of earlier ones.
    covariance : ndarray, shape (n_params, n_params), or None
        Covariance of (beta, theta); NaN where the data do not determine a parameter, 0 for
        aliased coefficients. None if it was not asked for.
    mode_covariance : tuple of ndarray, each of shape (k, k, L), or None
        Covariance of the effects b of each level, given the parameters.
    mode_jacobian : tuple of ndarray, each of shape (n_params, k, L), or None
        Derivative of the spherical modes in (beta, theta).
    log_likelihood : float
        Laplace approximation, on the response's own scale.
    n_samples : int
    data_digest : str
        Fingerprint of responses and weights, whatever the order of the rows.
    converged : bool
    message : str
    gain : float
        Log-likelihood units that another step promises.
    n_evaluations, n_iterations : int
    singular : tuple of str
        One sentence for each singular term.
    capped : tuple of str
        Predictors that stopped at their ceiling.
    """

    family: Family
    layout: Layout
    beta: tuple[Floats, ...]
    theta: tuple[Floats, ...]
    roots: tuple[Floats, ...]
    u: tuple[Floats, ...]
    bases: tuple[Floats, ...]
    aliased: tuple[tuple[int, ...], ...]
    covariance: Floats | None
    mode_covariance: tuple[Floats, ...] | None
    mode_jacobian: tuple[Floats, ...] | None
    log_likelihood: float
    n_samples: int
    data_digest: str
    converged: bool
    message: str
    gain: float
    n_evaluations: int
    n_iterations: int
    singular: tuple[str, ...]
    capped: tuple[str, ...]

    @property
    def n_params(self) -> int:
        """Number of estimated parameters; aliased coefficients do not count."""
        n_aliased = sum(len(columns) for columns in self.aliased)
        return sum(len(part) for part in (*self.beta, *self.theta)) - n_aliased

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2.0 * self.n_params - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, with the number of rows."""
        return float(np.log(self.n_samples)) * self.n_params - 2.0 * self.log_likelihood

    def modes(self, f: int) -> Floats:
        """Conditional modes b of factor `f`, shape (k, L), on the linear predictor's scale."""
        return self.roots[f] @ self.u[f]


def fit(
    family: Family,
    design: Design,
    y: Floats,
    weights: Floats | None = None,
    *,
    inference: bool = True,
    tol: float = 1e-8,
    max_iter: int = 200,
    log_jacobian: float = 0.0,
    report: Callable[[str], None] | None = None,
) -> Fit:
    """Fit a mixed model by maximum (Laplace) likelihood.

    Parameters
    ----------
    family : Family
    design : Design
    y : ndarray, shape (n,)
        Response on the family's own scale.
    weights : ndarray, shape (n,), or None
        Positive weights that multiply the log density of the rows.
    inference : bool
        Whether to compute the covariance of the estimates.
    tol : float
        Log-likelihood units that may be left to gain.
    max_iter : int
        Most iterations of the optimizer.
    log_jacobian : float
        Added to the objective: ``sum(w) log(width)`` for a response of another scale.
    report : callable or None
        Receives one line of text for each iteration.
    """
    standard = standardize(design, weights)
    problem = bind(standard.design, y, weights, family)
    upper = _upper(problem, standard)
    vector = start(problem, family.start(y, weights), upper)
    first = laplace(problem, vector)
    if first is None:
        msg = "the likelihood is not finite at the starting values; check the scale of y and X"
        raise FloatingPointError(msg)
    optimum = minimize(
        problem, first, vector, _prior_hessian(problem, first), upper, tol, max_iter, report
    )
    optimum, hessian = _polish(problem, optimum, upper, tol, inference=inference)
    return _publish(
        problem,
        standard,
        optimum,
        hessian,
        upper,
        tol=tol,
        n_samples=len(y),
        data_digest=digest(y, weights, log_jacobian),
        log_jacobian=log_jacobian,
    )


def _upper(problem: Problem, standard: Standardization) -> Floats:
    """Upper bounds of the parameters: ceilings of the predictors' mean levels."""
    upper = np.full(problem.shape.n_params, np.inf)
    start = 0
    for x, ceiling in zip(standard.design.fixed, problem.family.ceilings, strict=True):
        if len(x):
            upper[start : start + x.shape[1]][np.all(x == 1.0, axis=0)] = ceiling
        start += x.shape[1]
    return upper


def _prior_hessian(problem: Problem, here: Laplace) -> Floats:
    """Information about all parameters, without what the two groups share."""
    hessian = np.eye(problem.shape.n_params)
    n_beta = problem.shape.n_beta
    hessian[:n_beta, :n_beta] = _positive(information(problem, here.mode))
    if problem.order:
        hessian[n_beta:, n_beta:] = _positive(theta_information(problem, here.mode))
    return hessian


def _positive(matrix: Floats) -> Floats:
    """The symmetric matrix with the absolute values of its scaled eigenvalues."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-8))
    values, vectors = np.linalg.eigh(matrix / scale / scale[:, None])
    values = np.maximum(np.abs(values), 1e-6)
    return np.asarray((vectors * values) @ vectors.T * scale * scale[:, None])


def _polish(
    problem: Problem, optimum: Optimum, upper: Floats, tol: float, *, inference: bool
) -> tuple[Optimum, Floats | None]:
    """Rectify the optimum and finish it with a differenced Hessian, which is returned."""
    vector, here = rectified(problem, optimum.vector, optimum.laplace, tol)
    optimum = replace(optimum, vector=vector, laplace=here)
    if not inference and optimum.gain <= tol:
        return optimum, None
    free = _free(problem, optimum, upper)
    hessian = curvature(problem, optimum, free)
    n_evaluations = optimum.n_evaluations + int(free.sum())
    optimum = replace(optimum, n_evaluations=n_evaluations)
    if not np.all(np.isfinite(hessian)):
        return optimum, None
    return finish(problem, optimum, hessian, upper), hessian


def _free(problem: Problem, optimum: Optimum, upper: Floats) -> Bools:
    """Parameters that lie on no boundary, shape (n_params,)."""
    capped = (optimum.vector >= upper) & (optimum.laplace.gradient < 0)
    return np.asarray(~capped & ~zeros(problem, optimum.vector))


def _covariance(hessian: Floats, free: Bools) -> tuple[Floats, Bools]:
    """Inverse of the Hessian, and which parameters the data do not determine."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    values, vectors = np.linalg.eigh(hessian * scale * scale[:, None])
    flat = values <= FLAT
    inverse = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T
    lost = np.sum(vectors[:, flat] ** 2, axis=1) > SHARED
    return inverse * scale * scale[:, None], np.asarray(lost | ~free)


def _user_covariance(
    problem: Problem, standard: Standardization, optimum: Optimum, hessian: Floats, upper: Floats
) -> Floats:
    inverse, lost = _covariance(hessian, _free(problem, optimum, upper))
    n_theta = sum(problem.shape.n_theta)
    to_user = block_diag(*standard.to_user, np.eye(n_theta))
    covariance = np.asarray(to_user @ inverse @ to_user.T)
    touched = np.any(to_user[:, lost] != 0, axis=1)
    covariance[touched] = np.nan
    covariance[:, touched] = np.nan
    return covariance


def _user_jacobian(standard: Standardization, moves: Modes, n_beta: int) -> Modes:
    """Derivatives of the modes, (n_params, k, L), in the coefficients of the user's units."""
    back = np.linalg.pinv(block_diag(*standard.to_user))
    return tuple(
        np.concatenate([np.tensordot(back.T, part[:n_beta], axes=1), part[n_beta:]])
        for part in moves
    )


def _in_layout_order(problem: Problem, parts: Modes) -> Modes:
    return tuple(parts[problem.order.index(f)] for f in range(len(parts)))


def _publish(
    problem: Problem,
    standard: Standardization,
    optimum: Optimum,
    hessian: Floats | None,
    upper: Floats,
    *,
    tol: float,
    n_samples: int,
    data_digest: str,
    log_jacobian: float,
) -> Fit:
    """Put the result into the user's units."""
    mode, params = optimum.laplace.mode, Params.unpack(optimum.vector, problem.shape)
    layout, bases = standard.design.layout, standard.bases
    factors = [c.factor(t) for c, t in zip(problem.covariances, params.theta, strict=True)]
    roots = tuple(basis @ factor for basis, factor in zip(bases, factors, strict=True))
    singular = [
        sentence
        for named, root, factor in zip(layout.factors, roots, factors, strict=True)
        for sentence in singular_terms(named, root, np.diag(factor) == 0)
    ]
    capped = (optimum.vector >= upper) & (optimum.laplace.gradient < 0)
    at_cap = Params.unpack(capped.astype(float), problem.shape).beta
    covariances = _in_layout_order(problem, mode_covariance(problem, mode))
    covariance = jacobians = None
    if hessian is not None:
        covariance = _user_covariance(problem, standard, optimum, hessian, upper)
        moves = _in_layout_order(problem, jacobian(problem, mode))
        jacobians = _user_jacobian(standard, moves, problem.shape.n_beta)
    limit = max(tol, NOISE * abs(optimum.laplace.value) if "rounding" in optimum.message else tol)
    return Fit(
        family=problem.family,
        layout=layout,
        beta=tuple(t @ b for t, b in zip(standard.to_user, params.beta, strict=True)),
        theta=params.theta,
        roots=roots,
        u=_in_layout_order(problem, mode.point.u),
        bases=bases,
        aliased=standard.aliased,
        covariance=covariance,
        mode_covariance=tuple(
            np.einsum("ac,cdl,bd->abl", m, block, m)
            for m, block in zip(bases, covariances, strict=True)
        ),
        mode_jacobian=jacobians,
        log_likelihood=-optimum.laplace.value - log_jacobian,
        n_samples=n_samples,
        data_digest=data_digest,
        converged=optimum.gain <= limit,
        message=optimum.message,
        gain=optimum.gain,
        n_evaluations=optimum.n_evaluations,
        n_iterations=optimum.n_iterations,
        singular=tuple(singular),
        capped=tuple(
            name for name, flags in zip(layout.predictors, at_cap, strict=True) if np.any(flags)
        ),
    )
