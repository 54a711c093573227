r"""What depends on the mean in a Tweedie density, and what does not, row by row.

With :math:`a = p - 1` and :math:`b = 2 - p`, the log density of a positive response is
:math:`-e^{-\log\phi} C + R - \log y`, and the log probability of 0 is :math:`-e^{-\log\phi} C`,
where C is half the deviance of one row of dispersion one, and R the logarithm of a series.
"""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.special import exp_excess, log_tweedie_series

__all__ = ["deviance_of_positive", "deviance_of_zero", "log_series"]

NEAR = 1.0  # below which moments are those of the series
_SERIES = tuple(1.0 / (np.prod(np.arange(1.0, k + 1.0)) * (k + 4.0)) for k in range(18))


def deviance_of_zero(log_mean: Floats, power: Floats, order: int) -> list[Floats]:
    r"""Return :math:`\mu^b / b`, with derivatives in log mean and power.

    Parameters
    ----------
    log_mean, power : ndarray, shape (n,) or (1,)
    order : {0, 1, 2, 3}

    Returns
    -------
    list of ndarray
        The value, derivatives l, p, ll, lp, pp, lll, llp, lpp, ppp, as far as asked for.
    """
    b = 2.0 - power
    value = np.exp(b * log_mean) / b
    found = [value]
    if order >= 1:
        first = 1.0 / b - log_mean  # of the logarithm in the power
        found += [b * value, first * value]
    if order >= 2:
        second = 1.0 / (b * b)
        square = first * first + second
        found += [b * b * value, (b * first - 1.0) * value, square * value]
    if order >= 3:
        cube = first * (first * first + 3.0 * second) + 2.0 * second / b
        found += [b**3 * value, b * (b * first - 2.0) * value]
        found += [(b * square - 2.0 * first) * value, cube * value]
    return found


def deviance_of_positive(
    log_y: Floats, log_mean: Floats, power: Floats, order: int
) -> list[Floats]:
    r"""Return half the deviance of positive responses, likewise.

    With :math:`x = \log(\mu / y)` it is :math:`y^b h`,
    :math:`h = (e^{-a x} - 1 + a x) / a + (e^{b x} - 1 - b x) / b`, in which nothing cancels.
    Derivatives of h in the power are differences of the moments
    :math:`I_r(u) = \int_0^1 s^r e^{u s} ds`.
    """
    a, b = power - 1.0, 2.0 - power
    x = log_mean - log_y
    up, down = b * x, -a * x
    unit = np.exp(b * log_y)
    h = [exp_excess(down) / a + exp_excess(up) / b]
    found = [unit * h[0]]
    if order >= 1:
        pairs = zip(_moments(up, order), _moments(down, order), strict=True)
        h += [x * (-x) ** r * (above - below) for r, (above, below) in enumerate(pairs, start=1)]
        rise = unit * np.exp(down)  # y mu**-a
        slope = rise * np.expm1(x)
        found += [slope, unit * (h[1] - log_y * h[0])]
    if order >= 2:
        bend = b * slope + rise  # b mu**b + a y mu**-a
        found += [bend, -log_mean * slope]
        found += [unit * (h[2] - log_y * (2.0 * h[1] - log_y * h[0]))]
    if order >= 3:
        found += [b * b * (slope + rise) - a * a * rise, -slope - log_mean * bend]
        found += [log_mean * log_mean * slope]
        found += [unit * (h[3] - log_y * (3.0 * h[2] - log_y * (3.0 * h[1] - log_y * h[0])))]
    return found


def _moments(u: Floats, order: int) -> list[Floats]:
    """Return the moments 1 to `order`, at most 3."""
    near = np.abs(u) < NEAR
    if near.all():
        return _near_moments(u)[:order]
    if not near.any():
        return _far_moments(u)[:order]
    found = np.empty((3, len(u)))
    found[:, near] = _near_moments(u[near])
    found[:, ~near] = _far_moments(u[~near])
    return list(found[:order])


def _near_moments(u: Floats) -> list[Floats]:
    """Moments by the series of the third, and down."""
    top = np.exp(u)
    third = np.polynomial.polynomial.polyval(u, _SERIES)
    second = (top - u * third) / 3.0
    return [0.5 * (top - u * second), second, third]


def _far_moments(u: Floats) -> list[Floats]:
    """Moments from that of order 0 on."""
    top = np.exp(u)
    first = (top - np.expm1(u) / u) / u
    second = (top - 2.0 * first) / u
    return [first, second, (top - 3.0 * second) / u]


def log_series(log_y: Floats, log_phi: Floats, power: Floats, order: int) -> list[Floats]:
    """Return the logarithm of the series, with derivatives in log dispersion and power.

    Parameters
    ----------
    log_y : ndarray, shape (n,)
    log_phi, power : ndarray, shape (n,) or (1,)
    order : {0, 1, 2, 3}

    Returns
    -------
    list of order + 1 ndarrays
        Shape (n,), (2, n), (3, n) and (4, n): packed derivatives.
    """
    a, b = power - 1.0, 2.0 - power
    log_m = b * log_y - np.log(b) - log_phi
    log_alpha = np.log(b) - np.log(a)
    if len(power) == 1:
        found = log_tweedie_series(log_m, log_alpha.item(), order)
    else:
        found = [np.empty((rows, len(log_m))) for rows in (1, 2, 3, 4)[: order + 1]]
        for each in np.unique(log_alpha):
            rows = log_alpha == each
            some = log_tweedie_series(log_m[rows], float(each), order)
            for out, part in zip(found, some, strict=True):
                out[:, rows] = part
        found[0] = found[0][0]
    moves = (1.0 / b - log_y, 1.0 / b**2, 2.0 / b**3)  # of log m in the power
    turns = (-1.0 / (a * b), 1.0 / a**2 - 1.0 / b**2, -2.0 / a**3 - 2.0 / b**3)
    return _in_power(found, moves, turns)


def _in_power(
    found: Sequence[Floats], moves: Sequence[Floats], turns: Sequence[Floats]
) -> list[Floats]:
    """Derivatives in log dispersion and power from those in log m and log alpha.

    Log m falls by one with the log dispersion, and has derivatives `moves` in the power, log alpha
    `turns`.
    """
    (t1, t2, t3), (s1, s2, s3) = moves, turns
    parts = [found[0]]
    if len(found) > 1:
        r_t, r_s = found[1]
        parts.append(np.stack([-r_t, r_t * t1 + r_s * s1]))
    if len(found) > 2:
        r_tt, r_ts, r_ss = found[2]
        along = r_tt * t1 + r_ts * s1
        curved = along * t1 + (r_ts * t1 + r_ss * s1) * s1 + r_t * t2 + r_s * s2
        parts.append(np.stack([r_tt, -along, curved]))
    if len(found) > 3:
        r_ttt, r_tts, r_tss, r_sss = found[3]
        twice = r_ttt * t1 + r_tts * s1
        cross = r_tts * t1 + r_tss * s1
        once = twice * t1 + cross * s1 + r_tt * t2 + r_ts * s2
        cubic = (twice * t1 + 2.0 * cross * s1) * t1 + (r_tss * t1 + r_sss * s1) * s1 * s1
        cubic = cubic + 3.0 * (along * t2 + (r_ts * t1 + r_ss * s1) * s2) + r_t * t3 + r_s * s3
        parts.append(np.stack([-r_ttt, twice, -once, cubic]))
    return parts
