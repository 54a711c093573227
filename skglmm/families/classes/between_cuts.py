r"""The log probability that a variable lies between two cut points, with three derivatives.

With :math:`D = F(a) - F(b)`, :math:`u_k = F^{(k)}(a) / D` and :math:`v_k = F^{(k)}(b) / D`,
:math:`\ell = \log D` has the derivatives :math:`\ell_a = u_1`, :math:`\ell_{aa} = u_2 - u_1^2`,
:math:`\ell_{ab} = u_1 v_1`, :math:`\ell_{aaa} = u_3 - 3 u_1 u_2 + 2 u_1^3`, :math:`\ell_{aab}
= v_1 (u_2 - 2 u_1^2)`, and those in b likewise. Everything is a ratio of numbers of one tail, of
which logarithms are known to all digits.
"""

from collections.abc import Callable, Sequence

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.links import Link

__all__ = ["log_between"]

_N_DERIVATIVES = (1, 3, 6, 10)  # value and derivatives, by their order
_Logs = Callable[[Floats, int], tuple[Floats, ...]]


def log_between(link: Link, upper: Floats, lower: Floats, order: int) -> list[Floats]:
    """Return log probabilities between cut points, and their derivatives in both.

    Parameters
    ----------
    link : Link
        Whose inverse is the distribution function F.
    upper, lower : ndarray, shape (n,)
        The ends, upper ones above lower ones; infinite where there is none.
    order : {0, 1, 2, 3}
        How many derivatives.

    Returns
    -------
    list of ndarray of shape (n,)
        The value; its derivatives in (upper, lower): u and l, then uu, ul and ll, then uuu, uul,
        ull and lll. Where the ends are not in order, or an end lies beyond the reach of the link on
        the far side, the value is -inf and the derivatives are 0.
    """
    low, high = link.reach
    open_above, open_below = upper > high, lower < low
    inside = (upper >= low) & (lower <= high) & (upper > lower)
    out = [np.zeros(len(upper)) for _ in range(_N_DERIVATIVES[order])]
    out[0][~inside] = -np.inf
    middle = float(link.link(np.array(0.5)))
    with np.errstate(invalid="ignore"):  # of an end that is not a number
        in_lower = upper + lower < 2.0 * middle
    both = inside & ~open_above & ~open_below
    _one_end(out, np.flatnonzero(inside & open_below & ~open_above), upper, link.log_inverse, 0)
    _one_end(out, np.flatnonzero(inside & open_above & ~open_below), lower, link.log_complement, 1)
    ends = (upper, lower)
    _two_ends(out, np.flatnonzero(both & in_lower), ends, link.log_inverse, 1.0)
    _two_ends(out, np.flatnonzero(both & ~in_lower), ends, link.log_complement, -1.0)
    return out


def _one_end(out: list[Floats], rows: Ints, end: Floats, logs: _Logs, place: int) -> None:
    """Fill rows with one end, the upper one (0) or the lower one (1)."""
    order = _N_DERIVATIVES.index(len(out))
    for m, part in enumerate(logs(end[rows], order)):
        start = 0 if m == 0 else _N_DERIVATIVES[m - 1]
        out[start + m * place][rows] = part


def _two_ends(
    out: list[Floats], rows: Ints, ends: tuple[Floats, Floats], logs: _Logs, sign: float
) -> None:
    """Fill rows with two ends; `sign` is that of F in the tail whose logarithms are taken."""
    order = _N_DERIVATIVES.index(len(out))
    above, below = (logs(end[rows], order) for end in ends)
    whole, part = (above[0], below[0]) if sign > 0.0 else (below[0], above[0])
    with np.errstate(divide="ignore"):  # of ends so close that nothing is between them
        log_d = whole + np.log(-np.expm1(part - whole))
    empty = ~np.isfinite(log_d)
    out[0][rows] = log_d
    safe = np.where(empty, np.inf, log_d)  # whose derivatives are then 0
    u, v = (_ratios(found, safe, sign) for found in (above, below))
    for place, values in enumerate(_derivatives(u, v), start=1):
        out[place][rows] = values


def _ratios(logs: Sequence[Floats], log_d: Floats, sign: float) -> list[Floats]:
    """F', F'' and F''' over D, from the logarithm of a tail with its derivatives."""
    if len(logs) == 1:
        return []
    share = sign * np.exp(logs[0] - log_d)
    first = logs[1]
    found = [share * first]
    if len(logs) > 2:
        found.append(share * (logs[2] + first * first))
    if len(logs) > 3:
        found.append(share * (logs[3] + first * (3.0 * logs[2] + first * first)))
    return found


def _derivatives(u: Sequence[Floats], v: Sequence[Floats]) -> list[Floats]:
    """Derivatives of log D in the upper end and in the lower one."""
    found: list[Floats] = []
    if u:
        found += [u[0], -v[0]]
    if len(u) > 1:
        square_u, square_v = u[0] * u[0], v[0] * v[0]
        found += [u[1] - square_u, u[0] * v[0], -v[1] - square_v]
    if len(u) > 2:
        found += [
            u[2] + u[0] * (2.0 * square_u - 3.0 * u[1]),
            v[0] * (u[1] - 2.0 * square_u),
            u[0] * (v[1] + 2.0 * square_v),
            -v[2] - v[0] * (2.0 * square_v + 3.0 * v[1]),
        ]
    return found
