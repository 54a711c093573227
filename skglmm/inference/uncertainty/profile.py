"""Profile likelihood of natural parameters, and the intervals that it gives.

A restricted likelihood (REML) has profiles of the variances, but none of the fixed effects that it
integrates out. These have the one of maximum likelihood, as all parameters have in lme4.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.fitting import Fit, Study, unrestricted
from skglmm.inference.parameters.held import held_interval
from skglmm.inference.parameters.natural import Natural, Transform, infinite, is_open, natural
from skglmm.inference.parameters.wald import Intervals, half_width
from skglmm.inference.uncertainty.axis import Axis, axes
from skglmm.inference.uncertainty.descent import Iterate, begin
from skglmm.inference.uncertainty.path import ProfilePoint, Side, ceiling, crossing, walk

__all__ = ["Profile", "profile_intervals", "profiles"]


@dataclass(frozen=True)
class Profile:
    r"""Profile likelihood of one parameter.

    It is held on a coordinate that is linear in the parameters of the model: the parameter
    itself, the linear predictor of a constant, the arcsine of a correlation.

    Parameters
    ----------
    name : str
    estimate : float
    coordinate : float
        Of the highest likelihood, see `peak`.
    low, high : Side
        Points on the two sides of it. Empty where there is no profile: for a coefficient that
        was left out, or a correlation with an effect that does not vary.
    back : callable
        From coordinates to natural values; it increases.
    ends : tuple of float
        Ends of an interval that the profile does not bound.
    level : float
        Coverage of the widest interval that was looked for.
    meanings : tuple of str
        What it means that the profile does not bound the parameter before an end that is a
        chosen one, as that of a range; else empty.
    """

    name: str
    estimate: float
    coordinate: float
    low: Side
    high: Side
    back: Transform
    ends: tuple[float, float]
    level: float
    meanings: tuple[str, str] = ("", "")

    @property
    def peak(self) -> float:
        """Where the profile has its maximum.

        It is the estimate, or that of maximum likelihood for a fixed effect of a restricted fit.
        """
        return self._at(0.0)

    @property
    def value(self) -> Floats:
        """Values of the parameter on its natural scale, ascending, shape (m,)."""
        below = [-point.distance for point in self.low.points[:0:-1]]
        above = [point.distance for point in self.high.points]
        return self.back(self.coordinate + np.array(below + above))

    @property
    def zeta(self) -> Floats:
        """Signed roots of twice the loss of log likelihood at these values, shape (m,)."""
        below = [-point.zeta for point in self.low.points[:0:-1]]
        return np.array(below + [point.zeta for point in self.high.points])

    @property
    def excess(self) -> float:
        """Log-likelihood units by which the profile was seen above the fit; 0 at a maximum."""
        return max(0.0, -self.low.lowest, -self.high.lowest)

    @property
    def lost(self) -> tuple[tuple[float, float], ...]:
        """Values beyond which the profile is unknown, each with the end of the range there.

        Of the sides on which an end of the interval was not found.
        """
        sides = ((-1, self.low, self.ends[0]), (1, self.high, self.ends[1]))
        return tuple(
            (self._at(sign * side.lost), end)
            for sign, side, end in sides
            if side.lost is not None and crossing(side.points, half_width(self.level)) is None
        )

    @property
    def unbounded(self) -> tuple[tuple[str, float, str], ...]:
        """Chosen ends that the interval reaches: lower or upper, the value, what it means."""
        sides = zip(
            ("lower", "upper"), (self.low, self.high), self.ends, self.meanings, strict=True
        )
        return tuple(
            (name, end, meaning)
            for name, side, end, meaning in sides
            if meaning
            and side.lost is None
            and crossing(side.points, half_width(self.level)) is None
        )

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the interval of a coverage, up to that of the profile."""
        if level > self.level:
            msg = (
                f"the profile of {self.name} was computed for levels up to {self.level}, not "
                f"{level}; compute it again for this level"
            )
            raise ValueError(msg)
        below, above = (crossing(side.points, half_width(level)) for side in (self.low, self.high))
        return (
            self.ends[0] if below is None else self._at(-below),
            self.ends[1] if above is None else self._at(above),
        )

    def _at(self, distance: float) -> float:
        """Natural value at a signed distance from the estimate."""
        return float(self.back(np.array(self.coordinate + distance)))


