"""Variances of zero and correlations of one: found, made exact, named."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Factor
from skglmm.engine import Params, Problem, laplace
from skglmm.fitting.search.hessian import prior_hessian
from skglmm.fitting.search.optimize import Optimum, Rules, minimize

__all__ = ["escape", "rectified", "singular_terms", "zeros"]

OFF_ZERO = 1e-3  # diagonal entries begin here again: at zero their gradient is zero
SMALL = 1e-2  # diagonal entries of a factor below this are tried at zero
ABSENT = 1e-7  # and below this they are zero: no data at the cap of a precision could tell


def escape(problem: Problem, optimum: Optimum, rules: Rules) -> Optimum:
    """Leave the saddle that lies where the first effect of a term hardly varies.

    With a zero on the diagonal the objective does not change when later columns of the factor
    are rotated into that column, so the optimizer may stop with nothing in it. Begin again
    with all that can be there, and keep the better end.
    """
    vector = _rotated(problem, optimum.vector)
    here = None if vector is None else laplace(problem, vector)
    if vector is None or here is None:
        return optimum
    again = replace(
        optimum, vector=vector, laplace=here, hessian=prior_hessian(problem, here), is_stalled=False
    )
    found = minimize(problem, again, rules)
    if found.laplace.value < optimum.laplace.value - rules.tol:
        return found
    return replace(optimum, n_evaluations=found.n_evaluations)


def _rotated(problem: Problem, vector: Floats) -> Floats | None:
    """Parameters with the columns behind a small diagonal entry rotated into its column."""
    params = Params.unpack(vector, problem.shape)
    theta, changed = list(params.theta), False
    for f, covariance in enumerate(problem.covariances):
        factor, start = covariance.factor(params.theta[f]), 0
        for block in covariance.blocks:
            inside = slice(start, start + block.size)
            if block.mixes and _rotate(factor[inside, inside]):
                theta[f], changed = covariance.from_factor(factor), True
            start = inside.stop
    return Params(params.beta, tuple(theta)).pack() if changed else None


def _rotate(lower: Floats) -> bool:
    """Rotate in place behind the first small diagonal entry; whether there was anything."""
    size = len(lower)
    for j in range(size - 1):
        if abs(lower[j, j]) < SMALL < np.linalg.norm(lower[j + 1 :, j + 1 :]):
            lower[j + 1 :, j:-1] = np.asarray(np.linalg.qr(lower[j + 1 :, j:].T, mode="r")).T
            lower[j + 1 :, -1] = 0.0
            every = np.arange(j, size)
            lower[every, every] = np.where(
                np.abs(lower[every, every]) < OFF_ZERO, OFF_ZERO, lower[every, every]
            )
            return True
    return False


def rectified(problem: Problem, optimum: Optimum, tol: float) -> Optimum:
    """Flip negative diagonals; set small ones to zero where that costs no more than `tol`.

    A whole column that is small is tried at zero next: an effect that does not vary.
    """
    optimum = _flipped(problem, optimum)
    for place in _candidates(problem, optimum.vector):
        optimum = _without(problem, optimum, np.array([place]), tol)
    for column in _columns(problem):
        if 0.0 < np.abs(optimum.vector[column]).max() < SMALL:
            optimum = _without(problem, optimum, column, tol)
    return optimum


def _without(problem: Problem, optimum: Optimum, places: Ints, tol: float) -> Optimum:
    """Set some parameters to zero if that costs no more than `tol`."""
    trial = optimum.vector.copy()
    trial[places] = 0.0
    there = laplace(problem, trial, optimum.laplace.mode.u)
    optimum = replace(optimum, n_evaluations=optimum.n_evaluations + 1)
    absent = np.all(np.abs(optimum.vector[places]) < ABSENT)
    if there is not None and (absent or there.value <= optimum.laplace.value + tol):
        return replace(optimum, vector=trial, laplace=there)
    return optimum


def _flipped(problem: Problem, optimum: Optimum) -> Optimum:
    """The same point with no negative diagonal: columns and their effects change sign."""
    params = Params.unpack(optimum.vector, problem.shape)
    pairs = list(zip(problem.covariances, params.theta, strict=True))
    theta = tuple(covariance.rectify(part) for covariance, part in pairs)
    vector = Params(params.beta, theta).pack()
    if np.array_equal(vector, optimum.vector):
        return optimum
    signs = [np.where(np.diag(c.factor(part)) < 0, -1.0, 1.0) for c, part in pairs]
    u = problem.join(optimum.laplace.mode.u)
    turned = tuple(part * signs[f][:, None] for part, f in zip(u, problem.order, strict=True))
    here = laplace(problem, vector, problem.split(turned))
    if here is None:
        return optimum
    n_evaluations = optimum.n_evaluations + 1
    return replace(optimum, vector=vector, laplace=here, n_evaluations=n_evaluations)


def _columns(problem: Problem) -> Iterator[Ints]:
    """Places, in the parameter vector, of each column of the factors, from the diagonal down."""
    start = problem.shape.n_beta
    for covariance in problem.covariances:
        columns = np.nonzero(covariance.mask)[1]
        for j in range(covariance.size):
            yield start + np.flatnonzero(columns == j)
        start += covariance.n_params


def _candidates(problem: Problem, vector: Floats) -> list[int]:
    places = [int(column[0]) for column in _columns(problem)]
    small = [m for m in places if 0 < abs(vector[m]) < SMALL]
    return sorted(small, key=lambda m: abs(float(vector[m])))


def zeros(problem: Problem, vector: Floats) -> Bools:
    """Which parameters are diagonal entries at zero, or in a column of zeros, (n_params,).

    The objective is even in the entries of such a column, so that it is flat there.
    """
    mask = np.zeros(len(vector), dtype=np.bool_)
    for column in _columns(problem):
        mask[column[0]] = vector[column[0]] == 0.0
        mask[column[1:]] = np.all(vector[column] == 0.0)
    return mask


def singular_terms(factor: Factor, root: Floats, rank_mask: Bools) -> list[str]:
    """One sentence for each singular term of a factor.

    Parameters
    ----------
    factor : Factor
    root : ndarray, shape (k, k)
        Effects are ``root @ u``, in the user's units.
    rank_mask : ndarray of bool, shape (k,)
        Which diagonal entries of the standardized factor are zero.
    """
    sentences, start = [], 0
    for size in factor.terms:
        term = slice(start, start + size)
        if np.any(rank_mask[term]):
            names = factor.columns[start : start + size]
            sentences.append(_sentence(factor.name, names, root[term]))
        start += size
    return sentences


def _sentence(group: str, names: tuple[str, ...], root: Floats) -> str:
    sds = np.sqrt(np.sum(root**2, axis=1))
    absent = [name for name, sd in zip(names, sds, strict=True) if sd == 0]
    if absent:
        return f"the standard deviation of {' and '.join(absent)} between levels of {group} is 0"
    correlation = (root / sds[:, None]) @ (root / sds[:, None]).T
    if len(names) == 2:
        sign = "1" if correlation[0, 1] > 0 else "-1"
        return f"the correlation of {names[0]} and {names[1]} between levels of {group} is {sign}"
    direction = np.linalg.eigh(correlation)[1][:, 0] / sds
    direction /= np.max(np.abs(direction))
    terms = [f"{weight:+.3g} {name}" for weight, name in zip(direction, names, strict=True)]
    return f"the combination {' '.join(terms)} does not vary between levels of {group}"
