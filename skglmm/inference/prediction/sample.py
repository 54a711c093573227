"""Simulated responses of new rows, with the effects of known levels or with new ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design, EffectColumns, OneHot, effect_slots
from skglmm.fitting import Fit
from skglmm.inference.parameters.new_places import is_at_new_place
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.estimable import nonestimable
from skglmm.inference.prediction.predict import Plan, linear_predictors

__all__ = ["sample"]


def sample(
    fit: Fit,
    design: Design,
    plan: Plan,
    n_samples: int,
    rng: np.random.Generator,
    *,
    new_effects: bool,
    unseen: Sequence[Ints] | None = None,
) -> Floats:
    """Return simulated responses, on the family's own scale.

    The estimates count as known. Each sample draws the effects of its levels once, for all of
    their rows, and then a response for each row. Factors of the plan that are averaged over, and
    factors that it leaves out, keep their meaning: new effects, and none.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
        Where its `unseen` is "fixed" levels without a mode have no effect, where it is "nan" no
        response. Nor have rows that the data of the fit do not determine.
    n_samples : int
    rng : Generator
    new_effects : bool
        Whether known levels, too, draw new effects; otherwise they have their modes.
    unseen : sequence of ndarray of intp, each of shape (n,), default=None
        For each factor of the layout, which of the levels without a mode a row has, or -1. Rows
        of the same one share its effects; a design does not tell them apart, and without this
        each row has a level of its own.

    Returns
    -------
    ndarray, shape (n, n_samples)
    """
    units, (fit, design) = fit.units, in_own_units(fit, design)
    curves = fit.layout.smooth_factors  # which are what they are in all samples
    modes = curves if new_effects else plan.conditioned
    eta = linear_predictors(fit, design, modes)
    draws = [
        _Draws.of(fit, design, f, _drawn(design, plan, f, new_effects), unseen)
        for f in sorted({*plan.conditioned, *plan.integrated}.difference(curves))
    ]
    if plan.unseen != "fixed":
        new = (f for f in modes if is_at_new_place(design, f).any())
        draws += [_Draws.at_new_places(fit, design, f) for f in new]
    result = np.empty((design.n_samples, n_samples))
    for j in range(n_samples):
        shifted = list(eta)
        for each in draws:
            each.add_to(shifted, rng)
        result[:, j] = fit.family.sample(shifted, rng)
    unknown = nonestimable(fit, design) if new_effects else plan.unknown(fit, design)
    result[unknown] = np.nan
    return units.user_response(result)


def _drawn(design: Design, plan: Plan, f: int, new_effects: bool) -> Bools:
    """Whether each row draws effects of factor `f`, (n,)."""
    if new_effects or f in plan.integrated:
        return np.ones(design.n_samples, dtype=np.bool_)
    return np.asarray((design.codes[f] < 0) & (plan.unseen == "marginal"))


@dataclass(frozen=True)
class _Draws:
    """The rows that draw effects of one factor, and which rows share them.

    Parameters
    ----------
    rows : ndarray of intp, shape (m,)
    level : ndarray of intp, shape (m,)
        Number of the level of each of the rows, from 0.
    columns : ndarray, shape (m, k), or OneHot
    lambda_ : ndarray, shape (k, k)
    predictors : tuple of int, length k
    """

    rows: Ints
    level: Ints
    columns: EffectColumns
    lambda_: Floats
    predictors: tuple[int, ...]

    @classmethod
    def of(
        cls, fit: Fit, design: Design, f: int, drawn: Bools, unseen: Sequence[Ints] | None
    ) -> "_Draws":
        rows = np.flatnonzero(drawn)
        code = design.codes[f][rows]
        known, n_known = code >= 0, fit.u[f].shape[1]
        other = np.full(len(rows), -1) if unseen is None else unseen[f][rows]
        n_other = int(other.max(initial=-1)) + 1
        alone = n_known + n_other + np.arange(len(rows))
        key = np.where(known, code, np.where(other >= 0, n_known + other, alone))
        level = np.unique(key, return_inverse=True)[1]
        predictors = fit.layout.factors[f].predictors
        return cls(rows, level, design.columns[f][rows], fit.lambdas[f], predictors)

    @classmethod
    def at_new_places(cls, fit: Fit, design: Design, f: int) -> "_Draws":
        """What effects of known levels at new places have beside their means."""
        found = cls.of(fit, design, f, is_at_new_place(design, f), None)
        own = found.lambda_.copy()
        if isinstance(found.columns, OneHot):
            own[:, : found.columns.n_known] = 0.0
        return replace(found, lambda_=own)

    def add_to(self, eta: list[Floats], rng: np.random.Generator) -> None:
        """Replace linear predictors, (n,) each, by those with effects drawn for each level."""
        n_levels = int(self.level.max(initial=-1)) + 1
        effects = rng.standard_normal((n_levels, len(self.lambda_))) @ self.lambda_.T
        for c, z, k in effect_slots(self.columns, self.predictors):
            eta[k] = eta[k].copy()
            eta[k][self.rows] += z * effects[self.level, c]
