"""Curves of smooth terms for pictures: over all rows, and of the levels of a grouping factor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.design import SMOOTH, Layout, LearnedSmooth, SmoothCurve, label_in, learn
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import predict_frame
from skglmm.inspection.data.fitted import Fitted

__all__ = ["SmoothPanel", "smooth_panels"]

DRAWN = 2  # covariates: more have no picture


@dataclass(frozen=True, eq=False)
class SmoothPanel:
    """A curve, a surface, or the curves of all levels of a factor, at m points.

    Parameters
    ----------
    name : str
        ``"s(x)"``, ``"s(x):f[a]"``, ``"te(x, z)"``, ``"s(x, g)"``.
    covariates : tuple of str, length d
        One for a curve, two for a surface.
    points : ndarray, shape (m, d)
        Values of the covariates; of a surface, a grid whose second one changes fastest.
    values : ndarray, shape (n_curves, m)
        One curve, or that of each level, on the scale of the linear predictor; NaN where a level
        has no rows.
    effect : str, default="effect"
        What is drawn, with its scale, for the axes.
    limits : ndarray, shape (2, m), or None
        Of one curve.
    edf : float, default=nan
        Effective degrees of freedom of one curve.
    rows : ndarray, shape (n_samples, d), or None
        Covariates of the rows that tell of the curve.
    group : str, default=""
        Grouping factor of whose levels the curves are.
    """

    name: str
    covariates: tuple[str, ...]
    points: Floats
    values: Floats
    effect: str = "effect"
    limits: Floats | None = None
    edf: float = np.nan
    rows: Floats | None = None
    group: str = ""

    @property
    def is_surface(self) -> bool:
        """Whether it is a function of two covariates."""
        return len(self.covariates) > 1


@dataclass(frozen=True, eq=False)
class _LevelCurves:
    """Curves of the levels of a factor: which effects they are made of."""

    name: str
    factor: int
    predictor: int
    effects: range
    smooth: LearnedSmooth


def smooth_panels(
    fitted: Fitted, X: Any, terms: str | Sequence[str] | None, n_points: int, **band: Any
) -> list[SmoothPanel]:
    """Return the smooth terms of a model that were asked for, in its order.

    Parameters
    ----------
    fitted : Fitted
    X : DataFrame or array-like, or None
        Rows for the covariates.
    terms : str or sequence of str, or None
        Names as in `smooth_terms`, those of levels with their grouping factor: ``"s(x, g)"``.
    n_points : int
        Points of each curve.
    **band
        Arguments for `curves`: level, simultaneous, unconditional.

    Raises
    ------
    ValueError
        When there are none, for unknown names, and for functions of three variables.
    """
    model = fitted.model
    layout = model.fit_.layout
    known: dict[str, SmoothCurve | _LevelCurves] = {curve.name: curve for curve in layout.curves}
    known |= {curves.name: curves for curves in _level_curves(model, layout)}
    chosen = _chosen(known, terms)
    frame = None if X is None else predict_frame(model, fitted.rows(X))
    edf = model.smooth_terms().set_index("name")["edf"]
    found = []
    for each in chosen:
        if isinstance(each, _LevelCurves):
            panel = _panel_of_levels(model, each, frame, n_points)
        else:
            panel = _panel_of_curve(model, each, frame, n_points, band)
        effect = _effect(fitted, each)
        found.append(replace(panel, effect=effect, edf=float(edf.get(each.name, np.nan))))
    return found


def _chosen(
    known: Mapping[str, SmoothCurve | _LevelCurves], terms: str | Sequence[str] | None
) -> list[SmoothCurve | _LevelCurves]:
    if not known:
        msg = (
            "the model has no smooth terms to show; its formula has no term such as s(x). "
            "PredictionDisplay draws means over a column of any model"
        )
        raise ValueError(msg)
    names = list(known) if terms is None else [terms] if isinstance(terms, str) else list(terms)
    for name in names:
        if name not in known:
            msg = f"terms={terms!r}: {name!r} is none of the smooths of the model: {list(known)}"
            raise ValueError(msg)
        if isinstance(known[name], _LevelCurves) and known[name].smooth.by:
            msg = (
                f"{name} has curves of levels that depend on {known[name].smooth.by}, which have "
                "no picture: name the others in terms="
            )
            raise ValueError(msg)
        if len(known[name].smooth.covariates) > DRAWN:
            msg = (
                f"{name} is a function of {len(known[name].smooth.covariates)} variables, which "
                "has no picture: name the others in terms=, and hold one of its variables in "
                "curves(at=...)"
            )
            raise ValueError(msg)
    return [known[name] for name in dict.fromkeys(names)]


def _level_curves(model: MixedModel, layout: Layout) -> Iterator[_LevelCurves]:
    """Yield the smooths that are random effects of a grouping factor."""
    spec = model._spec
    for f, factor in enumerate(layout.factors):
        start = 0
        for key in spec.effect_parts[f].keys if factor.are_groups else ():
            learned = spec.specs[key]
            effects = range(start, start + len(learned.column_names))
            start = effects.stop
            state = learned.states.get(learned.text.removeprefix("0 + "), {})
            if SMOOTH not in state:
                continue
            k, smooth = factor.predictors[effects.start], state[SMOOTH]
            label = f"{smooth.label.removesuffix(')')}, {factor.name})"
            name = label_in(layout.predictors, k, label, all_named=layout.all_named)
            yield _LevelCurves(name, f, k, effects, smooth)


def _panel_of_curve(
    model: MixedModel,
    curve: SmoothCurve,
    frame: pd.DataFrame | None,
    n_points: int,
    band: Mapping[str, Any],
) -> SmoothPanel:
    table = model.curves(curve.name, n_points=n_points, **band)
    names = curve.smooth.covariates
    rows = None
    if frame is not None:
        rows = _covariates(model, frame, names)[_rows_of(model, curve, frame)]
    return SmoothPanel(
        curve.name,
        names,
        table[list(names)].to_numpy(),
        table["estimate"].to_numpy()[None],
        limits=table[["conf_low", "conf_high"]].to_numpy().T,
        rows=rows,
    )


def _panel_of_levels(
    model: MixedModel, curves: _LevelCurves, frame: pd.DataFrame | None, n_points: int
) -> SmoothPanel:
    """Return the predicted curves of all levels: their columns times conditional modes."""
    smooth, factor = curves.smooth, model.fit_.layout.factors[curves.factor]
    low, high = smooth.ends[0]
    x = np.linspace(low, high, n_points)[:, None]
    columns = np.column_stack(list(smooth.bends(x, None).values()))
    values = np.asarray((columns @ model.fit_.modes(curves.factor)[list(curves.effects)]).T)
    rows = None
    if frame is not None:
        rows = _covariates(model, frame, smooth.covariates)
        levels = model._spec.levels[curves.factor].codes(frame)
        values = np.where(_inside(x[:, 0], rows[:, 0], levels, len(values)), values, np.nan)
    return SmoothPanel(curves.name, smooth.covariates, x, values, rows=rows, group=factor.name)


def _inside(x: Floats, rows: Floats, levels: Ints, n_levels: int) -> Any:
    """Return whether points are between the rows of each level, (n_levels, m)."""
    known = levels >= 0
    low, high = np.full(n_levels, np.inf), np.full(n_levels, -np.inf)
    np.minimum.at(low, levels[known], rows[known])
    np.maximum.at(high, levels[known], rows[known])
    return (x >= low[:, None]) & (x <= high[:, None])


def _covariates(model: MixedModel, frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return the covariates of rows, (n, d), with what calls such as center(x) have learned."""
    spec, _ = learn(frame, {"x": f"0 + {' + '.join(names)}"}, context=model.context)
    every = [each.states for each in model._spec.specs.values()]
    known = {text: state for states in every for text, state in states.items()}
    matrix = spec.specs[spec.fixed_parts.keys[0]]
    kept = {text: known.get(text, state) for text, state in matrix.states.items()}
    spec = replace(spec, specs={spec.fixed_parts.keys[0]: replace(matrix, states=kept)})
    return np.asarray(spec.build(frame, context=model.context).fixed[0])


def _rows_of(model: MixedModel, curve: SmoothCurve, frame: pd.DataFrame) -> Any:
    """Return which rows tell of a curve: with by, those whose share of it is not 0."""
    if not curve.smooth.by:
        return np.ones(len(frame), dtype=np.bool_)
    f = next(f for f, factor in enumerate(model.fit_.layout.factors) if factor.is_smooth)
    name = model.fit_.layout.factors[f].name
    design = model._spec.build(frame, [name], context=model.context)
    return np.any(np.asarray(design.columns[f])[:, list(curve.bends)] != 0.0, axis=1)


def _effect(fitted: Fitted, curves: SmoothCurve | _LevelCurves) -> str:
    """Return what a panel shows: an effect, its scale, and its unit."""
    fit, k = fitted.model.fit_, curves.predictor
    scale = fitted.scale
    if k or fit.layout.all_named:
        name = fit.layout.predictors[k]
        what = f"predictor of {name}" if fit.layout.all_named else name
        scale = f"{what}, {fit.family.links[k].name} scale"
    smooth = curves.smooth
    unit = f"\nper unit of {smooth.by.strip('`')}" if smooth.by and not smooth.levels else ""
    return f"effect on the {scale}{unit}"
