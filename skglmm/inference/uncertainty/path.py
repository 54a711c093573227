r"""Walk along a profile: signed roots :math:`\zeta = \pm\sqrt{2 (L - \hat L)}`, side by side.

Between the points, where the derivative of :math:`\zeta` is known too, it is interpolated by
cubic polynomials.
"""

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from skglmm.fitting import solved
from skglmm.inference.uncertainty.axis import Axis
from skglmm.inference.uncertainty.descent import Iterate, minimized, moved, step

__all__ = ["ProfilePoint", "Side", "ceiling", "crossing", "walk"]

POINTS_MAX = 60
ENDS_MAX = 8  # looks for one end
END_TOL = 1e-4  # relative error of the root at an end
BEYOND, NEARLY = 1.02, 0.9  # the last step aims beyond the end from this share of the way
CHANGE_MAX = 2.0  # largest change of a parameter in one step, in units of a link, ...
GROWTH = 1.0  # ... or this share of the largest parameter
SHORTER, SHORTER_MAX = 0.25, 4
FAR = 1e4  # parameters beyond it, in units of a link, mean nothing
BETTER = 1e-3  # log-likelihood units above the estimate that say that it is none
LEVELS = 10.0  # times slope and distance: what may be left of a zeta that levels off
FLAT = 1e-2  # a zeta that no level of interest asks for
ROUNDED = 6.0  # below a limit, in units of a link: beyond, differences may be rounding
BEND = 2.0  # the slope is foretold to change by this factor at most in one step


class ProfilePoint(NamedTuple):
    """A point of a side of a profile; both numbers grow from zero at the estimate."""

    distance: float  # of the coordinate, from the estimate
    zeta: float
    slope: float


@dataclass(frozen=True)
class Side:
    """What was found on one side of the estimate.

    Parameters
    ----------
    points : tuple of ProfilePoint
        By distance; the first is the estimate.
    lowest : float
        Smallest difference of the objective from that at the estimate; negative where the
        estimate is not the minimum.
    lost : float or None
        Distance beyond which nothing is known: there no minimum was found, or the walk was given
        up on the way. None where it ended for a good reason.
    """

    points: tuple[ProfilePoint, ...]
    lowest: float = 0.0
    lost: float | None = None


def ceiling(axis: Axis, start: Iterate, target: float) -> float:
    """Return what zeta cannot exceed wherever the coordinate is, infinity if beyond `target`.

    It is the least zeta of parameters under which the coordinate has no effect, such as a
    correlation where one of its effects does not vary.
    """
    lowest = np.inf
    for floor in axis.floor_axes:
        walker = _Walker(floor, start, -1, target, target)
        walker.go()
        if walker.points[-1].distance >= walker.room:
            lowest = min(lowest, walker.points[-1].zeta)
    return lowest


def walk(
    axis: Axis, start: Iterate, sign: int, target: float, n_points: int, highest: float = np.inf
) -> Side:
    """Walk from the estimate until zeta is `target` or the coordinate is at its limit.

    Parameters
    ----------
    axis : Axis
    start : Iterate
        The estimate.
    sign : {-1, 1}
        To lower or to higher values.
    target : float
        Largest zeta of interest, positive.
    n_points : int
        How many points about, up to it.
    highest : float
        What zeta cannot exceed, see `ceiling`.
    """
    target = min(target, highest)
    walker = _Walker(axis, start, sign, target, target / n_points)
    if target > FLAT:
        walker.go()
        walker.find_end()
    points = walker.points
    if highest == target:
        points = _under(points, highest, walker.room)
    return Side(tuple(points), walker.lowest, walker.lost)


def _under(points: list[ProfilePoint], highest: float, room: float) -> list[ProfilePoint]:
    """The points below a ceiling, where they meet it, and the limit."""
    below = [point for point in points if point.zeta < highest]
    meets = crossing(points, highest)
    if meets is not None:
        nearest = min(points, key=lambda point: abs(point.distance - meets))
        below.append(ProfilePoint(meets, highest, nearest.slope))
    return below if below[-1].distance >= room else [*below, ProfilePoint(room, highest, 0.0)]


def crossing(points: tuple[ProfilePoint, ...] | list[ProfilePoint], target: float) -> float | None:
    """Return the distance at which zeta first is `target`, None where it never is."""
    for a, b in pairwise(points):
        if a.zeta < target <= b.zeta:
            return _root(a, b, target)
    return None


