"""Products of splines of single variables."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import final

import numpy as np
from scipy.linalg import eigh

from skglmm.arrays import Floats
from skglmm.bases.moments import complement, held_by, moments
from skglmm.bases.spline import Powers, Spline, Transformed

__all__ = ["TensorProduct", "at_points", "centered_margin", "natural_margin"]

UNSTABLE = np.finfo(np.float64).eps ** (2 / 3)  # of singular values: as mgcv's


@final
@dataclass(frozen=True, eq=False)
class TensorProduct(Spline):
    """Products of the columns of a spline of each variable [1]_.

    The penalty of each margin, divided by its largest eigenvalue, is that of the function along
    the variable, summed over the coefficients of the others.

    Parameters
    ----------
    margins : tuple of Spline

    References
    ----------
    .. [1] Wood, S. N. (2006). Low-rank scale-invariant tensor product smooths for generalized
       additive mixed models. Biometrics, 62(4), 1025-1036.
    """

    margins: tuple[Spline, ...]

    @property
    def _places(self) -> list[tuple[int, ...]]:
        """Which powers of the margins are multiplied: the lowest first, x before z."""
        every = product(*(range(len(margin.powers)) for margin in self.margins))
        degrees = [[sum(power) for power in margin.powers] for margin in self.margins]

        def order(places: tuple[int, ...]) -> tuple[int, ...]:
            each = [of[place] for of, place in zip(degrees, places, strict=True)]
            return (sum(each), *(-degree for degree in each))

        return sorted(every, key=order)

    @property
    def powers(self) -> Powers:
        return tuple(
            tuple(margin.powers[place][0] for margin, place in zip(self.margins, at, strict=True))
            for at in self._places
        )

    @property
    def kernel(self) -> Floats:
        every = [margin.kernel for margin in self.margins]
        size = int(np.prod([len(each) for each in every]))
        found = [
            _kron([each[:, place] for each, place in zip(every, at, strict=True)])
            for at in self._places
        ]
        return np.array(found).reshape(-1, size).T

    @property
    def penalties(self) -> tuple[Floats, ...]:
        alone = [margin.penalties[0] for margin in self.margins]
        alone = [each / np.linalg.eigvalsh(each)[-1] for each in alone]
        ones = [np.eye(len(each)) for each in alone]
        return tuple(_kron([*ones[:i], each, *ones[i + 1 :]]) for i, each in enumerate(alone))

    def columns(self, x: Floats) -> Floats:
        each = [margin.columns(x[:, [i]]) for i, margin in enumerate(self.margins)]
        return reduce(_row_products, each)


def _kron(factors: Sequence[Floats]) -> Floats:
    return reduce(_both, factors)


def _both(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.kron(left, right), dtype=np.float64)


def _row_products(left: Floats, right: Floats) -> Floats:
    return np.asarray((left[:, :, None] * right[:, None, :]).reshape(len(left), -1))


def at_points(margin: Spline, x: Floats) -> Spline:
    """Return a margin whose coefficients are values of the function at even points."""
    size = margin.kernel.shape[0]
    values = margin.columns(np.linspace(x.min(), x.max(), size)[:, None])
    left, singular, right = np.linalg.svd(values)
    if singular[-1] < UNSTABLE * singular[0]:
        return margin
    inverse = (right.T / singular) @ left.T
    return Transformed(margin, inverse, values @ margin.kernel, margin.powers)


def centered_margin(margin: Spline, x: Floats) -> Spline:
    """Return a margin whose columns have the sum zero over the rows."""
    _, sums = moments(margin, x[:, None])
    held = held_by(margin.kernel, sums)
    matrix = complement(held[:, :1])
    return Transformed(margin, matrix, matrix.T @ held[:, 1:], margin.powers[1:])


def natural_margin(margin: Spline, x: Floats) -> tuple[Spline, int]:
    """Return a margin whose first columns have the identity as penalty, and how many these are.

    The others are not penalized: a constant, and a straight line if there is one. Either kind has
    a mean square of one over the rows [1]_.

    References
    ----------
    .. [1] Wood, S. N., Scheipl, F. & Faraway, J. J. (2013). Straightforward intermediate rank
       tensor product smoothing in mixed models. Statistics and Computing, 23(3), 341-360.
    """
    gram, _ = moments(margin, x[:, None])
    bent = complement(margin.kernel)
    values, vectors = eigh(bent.T @ margin.penalties[0] @ bent)
    bent = bent @ (vectors / np.sqrt(values))
    bent /= np.sqrt(np.trace(bent.T @ gram @ bent) / (len(x) * bent.shape[1]))
    flat = np.linalg.qr(margin.kernel)[0]
    if np.any(flat[0]):
        flat = _turned(flat, flat[0])
    flat /= np.sqrt(np.diag(flat.T @ gram @ flat) / len(x))
    flat = _turned(flat, np.linalg.lstsq(flat, margin.kernel[:, 0], rcond=None)[0])
    matrix, size = np.column_stack([bent, flat]), bent.shape[1]
    free = np.asarray(np.linalg.solve(matrix, margin.kernel), dtype=np.float64)
    return Transformed(margin, matrix, free, margin.powers), size


def _turned(pair: Floats, first: Floats) -> Floats:
    """Rotate one or two columns such that the first one becomes a multiple of a combination.

    How a constant and a line are scaled to each other depends on the pair that is scaled. It is
    that of mgcv: of coefficients that are not penalized, the eigenvectors that LAPACK finds are
    the projection of the first unit vector, with which it begins, and what is orthogonal to it.
    """
    if pair.shape[1] == 1:
        return pair
    a, b = first / np.linalg.norm(first)
    return np.asarray(pair @ np.array([[a, -b], [b, a]]))
