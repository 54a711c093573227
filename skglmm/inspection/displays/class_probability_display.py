"""Probabilities of classes over a feature, stacked."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from skglmm.arrays import Floats
from skglmm.estimators.reading.validation import check_count
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.data.feature import Feature
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import as_table, column_name
from skglmm.inspection.displays.level_artists import name_categories
from skglmm.inspection.displays.panels import open_axes, place_legend, shortened
from skglmm.inspection.means.marginal_means import marginal_means

__all__ = ["ClassProbabilityDisplay"]

SINGLE, SEVERAL = (6.4, 3.8), (2.9, 2.7)  # inches of a panel
LONG_TITLE, LONG_KEY, MOST_CLASSES = 26, 32, 12
BAR = 0.78  # width of the bar of a category
PALE, DARK = 0.95, 0.08  # ends of the color map, whose lightness falls evenly
HATCHES = ("", "///", "...", "\\\\\\", "xxx")


class ClassProbabilityDisplay(SingleThreaded):
    """Probabilities of all classes over a feature, stacked to 1.

    Over numbers they are areas, over categories bars. Ordered classes are shades from pale to
    dark, which stay apart in gray; classes without an order are hatched as well.

    Parameters
    ----------
    x : ndarray, shape (n_points,)
        Values of the feature; of categories their places from 0.
    probabilities : mapping of str to ndarray, shape (n_points, n_classes)
        For each panel, by its title.
    classes : sequence of str
        Names, from bottom to top.
    feature_name, target_name : str
        Names of feature and response.
    levels : sequence of str, default=None
        Names of the feature's categories; None for numbers.
    is_ordered : bool, default=True
        Whether classes have an order.
    words : str, default=""
        Whose probabilities they are, for the legend.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    areas_ : list
        Areas or bars, class by class, of each panel.
    legend_ : Legend

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import OrdinalGLMMClassifier
    >>> from skglmm.inspection import ClassProbabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"sugar": rng.uniform(0, 9, 120), "judge": np.arange(120) % 12})
    >>> y = pd.Series(np.digitize(X["sugar"] + rng.logistic(size=120), [3, 6]), name="rating")
    >>> model = OrdinalGLMMClassifier("sugar").fit(X, y)
    >>> display = ClassProbabilityDisplay.from_estimator(model, X, y, feature="sugar")
    >>> display.classes
    ['0', '1', '2']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        x: Floats,
        probabilities: Mapping[str, Floats],
        classes: Sequence[str],
        *,
        feature_name: str,
        target_name: str = "y",
        levels: Sequence[str] | None = None,
        is_ordered: bool = True,
        words: str = "",
    ) -> None:
        self.x = x
        self.probabilities = probabilities
        self.classes = classes
        self.feature_name = feature_name
        self.target_name = target_name
        self.levels = levels
        self.is_ordered = is_ordered
        self.words = words

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        feature: Any,
        facet: Any = None,
        at: Mapping[Any, Any] | None = None,
        weights: str = "equal",
        kind: str = "fixed",
        n_points: int = 50,
        ax: Any = None,
    ) -> "ClassProbabilityDisplay":
        """Find the probabilities of a model along a feature, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows whose ranges count.
        y : array-like, shape (n_samples,), default=None
            Responses, whose name the legend gets.
        feature : str or int
            Column for the horizontal axis, numbers or categories.
        facet : str or int, default=None
            Column whose values make panels.
        at, weights, kind
            As in `marginal_means`, whose averages of probabilities are drawn.
        n_points : int, default=50
            Points along numbers.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.

        Returns
        -------
        ClassProbabilityDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When responses are no classes, there are more than 12, or columns are unknown.
        """
        check_count("n_points", n_points)
        fitted, table = Fitted.of(estimator), as_table(X)
        name = column_name(table, feature)
        found = Feature.of(fitted.model, table, name)
        values = found.values(table[name], n_points)
        by = [name] if facet is None else [column_name(table, facet), name]
        grid = {**(at or {}), name: list(values)}
        means = marginal_means(estimator, X, by, at=grid, weights=weights, kind=kind)
        if not means.within:
            msg = (
                "probabilities are stacked of ordered or unordered classes, and responses of "
                f"{type(fitted.model).__name__} are others; take PredictionDisplay"
            )
            raise ValueError(msg)
        classes = list(dict.fromkeys(str(label[0]) for label in means.labels))
        _check_number(classes)
        blocks = means.estimate.reshape(-1, len(values), len(classes))
        titles = [f"{by[0]}: {label[1]}" if facet is not None else "" for label in means.labels]
        panels = dict(zip(dict.fromkeys(titles), blocks, strict=True))
        grouped = bool(fitted.model.fit_.layout.grouping_factors)
        display = cls(
            found.positions(values),
            panels,
            classes,
            feature_name=str(name),
            target_name=fitted.target(y),
            levels=found.labels,
            is_ordered=len(fitted.model.fit_.family.locations) == 1,
            words={"fixed": "typical group", "marginal": "average over groups"}[kind]
            if grouped
            else "",
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the probabilities.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.

        Returns
        -------
        ClassProbabilityDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are too few axes.
        """
        new, size = ax is None, SINGLE if len(self.probabilities) == 1 else SEVERAL
        self.figure_, self.axes_ = open_axes(
            ax, len(self.probabilities), size, sharex=True, sharey=True
        )
        self.ax_, self.areas_ = self.axes_[0], list[list[Any]]()
        for axis, (title, numbers) in zip(self.axes_, self.probabilities.items(), strict=True):
            self.areas_.append(self._draw(axis, numbers))
            axis.set_title(shortened(title, LONG_TITLE), fontsize="medium")
            axis.set(ylim=(0.0, 1.0), xlabel=self.feature_name, ylabel="probability")
        if new and len(self.axes_) > 1:
            self.figure_.supxlabel(self.feature_name, fontsize="medium")
            self.figure_.supylabel("probability", fontsize="medium")
            for axis in self.axes_:
                axis.set(xlabel="", ylabel="")
        self.legend_ = self._legend(new=new)
        return self

    def _draw(self, axis: Any, numbers: Floats) -> list[Any]:
        edges = np.hstack([np.zeros((len(numbers), 1)), np.cumsum(numbers, axis=1)])
        areas = []
        for k, style in enumerate(self._styles()):
            low, high = edges[:, k], edges[:, k + 1]
            if self.levels is None:
                areas.append(axis.fill_between(self.x, low, high, linewidth=0.8, **style))
            else:
                bars = axis.bar(self.x, high - low, BAR, bottom=low, linewidth=0.8, **style)
                areas.append(bars)
        if self.levels is None:
            axis.set_xlim(self.x.min(), self.x.max())
        else:
            name_categories(axis, self.levels)
        return areas

    def _styles(self) -> list[dict[str, Any]]:
        from matplotlib import colormaps

        shades = colormaps["cividis"](np.linspace(PALE, DARK, len(self.classes)))
        hatches = [HATCHES[k % len(HATCHES)] for k in range(len(self.classes))]
        return [
            {"facecolor": shade, "edgecolor": "white", "hatch": "" if self.is_ordered else hatch}
            for shade, hatch in zip(shades, hatches, strict=True)
        ]

    def _legend(self, *, new: bool) -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        pairs = zip(self._styles(), self.classes, strict=True)
        entries: list[tuple[Any, str]] = [
            (Patch(**style), shortened(name, LONG_KEY)) for style, name in pairs
        ]
        entries.reverse()  # as they are stacked
        if self.words:
            entries.append((Line2D([], [], linestyle=""), self.words))
        return place_legend(self.axes_, entries, shortened(self.target_name, LONG_KEY), new=new)


def _check_number(classes: Sequence[str]) -> None:
    if len(classes) > MOST_CLASSES:
        msg = f"{len(classes)} classes, of at most {MOST_CLASSES}; nobody could tell them apart"
        raise ValueError(msg)
