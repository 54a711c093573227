"""Coefficients of several models in one forest plot."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np

from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.data.coefficient_rows import (
    CoefficientRow,
    Estimate,
    coefficient_rows,
    location_names,
    ratio_words,
)
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.estimates.mean_artists import DodgedMeans
from skglmm.inspection.displays.panels import GRAY, place_legend, shortened

__all__ = ["CoefficientDisplay"]

WIDTH, ROW, LANE, HEAD, MARGIN = 6.6, 0.3, 0.17, 0.26, 0.6  # inches
LONG = 36  # letters of a label
MOST_MODELS = 8
NARROW, WIDE = 4.0, 100.0  # ratios of the ends of an axis


class CoefficientDisplay(SingleThreaded):
    """Coefficients of one or several models with their limits: a forest plot.

    Levels of a factor stand under its name, models side by side with a color and a marker each.
    Ratios have an axis of logarithms. Standard deviations of random effects, if they are wanted,
    have a panel of their own below. Estimates and limits that are infinite, as of classes that the
    data separate, are written, not drawn.

    Parameters
    ----------
    rows : sequence of CoefficientRow
        Coefficients, from top to bottom.
    deviations : sequence of CoefficientRow, default=()
        Standard deviations.
    names : sequence of str, default=("model",)
        Of the models.
    level : float, default=0.95
        Coverage of the limits.
    are_ratios : bool, default=False
        Whether coefficients are exponentiated.
    axis_name : str, default="coefficient"
        What they are.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        Of the coefficients.
    axes_ : ndarray of Axes
        With that of standard deviations.
    containers_ : list of ErrorbarContainer
        One for each model, in each panel.
    legend_ : Legend or None

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import CoefficientDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(model, exponentiate=True)
    >>> display.ax_.get_xlabel()
    'odds ratio'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        rows: Sequence[CoefficientRow],
        *,
        deviations: Sequence[CoefficientRow] = (),
        names: Sequence[str] = ("model",),
        level: float = 0.95,
        are_ratios: bool = False,
        axis_name: str = "coefficient",
    ) -> None:
        self.rows = rows
        self.deviations = deviations
        self.names = names
        self.level = level
        self.are_ratios = are_ratios
        self.axis_name = axis_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any = None, y: Any = None, **options: Any
    ) -> "CoefficientDisplay":
        """Plot the coefficients of one model.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X, y : ignored
            A model knows its coefficients; they are here for the sake of one grammar.
        **options : dict
            As in `from_estimators`.

        Returns
        -------
        CoefficientDisplay
            Drawn.
        """
        del X, y
        return cls.from_estimators([estimator], **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        *,
        names: Sequence[str] | None = None,
        terms: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        components: str | Collection[str] | None = None,
        intercept: bool = False,
        exponentiate: bool = False,
        deviations: bool = False,
        df: str = "auto",
        level: float = 0.95,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
    ) -> "CoefficientDisplay":
        """Take the coefficients of some models, and plot them side by side.

        Parameters
        ----------
        estimators : sequence of estimator
            Fitted mixed models, or pipelines and searches with one. Up to 8.
        names : sequence of str, default=None
            Of the models; None numbers them.
        terms : sequence of str, default=None
            Which coefficients, named as in `tidy`, in the order of the picture; None is all, in the
            order of the formulas, but for intercepts.
        labels : mapping of str to str, default=None
            Other names of some terms.
        components : str or list of str, default=None
            Linear predictors, named as in `tidy`; None is that of the location, such as the mean.
        intercept : bool, default=False
            Whether intercepts are drawn where `terms` does not say which are.
        exponentiate : bool, default=False
            Whether to draw ratios, of odds or of means.
        deviations : bool, default=False
            Whether to draw the standard deviations of the random effects, too. Correlations are
            not drawn.
        df : str, default="auto"
            As in `tidy`.
        level : float, default=0.95
            Coverage of the limits.
        ax : Axes or array of Axes, default=None
            Where to draw; with `deviations` an array of two. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        CoefficientDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When there are no coefficients or too many models, a term or component is in none, or
            exponentiated coefficients are no ratios.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import LMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import CoefficientDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> models = [LMMRegressor(f"{x} + (1 | batch)").fit(X, y) for x in ("EP", "EP + SG")]
        >>> display = CoefficientDisplay.from_estimators(models, names=["small", "large"])
        >>> [row.label for row in display.rows]
        ['EP', 'SG']
        >>> plt.close(display.figure_)
        """
        models = [Fitted.of(each).model for each in estimators]
        called = [f"model {k + 1}" for k in range(len(models))] if names is None else list(names)
        _check_models(models, called)
        wanted = [_components(model, components, models) for model in models]
        if exponentiate:
            _check_ratios(models, wanted)
        frames = [model.tidy("fixed", level, exponentiate, df) for model in models]
        frames = [
            frame[frame["component"].isin(own)].assign(block=lambda each: each["component"])
            for frame, own in zip(frames, wanted, strict=True)
        ]
        rows = coefficient_rows(frames, terms, dict(labels or {}), intercept=intercept)
        if not rows:
            msg = "there are no coefficients to draw; intercept=True draws intercepts"
            raise ValueError(msg)
        spread = [] if not deviations else [_deviations(model, level) for model in models]
        display = cls(
            rows,
            deviations=coefficient_rows(spread, None, {}, intercept=True),
            names=called,
            level=level,
            are_ratios=exponentiate,
            axis_name=ratio_words(models, exponentiate=exponentiate),
        )
        return display.plot(ax, errorbar_kwargs=errorbar_kwargs)

    def plot(self, ax: Any = None, *, errorbar_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the coefficients and their limits.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; where there are standard deviations, an array of two. None makes a new
            figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        CoefficientDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are too few axes.
        """
        panels = [panel for panel in (self.rows, self.deviations) if panel]
        self.axes_ = self._axes(ax, panels)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.containers_: list[Any] = []
        for axis, panel in zip(self.axes_, panels, strict=True):
            places = _name_rows(axis, panel, self._height)
            for k in range(len(self.names)):
                drawn = self._draw(axis, panel, places, k, dict(errorbar_kwargs or {}))
                self.containers_.append(drawn)
        _align(self.axes_)
        if self.are_ratios:
            _dress_ratios(self.ax_, [each.estimates for each in self.rows])
        self.ax_.axvline(1.0 if self.are_ratios else 0.0, color=GRAY, linewidth=1.0, zorder=0.5)
        self.ax_.set_xlabel(self.axis_name)
        if self.deviations:
            self.axes_[1].set_xlabel("standard deviation")
            self.axes_[1].set_xlim(left=0.0)
        self.legend_ = self._legend(new=ax is None)
        return self

    @property
    def _height(self) -> float:
        return max(ROW, LANE * (len(self.names) + 0.6))

    def _axes(self, ax: Any, panels: list[Any]) -> Any:
        if ax is not None:
            given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
            if len(given) < len(panels):
                msg = f"ax has {len(given)} axes, expected {len(panels)}, with one for deviations"
                raise ValueError(msg)
            return given[: len(panels)]
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            msg = "plots need matplotlib; install it with: pip install skglmm[plot]"
            raise ImportError(msg) from error
        inches = [_inches(panel, self._height) + MARGIN for panel in panels]
        _, axes = plt.subplots(
            len(panels),
            1,
            figsize=(WIDTH, max(sum(inches), 1.8)),
            squeeze=False,
            layout="constrained",
            height_ratios=inches,
        )
        return axes.ravel()

    def _draw(
        self,
        axis: Any,
        panel: Sequence[CoefficientRow],
        places: list[float],
        k: int,
        given: dict[str, Any],
    ) -> Any:
        own = [(y, row.estimates[k]) for y, row in zip(places, panel, strict=True)]
        lane = LANE * (k - 0.5 * (len(self.names) - 1))
        every = [(y, each) for y, each in own if each is not None]
        found = [(y, each) for y, each in every if self._can_be_drawn(each)]
        for y, each in every:
            if not self._can_be_drawn(each):
                _write_unbounded(axis, y + lane, each)
        heights = np.array([at for at, _ in found]) + lane
        value, low, high = (
            np.array([getattr(each, name) for _, each in found])
            for name in ("value", "low", "high")
        )
        style: dict[str, Any] = {"linestyle": "", "elinewidth": 1.5, "zorder": 3.0}
        style |= DodgedMeans((), self.names).style(self.names[k])
        ends = np.stack([value - low, high - value]).clip(min=0.0)
        return axis.errorbar(value, heights, xerr=ends, **{**style, **given})

    def _can_be_drawn(self, estimate: Estimate) -> bool:
        numbers = np.array([estimate.value, estimate.low, estimate.high])
        positive = not self.are_ratios or bool((numbers > 0.0).all())
        return bool(np.isfinite(numbers).all()) and positive

    def _legend(self, *, new: bool) -> Any:
        from matplotlib.lines import Line2D

        entries: list[tuple[Any, str]] = []
        if len(self.names) > 1:
            lanes = DodgedMeans((), self.names)
            entries = [
                (Line2D([], [], linestyle="", **lanes.style(name)), shortened(name, LONG))
                for name in self.names
            ]
        entries.append((Line2D([], [], color=GRAY), f"{100 * self.level:g} % limits"))
        return place_legend(self.axes_[:1], entries, None, new=new)


def _check_models(models: list[MixedModel], names: list[str]) -> None:
    if not 0 < len(models) <= MOST_MODELS:
        msg = f"got {len(models)} models, expected 1 to {MOST_MODELS}"
        raise ValueError(msg)
    if len(names) != len(models) or len(set(names)) < len(names):
        msg = f"names={names} has to name each of {len(models)} models once"
        raise ValueError(msg)


def _components(model: MixedModel, components: Any, models: list[MixedModel]) -> list[str]:
    if components is None:
        return location_names(model)
    wanted = [components] if isinstance(components, str) else list(components)
    known = sorted({name for each in models for name in each.fit_.layout.predictors})
    for name in wanted:
        if name not in known:
            msg = f"components: {name!r} is in none of the models, which have {known}"
            raise ValueError(msg)
    return wanted


def _check_ratios(models: list[MixedModel], wanted: list[list[str]]) -> None:
    for model, own in zip(models, wanted, strict=True):
        family, names = model.fit_.family, model.fit_.layout.predictors
        for link, name in zip(family.links, names, strict=False):
            if name in own and link.ratio is None:
                msg = (
                    f"exponentiate=True: coefficients of {name!r} with the {link.name} link are no "
                    "logarithms of ratios; leave it out, or choose other components"
                )
                raise ValueError(msg)


def _deviations(model: MixedModel, level: float) -> Any:
    frame = model.tidy("random", level)
    frame = frame[frame["term"].str.startswith("sd(")]
    terms = frame["term"].str.slice(3, -1)
    groups = frame["group"].astype(object).where(frame["group"].notna(), "")
    several = frame["component"].nunique() > 1
    heads = groups + (" in " + frame["component"] if several else "")
    return frame.assign(block="", term=heads + "[" + terms + "]")


def _heads(rows: Sequence[CoefficientRow]) -> list[list[str]]:
    """Return the headings that begin before each row."""
    found, block, heading = [], "", ""
    for row in rows:
        new = []
        if row.block != block:
            new.append(row.block)
            heading = ""
        if row.heading and row.heading != heading:
            new.append(row.heading)
        block, heading = row.block, row.heading
        found.append(new)
    return found


def _inches(rows: Sequence[CoefficientRow], row: float) -> float:
    """Return the height of rows of a height, and of their headings."""
    return row * len(rows) + HEAD * sum(map(len, _heads(rows)))


def _name_rows(axis: Any, rows: Sequence[CoefficientRow], height: float) -> list[float]:
    """Write labels and headings from top to bottom; return where the rows stand, in inches."""
    places, lines, y = list[float](), list[tuple[float, str, bool]](), 0.0
    for row, heads in zip(rows, _heads(rows), strict=True):
        for head in heads:
            lines.append((y + 0.5 * HEAD, shortened(head, LONG), True))
            y += HEAD
        indent = "    " if row.heading else ""
        places.append(y + 0.5 * height)
        lines.append((places[-1], indent + shortened(row.label, LONG), False))
        y += height
    axis.set_yticks([at for at, _, _ in lines], [text for _, text, _ in lines])
    labels, ticks = axis.get_yticklabels(), axis.yaxis.get_major_ticks()
    for label, tick, (_, _, is_head) in zip(labels, ticks, lines, strict=True):
        label.set_fontweight("bold" if is_head else "normal")
        tick.tick1line.set_visible(not is_head)
    axis.set_ylim(y, 0.0)
    for place in places:
        axis.axhline(place, color="#EFEFEF", linewidth=0.8, zorder=0.4)
    return places


def _write_unbounded(axis: Any, y: float, each: Estimate) -> None:
    """Write an estimate that has no place on the axis, with its limits."""
    text = f"{each.value:.3g} ({each.low:.3g} to {each.high:.3g})"
    text = (
        "not determined"
        if np.isnan(each.value)
        else text.replace("inf", "\N{INFINITY}").replace("nan", "?")
    )
    style: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": "x-small"}
    axis.text(0.985, y, text, transform=axis.get_yaxis_transform(), **style)


def _align(axes: Any) -> None:
    """Let labels begin at one place, so that those under a heading stand back."""
    labels = [label for axis in axes for label in axis.get_yticklabels()]
    width = max(label.get_window_extent().width for label in labels)
    for axis in axes:
        axis.tick_params(axis="y", pad=5.0 + 72.0 * width / axis.figure.dpi)
    for label in labels:
        label.set_horizontalalignment("left")


def _dress_ratios(axis: Any, rows: Sequence[Any]) -> None:
    """Give an axis of ratios logarithms, with plain numbers at its ticks."""
    from matplotlib.ticker import AutoLocator, FuncFormatter, LogLocator, NullLocator

    every = [each for row in rows for each in row if each is not None]
    ends = np.array([1.0, *(each.low for each in every), *(each.high for each in every)])
    ends = ends[np.isfinite(ends) & (ends > 0.0)]
    ratio = ends.max() / ends.min()
    axis.set_xscale("log")
    subs = (1.0, 2.0, 5.0) if ratio < WIDE else (1.0,)
    locator = (
        AutoLocator()
        if ratio < NARROW
        else LogLocator(subs=subs, numticks=12 if ratio < WIDE else 6)
    )
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
