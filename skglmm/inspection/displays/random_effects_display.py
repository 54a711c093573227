"""Caterpillar plots of the random effects."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inference import half_width
from skglmm.inspection.data.effect_panels import EffectPanel, effect_panels
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.effect_artists import draw_map, draw_series, has_bands
from skglmm.inspection.displays.panels import BLUE, GRAY, open_axes, shortened

__all__ = ["RandomEffectsDisplay"]

MOST_LABELS = 40  # more levels are not named
INCHES = 0.17  # height of a label
LEAST_POINTS = 5.0  # size of a label that can be read
LONGEST, SHORT = 28, 8  # letters of a label: at most, and those that every panel has room for
WIDTH = 0.06  # inches of a letter more


class RandomEffectsDisplay(SingleThreaded):
    """Conditional modes of random effects with their limits, sorted: a caterpillar.

    There is a panel for each effect, with the levels in the order of their modes. Up to 40
    levels are named, names of more than 28 letters without their middle. Effects of times are one
    panel: a line for each level, with its limits as a band where levels are up to 8. Effects of
    places in the plane are a map for each level, whose colors are the modes.

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
    containers_ : list of ErrorbarContainer, list of Line2D, or PathCollection
        Modes and limits of each panel; the lines of a series, the points of a map.
    zero_lines_ : list of Line2D
        Of the panels that are no maps.

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
            shows all. Times and places have a name in common, as in `tidy`, such as "year";
            that of a single one, "year[3]", has a caterpillar of its own.
        level : float, default=0.95
            Coverage of the limits: the mode plus and minus a normal quantile times
            the ``std_error`` of `random_effects`, or the ``std_dev`` of a fit without inference.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`, of caterpillars.

        Returns
        -------
        RandomEffectsDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When the model has no such random effects, or a field of more than 12 levels.
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
            Passed to matplotlib's `errorbar`, of caterpillars.

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
        most = max((len(panel.mode) for panel in self._caterpillars), default=MOST_LABELS + 1)
        height = 1.0 + INCHES * most if most <= MOST_LABELS else 4.5
        width = (4.4 if len(self.panels) == 1 else 3.8) + self._room_for_labels()
        least = 2.2 if len(self._caterpillars) == len(self.panels) else 3.4
        size = (width, max(height, least))
        self.figure_, self.axes_ = open_axes(ax, len(self.panels), size)
        self.ax_ = self.axes_[0]
        self.containers_: list[Any] = []
        self.zero_lines_: list[Any] = []
        for axis, panel in zip(self.axes_, self.panels, strict=True):
            self.containers_.append(self._draw_panel(axis, panel, errorbar_kwargs or {}))
            self._label(axis, panel)
        return self

    @property
    def _caterpillars(self) -> list[EffectPanel]:
        return [panel for panel in self.panels if not panel.coordinates]

    def _draw_panel(self, axis: Any, panel: EffectPanel, given: dict[str, Any]) -> Any:
        if panel.is_map:
            return draw_map(axis, panel, self._scale_of(panel))
        zero, style = axis.axhline if panel.is_series else axis.axvline, {"linewidth": 1}
        self.zero_lines_.append(zero(0.0, color=GRAY, zorder=1, **style))
        if panel.is_series:
            return draw_series(axis, panel, half_width(self.level))
        return self._draw(axis, panel, given)

    def _scale_of(self, panel: EffectPanel) -> str:
        of = self.scale if panel.predictor is None else f"predictor of the {panel.predictor}"
        return f"effect on the {of}"

    def _room_for_labels(self) -> float:
        """Return the inches by which long labels widen the panels."""
        named = [panel for panel in self._caterpillars if len(panel.mode) <= MOST_LABELS]
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
        if _are_named(axis, panel):
            axis.set_yticks(np.arange(n), _labels(panel)[order], fontsize=_points(axis, n))
        else:
            axis.set_yticks([])
        axis.set_ylim(-0.02 * n - 0.6, 1.02 * n - 0.4)
        return drawn

    def _label(self, axis: Any, panel: EffectPanel) -> None:
        limits = "" if np.isnan(panel.std).all() else f" ({100 * self.level:g} % limits)"
        if panel.coordinates:
            several = sum(each.effect == panel.effect for each in self.panels) > 1
            what = f" {panel.levels[0]}" if panel.is_map and several else ""
            what += limits if has_bands(panel) else ""
            axis.set_title(f"{panel.effect} | {panel.group}{what}", fontsize="medium")
            if panel.is_series:
                axis.set(xlabel=panel.coordinates[0], ylabel=self._scale_of(panel))
                if not panel.names and panel.points is not None and not (panel.points % 1).any():
                    axis.locator_params(axis="x", integer=True, nbins=6)
            return
        named = _are_named(axis, panel)
        what = panel.group if named else f"{len(panel.mode)} levels of {panel.group}, sorted"
        has_unit = panel.has_unit and panel.column != "Intercept"
        unit = "" if not has_unit else f"\nper unit of {panel.column}"
        axis.locator_params(axis="x", nbins=4)
        axis.set(xlabel=f"{self._scale_of(panel)}{unit}", ylabel=what)
        axis.set_title(f"{panel.effect}{limits}", fontsize="medium")


def _are_named(axis: Any, panel: EffectPanel) -> bool:
    """Return whether levels are few enough to be named, in letters that can be read."""
    n = len(panel.mode)
    return n <= MOST_LABELS and _points(axis, n) >= LEAST_POINTS


def _points(axis: Any, n: int) -> float:
    """Return the size of n labels one above the other: small, or less if the axes are low."""
    from matplotlib.font_manager import FontProperties

    room: float = 72 * axis.get_window_extent().height / axis.figure.dpi / max(n, 1)
    return min(float(FontProperties(size="small").get_size_in_points()), 0.9 * room)


def _labels(panel: EffectPanel) -> NDArray[Any]:
    """Return the names of the levels, as long as there is room for."""
    return np.array([shortened(str(level), LONGEST) for level in panel.levels], dtype=object)
