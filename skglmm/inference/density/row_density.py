"""Log densities of rows whose linear predictors are known up to normal numbers."""

from collections.abc import Iterator, Sequence

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.families import DensityFactor, Family
from skglmm.inference.density.integrand import Integrand
from skglmm.inference.density.log_average import log_average
from skglmm.inference.prediction.averages import NormalShift

__all__ = ["averaged_log_density"]

LEAST, LEAST_SHARE = 1e-7, 1e-7  # standard deviations that count as none; and of the largest


def averaged_log_density(
    family: Family, y: Floats, eta: Sequence[Floats], shift: NormalShift
) -> Floats:
    """Return the log densities of responses, averaged over the shifts, whatever their size, (n,).

    Parameters
    ----------
    family : Family
    y : ndarray, shape (n,)
    eta : sequence of ndarray, each of shape (n,) or (1,)
        Linear predictors without the shifts.
    shift : NormalShift, n rows
    """
    prepared, result = family.prepare(y), np.zeros(len(y))
    factors = family.factors
    applies = np.array([_applies(factor, y) for factor in factors])
    linked = _linked(factors, shift)
    for rows, here, links in _patterns(applies, linked):
        for block in _blocks(here, links):
            some = tuple(factors[i] for i in block)
            here_eta = [np.broadcast_to(part, len(y))[rows] for part in eta]
            result[rows] += _averaged(some, prepared[:, rows], here_eta, shift.take(rows))
    return result


def _applies(factor: DensityFactor, y: Floats) -> Bools:
    return np.ones(len(y), dtype=np.bool_) if factor.applies is None else factor.applies(y)


def _linked(factors: Sequence[DensityFactor], shift: NormalShift) -> Bools:
    """Whether two factors depend on one shift, or on correlated ones, (n, F, F)."""
    pairs = [[shift.relates(a.predictors, b.predictors) for b in factors] for a in factors]
    return np.moveaxis(np.array(pairs), 2, 0)


def _patterns(applies: Bools, linked: Bools) -> Iterator[tuple[Ints, Ints, Bools]]:
    """Rows that have the same factors, these, and which of them are linked."""
    keys = np.column_stack([applies.T, linked.reshape(len(linked), -1)])
    patterns, place = np.unique(keys, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        here = np.flatnonzero(pattern[: len(applies)])
        links = pattern[len(applies) :].reshape(len(applies), -1)
        yield np.flatnonzero(place.ravel() == k), here, links


def _blocks(here: Ints, links: Bools) -> list[list[int]]:
    """Factors that have to be averaged together."""
    blocks: list[list[int]] = []
    for i in here.tolist():
        joined = [block for block in blocks if links[i, block].any()]
        blocks = [block for block in blocks if block not in joined]
        blocks.append([*(j for block in joined for j in block), i])
    return blocks


def _averaged(
    factors: tuple[DensityFactor, ...], prepared: Floats, eta: Sequence[Floats], shift: NormalShift
) -> Floats:
    """Average the product of factors over the shifts on which they depend, (n,)."""
    used = {k for factor in factors for k in factor.predictors}
    places = [k for k in shift.moving if k in used]
    own = shift.among(places) if places else None
    moving, n = () if own is None else own.moving, len(shift.sd)
    result = np.empty(n)
    for rows, root in _patterned(np.zeros((n, 0, 0)) if own is None else own.root):
        here = tuple(_one(part[rows]) for part in eta)
        result[rows] = log_average(Integrand(factors, prepared[:, rows], here, moving, root))
    return result


def _patterned(root: Floats) -> Iterator[tuple[Ints, Floats]]:
    """Rows whose shifts follow the same numbers, and their roots without the columns of 0."""
    size = np.sqrt(np.sum(root**2, axis=1))
    kept = size > np.maximum(LEAST, LEAST_SHARE * size.max(axis=1, initial=0.0, keepdims=True))
    patterns, place = np.unique(kept, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        rows = np.flatnonzero(place.ravel() == k)
        yield rows, root[rows][:, :, pattern]


def _one(part: Floats) -> Floats:
    """Return one number, (1,), for many that are the same."""
    return part[:1] if len(part) and np.all(part == part[0]) else part
