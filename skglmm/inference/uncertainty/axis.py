"""Natural parameters as linear coordinates of the objective, along which it is profiled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Coordinate
from skglmm.engine import Params, Problem
from skglmm.families import Family
from skglmm.fitting import Bound, Fit, least_curvatures
from skglmm.inference.parameters.natural import Transform, is_constant
from skglmm.inference.parameters.own_units import user_parameter

__all__ = ["Axis", "axes"]

ROUNDING = 1e-9  # of a coordinate: a parameter at its bound would seem to move with it
NEAR = 1e-6  # below a ceiling, on the scale of a link, by rounding of the user's units
RELAXED = 6.0  # below it, where rounding is 400 times less, and rows still tell what is theirs
Ends = tuple[float, float]
EVERYTHING = (-np.inf, np.inf)


@dataclass(frozen=True)
class Axis:
    """A natural parameter as the coordinate ``direction @ vector`` of an objective.

    Parameters
    ----------
    problem : Problem
        Of the rows; the covariance of a term is replaced where that makes the parameter one.
    vector : ndarray, shape (n_params,)
        The estimates.
    direction : ndarray, shape (n_params,)
    lower, upper : ndarray, shape (n_params,)
        Bounds of the parameters.
    least : ndarray, shape (n_params,)
        Curvatures by which they are scaled at the least, see `least_curvatures`.
    limits : tuple of float
        Bounds of the coordinate.
    ends : tuple of float
        The parameter at these limits.
    back : callable
        From coordinates to natural values; it increases.
    floors : tuple of int
        Parameters at whose zero the coordinate has no effect.
    meanings : tuple of str
        Of the ends, see `Coordinate`.
    """

    problem: Problem
    vector: Floats
    direction: Floats
    lower: Floats
    upper: Floats
    least: Floats
    limits: Ends
    ends: Ends
    back: Transform
    floors: tuple[int, ...] = ()
    meanings: tuple[str, str] = ("", "")

    @property
    def coordinate(self) -> float:
        """Coordinate of the estimate."""
        return float(self.direction @ self.vector)

    @property
    def floor_axes(self) -> "tuple[Axis, ...]":
        """The parameters of `floors` as coordinates themselves, down to zero."""
        return tuple(
            replace(self, direction=_unit(self, place), limits=(0.0, np.inf), floors=())
            for place in self.floors
        )

    @property
    def spreads(self) -> Ints:
        """Places of the parameters that are zero where an effect does not vary."""
        places, start = [np.zeros(0, dtype=np.int64)], self.problem.shape.n_beta
        for covariance in self.problem.covariances:
            places.append(start + covariance.spreads)
            start += covariance.n_params
        found = np.concatenate(places)
        return np.asarray(found[self.direction[found] == 0.0])


def axes(fit: Fit, bound: Bound) -> Iterator[Axis | Ends]:
    """Yield the axes of all parameters, in the order of `natural`.

    Coefficients that were left out and correlations with what does not vary have no axis, but
    the ends of their range: nothing can be said of them. Nor have those that are integrated out.

    Parameters
    ----------
    fit : Fit
    bound : Bound
        Its rows, as `Study.around` returns them.
    """
    plain = _plain(fit, bound)
    scales, start = bound.scales, 0
    for k, (to_user, origins) in enumerate(zip(scales.to_user, scales.origins, strict=True)):
        inside = slice(start, start + to_user.shape[1])
        backs = [partial(_user, scales.units.size(k), float(origin)) for origin in origins]
        if k in fit.layout.numbers and scales.carried is not None:
            row = scales.whole_map[sum(map(len, fit.beta[:k]))]
            yield _coefficient(plain, slice(0, len(row)), row, backs[0])
        elif k in fit.integrated:
            yield from [EVERYTHING] * len(to_user)
        elif is_constant(fit, k):
            back = partial(_constant_of, fit, k, backs[0])
            yield _constant(plain, fit.family, k, inside.start, back)
        else:
            yield from (
                EVERYTHING if j in fit.aliased[k] else _coefficient(plain, inside, row, back)
                for j, (row, back) in enumerate(zip(to_user, backs, strict=True))
            )
        start = inside.stop
    for f in range(len(fit.layout.factors)):
        yield from _of_factor(fit, plain, f)


def _plain(fit: Fit, bound: Bound) -> Axis:
    """What the axes of a fit share, with no direction yet."""
    problem, n_params = bound.problem, bound.problem.shape.n_params
    n_theta = sum(fit.shape.n_theta)
    vector, upper = _relaxed(fit, bound)
    return Axis(
        problem=problem,
        vector=vector,
        direction=np.zeros(n_params),
        lower=np.full(n_params, -np.inf),
        upper=upper,
        least=least_curvatures(bound.scales, n_theta),
        limits=EVERYTHING,
        ends=EVERYTHING,
        back=np.asarray,
    )


def _relaxed(fit: Fit, bound: Bound) -> tuple[Floats, Floats]:
    """Estimates and their upper bounds, lower in rows at a ceiling.

    What these rows do not dictate has the same profile as without them, but for rounding, which is
    as large as their precision.
    """
    vector, upper = bound.vector(fit), bound.upper.copy()
    if fit.caps:
        held = vector >= upper - NEAR
        upper[held] -= RELAXED
        vector[held] = upper[held]
    return vector, upper


def _unit(plain: Axis, place: int) -> Floats:
    direction = np.zeros_like(plain.vector)
    direction[place] = 1.0
    return direction


def _user(size: float, origin: float, x: Floats) -> Floats:
    """Coefficients of the user, whose units are not those of the fit."""
    return np.asarray(size * x + origin)


def _coefficient(plain: Axis, inside: slice, row: Floats, back: Transform) -> Axis:
    direction = np.zeros_like(plain.vector)
    direction[inside] = np.where(np.abs(row) > ROUNDING * np.max(np.abs(row)), row, 0.0)
    return replace(plain, direction=direction, back=back)


def _constant(plain: Axis, family: Family, k: int, place: int, back: Transform) -> Axis:
    link, sign = family.links[k], family.limits[k].sign
    low, high = sorted(sign * end for end in (-np.inf, float(plain.upper[place])))
    return replace(
        plain,
        direction=sign * _unit(plain, place),
        limits=(low, high),
        ends=link.domain,
        back=back,
    )


def _constant_of(fit: Fit, k: int, user: Transform, x: Floats) -> Floats:
    return user_parameter(fit, k, user(x))[0]


def _of_factor(fit: Fit, plain: Axis, f: int) -> Iterator[Axis | Ends]:
    """Axes of standard deviations and correlations, term by term."""
    params = Params.unpack(plain.vector, plain.problem.shape)
    start = plain.problem.shape.theta(f).start
    covariance = fit.layout.factors[f].covariance
    for which in range(covariance.n_params):
        found = covariance.coordinate(params.theta[f], fit.bases[f], which)
        if not isinstance(found, Coordinate):
            yield found
            continue
        floors = tuple(start + floor for floor in found.floors)
        lower = plain.lower.copy()
        lower[list(floors)] = 0.0  # or the sign of a correlation would change
        yield replace(
            _in_coordinates(plain, f, found),
            direction=_unit(plain, start + found.place),
            lower=lower,
            limits=found.limits,
            ends=found.ends,
            back=found.back,
            floors=floors,
            meanings=found.meanings,
        )


def _in_coordinates(plain: Axis, f: int, found: Coordinate) -> Axis:
    """The same point with another covariance of a factor; itself where that is its own."""
    params = Params.unpack(plain.vector, plain.problem.shape)
    theta, covariances = list(params.theta), list(plain.problem.covariances)
    if found.covariance == covariances[f] and np.array_equal(found.theta, theta[f]):
        return plain
    theta[f], covariances[f] = found.theta, found.covariance
    return replace(
        plain,
        problem=replace(plain.problem, covariances=tuple(covariances)),
        vector=Params(params.beta, tuple(theta)).pack(),
    )
