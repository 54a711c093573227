"""Curves of predictions with bands, over the data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from skglmm.estimators._threads import SingleThreaded
from skglmm.inspection._curve_artists import (
    AVERAGE,
    COMPARED,
    band_key,
    draw_curve,
    draw_points,
    line_key,
    point_key,
)
from skglmm.inspection._curve_groups import MOST_COLORS, CurveGroups
from skglmm.inspection._curves import Curve, Question, Scene
from skglmm.inspection._panels import GRAY, LIGHT, open_axes, place_legend, shortened
from skglmm.inspection._tables import column_name

__all__ = ["PredictionDisplay"]

WORDS = {"marginal": "average over groups", "fixed": "typical group"}
BANDS = {"mean": "limits of the mean", "response": "limits of a new response"}
LONG_KEY, LONG_TITLE = 32, 26  # letters in the legend, and above a panel
REFERENCES = ("auto", "marginal", "fixed")


class PredictionDisplay(SingleThreaded):
    """Predicted means over one feature, with bands and the data, by group.

    `from_estimator` computes one; `plot` draws it again. Up to 10 groups have a color and a band
    each. More are thin gray lines without bands, behind their average. Long names of groups are
    shown without their middle.

    Parameters
    ----------
    curves : sequence of Curve
        One for each group.
    feature_name, target_name : str
        Names of feature and response, for the axes.
    by : sequence of str, default=()
        Names of the grouping columns; curves have a label for each in `group`.
    facet : str, default=None
        Which of them makes panels; the others make colors.
    kind : str, default="fixed"
        What a single curve shows: "conditional", "fixed", "marginal" or words of your own.
    overall : Curve, default=None
        A curve with its band to compare all others with.
    overall_kind : str, default="marginal"
        What that curve shows, as `kind`.
    interval : {"mean", "response"} or None, default="mean"
        What the bands are about.
    level : float, default=0.95
        Their coverage.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    lines_, bands_, scatters_ : list
        Artists of the curves, their bands and the data, in the order of the curves; where groups
        have no colors, the data of a panel are one artist.
    overall_lines_ : list of Line2D
        The curve to compare with, in each panel.
    legend_ : Legend

    See Also
    --------
    data_grid : The rows that are predicted.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import PredictionDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = PredictionDisplay.from_estimator(model, X, y, feature="EP", by="batch")
    >>> len(display.lines_)
    10
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        curves: Sequence[Curve],
        *,
        feature_name: str,
        target_name: str = "y",
        by: Sequence[str] = (),
        facet: str | None = None,
        kind: str = "fixed",
        overall: Curve | None = None,
        overall_kind: str = "marginal",
        interval: str | None = "mean",
        level: float = 0.95,
    ) -> None:
        self.curves = curves
        self.feature_name = feature_name
        self.target_name = target_name
        self.by = by
        self.facet = facet
        self.kind = kind
        self.overall = overall
        self.overall_kind = overall_kind
        self.interval = interval
        self.level = level

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        feature: Any,
        by: Any = None,
        facet: Any = None,
        kind: str | Collection[str] | None = None,
        interval: str | None = "mean",
        level: float = 0.95,
        reference: str | None = "auto",
        n_points: int = 100,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
        fill_kwargs: dict[str, Any] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> "PredictionDisplay":
        """Predict along a feature, within each group's own range, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows whose ranges and groups count; other columns stand at typical values, as in
            `data_grid`. Of a pipeline, what comes before its first step; features that only a
            later step makes can be named, too.
        y : array-like, shape (n_samples,), default=None
            Responses, drawn under the curves.
        feature : str or int
            Column with numbers for the horizontal axis.
        by : str or list of str, default=None
            Columns whose combinations have a curve each; None is one curve.
        facet : str, default=None
            A column of `by` that makes panels rather than colors.
        kind : str or set, default=None
            As in `predict`; None is the model's `predict_kind`. "conditional" uses the effects
            of the grouping factors whose columns are all in `by`; effects of the others are 0.
            Where `by` has no such factor, None is "marginal".
        interval : {"mean", "response"} or None, default="mean"
            Whether bands are limits of the mean, of a new response, or not drawn.
        level : float, default=0.95
            Coverage of the bands.
        reference : {"auto", "marginal", "fixed"} or None, default="auto"
            A curve over all data to compare with. "auto" draws the average over groups where
            there are too many groups for colors.
        n_points : int, default=100
            Points of each curve.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure. The legend
            stands beside axes of a figure with a layout (``layout="constrained"``), else inside.
        line_kwargs, fill_kwargs, scatter_kwargs : dict, default=None
            Passed to matplotlib's `plot`, `fill_between` and `scatter`.

        Returns
        -------
        PredictionDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are unknown or a choice is none, and as in `predict_interval`.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import PredictionDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = PredictionDisplay.from_estimator(model, X, y, feature="EP", kind="marginal")
        >>> display.ax_.get_ylabel()
        'Y'
        >>> plt.close(display.figure_)
        """
        _check_choices(interval, reference)
        scene = Scene.of(estimator, X, y, feature, by)
        names, found = [str(name) for name in scene.by], scene.kind(kind)
        many = facet is None and scene.n_groups > MOST_COLORS
        ask = Question(found, None if many else interval, level, n_points)
        if reference == "auto":
            reference = "marginal" if many else None
        overall = None
        if reference is not None:
            question = Question(reference, interval, level, n_points)
            overall = replace(scene.curves(question, [])[0], data=None)
        display = cls(
            scene.curves(ask, scene.by),
            feature_name=str(scene.feature),
            target_name=scene.fitted.target(y),
            by=names,
            facet=None if facet is None else str(column_name(scene.table, facet)),
            kind=found if isinstance(found, str) else "conditional",
            overall=overall,
            overall_kind=reference or "marginal",
            interval=interval,
            level=level,
        )
        return display.plot(
            ax, line_kwargs=line_kwargs, fill_kwargs=fill_kwargs, scatter_kwargs=scatter_kwargs
        )

    def plot(
        self,
        ax: Any = None,
        *,
        line_kwargs: dict[str, Any] | None = None,
        fill_kwargs: dict[str, Any] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves, their bands and the data.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        line_kwargs, fill_kwargs, scatter_kwargs : dict, default=None
            Passed to matplotlib's `plot`, `fill_between` and `scatter`.

        Returns
        -------
        PredictionDisplay
            Itself.

        Raises
        ------
        ValueError
            When `facet` is no column of `by`, or makes too many panels or too few axes are given.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import PredictionDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = PredictionDisplay.from_estimator(model, X, y, feature="EP", by="batch")
        >>> len(display.plot(line_kwargs={"linestyle": "--"}).lines_)
        10
        >>> plt.close("all")
        """
        groups = CurveGroups(self.curves, self.by, self.facet)
        panels, new = groups.panels(), ax is None
        size = (6.4, 4.2) if len(panels) == 1 else (2.8, 2.4)
        self.figure_, self.axes_ = open_axes(ax, len(panels), size, sharex=True, sharey=True)
        self.ax_ = self.axes_[0]
        given = {"line": line_kwargs, "fill": fill_kwargs, "scatter": scatter_kwargs}
        self._draw(groups, {name: dict(found or {}) for name, found in given.items()})
        self._label(panels, new=new)
        title = groups.names if groups.are_colored else None
        self.legend_ = place_legend(self.axes_, self._entries(groups), title, new=new)
        return self

    def _draw(self, groups: CurveGroups, styles: Mapping[str, Mapping[str, Any]]) -> None:
        self.lines_, self.bands_, self.scatters_ = [], [], []
        self.overall_lines_: list[Any] = []
        n_rows = sum(c.data.shape[1] for c in self.curves if c.data is not None)
        for axis, curves in zip(self.axes_, groups.panels().values(), strict=True):
            for cloud in [curves] if groups.are_many else [[curve] for curve in curves]:
                look = groups.look(cloud[0])
                self.scatters_.append(draw_points(axis, cloud, look, n_rows, styles["scatter"]))
            for curve in curves:
                line, band = draw_curve(axis, curve, groups.look(curve), styles)
                self.lines_.append(line)
                self.bands_.append(band)
            self._draw_overall(axis, groups, styles)
        self.bands_ = [band for band in self.bands_ if band is not None]
        self.scatters_ = [points for points in self.scatters_ if points is not None]

    def _draw_overall(
        self, axis: Any, groups: CurveGroups, styles: Mapping[str, Mapping[str, Any]]
    ) -> None:
        if self.overall is None:
            return
        curve, look = self.overall, AVERAGE
        if not groups.are_many:  # a second band would hide the first
            curve, look = replace(self.overall, limits=None), COMPARED
        self.overall_lines_.append(draw_curve(axis, curve, look, styles)[0])

    def _label(self, panels: Collection[str], *, new: bool) -> None:
        plain = self.scatters_ or self.interval == "response"
        target = self.target_name if plain else f"mean of {self.target_name}"
        for axis, title in zip(self.axes_, panels, strict=True):
            axis.set_title(shortened(title, LONG_TITLE), fontsize="medium")
            axis.set(xlabel=self.feature_name, ylabel=target)
        if new and len(panels) > 1:
            self.figure_.supxlabel(self.feature_name, fontsize="medium")
            self.figure_.supylabel(target, fontsize="medium")
            for axis in self.axes_:
                axis.set(xlabel="", ylabel="")

    def _entries(self, groups: CurveGroups) -> list[tuple[Any, str]]:
        """Return the artists and texts of the legend."""
        first, keys = self.curves[0], list(groups.keys)
        if groups.are_colored:
            lines = dict(zip(map(groups.key, self.curves), self.lines_, strict=True))
            entries = [(lines[key], shortened(key, LONG_KEY)) for key in keys]
        else:
            words = WORDS.get(self.kind, "mean of the group" if first.group else "mean")
            many = f"{len(keys)} groups of\n{groups.names}"
            key = line_key(groups.look(first)) if groups.are_many else self.lines_[0]
            entries = [(key, many if groups.are_many else words)]
        if self.overall is not None:
            entries.append((self.overall_lines_[0], WORDS.get(self.overall_kind, "all")))
        entries += self._band_entry(groups)
        if self.scatters_:
            entries.append((point_key(LIGHT if groups.are_many else GRAY), "data"))
        return entries

    def _band_entry(self, groups: CurveGroups) -> list[tuple[Any, str]]:
        color = AVERAGE.color if groups.are_many else GRAY
        if not groups.are_many and not groups.are_colored:
            color = groups.look(self.curves[0]).color
        of_overall = groups.are_many and self.overall is not None
        banded = self.overall if of_overall else self.curves[0]
        if banded is None or banded.limits is None or self.interval is None:
            return []
        return [(band_key(color), f"{100 * self.level:g} % {BANDS[self.interval]}")]


def _check_choices(interval: Any, reference: Any) -> None:
    for name, value, choices in (
        ("interval", interval, tuple(BANDS)),
        ("reference", reference, REFERENCES),
    ):
        if value is not None and value not in choices:
            known = ", ".join(map(repr, choices))
            msg = f"{name}={value!r} is unknown, expected None or one of {known}"
            raise ValueError(msg)
