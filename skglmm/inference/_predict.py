"""Means of new rows: of a known group, of a typical one, averaged over groups."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, Layout
from skglmm.fitting import Fit
from skglmm.inference._quadrature import rule

__all__ = ["Plan", "Prediction", "is_new", "linear_predictors", "predict", "shift_variance"]

CHUNK = 2**18  # rows predicted at a time
CELLS = 2**20  # rows times nodes at a time, where something is averaged over
UNSEEN = ("marginal", "fixed", "nan")


@dataclass(frozen=True)
class Plan:
    """What is known of the groups of the rows.

    Parameters
    ----------
    conditioned : tuple of int
        Factors whose conditional modes enter.
    integrated : tuple of int
        Factors whose effects are averaged over in every row; those of the rest are 0.
    unseen : {"marginal", "fixed", "nan"}
        Levels of conditioned factors without a mode: averaged over, 0, or NaN.
    """

    conditioned: tuple[int, ...]
    integrated: tuple[int, ...]
    unseen: str

    @classmethod
    def of(cls, layout: Layout, kind: str | Collection[str], unseen: str) -> "Plan":
        """Return the plan of "conditional", "fixed", "marginal", or of the factors named.

        Raises
        ------
        ValueError
            When `kind` is another text, or `unseen` is none of the three choices.
        """
        if unseen not in UNSEEN:
            msg = f"unseen={unseen!r} is unknown, expected one of {', '.join(map(repr, UNSEEN))}"
            raise ValueError(msg)
        every = tuple(range(len(layout.factors)))
        if isinstance(kind, str):
            plans = {"conditional": (every, ()), "fixed": ((), ()), "marginal": ((), every)}
            if kind not in plans:
                msg = f"kind={kind!r} is unknown, expected one of {', '.join(map(repr, plans))}"
                raise ValueError(msg)
            return cls(*plans[kind], unseen)
        return cls(tuple(f for f in every if layout.factors[f].name in kind), (), unseen)

    def unknown(self, fit: Fit, design: Design, predictor: int | None = None) -> Bools:
        """Return which rows have no answer because levels are new, shape (n,).

        With a linear predictor, only levels whose effects feed it count.
        """
        unknown = np.zeros(design.n_samples, dtype=np.bool_)
        for f in self.conditioned if self.unseen == "nan" else ():
            if predictor is None or predictor in fit.layout.factors[f].predictors:
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

    The effects that are averaged over add one normal number t to the linear predictor, of
    variance :math:`z^T \Sigma z` summed over the factors, so the mean is a one-dimensional
    integral, and the variance of the response is :math:`E[Var(y | t)] + Var(E[y | t])`. The
    uncertainty of the estimates is left out.

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
    pieces = [_predict(fit, design.take(rows), plan, spread) for rows in _slices(design)]
    mean = np.concatenate([piece.mean for piece in pieces])
    if not spread:
        return Prediction(mean)
    return Prediction(mean, np.concatenate([p.std for p in pieces if p.std is not None]))


def linear_predictors(fit: Fit, design: Design, conditioned: Collection[int]) -> list[Floats]:
    """Return the linear predictors, each (n,), with the modes of the conditioned factors."""
    eta = [x @ beta for x, beta in zip(design.fixed, fit.beta, strict=True)]
    for k, offset in enumerate(design.offsets):
        if offset is not None:
            eta[k] = eta[k] + offset
    for f in conditioned:
        modes, codes = fit.modes(f), design.codes[f]
        known = codes >= 0
        for c, k in enumerate(fit.layout.factors[f].predictors):
            eta[k] = eta[k] + np.where(known, design.columns[f][:, c] * modes[c, codes], 0.0)
    return eta


def _slices(design: Design) -> Iterator[slice]:
    for start in range(0, max(design.n_samples, 1), CHUNK):
        yield slice(start, start + CHUNK)


def _predict(fit: Fit, design: Design, plan: Plan, spread: bool) -> Prediction:
    eta = linear_predictors(fit, design, plan.conditioned)
    mean, std = _moments(fit, eta, np.sqrt(shift_variance(fit, design, plan)), spread)
    mean[plan.unknown(fit, design)] = np.nan
    std[plan.unknown(fit, design)] = np.nan
    return Prediction(mean, std if spread else None)


def shift_variance(fit: Fit, design: Design, plan: Plan) -> Floats:
    """Variance of what the effects that are averaged over add to the first predictor, (n,)."""
    variance = np.zeros(design.n_samples)
    for f in plan.integrated:
        variance += _variance_of(fit, design, f, np.ones(design.n_samples, dtype=np.bool_))
    if plan.unseen == "marginal":
        for f in plan.conditioned:
            variance += _variance_of(fit, design, f, design.codes[f] < 0)
    return variance


def _variance_of(fit: Fit, design: Design, f: int, rows: Bools) -> Floats:
    """Row by row z' Sigma z of one factor, 0 outside `rows`, shape (n,)."""
    variance = np.zeros(design.n_samples)
    if rows.any():
        feeds = np.array(fit.layout.factors[f].predictors) == 0
        loadings = design.columns[f][rows][:, feeds] @ fit.roots[f][feeds]
        variance[rows] = np.sum(loadings**2, axis=1)
    return variance


def _moments(fit: Fit, eta: list[Floats], sd: Floats, spread: bool) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the response, averaged over normal shifts of eta[0]."""
    mean = fit.family.mean(eta)
    variance = fit.family.variance(eta) if spread else np.zeros_like(mean)
    wide = np.flatnonzero(sd > 0)
    if wide.size:
        nodes, weights = rule(float(sd.max()))
        step = max(1, CELLS // len(nodes))
        for rows in (wide[start : start + step] for start in range(0, wide.size, step)):
            grid = [_repeated(part[rows], len(nodes)) for part in eta]
            grid[0] = (eta[0][rows, None] + sd[rows, None] * nodes).ravel()
            means = fit.family.mean(grid).reshape(-1, len(nodes))
            mean[rows] = means @ weights
            if spread:
                within = fit.family.variance(grid).reshape(-1, len(nodes)) @ weights
                variance[rows] = within + (means - mean[rows, None]) ** 2 @ weights
    return mean, np.sqrt(variance)


def _repeated(eta: Floats, times: int) -> Floats:
    """Repeat each row; a predictor that is one number stays one, shape (1,)."""
    return eta[:1] if np.all(eta == eta[0]) else np.repeat(eta, times)
