"""Residuals by simulation: where responses, or means of groups, lie among simulated ones."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints

__all__ = ["simulated_residuals"]

CELLS = 2**21  # simulated responses at a time: 16 MB


def simulated_residuals(
    y: Floats,
    draw: Callable[[int], Floats],
    n_simulations: int,
    rng: np.random.Generator,
    groups: Ints | None = None,
) -> Floats:
    r"""Return the ranks of responses among simulated ones, scaled to (0, 1).

    With m simulations of which b lie below the response and t are equal to it, the residual is
    :math:`(b + U (t + 1)) / (m + 1)` with U uniform: in a true model it is uniform, exactly,
    for any m. A residual below 1 / (m + 1), or above m / (m + 1), is outside of all simulations.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Responses.
    draw : callable
        From a number m to simulated responses, (n, m).
    n_simulations : int
    rng : Generator
        Of the numbers U.
    groups : ndarray of intp, shape (n,), default=None
        Groups, from 0 and none of them empty, whose means are ranked in place of the rows.

    Returns
    -------
    ndarray, shape (n,) or (n_groups,)
        NaN where simulated responses are NaN.
    """
    sums = _same if groups is None else _Sums(groups)
    observed = sums(y[:, None])
    below, equal = np.zeros(len(observed)), np.ones(len(observed))
    step = max(1, CELLS // max(1, len(y)))
    for start in range(0, n_simulations, step):
        simulated = sums(draw(min(step, n_simulations - start)))
        below += np.count_nonzero(simulated < observed, axis=1)
        equal += np.count_nonzero(simulated == observed, axis=1)
        below[np.isnan(simulated).any(axis=1)] = np.nan
    return np.asarray((below + rng.random(len(below)) * equal) / (n_simulations + 1))


def _same(draws: Floats) -> Floats:
    return draws


class _Sums:
    """Sums over groups, which rank as the means do."""

    def __init__(self, groups: Ints) -> None:
        every = np.arange(len(groups))
        self._matrix = csr_array((np.ones(len(groups)), (groups, every)))

    def __call__(self, draws: Floats) -> Floats:
        return np.asarray(self._matrix @ draws)
