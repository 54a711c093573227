"""Conditional modes of random effects, as panels of a picture: of levels, of times, of places."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats
from skglmm.design import Layout, Places
from skglmm.inference import RandomEffects, random_effects

__all__ = ["EffectPanel", "effect_panels"]

PLANE = 2  # coordinates that make a map
MAPS = 12  # levels of a field that are shown, each as a map


@dataclass(frozen=True, eq=False)
class EffectPanel:
    """One effect of one grouping factor, or all effects of its times or places.

    Parameters
    ----------
    group, effect : str
        Their names.
    levels : ndarray of str, shape (n,)
    mode : ndarray, shape (n,)
        Conditional modes, on the scale of the linear predictor.
    std : ndarray, shape (n,)
        Their standard errors; NaN without any.
    predictor : str or None
        Linear predictor that the effect feeds, if it is not that of the mean.
    coordinates : tuple of str, length d
        Columns of times, 1, or of places, 2; empty for effects of levels.
    points : ndarray, shape (n, d), or None
        Times or places of the effects.
    names : tuple of str
        Of times 0, 1, 2, ... that are levels of a category.
    has_unit : bool
        Whether the effect is that of a unit of a column.
    """

    group: str
    effect: str
    levels: NDArray[Any]
    mode: Floats
    std: Floats
    predictor: str | None = None
    coordinates: tuple[str, ...] = ()
    points: Floats | None = None
    names: tuple[str, ...] = ()
    has_unit: bool = False

    @property
    def column(self) -> str:
        """Name of the effect within its predictor, x of ``precision(x)``."""
        if self.predictor is None:
            return self.effect
        return self.effect.removeprefix(f"{self.predictor}(").removesuffix(")")

    @property
    def is_series(self) -> bool:
        """Whether its effects are those of times."""
        return len(self.coordinates) == 1

    @property
    def is_map(self) -> bool:
        """Whether its effects are those of places in the plane."""
        return len(self.coordinates) == PLANE


def effect_panels(model: Any, group: str | None, effect: str | None) -> list[EffectPanel]:
    """Return the effects of a model that were asked for, each as a panel.

    Effects of times are one panel, unless one of them is asked for; those of places one for each
    level.

    Raises
    ------
    ValueError
        When the model has no such random effects, or a field of too many levels to map each.
    """
    if not model.fit_.u:
        msg = "the model has no random effects to show; its formula has no term such as (1 | g)"
        raise ValueError(msg)
    found: list[EffectPanel] = []
    pairs = zip(model.fit_.layout.factors, model._spec.indexed, strict=True)
    of_groups = [indexed for factor, indexed in pairs if not factor.is_smooth]
    for item, indexed in zip(random_effects(model.fit_), of_groups, strict=True):
        factor = item.factor
        if group not in (None, factor.name):
            continue
        if isinstance(indexed, Places) and effect not in factor.columns:
            found += _placed(item, indexed)
        elif factor.are_individuals:
            found.append(_panel(item, factor.joint_name, _all(item)))
        else:
            every = range(factor.n_columns)
            found += [_panel(item, factor.columns[c], (c, factor.labels)) for c in every]
    layout = model.fit_.layout
    _refuse("group", group, [factor.name for factor in layout.factors])
    _refuse("effect", effect, [panel.effect for panel in found])
    wanted = [panel for panel in found if effect in (None, panel.effect)]
    _refuse_many_maps(wanted)
    return [_feeding(panel, layout) for panel in wanted]


Part = tuple[int | slice, NDArray[Any]]  # effects of a level, or all, and the names of what varies


def _all(item: RandomEffects) -> Part:
    """All effects of all levels, under their own names."""
    factor = item.factor
    if factor.n_levels == 1:
        return slice(None), np.array(factor.columns, dtype=object)
    pairs = [f"{level}: {name}" for name in factor.columns for level in factor.labels]
    return slice(None), np.array(pairs, dtype=object)


def _panel(item: RandomEffects, effect: str, part: Part, **placed: Any) -> EffectPanel:
    """Return some effects of a factor as a panel, effect by effect."""
    of, levels = part
    std = item.std_error if np.isfinite(item.std_error).any() else item.std_dev
    mode, std = item.mode[of].ravel(), std[of].ravel()
    name, has_unit = item.factor.name, not item.factor.is_one_hot
    return EffectPanel(name, effect, levels, mode, std, has_unit=has_unit, **placed)


def _placed(item: RandomEffects, places: Places) -> list[EffectPanel]:
    """Return a panel of all times, or a map of each level."""
    factor, d = item.factor, len(places.columns)
    of = {"coordinates": places.columns, "points": places.points}
    if d == 1:
        if places.labels is not None:
            of["names"] = tuple(map(str, places.labels.values))
        levels = np.tile(factor.labels, factor.n_columns)
        of["points"] = np.repeat(places.points, factor.n_levels, axis=0)
        return [_panel(item, factor.joint_name, (slice(None), levels), **of)]
    if d > PLANE:
        return [_panel(item, factor.joint_name, _all(item))]
    found = []
    for j, label in enumerate(factor.labels):
        own = replace(
            item,
            mode=item.mode[:, [j]],
            std_dev=item.std_dev[:, [j]],
            std_error=item.std_error[:, [j]],
        )
        levels = np.repeat(label, factor.n_columns)
        found.append(_panel(own, factor.joint_name, (slice(None), levels), **of))
    return found


def _refuse(what: str, wanted: str | None, known: Sequence[str]) -> None:
    names = list(dict.fromkeys(known))
    if wanted is not None and wanted not in names:
        msg = f"{what}={wanted!r} is none of the model's, which are {names}"
        raise ValueError(msg)


def _refuse_many_maps(panels: Sequence[EffectPanel]) -> None:
    maps = Counter(panel.effect for panel in panels if panel.is_map)
    for effect, count in maps.items():
        if count > MAPS:
            msg = (
                f"{effect!r} has a map for each of {count} levels, which are too many for a "
                f"picture of {MAPS}; name one place, effect='({effect})[...]' as in "
                "random_effects(), or another effect or group"
            )
            raise ValueError(msg)


def _feeding(panel: EffectPanel, layout: Layout) -> EffectPanel:
    """Return a panel that knows its predictor, if it is not that of the mean."""
    for factor in layout.factors:
        names = (*factor.columns, factor.joint_name)
        if factor.name == panel.group and panel.effect in names:
            k = (*factor.predictors, *factor.predictors[:1])[names.index(panel.effect)]
            if k or layout.all_named:
                return replace(panel, predictor=layout.predictors[k])
    return panel
