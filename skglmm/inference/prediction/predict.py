"""Means of new rows: of a known group, of a typical one, averaged over groups."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design, Layout, OneHot, effect_slots
from skglmm.engine import PosteriorNormal
from skglmm.fitting import Fit
from skglmm.inference.parameters.delta import posterior_covariance
from skglmm.inference.parameters.new_places import new_places_covariance
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.averages import NormalShift, averages
from skglmm.inference.prediction.estimable import nonestimable
from skglmm.inference.prediction.node_averages import node_averages

__all__ = [
    "Plan",
    "Prediction",
    "at_posterior_mean",
    "averaged",
    "fed",
    "is_new",
    "linear_predictors",
    "part_probabilities",
    "predict",
    "shift_covariance",
    "shift_of",
]

CHUNK = 2**18  # rows predicted at a time
UNSEEN = ("marginal", "fixed", "nan")


@dataclass(frozen=True)
class Plan:
    """Which random effects of the rows are conditional modes, averaged over, or zero.

    Parameters
    ----------
    conditioned : tuple of int
        Factors whose conditional modes enter, that of smooths always.
    integrated : tuple of int
        Factors whose effects are averaged over in every row; those of the rest are 0.
    unseen : {"marginal", "fixed", "nan"}
        Levels of conditioned factors without a mode: averaged over, 0, or NaN. Effects of known
        levels at new times and places are averaged over, but for "fixed", which takes their means.
    is_posterior : bool, default=False
        Whether effects of the other levels are averaged over their posterior, not at the modes.
    """

    conditioned: tuple[int, ...]
    integrated: tuple[int, ...]
    unseen: str
    is_posterior: bool = False

    @classmethod
    def of(cls, layout: Layout, kind: str | Collection[str], unseen: str) -> "Plan":
        """Return that of "conditional", "posterior", "fixed", "marginal", or of factors named.

        Raises
        ------
        ValueError
            When `kind` is another text, or `unseen` is none of the three choices.
        """
        if unseen not in UNSEEN:
            msg = f"unseen={unseen!r} is unknown, expected one of {', '.join(map(repr, UNSEEN))}"
            raise ValueError(msg)
        every = tuple(range(len(layout.factors)))
        curves = layout.smooth_factors
        if isinstance(kind, str):
            others = tuple(f for f in every if f not in curves)
            plans: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
                "conditional": (every, ()),
                "fixed": (curves, ()),
                "marginal": (curves, others),
            }
            plans["posterior"] = plans["conditional"]
            if kind not in plans:
                msg = f"kind={kind!r} is unknown, expected one of {', '.join(map(repr, plans))}"
                raise ValueError(msg)
            return cls(*plans[kind], unseen, kind == "posterior" and bool(every))
        chosen = (f for f in every if f in curves or layout.factors[f].name in kind)
        return cls(tuple(chosen), (), unseen)

    def unknown(
        self,
        fit: Fit,
        design: Design,
        needed: Collection[int] | None = None,
        *,
        every_level: bool = True,
    ) -> Bools:
        """Return which rows have no answer, shape (n,).

        Either the data of the fit do not determine a linear predictor, or a level is new.

        Parameters
        ----------
        fit : Fit
        design : Design, n rows
        needed : collection of int, default=None
            The linear predictors that the answer depends on; None are all.
        every_level : bool, default=True
            Whether new levels count whose effects feed none of these, too.
        """
        unknown = nonestimable(fit, design, needed)
        for f in self.conditioned if self.unseen == "nan" else ():
            feeds = fit.layout.factors[f].predictors
            if every_level or needed is None or any(k in needed for k in feeds):
                unknown |= is_new(fit, design, f)
        return unknown


def is_new(fit: Fit, design: Design, f: int) -> Bools:
    """Return which rows have a level of factor `f` that fit has not seen, shape (n,)."""
    codes = design.codes[f]
    return np.asarray((codes < 0) | (codes >= fit.u[f].shape[-1]))


@dataclass(frozen=True)
class Prediction:
    """Predictions of n rows, on the family's own scale.

    Parameters
    ----------
    mean : ndarray, shape (n,)
    std : ndarray, shape (n,), or None
        Standard deviations of the response.
    """

    mean: Floats
    std: Floats | None = None


def predict(fit: Fit, design: Design, plan: Plan, *, spread: bool = False) -> Prediction:
    r"""Predict the mean of the response, and its standard deviation where `spread`.

    The effects that are averaged over add normal numbers t to the linear predictors, of variance
    :math:`z^T \Sigma z` summed over the factors, so the mean is an integral over as many numbers
    as predictors have effects, and the variance of the response is
    :math:`E[Var(y | t)] + Var(E[y | t])`. The uncertainty of the estimates is left out.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    spread : bool
        Whether to compute standard deviations.

    Returns
    -------
    Prediction

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.design import learn
    >>> from skglmm.inference import Plan, predict
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y).fit_
    >>> _, design = learn(X, {"mean": "1 + EP", "precision": "1"})
    >>> predict(fit, design, Plan.of(fit.layout, "fixed", "fixed")).mean[:2].round(3)
    array([0.082, 0.13 ])
    """
    units, (fit, design) = fit.units, in_own_units(fit, design, jointly=False)
    pieces = [_predict(fit, design.take(rows), plan, spread) for rows in _slices(design)]
    mean = units.user_response(np.concatenate([piece.mean for piece in pieces]))
    if not spread:
        return Prediction(mean)
    std = np.concatenate([p.std for p in pieces if p.std is not None])
    return Prediction(mean, units.width * std)


def linear_predictors(fit: Fit, design: Design, conditioned: Collection[int]) -> list[Floats]:
    """Return the linear predictors, each (n,), with the modes of the conditioned factors."""
    # Not a product of matrices: in which order that adds depends on the other rows, too.
    eta = [np.sum(x * beta, axis=1) for x, beta in zip(design.fixed, fit.beta, strict=True)]
    for k, offset in enumerate(design.offsets):
        if offset is not None:
            eta[k] = eta[k] + offset
    for f in conditioned:
        modes, codes = fit.modes(f), design.codes[f]
        known = codes >= 0
        for c, z, k in effect_slots(design.columns[f], fit.layout.factors[f].predictors):
            eta[k] = eta[k] + np.where(known, z * modes[c, codes], 0.0)
    return eta


def _slices(design: Design) -> Iterator[slice]:
    for start in range(0, max(design.n_samples, 1), CHUNK):
        yield slice(start, start + CHUNK)


def part_probabilities(fit: Fit, design: Design, plan: Plan) -> Floats:
    """Return the probabilities of the parts of the support, averaged as means are.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan

    Returns
    -------
    ndarray, shape (n, n_parts)
        NaN where the plan says so.
    """
    fit, design = in_own_units(fit, design, jointly=False)
    pieces = [_parts(fit, design.take(rows), plan) for rows in _slices(design)]
    return np.concatenate(pieces, axis=1).T


def _parts(fit: Fit, design: Design, plan: Plan) -> Floats:
    of, where = fit.family.part_probabilities, fit.family.part_predictors
    if where:
        found = averaged(lambda part, _: of(part), fit, design, plan, where)
        found = np.minimum(found, 1.0)
    else:
        found = of(linear_predictors(fit, design, plan.conditioned))
    found[:, plan.unknown(fit, design, where)] = np.nan
    return found


def _predict(fit: Fit, design: Design, plan: Plan, spread: bool) -> Prediction:
    family = fit.family
    unknown = plan.unknown(fit, design, family.mean_predictors)
    if not spread:
        of, where = (lambda part, _: family.mean(part)[None]), family.mean_predictors
        mean = averaged(of, fit, design, plan, where)[0]
        return Prediction(np.where(unknown, np.nan, mean))
    center = family.mean(linear_predictors(fit, design, plan.conditioned))

    def moments(part: list[Floats], rows: Ints) -> Floats:
        off = family.mean(part) - center[rows]  # from near the mean: squares cost no digits
        return np.stack([off, family.variance(part) + off**2])

    off, square = averaged(moments, fit, design, plan)
    mean, variance = center + off, np.maximum(square - off**2, 0.0)
    std = np.where(plan.unknown(fit, design), np.nan, np.sqrt(variance))
    return Prediction(np.where(unknown, np.nan, mean), std)


def averaged(
    of: Callable[[list[Floats], Ints], Floats],
    fit: Fit,
    design: Design,
    plan: Plan,
    among: Collection[int] | None = None,
) -> Floats:
    """Average functions of the linear predictors over effects as the plan says, row by row.

    Parameters
    ----------
    of : callable
        See `averages`.
    fit : Fit
    design : Design, n rows
    plan : Plan
    among : collection of int, default=None
        Predictors that matter; None are all.

    Returns
    -------
    ndarray, shape (k, n)
    """
    if plan.is_posterior and isinstance(fit.effect_posterior, PosteriorNormal):
        fit = at_posterior_mean(fit)
        also = partial(posterior_covariance, fit, design, plan.conditioned)
        eta = linear_predictors(fit, design, plan.conditioned)
        return averages(of, eta, shift_of(fit, design, plan, among, also))
    eta = linear_predictors(fit, design, plan.conditioned)
    shift_of_new = shift_of(fit, design, plan, among)
    if plan.is_posterior:
        return node_averages(of, fit, design, eta, shift_of_new)
    return averages(of, eta, shift_of_new)


def at_posterior_mean(fit: Fit) -> Fit:
    """Return the fit with mean and covariance of the effects in place of those at the mode."""
    known = fit.effect_posterior
    assert isinstance(known, PosteriorNormal)
    return replace(fit, u=known.mean, posterior=known.posterior)


def fed(fit: Fit) -> tuple[int, ...]:
    """Return the linear predictors that random effects feed, increasing."""
    return tuple(sorted({k for factor in fit.layout.factors for k in factor.predictors}))


def shift_of(
    fit: Fit,
    design: Design,
    plan: Plan,
    among: Collection[int] | None = None,
    also: Callable[[int, int], Floats] | None = None,
) -> NormalShift:
    """Return what is added to the linear predictors by effects that are averaged over.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    among : collection of int, default=None
        Predictors that matter; None are all.
    also : callable, default=None
        From two predictors to a covariance, (n,), that is added to theirs.
    """

    @cache
    def covariance(j: int, k: int) -> Floats:
        own = shift_covariance(fit, design, plan, j, k)
        return own if also is None else own + also(j, k)

    first = fit.family.location
    others = [k for k in fed(fit) if k != first and (among is None or k in among)]
    links = enumerate(fit.family.links)
    walls = tuple((k, *link.reach) for k, link in links if link.is_decreasing)
    return replace(NormalShift.of(covariance, design.n_samples, others, first), walls=walls)


def shift_covariance(fit: Fit, design: Design, plan: Plan, j: int, k: int) -> Floats:
    """Covariance of what effects that are averaged over add to predictors `j` and `k`, (n,)."""
    covariance = np.zeros(design.n_samples)
    for f in plan.integrated:
        covariance += _covariance_of(fit, design, f, np.ones(design.n_samples, np.bool_), j, k)
    for f in plan.conditioned if plan.unseen != "fixed" else ():
        covariance += new_places_covariance(fit, design, f, j, k)
    if plan.unseen == "marginal":
        for f in plan.conditioned:
            covariance += _covariance_of(fit, design, f, design.codes[f] < 0, j, k)
    return covariance


def _covariance_of(fit: Fit, design: Design, f: int, rows: Bools, j: int, k: int) -> Floats:
    """Row by row z_j' Sigma z_k of one factor, 0 outside `rows`, shape (n,)."""
    covariance, fed_by = np.zeros(design.n_samples), np.array(fit.layout.factors[f].predictors)
    if rows.any() and j in fed_by and k in fed_by:
        z, lambda_ = design.columns[f][rows], fit.lambdas[f]
        if isinstance(z, OneHot):
            variances = np.sum(lambda_ * lambda_, axis=1)
            covariance[rows] = z.entries**2 * variances[z.index]
            return covariance
        left = z[:, fed_by == j] @ lambda_[fed_by == j]
        right = left if j == k else z[:, fed_by == k] @ lambda_[fed_by == k]
        covariance[rows] = np.sum(left * right, axis=1)
    return covariance
