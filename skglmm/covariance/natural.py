"""What users are told of a covariance: standard deviations and correlations, with their slopes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats, Ints

if TYPE_CHECKING:
    from skglmm.covariance.base import Covariance

__all__ = [
    "Coordinate",
    "Edge",
    "EffectNames",
    "Ends",
    "NaturalParameter",
    "bounded_correlation",
    "bounded_positive",
    "entries",
    "loading",
    "persistence",
    "standard_deviation",
    "unknown",
]

UNIT = 1e-12  # a correlation this close to one is one, but for rounding
Transform = Callable[[Floats], Floats]
Ends = tuple[float, float]


class EffectNames(NamedTuple):
    """Names of a grouping factor and of the effects of one level.

    Parameters
    ----------
    group : str
    effects : tuple of str, length q
    joint : str, default=""
        Name of all effects together, such as that of the times which they are of.
    parts : tuple of str, length q, default=()
        Names of the curves that effects are parts of.
    """

    group: str
    effects: tuple[str, ...]
    joint: str = ""
    parts: tuple[str, ...] = ()

    def sd(self, i: int) -> str:
        """Return the name of the standard deviation of one effect."""
        name = self.parts[i] if self.parts and self.parts[i] else self.effects[i]
        return f"sd({name}{self._of_group})"

    def correlation(self, i: int, j: int) -> str:
        """Return the name of the correlation of two effects."""
        return f"corr({self.effects[i]}, {self.effects[j]} | {self.group})"

    def of_all(self, kind: str) -> str:
        """Return the name of what all effects have in common."""
        effects = (self.joint,) if self.joint else self.effects
        if self.parts and self.parts[0]:
            effects = self.parts[:1]
        named = effects if len(effects) < 4 else (effects[0], "...", effects[-1])
        return f"{kind}({', '.join(named)}{self._of_group})"

    def along(self, margin: str) -> str:
        """Return the name of the standard deviation of a surface along one of its variables."""
        surface = f"{self.parts[0]} along " if self.parts and self.parts[0] else ""
        return f"sd({surface}{margin}{self._of_group})"

    def of(self, own: slice) -> "EffectNames":
        """Return the names of some effects."""
        return self._replace(effects=self.effects[own], parts=self.parts[own])

    @property
    def _of_group(self) -> str:
        return f" | {self.group}" if self.group else ""


class NaturalParameter(NamedTuple):
    """One parameter as users know it, with the scale without bounds that intervals use.

    Parameters
    ----------
    name : str
    value : float
    gradient : ndarray, shape (n_params,)
        Of the value, in `theta`; NaN on the boundary.
    working : float
        The value on the scale without bounds.
    slope : float
        Derivative of `working` in the value.
    back : callable
        From that scale to values.
    """

    name: str
    value: float
    gradient: Floats
    working: float
    slope: float
    back: Transform


class Edge(NamedTuple):
    """A part of the boundary of the parameters: a variance of zero, a correlation of one.

    Parameters
    ----------
    places : ndarray of int, shape (m,)
        In `theta`. The first alone lies on the boundary; the others vanish with it.
    values : ndarray, shape (m,)
        Of `theta` there.
    distances : ndarray, shape (m,)
        How far `theta` is from them, as standard deviations or correlations are.
    """

    places: Ints
    values: Floats
    distances: Floats


class Coordinate(NamedTuple):
    """A covariance in which one natural parameter is a function of one entry of `theta`.

    Parameters
    ----------
    covariance : Covariance
    theta : ndarray, shape (n_params,)
    place : int
        Of the entry.
    limits : tuple of float
        Of the entry.
    ends : tuple of float
        The natural parameter at these limits.
    back : callable
        From the entry to the natural parameter; it increases.
    floors : tuple of int
        Entries, not negative, at whose zero the natural parameter has no effect.
    meanings : tuple of str
        What it means that the data do not tell the parameter from an end, and what to do; empty
        where the end is one of all such parameters, such as a correlation of 1.
    """

    covariance: "Covariance"
    theta: Floats
    place: int
    limits: Ends
    ends: Ends
    back: Transform
    floors: tuple[int, ...] = ()
    meanings: tuple[str, str] = ("", "")


def standard_deviation(name: str, value: float, gradient: Floats) -> NaturalParameter:
    """Return a standard deviation, whose limits are found on the scale of its logarithm."""
    if value == 0:
        return _on_boundary(name, 0.0, len(gradient))
    return NaturalParameter(name, value, gradient, float(np.log(value)), 1.0 / value, np.exp)


def bounded_correlation(
    name: str, value: float, gradient: Floats, lowest: float = -1.0
) -> NaturalParameter:
    """Return a correlation between `lowest` and 1; NaN is one that does not exist.

    Its limits are found on the scale of Fisher's z, stretched where the range is shorter.
    """
    if np.isnan(value):
        return _on_boundary(name, np.nan, len(gradient))
    half = 0.5 * (1.0 - lowest)
    share = value if lowest == -1.0 else (value - lowest) / half - 1.0
    if abs(share) >= 1.0 - UNIT:
        return _on_boundary(name, 1.0 if share > 0 else lowest, len(gradient))
    slope = 1.0 / (1.0 - share**2) / half
    back = np.tanh if lowest == -1.0 else partial(_stretched, lowest=lowest)
    return NaturalParameter(name, value, gradient, float(np.arctanh(share)), slope, back)


def bounded_positive(name: str, value: float, gradient: Floats, ends: Ends) -> NaturalParameter:
    """Return a positive number between two ends, whose limits are found for its logarithm."""
    for end in ends:
        if abs(value - end) <= UNIT * end:
            return _on_boundary(name, end, len(gradient))
    return NaturalParameter(name, value, gradient, float(np.log(value)), 1.0 / value, np.exp)


def persistence(name: str, extent: float, rate: Floats, ends: Ends) -> NaturalParameter:
    """Return the correlation over one unit, exp(-1 / extent), with limits found for log(extent).

    `rate` is the derivative of that logarithm in `theta`, `ends` those of the extent.
    """
    value = float(np.exp(-1.0 / extent))
    at_end = any(abs(extent - end) <= UNIT * end for end in ends)
    if at_end or value == 0.0:
        return _on_boundary(name, value, len(rate))
    gradient = value / extent * rate
    return NaturalParameter(
        name, value, gradient, float(np.log(extent)), extent / value, _persisting
    )


def _persisting(log_extent: Floats) -> Floats:
    return np.asarray(np.exp(-np.exp(-log_extent)))


def loading(name: str, value: float, gradient: Floats) -> NaturalParameter:
    """Return a number that may be any, on its own scale."""
    return NaturalParameter(name, value, gradient, value, 1.0, _identity)


def unknown(name: str, n_params: int, value: float = np.nan) -> NaturalParameter:
    """Return a parameter of effects that do not vary: it has no slope, or might be anything."""
    return _on_boundary(name, value, n_params)


def _stretched(z: Floats, lowest: float) -> Floats:
    return np.asarray(lowest + 0.5 * (1.0 - lowest) * (1.0 + np.tanh(z)))


def _identity(x: Floats) -> Floats:
    return x


def _on_boundary(name: str, value: float, n_params: int) -> NaturalParameter:
    """An estimate with neither standard error nor interval."""
    return NaturalParameter(name, value, np.full(n_params, np.nan), np.nan, np.nan, _identity)


def entries(
    covariance: "Covariance", theta: Floats, basis: Floats, labels: EffectNames
) -> Iterator[NaturalParameter]:
    """Yield all standard deviations, and the correlations of all pairs that have one.

    Parameters
    ----------
    covariance : Covariance
    theta : ndarray, shape (n_params,)
    basis : ndarray, shape (q, q)
    labels : EffectNames
    """
    root = basis @ covariance.factor(theta)
    sigma, every, pairs = root @ root.T, range(covariance.size), _places(covariance.pairs)
    halves = (basis @ change @ root.T for change in covariance.moves(theta))
    used = [(i, i) for i in every] + pairs
    rows, columns = np.array(used).T
    slopes = np.array([(half + half.T)[rows, columns] for half in halves])
    gradient = {pair: slopes[:, place] for place, pair in enumerate(used)}
    sd = np.sqrt(np.diag(sigma))
    for i in every:
        shift = gradient[i, i] / (2.0 * sd[i]) if sd[i] else gradient[i, i]
        yield standard_deviation(labels.sd(i), float(sd[i]), shift)
    for i, j in pairs:
        name = labels.correlation(i, j)
        if sigma[i, i] == 0 or sigma[j, j] == 0:
            yield bounded_correlation(name, np.nan, gradient[i, j])
            continue
        scale = np.sqrt(sigma[i, i] * sigma[j, j])
        value = float(sigma[i, j] / scale)
        relative = gradient[i, i] / sigma[i, i] + gradient[j, j] / sigma[j, j]
        yield bounded_correlation(name, value, gradient[i, j] / scale - 0.5 * value * relative)


def _places(pairs: Bools) -> list[tuple[int, int]]:
    rows, columns = np.nonzero(np.triu(pairs, 1))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
