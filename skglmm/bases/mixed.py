"""Splines as mixed models: which columns are trends, which are bends, and how these vary."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from skglmm.arrays import Floats
from skglmm.bases.basis import Basis, powers_of
from skglmm.bases.moments import complement, held_by, moments
from skglmm.bases.spline import Spline
from skglmm.bases.tensor import TensorProduct, natural_margin
from skglmm.covariance import Covariance, HomogeneousDiagonal, TensorPenalty

__all__ = ["Constraints", "mixed", "mixed_parts", "mixed_surface"]


class Constraints(NamedTuple):
    """What holds over the rows that a basis is learned from.

    Parameters
    ----------
    centered : bool
        Trends and bends have the sum zero, and 1 is no trend.
    orthogonal : bool
        Bends are orthogonal to trends, and to 1 if that is not penalized.
    """

    centered: bool
    orthogonal: bool


class Bends(NamedTuple):
    """Bends that have a covariance of their own.

    Parameters
    ----------
    weights : ndarray, shape (k, q)
        Of the columns in each bend; a penalty of one is a standard deviation of one.
    covariance : Covariance
    name : tuple of int
        Which variables it bends along.
    """

    weights: Floats
    covariance: Covariance
    name: tuple[int, ...]


def mixed(spline: Spline, x: Floats, rules: Constraints) -> Basis:
    """Return a spline with one penalty as a mixed model."""
    gram, sums = moments(spline, x)
    weights = _whitened(complement(_held(spline, sums, rules)), spline.penalties[0])
    part = Bends(weights, HomogeneousDiagonal(weights.shape[1]), (1,) * x.shape[1])
    return _basis(spline, x, rules, [part], gram)


def mixed_surface(
    spline: TensorProduct, x: Floats, columns: Sequence[str], rules: Constraints
) -> Basis:
    """Return the product of two margins, with a penalty of each, as a mixed model.

    Where the margins were centered, the product is what the two variables do together; it has no
    constant, and is not to be centered again.
    """
    gram, sums = moments(spline, x)
    first, second = spline.penalties
    weights = _whitened(complement(_held(spline, sums, rules)), first + second)
    values, vectors = eigh(weights.T @ first @ weights)
    tiny = np.finfo(np.float64).eps
    shares = np.clip(values, tiny, 1.0 - tiny)
    # Functions that are not penalized along one variable are known to be so many.
    (bent_x, flat_x), (bent_z, flat_z) = (_ranks(margin) for margin in spline.margins)
    shares[: flat_x * bent_z] = 0.0
    shares[len(shares) - bent_x * flat_z :] = 1.0
    part = Bends(weights @ vectors, TensorPenalty(shares.tolist(), columns), (1, 1))
    return _basis(spline, x, rules, [part], gram)


def mixed_parts(margins: Sequence[Spline], x: Floats, rules: Constraints) -> Basis:
    """Return a product of margins as a mixed model with parts, each with its own variance.

    Each part is a product of bends or trends of the margins, without that of trends alone [1]_.

    References
    ----------
    .. [1] Wood, S. N., Scheipl, F. & Faraway, J. J. (2013). Straightforward intermediate rank
       tensor product smoothing in mixed models. Statistics and Computing, 23(3), 341-360.
    """
    found = [natural_margin(margin, values) for margin, values in zip(margins, x.T, strict=True)]
    spline = TensorProduct(tuple(margin for margin, _ in found))
    gram, sums = moments(spline, x)
    ones = np.eye(len(gram))
    if rules.centered:
        level = spline.kernel[:, :1]
        ones -= level * (sums / (sums @ level))
    kinds = [np.arange(_size(margin)) < bent for margin, bent in found]
    parts = []
    for turned in product((1, 0), repeat=len(found)):
        bends = turned[::-1]  # the first margin changes fastest, as in mgcv
        if not any(bends):
            continue
        inside = np.ones(1, dtype=np.bool_)
        for is_bent, along in zip(kinds, bends, strict=True):
            inside = np.kron(inside, is_bent == along)
        weights = ones[:, inside]
        parts.append(Bends(weights, HomogeneousDiagonal(weights.shape[1]), bends))
    return _basis(spline, x, rules, parts, gram)


def _basis(
    spline: Spline, x: Floats, rules: Constraints, parts: Sequence[Bends], gram: Floats
) -> Basis:
    kernel, powers = spline.kernel, spline.powers
    if rules.orthogonal and powers:
        across = np.linalg.solve(kernel.T @ gram @ kernel, kernel.T @ gram)
        parts = [
            each._replace(weights=each.weights - kernel @ (across @ each.weights)) for each in parts
        ]
    if rules.centered:
        powers = powers[1:]
    center = x.mean(axis=0)
    columns = powers_of(x - center, powers)
    spreads = [float(np.sum(each.weights * (gram @ each.weights))) / len(x) for each in parts]
    scaled = [each.weights / np.sqrt(spread) for each, spread in zip(parts, spreads, strict=True)]
    return Basis(
        spline=spline,
        powers=powers,
        center=center,
        means=columns.mean(axis=0) if rules.centered else np.zeros(len(powers)),
        weights=np.column_stack(scaled),
        covariances=tuple(each.covariance for each in parts),
        bent=tuple(each.name for each in parts),
        penalty_units=tuple(
            spread
            for each, spread in zip(parts, spreads, strict=True)
            for _ in range(each.covariance.n_params)
        ),
    )


def _held(spline: Spline, sums: Floats, rules: Constraints) -> Floats:
    """Coefficients that no bend has: those of trends, and the sums of columns."""
    return held_by(spline.kernel, sums) if rules.centered else spline.kernel


def _whitened(basis: Floats, penalty: Floats) -> Floats:
    """Return combinations of columns whose penalty is the identity, the smoothest first."""
    values, vectors = eigh(basis.T @ penalty @ basis)
    return np.asarray(basis @ (vectors / np.sqrt(values)))


def _size(spline: Spline) -> int:
    return int(spline.kernel.shape[0])


def _ranks(margin: Spline) -> tuple[int, int]:
    """How many independent functions of a margin are penalized, and how many are not."""
    size, flat = margin.kernel.shape
    return size - flat, flat
