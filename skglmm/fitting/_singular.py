"""Variances of zero and correlations of one: found, made exact, named."""

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Factor
from skglmm.laplace import Laplace, Params, Problem, laplace

__all__ = ["rectified", "singular_terms", "zeros"]

SMALL = 1e-2  # diagonal entries of a factor below this are tried at zero
ABSENT = 1e-7  # and below this they are zero: no data at the cap of a precision could tell


def rectified(
    problem: Problem, vector: Floats, here: Laplace, tol: float
) -> tuple[Floats, Laplace]:
    """Flip negative diagonals; set small ones to zero where that costs no more than `tol`."""
    params = Params.unpack(vector, problem.shape)
    pairs = list(zip(problem.covariances, params.theta, strict=True))
    theta = tuple(covariance.rectify(part) for covariance, part in pairs)
    flipped = Params(params.beta, theta).pack()
    if not np.array_equal(flipped, vector):
        again = laplace(problem, flipped)
        if again is not None and again.value <= here.value + tol:
            vector, here = flipped, again
    for place in _candidates(problem, vector):
        trial = vector.copy()
        trial[place] = 0.0
        there = laplace(problem, trial, here.mode.point.u)
        if there is None:
            continue
        if there.value <= here.value + tol or abs(vector[place]) < ABSENT:
            vector, here = trial, there
    return vector, here


def _diagonal_places(problem: Problem) -> list[int]:
    """Places of the diagonal entries of all factors in the parameter vector."""
    places, start = [], problem.shape.n_beta
    for covariance in problem.covariances:
        rows, columns = np.nonzero(covariance.mask)
        places += [start + int(m) for m in np.flatnonzero(rows == columns)]
        start += covariance.n_params
    return places


def _candidates(problem: Problem, vector: Floats) -> list[int]:
    small = [m for m in _diagonal_places(problem) if 0 < abs(vector[m]) < SMALL]
    return sorted(small, key=lambda m: abs(float(vector[m])))


def zeros(problem: Problem, vector: Floats) -> Bools:
    """Which parameters are diagonal entries at zero, shape (n_params,)."""
    mask = np.zeros(len(vector), dtype=np.bool_)
    places = _diagonal_places(problem)
    mask[places] = vector[places] == 0.0
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
