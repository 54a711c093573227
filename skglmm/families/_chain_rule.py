"""The chain rule from the parameters of a family to its linear predictors."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families._base import LogDensity
from skglmm.families.links import Jet

__all__ = ["through_links"]


def through_links(density: LogDensity, jets: Sequence[Jet]) -> LogDensity:
    r"""Return derivatives in the linear predictors from those in the parameters.

    With the slopes :math:`s, s', s''` of the inverse links, a second derivative
    :math:`f_{ij}` becomes :math:`f_{ij} s_i s_j + [i = j] f_i s'_i`, a third one
    :math:`f_{ijk} s_i s_j s_k + [i = j] f_{ik} s'_i s_k + [i = k] f_{ij} s'_i s_j
    + [j = k] f_{ij} s_i s'_j + [i = j = k] f_i s''_i`. Where a link is beyond its reach the
    value becomes -inf and the derivatives 0.

    Parameters
    ----------
    density : LogDensity
        Derivatives in the parameters. Its arrays are overwritten.
    jets : sequence of K jets
        The inverse links, with as many slopes as `density` has derivatives.
    """
    slopes = [jet.slopes for jet in jets]
    _, grad, hess, third = density
    if third is not None and hess is not None and grad is not None:
        _link_third(grad, hess, third, slopes)
    if hess is not None and grad is not None:
        _link_second(grad, hess, slopes)
    if grad is not None:
        for i, slope in enumerate(slopes):
            grad[i] *= slope[0]
    for jet in jets:
        if jet.outside is not None:
            _leave(density, jet.outside)
    return density


@cache
def _packed(size: int, order: int) -> dict[tuple[int, ...], int]:
    """Return the row of each sorted tuple of predictors."""
    tuples = combinations_with_replacement(range(size), order)
    return {each: row for row, each in enumerate(tuples)}


def _link_second(grad: Floats, hess: Floats, slopes: Sequence[tuple[Floats, ...]]) -> None:
    for (i, j), row in _packed(len(slopes), 2).items():
        hess[row] *= slopes[i][0] * slopes[j][0]
        if i == j:
            hess[row] += grad[i] * slopes[i][1]


def _link_third(
    grad: Floats, hess: Floats, third: Floats, slopes: Sequence[tuple[Floats, ...]]
) -> None:
    pairs = _packed(len(slopes), 2)
    for (i, j, k), row in _packed(len(slopes), 3).items():
        out = third[row]
        out *= slopes[i][0] * slopes[j][0] * slopes[k][0]
        if i == j == k:
            out += hess[pairs[i, i]] * (3.0 * slopes[i][0] * slopes[i][1])
            out += grad[i] * slopes[i][2]
        elif i == j:
            out += hess[pairs[i, k]] * (slopes[i][1] * slopes[k][0])
        elif j == k:
            out += hess[pairs[i, j]] * (slopes[i][0] * slopes[j][1])


def _leave(density: LogDensity, outside: Bools) -> None:
    value, *derivatives = density
    outside = np.broadcast_to(outside, value.shape)
    value[outside] = -np.inf
    for rows in derivatives:
        if rows is not None:
            rows[:, outside] = 0.0
