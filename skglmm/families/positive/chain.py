"""The chain rule from the logarithm of a mean to its linear predictor."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.calculus.chain_rule import leave, through_links
from skglmm.families.calculus.log_density import LogDensity
from skglmm.links import Jet

__all__ = ["stacked", "through_log_mean"]

_ONE = np.ones(1)
_SAME = Jet(_ONE, _ONE, (_ONE, 0.0 * _ONE, 0.0 * _ONE))  # of a predictor that is what it is about


def through_log_mean(
    density: LogDensity, slopes: Sequence[Floats], outside: Bools | None
) -> LogDensity:
    """Return derivatives in the linear predictors from those in the log mean and the others.

    Parameters
    ----------
    density : LogDensity
        Derivatives in the log mean, and in the other linear predictors. Its arrays are overwritten.
    slopes : sequence of ndarray
        Derivatives of the log mean in its linear predictor, as many as the density has.
    outside : ndarray of bool, or None
        Rows beyond the reach of a link.
    """
    if density.grad is not None:
        straight = bool(np.all(slopes[0] == 1.0)) and not any(np.any(each) for each in slopes[1:])
        if not straight:
            jets = [_SAME._replace(slopes=tuple(slopes)), *[_SAME] * (len(density.grad) - 1)]
            through_links(density, jets)
    if outside is not None:
        leave(density, outside)
    return density


def stacked(*rows: Floats) -> Floats:
    """Return rows, (n,) or (1,) each, in an array of their own."""
    return np.stack(np.broadcast_arrays(*rows))
