"""The layout of a model: what its columns, levels and effects are called, and how these vary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from skglmm.covariance import BlockDiagonal, Covariance
from skglmm.design.empty import refuse_empty_effects
from skglmm.design.groups import Levels
from skglmm.design.matrices.matrix import MatrixSpec
from skglmm.design.matrices.sizes import refuse_parameters
from skglmm.design.plan import ModelPlan, Term, blocks
from skglmm.design.records import Factor, Layout, SmoothCurve, label_in
from skglmm.design.smooths import SMOOTH, smooth_in
from skglmm.design.structures import IndexedEffects, covariance_of
from skglmm.exceptions import DesignError

__all__ = ["Indexed", "layout_of"]

Indexed = tuple[IndexedEffects, Covariance] | None  # effects of which each row has one


def layout_of(
    plan: ModelPlan,
    levels: Sequence[Levels],
    specs: Mapping[str, MatrixSpec],
    offset: str | None,
    indexed: Sequence[Indexed],
) -> Layout:
    """Return the layout of a plan, whose levels and matrices have been learned.

    Parameters
    ----------
    plan : ModelPlan
    levels : sequence of Levels
        Of each grouping factor.
    specs : mapping of str to MatrixSpec
    offset : str or None
        Column that is added to the first predictor.
    indexed : sequence of Indexed
        Of each grouping factor.
    """
    factors = [
        _factor(terms, found, [specs[key] for key in keys], plan)
        if each is None
        else _indexed_factor(terms[0], found, each, plan)
        for terms, found, keys, each in zip(
            plan.merged, levels, plan.effect_keys(), indexed, strict=True
        )
    ]
    by_columns = {
        frozenset(terms[0].group): each.name
        for terms, each in zip(plan.merged, factors, strict=True)
    }
    _refuse_twins(list(by_columns.values()), "grouping factors")
    for keys, factor in zip(plan.effect_keys(), factors, strict=True):
        refuse_empty_effects([specs[key] for key in keys], factor.name)
    coefficients = tuple(tuple(specs[key].column_names) for key in plan.fixed_keys())
    for names in coefficients:
        _refuse_twins(names, "effects")
    first = () if offset is None else (offset,)
    numbers = [() if number is None else (f"{number:g}",) for number in plan.added]
    offsets = [
        tuple(sorted((*(first if k == 0 else ()), *numbers[k], *found)))
        for k, found in enumerate(plan.offsets)
    ]
    layout = Layout(
        plan.predictors,
        coefficients,
        tuple(factors),
        tuple(offsets),
        all_named=plan.all_named,
        curves=_curves(plan, specs, coefficients),
    )
    labels = [label for k in range(len(coefficients)) for label in layout.labels(k)]
    _refuse_twins(labels, "coefficients")
    return layout


def _curves(
    plan: ModelPlan, specs: Mapping[str, MatrixSpec], coefficients: Sequence[Sequence[str]]
) -> tuple[SmoothCurve, ...]:
    """Return the smooths over all rows, curve by curve."""
    found = []
    for terms, keys in zip(plan.merged, plan.effect_keys(), strict=True):
        start = 0
        is_smooth = not terms[0].group and terms[0].structure == SMOOTH
        for term, key in zip(terms, keys, strict=True) if is_smooth else ():
            smooth = smooth_in(specs[key].states, term.effects)
            k = plan.predictors.index(term.predictor)
            for place, label in enumerate(smooth.labels):
                trends = tuple(coefficients[k].index(name) for name in smooth.trend_names(label))
                bends = range(start, start + smooth.basis.weights.shape[1])
                start = bends.stop
                name = label_in(plan.predictors, k, label, all_named=plan.all_named)
                found.append(SmoothCurve(name, k, trends, tuple(bends), smooth, place))
    _refuse_twins([curve.name for curve in found], "smooths")
    return tuple(found)


def _refuse_shared(curves: Sequence[str], columns: Sequence[str], levels: Levels) -> None:
    """Refuse intercepts of levels beside curves of these levels, which have them in them."""
    if not levels.columns or not any(curves):
        return
    if any(name == "Intercept" and not curve for curve, name in zip(curves, columns, strict=True)):
        group, curve = ":".join(levels.columns), next(filter(None, curves))
        msg = (
            f"(1 | {group}) and {curve} of each level of {group!r} both have a level of each: the "
            f"data determine their sum alone. Take (1 | {group}) out"
        )
        raise DesignError(msg)


def _refuse_twins(names: Sequence[str], what: str) -> None:
    """Refuse one name for two things: the column `a:b`, and a:b of two columns."""
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        msg = f"two {what} are both called {name!r}; rename the column that has this name"
        raise DesignError(msg)


def _factor(
    terms: Sequence[Term],
    levels: Levels,
    specs: Sequence[MatrixSpec],
    plan: ModelPlan,
) -> Factor:
    sizes, start = [], 0
    covariances: list[Covariance] = []
    curves: list[str] = []
    for block in blocks(terms):
        made = specs[start : start + len(block)]
        start += len(block)
        sizes.append(sum(len(spec.column_names) for spec in made))
        if block[0].structure == SMOOTH:
            smooth = smooth_in(made[0].states, block[0].effects)
            covariances += smooth.covariances
            curves += smooth.parts
        else:
            covariances.append(covariance_of(block[0].structure, block[0].argument, sizes[-1]))
            curves += [""] * sizes[-1]
    _refuse_shared(curves, [name for spec in specs for name in spec.column_names], levels)
    covariance = covariances[0] if len(covariances) == 1 else BlockDiagonal(tuple(covariances))
    refuse_parameters(":".join(levels.columns), sum(sizes), covariance.n_params)
    effects = [
        (plan.predictors.index(term.predictor), name)
        for term, spec in zip(terms, specs, strict=True)
        for name in spec.column_names
    ]
    label = partial(label_in, plan.predictors, all_named=plan.all_named)
    named = [
        label(k, curve) if curve else "" for (k, _), curve in zip(effects, curves, strict=True)
    ]
    return Factor(
        ":".join(levels.columns),
        levels.texts(),
        tuple(label(k, name) for k, name in effects),
        tuple(k for k, _ in effects),
        tuple(sizes),
        covariance,
        parts=tuple(named) if any(named) else (),
    )


def _indexed_factor(
    term: Term, levels: Levels, indexed: tuple[IndexedEffects, Covariance], plan: ModelPlan
) -> Factor:
    effects, covariance = indexed
    k, name = plan.predictors.index(term.predictor), ":".join(term.group) or "1"
    refuse_parameters(name, covariance.size, covariance.n_params)
    label = partial(label_in, plan.predictors, k, all_named=plan.all_named)
    return Factor(
        name,
        levels.texts(),
        tuple(map(label, effects.names)),
        (k,) * covariance.size,
        (covariance.size,),
        covariance,
        is_one_hot=True,
        joint_name=label(effects.joint_name),
    )
