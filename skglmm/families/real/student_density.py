"""What Student t families with known and with estimated degrees of freedom have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.chain_rule import through_links
from skglmm.families.calculus.packing import packed_rows
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Identity, Log
from skglmm.response import Support
from skglmm.special import exp_excess, log_student_norm

__all__ = ["MEAN", "SCALE", "StudentTFamily"]

# One response far away makes the width of all of them large, beside which the others lie close.
LOG_SCALE_FLOOR = np.log(1e-9)
MEAN = Parameter("mean", Role.LOCATION, (Identity(), Log()), equivariant=True)
SCALE = Parameter("scale", Role.DISPERSION, (Log(),), equivariant=True, floor=LOG_SCALE_FLOOR)
START_DF = 8.0  # with which a search begins
MAD = 1.4826  # standard deviations of a normal in a median distance from its median
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_LEAST_SPREAD = 1e-6  # of the start, beside the largest response
NORMAL = 1e6  # degrees of freedom from which information about them is that of a series


@dataclass(frozen=True)
class StudentTFamily(Family):
    """A location and a scale, which the distance from it in units of the scale follows.

    Further predictors are those of the degrees of freedom.
    """

    support = Support(-np.inf, np.inf)
    variance_formula = "scale ** 2 * df / (df - 2)"  # of more than two

    @abstractmethod
    def log_df(self, eta: Sequence[Floats]) -> Floats:
        """Return the logarithms of degrees of freedom, (n,) or (1,), within reach."""

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        return y[None, :]

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        """Return the log density; derivatives are in mean, log scale and log df first."""
        near, outside = within_reach(self.links, eta)
        mean = self.links[0].inverse(near[0], order)
        log_df = self.log_df(near)
        sharp = np.exp(-near[1])
        z = (prepared[0] - mean.value) * sharp
        found = _standard(z, log_df, order)
        norm = log_student_norm(log_df, order)
        value = np.array(np.broadcast_arrays(found[0] + norm[0] - near[1], z)[0])
        size = len(self.links)
        parts = []
        for m, rows in enumerate(_scaled(found, norm, z, sharp), start=1):
            kept = [row for key, row in packed_rows(3, m).items() if max(key) < size]
            parts.append(np.stack(np.broadcast_arrays(*(rows[row] for row in kept))))
        density = LogDensity(value, *parts)
        straight = Identity().inverse(np.zeros(1), order)
        return through_links(density, [mean._replace(outside=outside), *[straight] * (size - 1)])

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        slope = self.links[0].inverse(near[0], 1).slopes[0]
        log_df, sharp = self.log_df(near), np.exp(-near[1])
        v = np.exp(log_df)
        _, first, second = log_student_norm(log_df, 2)
        rest = np.where(v < NORMAL, first - second - 0.5 / v, -0.5 / v**3)
        of_df = (7.0 + 3.0 / v) / (2.0 * (v + 1.0) * (v + 3.0)) + rest
        of_mean = (slope * sharp) ** 2 * (v + 1.0) / (v + 3.0)
        of_scale, both = 2.0 * v / (v + 3.0), -2.0 * v / ((v + 1.0) * (v + 3.0))
        rows = np.broadcast_arrays(of_mean, 0.0, 0.0, of_scale, both, of_df)
        size = len(self.links)
        return np.stack([rows[r] for key, r in packed_rows(3, 2).items() if max(key) < size])

    def mean(self, eta: Sequence[Floats]) -> Floats:
        """Return the locations, which are medians where there is no mean: up to one df."""
        return np.array(self._broad(eta)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variances, infinite up to two degrees of freedom."""
        _, scale, v = self._broad(eta)
        share = np.divide(v, v - 2.0, out=np.full(len(v), np.inf), where=v > 2.0)
        return np.asarray(scale * scale * share)

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, scale, v = self._broad(eta)
        return np.asarray(stdtr(v, (y - mean) / scale))

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        mean, scale, v = self._broad(eta)
        return np.asarray(stdtr(v, (mean - y) / scale))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        mean, scale, v = self._broad(eta)
        with np.errstate(invalid="ignore"):
            inner = stdtrit(v, p)
        inner = np.where(p <= 0.0, -np.inf, np.where(p >= 1.0, np.inf, inner))
        return np.asarray(mean + scale * inner)

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        mean, scale, v = self._broad(eta)
        draws = mean + scale * rng.standard_t(v)
        number = np.finfo(np.float64)
        return np.clip(draws, number.min, number.max)

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return the median, and the scale that goes with the median distance from it."""
        center = _median(y, weights)
        away = np.abs(y - center)
        spread = MAD * _median(away, weights) or float(np.average(away, weights=weights))
        largest = max(float(np.max(np.abs(y))), np.finfo(np.float64).tiny)
        floor = _LEAST_SPREAD * largest
        if self.links[0].name == "log":
            center = max(float(np.average(y, weights=weights)), floor)
        start = [self.links[0].link(np.array(center)), np.log(max(spread, floor))]
        start += [np.log(START_DF)] * (len(self.links) - 2)
        triples = zip(self.links, self.parameters, start, strict=True)
        return np.array([max(np.clip(x, *link.reach), each.floor) for link, each, x in triples])

    def _broad(self, eta: Sequence[Floats]) -> list[Floats]:
        """Locations, scales and degrees of freedom, (n,) each."""
        near, _ = within_reach(self.links, eta)
        parts = self.links[0].inverse(near[0]).value, np.exp(near[1]), np.exp(self.log_df(near))
        return list(np.broadcast_arrays(*parts))


def _median(y: Floats, weights: Floats | None) -> float:
    order = np.argsort(y)
    reached = np.cumsum(np.ones(len(y)) if weights is None else weights[order])
    half = 0.5 * reached[-1]
    middle = [int(np.searchsorted(reached, half, side=side)) for side in _SIDES]
    return float(y[order][middle].mean())


def _standard(z: Floats, log_df: Floats, order: int) -> list[Floats]:
    r"""Return :math:`-(v + 1) \log(1 + z^2 / v) / 2`, with derivatives in z and log v.

    They are the value, z, v, zz, zv, vv, zzz, zzv, zvv, vvv. With the weight
    :math:`\kappa = 1 / (1 + z^2 / v)` of a response nothing cancels where v is large.
    """
    v = np.exp(log_df)
    square = z * z
    log_rise = np.log1p(square / v)
    found = [-0.5 * (v + 1.0) * log_rise]
    if order >= 1:
        kept, lost = v / (v + square), square / (v + square)
        more, excess = 1.0 + 1.0 / v, v * exp_excess(-log_rise)
        first = -more * z * kept
        found += [first, 0.5 * (lost - excess)]
    if order >= 2:
        unit = kept * kept / v
        cross = z * (1.0 - square) * unit
        found += [-more * kept * (1.0 - 2.0 * lost), cross]
        found += [0.5 * (v * lost * lost - lost * kept - excess)]
    if order >= 3:
        found += [more * 2.0 * (4.0 * kept - 1.0) * z * unit]
        found += [unit * (1.0 - 3.0 * square - 4.0 * lost * (1.0 - square))]
        found += [cross * (1.0 - 2.0 * kept)]
        bend = (1.0 - 2.0 * lost) * lost * kept + 2.0 * v * lost**3
        found += [0.5 * (bend - excess)]
    return found


def _scaled(
    found: Sequence[Floats], norm: Sequence[Floats], z: Floats, sharp: Floats
) -> list[list[Floats]]:
    """Return derivatives in mean, log scale and log df from those in z and log df, packed."""
    parts = []
    if len(norm) > 1:
        first, of_v = found[1:3]
        parts.append([-sharp * first, -z * first - 1.0, of_v + norm[1]])
    if len(norm) > 2:
        second, cross, of_vv = found[3:6]
        turn = first + z * second
        sharp2 = sharp * sharp
        parts.append(
            [sharp2 * second, sharp * turn, -sharp * cross, z * turn, -z * cross, of_vv + norm[2]]
        )
    if len(norm) > 3:
        third, of_zzv, of_zvv, of_vvv = found[6:]
        bend = turn + z * (2.0 * second + z * third)
        along = cross + z * of_zzv
        parts.append(
            [
                -sharp2 * sharp * third,
                -sharp2 * (2.0 * second + z * third),
                sharp2 * of_zzv,
                -sharp * bend,
                sharp * along,
                -sharp * of_zvv,
                -z * bend,
                z * along,
                -z * of_zvv,
                of_vvv + norm[3],
            ]
        )
    return parts
