"""Predicted means with limits over a feature, numbers or categories, and the data."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from skglmm.estimators.reading.validation import check_count
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.data.curves import Curve, Scene
from skglmm.inspection.data.question import Question
from skglmm.inspection.data.tables import column_name
from skglmm.inspection.displays.curve_artists import Styles
from skglmm.inspection.displays.curve_groups import MOST_COLORS, CurveGroups
from skglmm.inspection.displays.level_artists import LevelArtists
from skglmm.inspection.displays.line_artists import LineArtists
from skglmm.inspection.displays.panels import open_axes, place_legend, shortened
from skglmm.inspection.displays.prediction_legend import BANDS, PredictionLegend

__all__ = ["PredictionDisplay"]

LONG_TITLE = 26  # letters above a panel
SINGLE, SEVERAL = (6.4, 4.2, 2.6), (2.8, 2.4, 0.4)  # inches of a panel, and of what is beside it
REFERENCES = ("auto", "marginal", "fixed")
OTHERS = ("average", "typical")


class PredictionDisplay(SingleThreaded):
    """Predicted means over one feature, with limits and the data, by group.

    `from_estimator` computes one; `plot` draws it again. Over numbers there are curves with bands,
    over categories points with limits, before the data side by side. Up to 10 groups have a color
    and limits each. More are thin gray lines, or gray dots, without limits, behind their average.
    Long names of groups are shown without their middle.

    Parameters
    ----------
    curves : sequence of Curve
        One for each group.
    feature_name, target_name : str
        Names of feature and response, for the axes.
    mean_name : str, default=None
        What means are called, such as "P(y = yes)"; None is "mean of" the response.
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
    levels : sequence of str, default=None
        Names of the feature's categories, whose places from 0 are the x of the curves; None for
        numbers.
    held : mapping of str to str, default=None
        Columns that stand at typical values, and these, for the legend.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    lines_, bands_, scatters_ : list
        Artists of the curves, their bands and the data, in the order of the curves; where groups
        have no colors, the data of a panel are one artist. Over categories these are markers
        (a Line2D for each group) and vertical lines (a LineCollection).
    overall_lines_ : list of Line2D
        The curve to compare with, in each panel.
    legend_ : Legend

    See Also
    --------
    data_grid : The rows that are predicted.
    InteractionDisplay : Means over two features of numbers.
    ClassProbabilityDisplay : Probabilities of all classes.
    MarginalMeansDisplay : Means over balanced grids, with their contrasts.

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
        mean_name: str | None = None,
        by: Sequence[str] = (),
        facet: str | None = None,
        kind: str = "fixed",
        overall: Curve | None = None,
        overall_kind: str = "marginal",
        interval: str | None = "mean",
        level: float = 0.95,
        levels: Sequence[str] | None = None,
        held: Mapping[str, str] | None = None,
    ) -> None:
        self.curves = curves
        self.feature_name = feature_name
        self.target_name = target_name
        self.mean_name = mean_name
        self.by = by
        self.facet = facet
        self.kind = kind
        self.overall = overall
        self.overall_kind = overall_kind
        self.interval = interval
        self.level = level
        self.levels = levels
        self.held = held

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
        others: str = "average",
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
            Rows whose ranges and groups count. Of a pipeline, what comes before its first step;
            features that only a later step makes can be named, too.
        y : array-like, shape (n_samples,), default=None
            Responses, drawn under the curves.
        feature : str or int
            Column for the horizontal axis: numbers, or at most 100 categories, which are texts,
            booleans, dates, numbers inside ``C()``, or the levels of a grouping factor.
        by : str or list of str, default=None
            Columns whose combinations have a curve each; None is one curve. A column that is a
            level only together with others, such as plots "a", "b", "c" of every site in
            ``(1 | site/plot)``, brings these with it.
        facet : str, default=None
            A column of `by` that makes panels rather than colors.
        kind : str or set, default=None
            As in `predict`; None is the model's `predict_kind`. "conditional" uses the effects
            of the grouping factors that have one level in all rows of a curve, since their
            columns are in `by` or belong to its labels, as the site does to a plot; effects of
            the others are 0. Where there is no such factor, None is "marginal".
        interval : {"mean", "response"} or None, default="mean"
            Whether bands are limits of the mean, of a new response, or not drawn.
        level : float, default=0.95
            Coverage of the bands.
        reference : {"auto", "marginal", "fixed"} or None, default="auto"
            A curve over all rows to compare with, with the random effects averaged over
            ("marginal") or 0 ("fixed"). "auto" draws the first where there are too many groups
            for colors.
        others : {"average", "typical"}, default="average"
            What other columns are. "average": each curve is the average over its rows, which keep
            their own values of other columns while the feature moves; that behind many groups is
            the average over all rows. "typical": all stand at the typical values of `data_grid`,
            which make groups comparable that differ in other columns, too. The legend says what
            was averaged over, or which values these are.
        n_points : int, default=100
            Points of each curve. Over whole times of autoregressive effects these are the times
            that occur.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure. The legend
            stands beside axes of a figure with a layout (``layout="constrained"``), else inside.
        line_kwargs, fill_kwargs, scatter_kwargs : dict, default=None
            Passed to matplotlib's `plot`, `fill_between` (`vlines` over categories) and `scatter`.

        Returns
        -------
        PredictionDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are unknown or a choice is none, there are too many categories, and as in
            `predict_interval`.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Notes
        -----
        Limits of an average over rows are those of the delta method with all its rows' errors
        together, on the scale of the link; limits of a new response are quantiles of the mixture
        of the rows' distributions. Where that takes more than 200,000 predictions, 10,000 of new
        responses, or 2,000 at new times or places, evenly spaced rows stand for all, and the
        legend counts them. Means that the data do not determine are gaps.

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
        _check_choices(interval, reference, others)
        check_count("n_points", n_points)
        scene = Scene.of(
            estimator, X, y, (feature, by), kind, typical=others == "typical", n_points=n_points
        )
        many = facet is None and scene.n_groups > MOST_COLORS
        ask = Question(scene.kind, None if many else interval, level)
        if reference == "auto":
            reference = "marginal" if many else None
        overall = None
        if reference is not None:
            overall = scene.overall(Question(reference, interval, level))
        display = cls(
            scene.curves(ask),
            feature_name=str(scene.feature.name),
            target_name=scene.fitted.target(y),
            mean_name=scene.fitted.mean_name(y),
            by=[str(name) for name in scene.by],
            facet=None if facet is None else str(column_name(scene.table, facet)),
            kind=scene.words(scene.kind),
            overall=overall,
            overall_kind=scene.words(reference or "marginal"),
            interval=interval,
            level=level,
            levels=scene.feature.labels,
            held=scene.held(ask),
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
            Passed to matplotlib's `plot`, `fill_between` (`vlines` over categories) and `scatter`.

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
        artists = LineArtists(groups) if self.levels is None else LevelArtists(self.levels, groups)
        size = artists.size(*(SINGLE if len(panels) == 1 else SEVERAL))
        self.figure_, self.axes_ = open_axes(ax, len(panels), size, sharex=True, sharey=True)
        self.ax_ = self.axes_[0]
        given = {"line": line_kwargs, "fill": fill_kwargs, "scatter": scatter_kwargs}
        self._draw(artists, panels, {name: dict(found or {}) for name, found in given.items()})
        self._label(panels, new=new)
        legend = PredictionLegend(self, groups, artists)
        self.legend_ = place_legend(self.axes_, legend.entries(), legend.title, new=new)
        return self

    def _draw(
        self, artists: LineArtists | LevelArtists, panels: Mapping[str, list[Curve]], styles: Styles
    ) -> None:
        self.lines_, self.bands_, self.scatters_ = [], [], []
        self.overall_lines_: list[Any] = []
        n_rows = sum(c.data.shape[1] for c in self.curves if c.data is not None)
        for axis, curves in zip(self.axes_, panels.values(), strict=True):
            artists.dress(axis)
            for cloud in [curves] if artists.groups.are_many else [[curve] for curve in curves]:
                self.scatters_.append(artists.points(axis, cloud, n_rows, styles["scatter"]))
            for curve in curves:
                line, band = artists.draw(axis, curve, styles)
                self.lines_.append(line)
                self.bands_.append(band)
            if self.overall is not None:
                self.overall_lines_.append(artists.draw_overall(axis, self.overall, styles))
        self._sort(panels)
        self.bands_ = [band for band in self.bands_ if band is not None]
        self.scatters_ = [points for points in self.scatters_ if points is not None]

    def _sort(self, panels: Mapping[str, list[Curve]]) -> None:
        """Bring artists, which were drawn panel by panel, into the order of the curves."""
        places = {id(curve): k for k, curve in enumerate(self.curves)}
        drawn = [places[id(curve)] for curves in panels.values() for curve in curves]
        order = sorted(range(len(drawn)), key=drawn.__getitem__)
        self.lines_ = [self.lines_[k] for k in order]
        self.bands_ = [self.bands_[k] for k in order]
        if len(self.scatters_) == len(order):
            self.scatters_ = [self.scatters_[k] for k in order]

    def _label(self, panels: Collection[str], *, new: bool) -> None:
        plain = self.scatters_ or self.interval == "response"
        target = self.mean_name or (self.target_name if plain else f"mean of {self.target_name}")
        for axis, title in zip(self.axes_, panels, strict=True):
            axis.set_title(shortened(title, LONG_TITLE), fontsize="medium")
            axis.set(xlabel=self.feature_name, ylabel=target)
        if new and len(panels) > 1:
            self.figure_.supxlabel(self.feature_name, fontsize="medium")
            self.figure_.supylabel(target, fontsize="medium")
            for axis in self.axes_:
                axis.set(xlabel="", ylabel="")


def _check_choices(interval: Any, reference: Any, others: Any) -> None:
    if others not in OTHERS:
        known = " or ".join(map(repr, OTHERS))
        msg = f"others={others!r} is unknown, expected {known}"
        raise ValueError(msg)
    for name, value, choices in (
        ("interval", interval, tuple(BANDS)),
        ("reference", reference, REFERENCES),
    ):
        if value is not None and value not in choices:
            known = ", ".join(map(repr, choices))
            msg = f"{name}={value!r} is unknown, expected None or one of {known}"
            raise ValueError(msg)
