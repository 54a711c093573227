"""Marginal means with their limits, and letters or brackets of their contrasts."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from skglmm.estimators.reading.validation import check_choice
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inference import MarginalMeans, MeanContrasts
from skglmm.inspection.data.compact_letters import MeanPairs
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.estimates.mean_artists import (
    Bracket,
    DodgedMeans,
    draw_brackets,
    draw_letters,
    p_text,
)
from skglmm.inspection.displays.panels import GRAY, open_axes, place_legend, shortened
from skglmm.inspection.means.marginal_means import marginal_means

__all__ = ["MarginalMeansDisplay"]

MARKS = ("letters", "brackets")
MOST_GROUPS, MOST_BRACKETS = 10, 12
LONG_TITLE, LONG_KEY = 26, 32  # letters
# inches of a panel, of what is beside it, and of the legend beside a single one
HEIGHT, MARGIN, NARROWEST, WIDEST, LEGEND = 3.6, 0.9, 2.6, 11.0, 2.2
METHODS = {
    "tukey": "Tukey",
    "dunnett": "Dunnett",
    "sidak": "Sidak",
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "none": "not adjusted",
}


class MarginalMeansDisplay(SingleThreaded):
    """Marginal means as points with limits, and which of them differ.

    Levels of the first column stand along the axis, those of a second side by side with a color
    and a marker each, or in panels. Letters stand above the limits: means that were compared, and
    have no letter in common, differ. Brackets have the p-values of pairs that differ.

    Parameters
    ----------
    means : MarginalMeans
        What `marginal_means` or `slopes` returns.
    contrasts : MeanContrasts, default=None
        Of pairs of these means, for `marks`.
    facet : str, default=None
        Which column makes panels.
    marks : {"letters", "brackets"} or None, default=None
        How contrasts are shown.
    alpha : float, default=0.05
        Means differ whose p-value is smaller.
    joined : bool, default=False
        Whether lines join the means of a color.
    target_name : str, default="mean"
        What the means are of, for the axis, with its unit.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    containers_ : list of ErrorbarContainer
        Means and limits, of each color in each panel.
    marks_ : list of Annotation
        Letters, or p-values of brackets.
    legend_ : Legend

    See Also
    --------
    marginal_means : The numbers.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import LMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import MarginalMeansDisplay, marginal_means
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = LMMRegressor("EP + (1 | batch)").fit(X, y)
    >>> means = marginal_means(model, X, by="EP", at={"EP": [250, 300, 350]})
    >>> display = MarginalMeansDisplay.from_means(means, marks="letters", target_name="yield (%)")
    >>> [text.get_text() for text in display.marks_]
    ['c', 'b', 'a']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        means: MarginalMeans,
        *,
        contrasts: MeanContrasts | None = None,
        facet: str | None = None,
        marks: str | None = None,
        alpha: float = 0.05,
        joined: bool = False,
        target_name: str = "mean",
    ) -> None:
        self.means = means
        self.contrasts = contrasts
        self.facet = facet
        self.marks = marks
        self.alpha = alpha
        self.joined = joined
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        by: Any,
        facet: str | None = None,
        at: Mapping[Any, Any] | None = None,
        weights: str = "equal",
        kind: str = "fixed",
        scale: str = "response",
        df: str = "auto",
        level: float = 0.95,
        marks: str | None = "letters",
        within: Any = "auto",
        adjust: str = "auto",
        alpha: float = 0.05,
        joined: bool = False,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
    ) -> "MarginalMeansDisplay":
        """Find the marginal means of a model, and their pairwise contrasts, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of the fit.
        y : array-like, shape (n_samples,), default=None
            Responses, whose name the axis gets.
        by : str or list of str
            Columns of the means: the first along the axis, others as colors, or as panels.
        facet : str, default=None
            The column of `by` that makes panels. Classes make panels if nothing is said;
            ``facet="class"`` says it.
        at, weights, kind, scale, df, level
            As in `marginal_means`.
        marks : {"letters", "brackets"} or None, default="letters"
            How pairwise contrasts are shown.
        within : str, list of str or None, default="auto"
            Columns within whose values means are compared; by default all but the one along the
            axis. None compares all means with each other.
        adjust : str, default="auto"
            Of p-values, as in `contrasts` of the means: Tukey's by default.
        alpha : float, default=0.05
            Means differ whose p-value is smaller.
        joined : bool, default=False
            Whether lines join the means of a color, as in pictures of interactions.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        MarginalMeansDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns or choices are unknown, and as in `marginal_means`.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import LMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import MarginalMeansDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = LMMRegressor("EP + (1 | batch)").fit(X, y)
        >>> display = MarginalMeansDisplay.from_estimator(
        ...     model, X, y, by="EP", at={"EP": [250, 300]}, marks="brackets"
        ... )
        >>> display.ax_.get_ylabel()
        'mean of Y'
        >>> plt.close(display.figure_)
        """
        means = marginal_means(
            *(estimator, X, by),
            at=at,
            weights=weights,
            kind=kind,
            scale=scale,
            df=df,
            level=level,
        )
        return cls.from_means(
            means,
            facet=facet,
            marks=marks,
            within=within,
            adjust=adjust,
            alpha=alpha,
            joined=joined,
            target_name=_axis_name(Fitted.of(estimator), means, y),
            ax=ax,
            errorbar_kwargs=errorbar_kwargs,
        )

    @classmethod
    def from_means(
        cls,
        means: MarginalMeans,
        *,
        contrasts: MeanContrasts | None = None,
        facet: str | None = None,
        marks: str | None = None,
        within: Any = "auto",
        adjust: str = "auto",
        alpha: float = 0.05,
        joined: bool = False,
        target_name: str | None = None,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
    ) -> "MarginalMeansDisplay":
        """Plot means, or slopes, that are there already.

        Parameters
        ----------
        means : MarginalMeans
            What `marginal_means` or `slopes` returns.
        contrasts : MeanContrasts, default=None
            What their method `contrasts` returned, of pairs; None makes pairwise ones.
        facet, marks, within, adjust, alpha, joined, ax, errorbar_kwargs
            As in `from_estimator`; here without marks, unless `marks` or `contrasts` is given.
            `within` and `adjust` are for contrasts that are made here.
        target_name : str, default=None
            What the means are of, for the axis.

        Returns
        -------
        MarginalMeansDisplay
            Drawn.

        Raises
        ------
        ValueError
            When there are no columns, too many groups or brackets, contrasts of other than pairs,
            or a choice is unknown.
        """
        marks = "letters" if marks is None and contrasts is not None else marks
        if marks is not None:
            check_choice("marks", marks, MARKS)
        if facet is None and means.within:
            facet = means.within[0]
        if marks is not None and contrasts is None and len(means.labels) > 1:
            columns = _axis_columns(means, facet)
            inside = [name for name in means.names if name != columns[0]]
            columns = inside if isinstance(within, str) and within == "auto" else within
            contrasts = means.contrasts(by=columns, adjust=adjust)
        name = _usual_name(means) if target_name is None else target_name
        display = cls(
            means,
            contrasts=contrasts,
            facet=facet,
            marks=marks,
            alpha=alpha,
            joined=joined,
            target_name=name,
        )
        return display.plot(ax, errorbar_kwargs=errorbar_kwargs)

    def plot(self, ax: Any = None, *, errorbar_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the means, their limits and marks.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.
        errorbar_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        MarginalMeansDisplay
            Itself.

        Raises
        ------
        ValueError
            As `from_means`, and when there are too few axes.
        """
        columns, new = _axis_columns(self.means, self.facet), ax is None
        frame = self._frame(columns)
        panels = list(dict.fromkeys(frame["panel"]))
        lanes = DodgedMeans(*(list(dict.fromkeys(frame[key])) for key in ("level", "group")))
        self._check_groups(lanes)
        width = min(max(NARROWEST, MARGIN + lanes.inches), WIDEST)
        width += LEGEND if len(panels) == 1 else 0.0
        self.figure_, self.axes_ = open_axes(
            ax, len(panels), (width, HEIGHT + lanes.slant), sharex=True, sharey=True
        )
        self.ax_, self.containers_, self.marks_ = self.axes_[0], list[Any](), list[Any]()
        places = [[k for k, panel in enumerate(frame["panel"]) if panel == name] for name in panels]
        for axis, rows in zip(self.axes_, places, strict=True):
            self._draw(axis, lanes, frame, rows, dict(errorbar_kwargs or {}))
            lanes.dress(axis)
        self._mark(frame, places)
        self._label(panels, columns, new=new)
        self.legend_ = place_legend(
            self.axes_, self._entries(lanes), ", ".join(columns[1:]) or None, new=new
        )
        return self

    def _frame(self, columns: list[str]) -> dict[str, Any]:
        names, labels = list(self.means.names), self.means.labels
        first, *others = [names.index(name) for name in columns]
        low, high = self.means.limits
        at = None if self.facet is None else names.index(self.facet)
        return {
            "panel": ["" if at is None else f"{self.facet}: {row[at]}" for row in labels],
            "level": [str(row[first]) for row in labels],
            "group": [", ".join(str(row[j]) for j in others) for row in labels],
            "mean": self.means.estimate,
            "low": low,
            "high": high,
            "x": np.zeros(len(labels)),
        }

    def _check_groups(self, lanes: DodgedMeans) -> None:
        if len(lanes.groups) > MOST_GROUPS:
            msg = (
                f"{len(lanes.groups)} groups would stand side by side, of at most {MOST_GROUPS}; "
                "let one of their columns make panels, facet=..., or average over it"
            )
            raise ValueError(msg)

    def _draw(
        self, axis: Any, lanes: DodgedMeans, frame: dict[str, Any], rows: list[int], given: Any
    ) -> None:
        for group in lanes.groups:
            own = np.array([k for k in rows if frame["group"][k] == group], dtype=np.intp)
            frame["x"][own] = [lanes.place(frame["level"][k], group) for k in own]
            x, mean, low, high = (frame[name][own] for name in ("x", "mean", "low", "high"))
            numbers = x, mean, low, high
            self.containers_.append(lanes.draw(axis, group, numbers, given, joined=self.joined))

    def _mark(self, frame: dict[str, Any], places: list[list[int]]) -> None:
        if self.marks is None or self.contrasts is None:
            return
        pairs = MeanPairs.of(self.contrasts)
        if self.marks == "letters":
            letters = pairs.letters(self.means.estimate, self.alpha)
            for axis, rows in zip(self.axes_, places, strict=True):
                texts = [letters[k] for k in rows]
                self.marks_ += draw_letters(axis, frame["x"][rows], frame["high"][rows], texts)
            return
        panel_of = {k: place for place, rows in enumerate(places) for k in rows}
        brackets: list[list[Bracket]] = [[] for _ in places]
        for i, j, p_value in zip(pairs.first, pairs.second, pairs.p_value, strict=True):
            if panel_of[i] != panel_of[j]:
                msg = (
                    "a bracket cannot join means of two panels; compare within= "
                    f"{self.facet!r}, or take marks='letters'"
                )
                raise ValueError(msg)
            if p_value < self.alpha:
                rows = places[panel_of[i]]
                brackets[panel_of[i]].append(_bracket(frame, rows, (i, j), p_text(p_value)))
        most = max(map(len, brackets))
        if most > MOST_BRACKETS:
            msg = f"{most} brackets, of at most {MOST_BRACKETS}, in a panel; take marks='letters'"
            raise ValueError(msg)
        for axis, found in zip(self.axes_, brackets, strict=True):
            self.marks_ += draw_brackets(axis, found)

    def _label(self, panels: list[str], columns: list[str], *, new: bool) -> None:
        for axis, title in zip(self.axes_, panels, strict=True):
            axis.set_title(shortened(title, LONG_TITLE), fontsize="medium")
            axis.set(xlabel=columns[0], ylabel=self.target_name)
        if new and len(panels) > 1:
            self.figure_.supxlabel(columns[0], fontsize="medium")
            self.figure_.supylabel(self.target_name, fontsize="medium")
            for axis in self.axes_:
                axis.set(xlabel="", ylabel="")

    def _entries(self, lanes: DodgedMeans) -> list[tuple[Any, str]]:
        from matplotlib.lines import Line2D

        entries: list[tuple[Any, str]] = []
        if len(lanes.groups) > 1:
            for group in lanes.groups:
                key = Line2D(
                    [], [], **lanes.style(group), linestyle=lanes.dash(group, joined=self.joined)
                )
                entries.append((key, shortened(group, LONG_KEY)))
        bar: dict[str, Any] = {
            "color": GRAY,
            "marker": "|",
            "markersize": 11,
            "markeredgewidth": 1.6,
        }
        limits = f"{100 * self.means.level:g} % limits"
        entries.append((Line2D([], [], linestyle="", **bar), limits))
        if self.marks is not None and self.contrasts is not None:
            entries.append((Line2D([], [], linestyle=""), self._words()))
        return entries

    def _words(self) -> str:
        """Say what letters or brackets mean, and among which means."""
        how = METHODS.get(self.contrasts.adjust, "") if self.contrasts is not None else ""
        rule = f"p < {self.alpha:g}, {how}"
        names = () if self.contrasts is None else self.contrasts.names[:-1]
        inside = [name for name in names if name in self.means.names]
        among = f"\nwithin {shortened(', '.join(inside), LONG_KEY)}" if inside else ""
        if self.marks == "brackets":
            return f"means that differ,\n{rule}{among}"
        return f"means without a common\nletter differ, {rule}{among}"


def _bracket(frame: dict[str, Any], rows: list[int], ends: tuple[int, int], text: str) -> Bracket:
    left, right = sorted(float(frame["x"][k]) for k in ends)
    below = [frame["high"][k] for k in rows if left - 1e-9 <= frame["x"][k] <= right + 1e-9]
    return Bracket(left, right, float(np.nanmax(below)), text)


def _axis_columns(means: MarginalMeans, facet: str | None) -> list[str]:
    """Return the columns that make no panels: that along the axis, and those of colors."""
    if facet is not None and facet not in means.names:
        msg = f"facet={facet!r} is no column of these means, which have {list(means.names)}"
        raise ValueError(msg)
    columns = [name for name in means.names if name != facet]
    if not columns:
        msg = f"nothing stands along the axis: by= needs a column beside facet={facet!r}"
        raise ValueError(msg)
    return columns


def _usual_name(means: MarginalMeans) -> str:
    if means.title.startswith("Slopes"):
        return "slope" + means.title.removeprefix("Slopes").removesuffix(", scale of the response")
    return f"mean, {means.working.name} scale" if means.on_link else "mean"


def _axis_name(fitted: Fitted, means: MarginalMeans, y: Any) -> str:
    """Return what the means of a model are called."""
    target = fitted.target(y)
    if means.on_link:
        return fitted.link_name(y)
    if means.within:
        return f"probability of {target}"
    return fitted.mean_name(y) or f"mean of {target}"