def _root(a: ProfilePoint, b: ProfilePoint, target: float) -> float:
    ends = [a.distance, b.distance]
    curve = CubicHermiteSpline(ends, [a.zeta, b.zeta], [a.slope, b.slope])

    def miss(distance: float) -> float:
        return float(curve(distance)) - target

    return float(brentq(miss, a.distance, b.distance, xtol=1e-15, rtol=1e-12))


class _Walker:
    """The state of a walk."""

    def __init__(self, axis: Axis, start: Iterate, sign: int, target: float, pace: float) -> None:
        self.axis, self.start, self.iterate = axis, start, start
        self.sign, self.target, self.pace = sign, target, pace
        self.room = abs(axis.limits[sign > 0] - axis.coordinate)
        self.points = [ProfilePoint(0.0, 0.0, self._first_slope())]
        self.lowest = 0.0
        self.lost: float | None = None
        self.here = 0.0  # distance of the spot

    def _first_slope(self) -> float:
        """Zeta per unit of the coordinate, from the Hessian at the estimate."""
        a = self.axis.direction
        return float(1.0 / np.sqrt(a @ solved(self.start.hessian, a)))

    def go(self) -> None:
        """Take steps outward until the end is behind, or it is certain that there is none."""
        while not self._is_over and self._visit(self._next_distance()):
            is_far = np.max(np.abs(self.iterate.vector)) > FAR
            if is_far or self.lowest < -BETTER or len(self.points) >= POINTS_MAX:
                break
        if self.lost is None and not self._is_over and not self._levels_off:
            self.lost = self.points[-1].distance

    @property
    def _is_over(self) -> bool:
        last = self.points[-1]
        return last.zeta >= self.target or last.distance >= self.room

    @property
    def _levels_off(self) -> bool:
        """Whether zeta stays below the target however far the walk would go.

        It has moved far already, and what its slope promises for 10 times as far is too little:
        more than is left of a zeta that approaches its limit as a small power of the distance.
        """
        last = self.points[-1]
        left = LEVELS * max(last.slope, 0.0) * last.distance
        return last.distance > 0.0 and last.zeta + left < self.target

    def find_end(self) -> None:
        """Look at the end that the points foretell until it is there."""
        for _ in range(ENDS_MAX):
            end = crossing(self.points, self.target)
            near = min(abs(point.zeta - self.target) for point in self.points)
            if end is None or near <= END_TOL * self.target or not self._visit(end):
                return

    def _next_distance(self) -> float:
        last = self.points[-1]
        left = BEYOND * self.target - last.zeta
        pace = left if last.zeta + self.pace > NEARLY * self.target else self.pace
        wanted = pace * self._inverse_slope(pace)
        return min(last.distance + min(wanted, self._longest()), self.room)

    def _inverse_slope(self, pace: float) -> float:
        """Distance per unit of zeta half a step ahead, from the last two points."""
        last = self.points[-1]
        if not last.slope > 0:
            return np.inf
        now = 1.0 / last.slope
        if len(self.points) == 1 or not self.points[-2].slope > 0:
            return now
        before = self.points[-2]
        if not last.zeta > before.zeta:
            return now
        change = (now - 1.0 / before.slope) / (last.zeta - before.zeta)
        return float(np.clip(now + 0.5 * pace * change, now / BEND, now * BEND))

    def _longest(self) -> float:
        """The longest step along the coordinate that keeps the parameters' change moderate."""
        change = step(self.axis, self.iterate, 1.0).change - step(self.axis, self.iterate).change
        most = max(CHANGE_MAX, GROWTH * float(np.max(np.abs(self.iterate.vector))))
        return most / max(float(np.max(np.abs(change))), np.finfo(float).tiny)

    def _visit(self, distance: float) -> bool:
        """Go to a distance, or less far; whether a point was found."""
        for _ in range(SHORTER_MAX + 1):
            there = moved(self.axis, self.iterate, self.sign * (distance - self.here))
            if there is not None:
                break
            distance = self.here + SHORTER * (distance - self.here)
        found = None if there is None else minimized(self.axis, there)
        if found is None:
            self.lost = distance
            return False
        self._add(distance, found)
        return True

    def _add(self, distance: float, iterate: Iterate) -> None:
        difference = iterate.here.value - self.start.here.value
        if np.all(iterate.vector < self.axis.upper - ROUNDED):
            self.lowest = min(self.lowest, difference)
        zeta = float(np.sqrt(2.0 * max(difference, 0.0)))
        multiplier = self.sign * step(self.axis, iterate).multiplier
        slope = multiplier / zeta if zeta > 0 else self.points[0].slope
        insort(self.points, ProfilePoint(distance, zeta, slope))
        self.iterate, self.here = iterate, distance
