"""Pictures of smooth terms: curves with bands, surfaces, and curves of the levels of a factor."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skglmm.estimators.reading.validation import check_count
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.smooth_panels import SmoothPanel, smooth_panels
from skglmm.inspection.displays.panels import GRAY, open_axes, shortened
from skglmm.inspection.displays.smooth_artists import draw_curves, draw_rug, draw_surface

__all__ = ["SmoothDisplay"]

MOST_PANELS = 36
LONG_TITLE = 34  # letters above a panel
CURVE, SURFACE = (3.8, 3.2), (4.8, 3.6)  # inches of a panel
MARGIN = 0.05  # of the heights of all curves, above and below


class SmoothDisplay(SingleThreaded):
    """Smooth terms of a model on the scale of their linear predictors, a panel for each.

    - A *curve*, ``s(x)``, has its band, and ticks where rows are. It has a mean of zero over the
      rows of the fit; the intercept and all other terms are left out.
    - Curves of a category, ``s(x, by=f)``, have a panel each. They are centered one by one, so
      that how far they are from each other in height is in the coefficients of ``f``, and bands
      that lie over each other would invite a comparison of which they say nothing. With a number
      as `by` a curve is what one unit of it adds.
    - Panels of curves on one scale have the same limits, so that effects can be compared.
    - A *surface*, ``te(x, z)`` or ``s(x, z)``, is drawn as contours; that of zero is thick.
      Points that are further from all rows of X than a tenth of the ranges are hatched.
    - Curves of levels, ``s(x, g, bs="fs")``, are thin lines without limits: the predicted
      deviations of all levels in one panel, each between its rows if there is an X.

    Parameters
    ----------
    panels : sequence of SmoothPanel
        One for each curve, surface, or grouping factor.
    level : float, default=0.95
        Coverage of the bands.
    simultaneous : bool, default=False
        Whether bands hold whole curves with this probability, for the titles.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    lines_ : list of list of Line2D
        The curves of each panel; none of a surface.
    bands_ : list of PolyCollection or None
        The band of each panel.
    contours_ : list of QuadContourSet or None
        The surface of each panel.
    colorbars_ : list of Colorbar or None
    rugs_ : list of Line2D or None
        Covariates of the rows, in each panel.

    See Also
    --------
    PredictionDisplay : Means on the scale of the response, with everything that moves them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import SmoothDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("s(EP) + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = SmoothDisplay.from_estimator(model, X)
    >>> display.ax_.get_ylabel()
    'effect on the log odds'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, panels: Sequence[SmoothPanel], *, level: float = 0.95, simultaneous: bool = False
    ) -> None:
        self.panels = panels
        self.level = level
        self.simultaneous = simultaneous

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: Any = None,
        *,
        terms: str | Sequence[str] | None = None,
        level: float = 0.95,
        simultaneous: bool = False,
        unconditional: bool = True,
        n_points: int = 100,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
        fill_kwargs: dict[str, Any] | None = None,
        contour_kwargs: dict[str, Any] | None = None,
    ) -> "SmoothDisplay":
        r"""Evaluate the smooth terms of a model, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features), default=None
            Rows whose covariates are shown, such as those of the fit; None shows none. A curve
            with `by` shows the rows of its level, or those where the number is not 0.
        y : ignored
            It is here for the sake of one grammar.
        terms : str or sequence of str, default=None
            Names of curves as in `smooth_terms`, ``"s(x)"``, ``"s(x):f[a]"``; curves of levels
            are called by their grouping factor, ``"s(x, g)"``. None is all.
        level : float, default=0.95
            Coverage of the bands, above 0 and below 1.
        simultaneous : bool, default=False
            Whether a band holds the whole curve with this probability, not each of its points.
        unconditional : bool, default=True
            Whether bands have the uncertainty of the smoothness, as in `curves`.
        n_points : int, default=100
            Points of each curve; of surfaces on each axis, 40 at most.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        line_kwargs, fill_kwargs, contour_kwargs : dict, default=None
            Passed to matplotlib's `plot`, `fill_between` and `contourf`.

        Returns
        -------
        SmoothDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When the model has no such smooths, they are functions of three variables, the model
            was fitted with ``inference=False``, or there would be more than 36 panels.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import SmoothDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("s(EP) + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = SmoothDisplay.from_estimator(model, terms="s(EP)", simultaneous=True)
        >>> display.ax_.get_title()
        's(EP)\nedf 1.0, simultaneous 95 % band'
        >>> plt.close(display.figure_)
        """
        del y
        check_count("n_points", n_points)
        panels = smooth_panels(
            Fitted.of(estimator),
            X,
            terms,
            n_points,
            level=level,
            simultaneous=simultaneous,
            unconditional=unconditional,
        )
        if len(panels) > MOST_PANELS:
            msg = (
                f"the smooths of the model would make {len(panels)} panels, of at most "
                f"{MOST_PANELS}; choose some with terms="
            )
            raise ValueError(msg)
        display = cls(panels, level=level, simultaneous=simultaneous)
        return display.plot(
            ax, line_kwargs=line_kwargs, fill_kwargs=fill_kwargs, contour_kwargs=contour_kwargs
        )

    def plot(
        self,
        ax: Any = None,
        *,
        line_kwargs: dict[str, Any] | None = None,
        fill_kwargs: dict[str, Any] | None = None,
        contour_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves and surfaces.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        line_kwargs, fill_kwargs, contour_kwargs : dict, default=None
            Passed to matplotlib's `plot`, `fill_between` and `contourf`.

        Returns
        -------
        SmoothDisplay
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
        >>> from skglmm.inspection import SmoothDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("s(EP) + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = SmoothDisplay.from_estimator(model)
        >>> display.plot(line_kwargs={"color": "black"}).ax_.get_xlabel()
        'EP'
        >>> plt.close("all")
        """
        size = SURFACE if any(panel.is_surface for panel in self.panels) else CURVE
        self.figure_, self.axes_ = open_axes(ax, len(self.panels), size)
        self.ax_ = self.axes_[0]
        self.lines_: list[list[Any]] = []
        self.bands_: list[Any] = []
        self.contours_: list[Any] = []
        self.colorbars_: list[Any] = []
        for axis, panel in zip(self.axes_, self.panels, strict=True):
            lines: list[Any] = []
            band = contours = bar = None
            if panel.is_surface:
                contours, bar = draw_surface(axis, panel, contour_kwargs or {})
            else:
                axis.axhline(0.0, color=GRAY, linewidth=1, zorder=1)
                lines, band = draw_curves(axis, panel, line_kwargs or {}, fill_kwargs or {})
            self.lines_.append(lines)
            self.bands_.append(band)
            self.contours_.append(contours)
            self.colorbars_.append(bar)
            self._label(axis, panel)
        self._share_heights()
        self.rugs_ = [
            None if panel.rows is None else draw_rug(axis, panel.rows)
            for axis, panel in zip(self.axes_, self.panels, strict=True)
        ]
        return self

    def _share_heights(self) -> None:
        """Give panels of curves on one scale the same limits, with room for ticks."""
        pairs = list(zip(self.axes_, self.panels, strict=True))
        for effect in dict.fromkeys(panel.effect for panel in self.panels):
            alike = [(a, p) for a, p in pairs if p.effect == effect and not p.is_surface]
            shown = [p.values if p.limits is None else p.limits for _, p in alike]
            ends = [(np.nanmin(x), np.nanmax(x)) for x in shown if np.isfinite(x).any()]
            if not ends:
                continue
            low, high = min(0.0, *(end[0] for end in ends)), max(0.0, *(end[1] for end in ends))
            room = MARGIN * (high - low) if high > low else 1.0
            below = 2 * room if any(panel.rows is not None for _, panel in alike) else room
            for axis, _ in alike:
                axis.set_ylim(low - below, high + room)

    def _label(self, axis: Any, panel: SmoothPanel) -> None:
        names = [name.strip("`") for name in panel.covariates]
        axis.set_xlabel(names[0])
        axis.set_ylabel(names[1] if panel.is_surface else panel.effect)
        told = [] if np.isnan(panel.edf) else [f"edf {panel.edf:.1f}"]
        if panel.limits is not None and not panel.is_surface:
            kind = "simultaneous" if self.simultaneous else "pointwise"
            told.append(f"{kind} {100 * self.level:g} % band")
        if panel.group:
            told = [f"{len(panel.values)} levels of {panel.group}"]
        title = "\n".join([shortened(panel.name, LONG_TITLE), ", ".join(told)])
        axis.set_title(title.rstrip(), fontsize="medium")
