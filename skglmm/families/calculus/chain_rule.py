"""The chain rule from the parameters of a family to its linear predictors."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import packed_rows
from skglmm.links import Jet

__all__ = ["leave", "through_links"]

Slopes = Sequence[tuple[Floats, ...]]  # of each inverse link


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
        The inverse links, with at least as many slopes as `density` has derivatives; their
        arrays have shape (n,) or (1,).

    Returns
    -------
    LogDensity
        The same arrays, with derivatives in the linear predictors.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Logit, LogDensity, through_links
    >>> p = np.array([0.2, 0.5])  # of a success, whose log density is log(p)
    >>> jet = Logit().inverse(Logit().link(p), order=1)
    >>> through_links(LogDensity(np.log(p), np.array([1 / p])), [jet]).grad
    array([[0.8, 0.5]])
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
            leave(density, jet.outside)
    return density


def _link_second(grad: Floats, hess: Floats, slopes: Slopes) -> None:
    for (i, j), row in packed_rows(len(slopes), 2).items():
        hess[row] *= slopes[i][0] * slopes[j][0]
        if i == j:
            hess[row] += grad[i] * slopes[i][1]


def _link_third(grad: Floats, hess: Floats, third: Floats, slopes: Slopes) -> None:
    rows = packed_rows(len(slopes), 2)
    for (i, j, k), row in packed_rows(len(slopes), 3).items():
        out = third[row]
        if i == j == k:
            _link_cubic(grad[i], hess[rows[i, i]], out, slopes[i])
        elif i == j:
            _link_mixed(hess[rows[i, k]], out, slopes[i], slopes[k][0])
        elif j == k:
            _link_mixed(hess[rows[i, j]], out, slopes[j], slopes[i][0])
        else:
            out *= slopes[i][0] * slopes[j][0] * slopes[k][0]


def _link_cubic(grad: Floats, hess: Floats, out: Floats, slopes: tuple[Floats, ...]) -> None:
    """Link the third derivative in one parameter: (f''' s**2 + 3 f'' s') s + f' s''."""
    first, second, third = slopes
    out *= first * first
    out += hess * (3.0 * second)
    out *= first
    out += grad * third


def _link_mixed(cross: Floats, out: Floats, twice: tuple[Floats, ...], once: Floats) -> None:
    """Link the derivative in one parameter twice, another once: (f''' s**2 + f'' s') t."""
    out *= twice[0] * twice[0]
    out += cross * twice[1]
    out *= once


def leave(density: LogDensity, outside: Bools) -> None:
    """Write -inf to the values outside, shape (n,) or (1,), and 0 to their derivatives."""
    value, *derivatives = density
    outside = np.broadcast_to(outside, value.shape)
    value[outside] = -np.inf
    for rows in derivatives:
        if rows is not None:
            rows[:, outside] = 0.0