def profiles(
    fit: Fit,
    study: Study,
    places: Sequence[int] | None = None,
    level: float = 0.95,
    n_points: int = 10,
) -> tuple[Profile, ...]:
    """Return the profiles of some parameters.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    places : sequence of int or None
        The parameters, as places in the order of `natural`; None is all.
    level : float
        Coverage of the widest interval of interest.
    n_points : int
        Points on each side of the estimate, about.

    Returns
    -------
    tuple of Profile
        Of the likelihood of the fit; fixed effects that it integrates out, and thresholds beside
        them, have that of maximum likelihood, whose fit begins at this one.
    """
    parameters = list(natural(fit))
    wanted = set(range(len(parameters)) if places is None else places)
    gone = wanted & set(_without_profile(fit))
    found = _walked(fit, study, wanted - gone, level, n_points)
    if gone:
        plain = unrestricted(study, fit)
        for place, profile in _walked(plain, study, gone, level, n_points).items():
            found[place] = replace(profile, estimate=parameters[place].value)
    return tuple(found[place] for place in (sorted(found) if places is None else places))


def _without_profile(fit: Fit) -> Iterator[int]:
    """Places of fixed effects that are integrated out, and of what takes their intercept's place.

    A search has the latter at the means of columns: in those of the user it moves with the former.
    """
    numbers = {j for k in fit.integrated for j in fit.family.intercepts.get(k, {})}
    for k in {*fit.integrated, *numbers}:
        yield from range(*fit.shape.beta(k).indices(fit.shape.n_beta))


def _walked(
    fit: Fit, study: Study, wanted: Collection[int], level: float, n_points: int
) -> dict[int, Profile]:
    """Profiles of some parameters, by their places."""
    found, shared, bound = {}, None, study.around(fit)
    for place, (parameter, axis) in enumerate(zip(natural(fit), axes(fit, bound), strict=True)):
        if place not in wanted:
            continue
        held = held_interval(fit, parameter)
        if held is not None:
            found[place] = _absent(parameter, held, level)
            continue
        if isinstance(axis, tuple):
            found[place] = _absent(parameter, axis, level)
            continue
        is_shared = axis.problem is bound.problem
        start = shared if is_shared and shared is not None else begin(axis)
        shared = start if is_shared else shared
        sides = (-1, 1) if is_open(fit, parameter) else (infinite(fit, parameter),)
        found[place] = _profile(parameter, axis, start, level, n_points, sides)
    return found


def profile_intervals(found: Sequence[Profile], level: float) -> Intervals:
    """Return the intervals of some profiles.

    Parameters
    ----------
    found : sequence of Profile
    level : float
        At most that of the profiles.
    """
    ends = np.array([profile.interval(level) for profile in found]).reshape(-1, 2)
    return Intervals(
        tuple(profile.name for profile in found),
        np.array([profile.estimate for profile in found]),
        ends[:, 0],
        ends[:, 1],
        level,
    )


def _absent(parameter: Natural, ends: tuple[float, float], level: float) -> Profile:
    nothing = Side(())
    return Profile(
        parameter.name, parameter.value, np.nan, nothing, nothing, np.asarray, ends, level
    )


def _profile(
    parameter: Natural,
    axis: Axis,
    start: Iterate,
    level: float,
    n_points: int,
    flat: Collection[float],
) -> Profile:
    """Walk to both sides, but the `flat` ones, where the likelihood is the maximum to the end."""
    target = half_width(level)
    highest = ceiling(axis, start, target)
    low, high = (
        Side((ProfilePoint(0.0, 0.0, 0.0),))
        if sign in flat
        else walk(axis, start, sign, target, n_points, highest)
        for sign in (-1, 1)
    )
    return Profile(
        name=parameter.name,
        estimate=parameter.value,
        coordinate=axis.coordinate,
        low=low,
        high=high,
        back=axis.back,
        ends=axis.ends,
        level=level,
        meanings=axis.meanings,
    )
