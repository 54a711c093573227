"""Caterpillar plots of the random effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Floats
from skglmm.design import Layout
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inference import half_width
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.panels import BLUE, GRAY, open_axes, shortened

__all__ = ["EffectPanel", "RandomEffectsDisplay", "effect_panels"]

MOST_LABELS = 40  # more levels are not named
INCHES = 0.17  # height of a label
LONGEST, SHORT = 28, 8  # letters of a label: at most, and those that every panel has room for
WIDTH = 0.06  # inches of a letter more


@dataclass(frozen=True, eq=False)
class EffectPanel:
    """One effect of one grouping factor.

    Parameters
    ----------
    group, effect : str
        Their names.
    levels : ndarray of str, shape (n_levels,)
    mode : ndarray, shape (n_levels,)
        Conditional modes, on the scale of the linear predictor.
    std : ndarray, shape (n_levels,)
        Their standard errors; NaN without any.
    predictor : str or None
        Linear predictor that the effect feeds, if it is not that of the mean.
    """

    group: str
    effect: str
    levels: NDArray[Any]
    mode: Floats
    std: Floats
    predictor: str | None = None

    @property
    def column(self) -> str:
        """Name of the effect within its predictor, x of ``precision(x)``."""
        if self.predictor is None:
            return self.effect
        return self.effect.removeprefix(f"{self.predictor}(").removesuffix(")")


class RandomEffectsDisplay(SingleThreaded):
    """Conditional modes of random effects with their limits, sorted: a caterpillar.

    There is a panel for each effect, with the levels in the order of their modes. Up to 40
    levels are named, names of more than 28 letters without their middle.

    Parameters
    ----------
    panels : sequence of EffectPanel
        One for each effect.
    level : float, default=0.95
        Coverage of the limits.
    scale : str, default="linear predictor"
        What the effects are added to, for the axes.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    containers_ : list of ErrorbarContainer
        Modes and limits of each panel.
    zero_lines_ : list of Line2D

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import RandomEffectsDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = RandomEffectsDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel()
    'effect on the log odds'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        panels: Sequence[EffectPanel],
        *,
        level: float = 0.95,
        scale: str = "linear predictor",
    ) -> None:
        self.panels = panels
        self.level = level
        self.scale = scale

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: Any = None,
        *,
        group: str | None = None,
        effect: str | None = None,
        level: float = 0.95,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
    ) -> "RandomEffectsDisplay":
        """Take the random effects of a model, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X, y : ignored
            A model knows its random effects; they are here for the sake of one grammar.
        group, effect : str, default=None
            Grouping factor and effect to show, such as "mountainRange" and "Intercept"; None
            shows all.
        level : float, default=0.95
            Coverage of the limits: the mode plus and minus a normal quantile times
            the ``std_error`` of `random_effects`, or the ``std_dev`` of a fit without inference.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        RandomEffectsDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When the model has no such random effects.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import RandomEffectsDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = RandomEffectsDisplay.from_estimator(model, group="batch")
        >>> len(display.axes_)
        1
        >>> plt.close(display.figure_)
        """
        del X, y
        fitted = Fitted.of(estimator)
        panels = effect_panels(fitted.model, group, effect)
        display = cls(panels, level=level, scale=fitted.scale)
        return display.plot(ax, errorbar_kwargs=errorbar_kwargs)

    def plot(self, ax: Any = None, *, errorbar_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the caterpillars.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        RandomEffectsDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are fewer axes than panels.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import RandomEffectsDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = RandomEffectsDisplay.from_estimator(model)
        >>> display.plot(errorbar_kwargs={"color": "black"}).ax_.get_xlabel()
        'effect on the log odds'
        >>> plt.close("all")
        """
        most = max(len(panel.mode) for panel in self.panels)
        height = 1.0 + INCHES * most if most <= MOST_LABELS else 4.5
        width = (4.4 if len(self.panels) == 1 else 3.8) + self._room_for_labels()
        size = (width, max(height, 2.2))
        self.figure_, self.axes_ = open_axes(ax, len(self.panels), size)
        self.ax_, self.containers_, self.zero_lines_ = self.axes_[0], [], []
        for axis, panel in zip(self.axes_, self.panels, strict=True):
            self.zero_lines_.append(axis.axvline(0.0, color=GRAY, linewidth=1, zorder=1))
            self.containers_.append(self._draw(axis, panel, errorbar_kwargs or {}))
            self._label(axis, panel)
        return self

    def _room_for_labels(self) -> float:
        """Return the inches by which long labels widen the panels."""
        named = [panel for panel in self.panels if len(panel.mode) <= MOST_LABELS]
        letters = [len(text) for panel in named for text in _labels(panel)]
        return WIDTH * max(0, max(letters, default=0) - SHORT)

    def _draw(self, axis: Any, panel: EffectPanel, given: dict[str, Any]) -> Any:
        order, n = np.argsort(panel.mode, kind="stable"), len(panel.mode)
        reach = half_width(self.level) * panel.std[order]
        style = {
            "fmt": "o",
            "color": BLUE,
            "ecolor": BLUE,
            "markersize": 4 if n <= MOST_LABELS else 2,
            "elinewidth": 1.2 if n <= MOST_LABELS else 0.6,
            "capsize": 0,
        }
        bars = None if np.isnan(reach).all() else reach
        drawn = axis.errorbar(panel.mode[order], np.arange(n), xerr=bars, **{**style, **given})
        for bar in drawn.lines[2]:
            bar.set_alpha(0.6 if n <= MOST_LABELS else 0.35)
        if n <= MOST_LABELS:
            axis.set_yticks(np.arange(n), _labels(panel)[order], fontsize="small")
        else:
            axis.set_yticks([])
        axis.set_ylim(-0.02 * n - 0.6, 1.02 * n - 0.4)
        return drawn

    def _label(self, axis: Any, panel: EffectPanel) -> None:
        named = len(panel.mode) <= MOST_LABELS
        what = panel.group if named else f"{len(panel.mode)} levels of {panel.group}, sorted"
        unit = "" if panel.column == "Intercept" else f"\nper unit of {panel.column}"
        scale = self.scale if panel.predictor is None else f"predictor of the {panel.predictor}"
        axis.locator_params(axis="x", nbins=4)
        axis.set(xlabel=f"effect on the {scale}{unit}", ylabel=what)
        limits = "" if np.isnan(panel.std).all() else f" ({100 * self.level:g} % limits)"
        axis.set_title(f"{panel.effect}{limits}", fontsize="medium")


def effect_panels(model: Any, group: str | None, effect: str | None) -> list[EffectPanel]:
    """Return the effects of a model that were asked for, each as a panel."""
    layout = model.fit_.layout
    effects = _chosen(_by_place(model.random_effects(), layout), group, effect)
    fed = {
        name: layout.predictors[k]
        for factor in layout.factors
        for name, k in zip(
            (*factor.columns, factor.joint_name),
            (*factor.predictors, *factor.predictors[:1]),
            strict=True,
        )
        if k or layout.all_named
    }
    return [
        _panel(rows, fed.get(name))
        for (_, name), rows in effects.groupby(["group", "effect"], sort=False)
    ]


def _by_place(effects: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return effects of which those of places of a single level are told as levels are."""
    for factor in layout.factors:
        if factor.is_one_hot and factor.n_levels == 1 and not factor.are_individuals:
            own = (effects["group"] == factor.name) & effects["effect"].isin(factor.columns)
            effects.loc[own, "level"] = effects.loc[own, "effect"]
            effects.loc[own, "effect"] = factor.joint_name
    return effects


def _chosen(effects: pd.DataFrame, group: str | None, effect: str | None) -> pd.DataFrame:
    if effects.empty:
        msg = "the model has no random effects to show; its formula has no term such as (1 | g)"
        raise ValueError(msg)
    for column, wanted in (("group", group), ("effect", effect)):
        known = list(effects[column].unique())
        if wanted is not None and wanted not in known:
            msg = f"{column}={wanted!r} is none of the model's, which are {known}"
            raise ValueError(msg)
        if wanted is not None:
            effects = effects[effects[column] == wanted]
    return effects


def _panel(rows: pd.DataFrame, predictor: str | None) -> EffectPanel:
    """Return the effects of one factor as a panel."""
    std = rows["std_error"] if rows["std_error"].notna().any() else rows["std_dev"]
    first = rows.iloc[0]
    return EffectPanel(
        first["group"],
        first["effect"],
        rows["level"].to_numpy(),
        rows["mode"].to_numpy(),
        std.to_numpy(),
        predictor,
    )


def _labels(panel: EffectPanel) -> NDArray[Any]:
    """Return the names of the levels, as long as there is room for."""
    return np.array([shortened(str(level), LONGEST) for level in panel.levels], dtype=object)
