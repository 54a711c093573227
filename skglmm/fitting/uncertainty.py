r"""What the data say of the estimates: a covariance, and the directions in which they say nothing.

Where the likelihood is flat in a direction, estimates that move along it have no standard error;
all others keep theirs. So the question "is it determined?" is asked of each contrast
:math:`c^T (\beta, \theta)` in the user's units, never of the columns that a fit works on.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.fitting.data.cap import Dictated
from skglmm.fitting.data.standardize import Scales
from skglmm.linalg import block_diagonal

__all__ = ["Uncertainty", "determined", "least_curvatures", "stiffened", "uncertainty"]

FLAT = 1e-5  # scaled curvature below which a direction is not determined: the differences' error
LEAST_THETA = 1e-5  # curvature of a covariance parameter by which it is scaled at the least
MISSING = 1e-3  # share of a variance that may come from flat directions: 1e-4 of their length


@dataclass(frozen=True)
class Uncertainty:
    """Covariance of estimates, as far as the data determine it.

    Parameters
    ----------
    covariance : ndarray, shape (n_params, n_params)
        Of (beta, theta), across the directions that are determined; 0 for what is held, and for
        aliased coefficients.
    flat : ndarray, shape (n_params, m)
        Directions in which the likelihood is flat. They are so long that ``flat @ flat.T`` is
        the least covariance that is missing.
    held : ndarray of bool, shape (n_params,)
        Parameters on a boundary, of which no uncertainty is known.
    dictated : Dictated or None
        Those of the flat directions that rows at a ceiling take from all others.
    """

    covariance: Floats
    flat: Floats
    held: Bools
    dictated: Dictated | None = None

    def determines(self, gradients: Floats) -> Bools:
        """Return which functions of the estimates do not move along a flat direction, (m,).

        Parameters
        ----------
        gradients : ndarray, shape (m, n_params)
            Their derivatives in (beta, theta).
        """
        known = _squares(gradients, self.covariance)
        moved = gradients @ self.flat
        return np.asarray(np.einsum("mf,mf->m", moved, moved) <= MISSING * known)

    def dictates(self, gradients: Floats) -> Bools:
        """Return which functions of the estimates are dictated by rows at a ceiling, (m,)."""
        if self.dictated is None:
            return np.zeros(len(gradients), dtype=np.bool_)
        missing = np.sum((gradients @ self.dictated.flat) ** 2, axis=1)
        return np.asarray(missing > MISSING * _squares(gradients, self.covariance))

    def variance(self, gradients: Floats) -> Floats:
        """Return the variances of functions of the estimates, (m,).

        What is held counts as known; NaN where the data do not determine a function.
        """
        known = np.maximum(_squares(gradients, self.covariance), 0.0)
        return np.where(self.determines(gradients), known, np.nan)

    @property
    def published(self) -> Floats:
        """The covariance with NaN for parameters that are held or not determined."""
        lost = self.held | ~self.determines(np.eye(len(self.held)))
        result = self.covariance.copy()
        result[lost] = np.nan
        result[:, lost] = np.nan
        return result


def _squares(gradients: Floats, covariance: Floats) -> Floats:
    return np.asarray(np.einsum("mp,mp->m", gradients @ covariance, gradients))


def uncertainty(
    scales: Scales,
    hessian: Floats | None,
    free: Bools,
    capped: Bools,
    dictated: Dictated | None = None,
) -> Uncertainty:
    """Return the uncertainty of estimates in the user's units.

    Parameters
    ----------
    scales : Scales
    hessian : ndarray, shape (n_params, n_params), or None
        On the standardized columns; None where none could be had, so that nothing is determined.
    free : ndarray of bool, shape (n_params,)
        Parameters that lie on no boundary.
    capped : ndarray of bool, shape (n_params,)
        Those that would go on beyond a ceiling: nothing is known of how far.
    dictated : Dictated or None
        What the rows there dictate to all others.
    """
    n_theta = len(free) - sum(t.shape[1] for t in scales.to_user)
    to_user = block_diagonal(scales.whole_map, np.eye(n_theta))
    if hessian is None:
        inverse, flat = np.zeros((len(free), len(free))), np.diag(free.astype(float))
    else:
        inverse, flat = determined(hessian, free, least_curvatures(scales, n_theta))
    flat = np.hstack([flat, np.eye(len(free))[:, capped] / np.sqrt(FLAT)])
    held = np.any(to_user[:, ~free & ~capped] != 0, axis=1)
    flat = to_user @ flat if dictated is None else np.hstack([to_user @ flat, dictated.flat])
    return Uncertainty(np.asarray(to_user @ inverse @ to_user.T), flat, held, dictated)


def least_curvatures(scales: Scales, n_theta: int) -> Floats:
    """Return the curvatures by which parameters are scaled at the least, (n_params,).

    For a fixed effect that is one unit of log likelihood where it moves the linear predictor of
    some row by one unit of its link: with less than `FLAT` of it the standard error would be 300
    units and more, which no link reaches.
    """
    beta = [width**2 for width in scales.widths]
    return np.concatenate([*beta, np.full(n_theta, LEAST_THETA)])


def determined(hessian: Floats, free: Bools, least: Floats) -> tuple[Floats, Floats]:
    """Return the inverse of a Hessian across what is determined, and the flat directions.

    Parameters
    ----------
    hessian : ndarray, shape (n_params, n_params)
    free : ndarray of bool, shape (n_params,)
        The others are as if known.
    least : ndarray, shape (n_params,)
        See `least_curvatures`.

    Returns
    -------
    inverse : ndarray, shape (n_params, n_params)
    flat : ndarray, shape (n_params, m)
        As in `Uncertainty`.
    """
    kept = np.flatnonzero(free)
    scale, values, vectors = _spectrum(hessian, kept, least)
    is_flat, vectors = values <= FLAT, vectors * scale[:, None]
    curved = vectors[:, ~is_flat] / np.sqrt(values[~is_flat])
    inverse = np.zeros_like(hessian)
    inverse[np.ix_(kept, kept)] = curved @ curved.T
    flat = np.zeros((len(hessian), int(is_flat.sum())))
    flat[kept] = vectors[:, is_flat] / np.sqrt(FLAT)
    return inverse, flat


def stiffened(hessian: Floats, free: Bools, least: Floats) -> Floats:
    """Return a Hessian that is curved where it was flat: Newton's steps then do not go there."""
    kept = np.flatnonzero(free)
    scale, values, vectors = _spectrum(hessian, kept, least)
    values = np.where(values <= FLAT, 1.0, values)
    result = hessian.copy()
    result[np.ix_(kept, kept)] = (vectors * values) @ vectors.T / scale / scale[:, None]
    return result


def _spectrum(hessian: Floats, kept: Ints, least: Floats) -> tuple[Floats, Floats, Floats]:
    """Scales of the parameters that are kept, and eigenvalues and vectors of the scaled matrix."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), least)[kept])
    values, vectors = np.linalg.eigh(hessian[np.ix_(kept, kept)] * scale * scale[:, None])
    return scale, values, vectors
