"""Means over two features of numbers: lines of one at values of the other, or a map."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from skglmm.arrays import Floats
from skglmm.estimators.reading.validation import check_choice, check_count
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import as_table, column_name, is_number
from skglmm.inspection.displays.panels import GRAY, open_axes, place_legend, shortened, style_of
from skglmm.inspection.means.marginal_means import marginal_means

__all__ = ["InteractionDisplay"]

STYLES = ("lines", "map")
QUANTILES = (0.1, 0.5, 0.9)  # of the second feature, where lines are drawn
DASHES = ("-", "--", "-.", ":")
MOST_LINES = 6
SINGLE, SEVERAL = (6.4, 4.2), (3.2, 2.9)  # inches of a panel
BAND_ALPHA, N_CONTOURS, MOST_DOTS = 0.15, 7, 2000
LONG_TITLE = 26


class InteractionDisplay(SingleThreaded):
    """Means over two features of numbers, with other columns as in `marginal_means`.

    Lines over the first feature at some values of the second have limits. A map has contours with
    their numbers, and dots where the data are: means far from these are guesses.

    Parameters
    ----------
    x, z : ndarray, shapes (n_x,) and (n_z,)
        Values of both features.
    mean : mapping of str to ndarray, shape (n_x, n_z)
        For each panel, by its title.
    limits : mapping of str to ndarray, shape (2, n_x, n_z)
        Lower and upper ones.
    names : tuple of str
        Of the two features.
    target_name : str, default="mean"
        What means are of.
    style : {"lines", "map"}, default="lines"
    level : float, default=0.95
        Coverage of the limits.
    data : mapping of str to ndarray, shape (2, n_samples), default=None
        Values of both features in the data of each panel.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
    lines_ : list of Line2D
    bands_ : list
    maps_ : list of QuadContourSet
    legend_ : Legend or None
    colorbar_ : Colorbar or None

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import InteractionDisplay
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + SG + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> display = InteractionDisplay.from_estimator(model, X, y, features=("EP", "SG"))
    >>> len(display.lines_)
    3
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        x: Floats,
        z: Floats,
        mean: Mapping[str, Floats],
        limits: Mapping[str, Floats],
        names: tuple[str, str],
        *,
        target_name: str = "mean",
        style: str = "lines",
        level: float = 0.95,
        data: Mapping[str, Floats] | None = None,
    ) -> None:
        self.x = x
        self.z = z
        self.mean = mean
        self.limits = limits
        self.names = names
        self.target_name = target_name
        self.style = style
        self.level = level
        self.data = data

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        features: Sequence[Any],
        facet: Any = None,
        style: str = "lines",
        values: Sequence[float] | None = None,
        at: Mapping[Any, Any] | None = None,
        weights: str = "equal",
        kind: str = "fixed",
        scale: str = "response",
        level: float = 0.95,
        n_points: int = 40,
        ax: Any = None,
    ) -> "InteractionDisplay":
        """Find the means of a model over two features, and plot them.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows whose ranges count.
        y : array-like, shape (n_samples,), default=None
            Responses, whose name the axis gets.
        features : sequence of two str or int
            Columns of numbers: of the horizontal axis, and of the lines or the vertical axis.
        facet : str or int, default=None
            Column whose values make panels.
        style : {"lines", "map"}, default="lines"
            What the second feature is.
        values : sequence of float, default=None
            Of the second feature, up to 6, where lines are drawn; None is its 10 %, 50 % and 90 %
            quantiles.
        at, weights, kind, scale, level
            As in `marginal_means`.
        n_points : int, default=40
            Points along an axis.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.

        Returns
        -------
        InteractionDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When features are not two columns of numbers, responses are classes of more than two
            kinds, or a choice is unknown.
        """
        check_choice("style", style, STYLES)
        check_count("n_points", n_points)
        fitted, table = Fitted.of(estimator), as_table(X)
        first, second = names = _names(table, features)
        x = np.linspace(table[first].min(), table[first].max(), n_points)
        z = _second(table[second], values, n_points if style == "map" else None)
        by = [first, second] if facet is None else [column_name(table, facet), first, second]
        grid = {**(at or {}), first: x.tolist(), second: z.tolist()}
        means = marginal_means(
            *(estimator, X, by), at=grid, weights=weights, kind=kind, scale=scale, level=level
        )
        if means.within:
            msg = "classes have a mean each; take ClassProbabilityDisplay, with facet="
            raise ValueError(msg)
        shape = (-1, len(x), len(z))
        titles = [label[0] if facet is not None else "" for label in means.labels]
        keys = list(dict.fromkeys(titles))
        panels = [f"{by[0]}: {key}" if facet is not None else "" for key in keys]
        low, high = (each.reshape(shape) for each in means.limits)
        name = fitted.mean_name(y) or f"mean of {fitted.target(y)}"
        rows = [table if facet is None else table[(table[by[0]] == key).to_numpy()] for key in keys]
        display = cls(
            x,
            z,
            dict(zip(panels, means.estimate.reshape(shape), strict=True)),
            dict(zip(panels, np.stack([low, high], axis=1), strict=True)),
            (str(names[0]), str(names[1])),
            target_name=fitted.link_name(y) if means.on_link else name,
            style=style,
            level=level,
            data={
                panel: own[[first, second]].to_numpy(dtype=np.float64).T
                for panel, own in zip(panels, rows, strict=True)
            },
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the lines or maps.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each panel. None makes a new figure.

        Returns
        -------
        InteractionDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are too few axes.
        """
        new, size = ax is None, SINGLE if len(self.mean) == 1 else SEVERAL
        self.figure_, self.axes_ = open_axes(ax, len(self.mean), size, sharex=True, sharey=True)
        self.ax_, self.legend_, self.colorbar_ = self.axes_[0], None, None
        self.lines_, self.bands_, self.maps_ = list[Any](), list[Any](), list[Any]()
        draw = self._draw_lines if self.style == "lines" else self._draw_map
        vertical = self.target_name if self.style == "lines" else self.names[1]
        for axis, title in zip(self.axes_, self.mean, strict=True):
            draw(axis, title)
            axis.set_title(shortened(title, LONG_TITLE), fontsize="medium")
            axis.set(xlabel=self.names[0], ylabel=vertical)
        if new and len(self.axes_) > 1:
            self.figure_.supxlabel(self.names[0], fontsize="medium")
            self.figure_.supylabel(vertical, fontsize="medium")
            for axis in self.axes_:
                axis.set(xlabel="", ylabel="")
        if self.style == "lines":
            self.legend_ = self._legend(new=new)
        else:
            self.colorbar_ = self.figure_.colorbar(
                self.maps_[0], ax=list(self.axes_), label=self.target_name
            )
        return self

    def _draw_lines(self, axis: Any, title: str) -> None:
        low, high = self.limits[title]
        for k in range(len(self.z)):
            look = {"color": style_of(k)[0], "zorder": 2.5}
            (line,) = axis.plot(
                self.x, self.mean[title][:, k], DASHES[k % len(DASHES)], linewidth=1.8, **look
            )
            band = axis.fill_between(
                self.x, low[:, k], high[:, k], color=look["color"], alpha=BAND_ALPHA, linewidth=0
            )
            self.lines_.append(line)
            self.bands_.append(band)

    def _draw_map(self, axis: Any, title: str) -> None:
        from matplotlib.ticker import MaxNLocator

        every = np.concatenate([each.ravel() for each in self.mean.values()])
        ticks = MaxNLocator(N_CONTOURS).tick_values(np.nanmin(every), np.nanmax(every))
        field = self.mean[title].T
        self.maps_.append(axis.contourf(self.x, self.z, field, ticks, cmap="cividis"))
        edges = axis.contour(self.x, self.z, field, ticks, colors="white", linewidths=0.9)
        axis.clabel(edges, fontsize="x-small", fmt=lambda value: f"{value:g}")
        if self.data is not None:
            dots = self.data[title]
            dots = dots[:, :: max(1, dots.shape[1] // MOST_DOTS)]
            style = {"markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.4}
            axis.plot(*dots, "o", markersize=2.4, **style)

    def _legend(self, *, new: bool) -> Any:
        from matplotlib.patches import Patch

        entries: list[tuple[Any, str]] = [
            (line, f"{value:.4g}")
            for line, value in zip(self.lines_[: len(self.z)], self.z, strict=True)
        ]
        band = Patch(color=GRAY, alpha=2 * BAND_ALPHA, linewidth=0)
        entries.append((band, f"{100 * self.level:g} % limits"))
        return place_legend(self.axes_, entries, self.names[1], new=new)


def _names(table: Any, features: Sequence[Any]) -> tuple[Any, Any]:
    if isinstance(features, str) or len(features) != 2 or features[0] == features[1]:
        msg = f"features={features!r}, expected two columns, such as ('x', 'z')"
        raise ValueError(msg)
    found = [column_name(table, name) for name in features]
    for name in found:
        if not is_number(table[name]):
            msg = (
                f"features: {name!r} holds no numbers; categories are for PredictionDisplay, with "
                "by= or facet="
            )
            raise ValueError(msg)
    return found[0], found[1]


def _second(series: Any, values: Sequence[float] | None, n_points: int | None) -> Floats:
    if n_points is not None:
        if values is not None:
            msg = 'values= are those of lines, and a map has all; take style="lines"'
            raise ValueError(msg)
        return np.linspace(series.min(), series.max(), n_points)
    if values is None:
        return np.unique(np.quantile(series.to_numpy(dtype=np.float64), QUANTILES))
    if not 0 < len(values) <= MOST_LINES:
        msg = f"values: {len(values)} lines, expected 1 to {MOST_LINES}"
        raise ValueError(msg)
    return np.asarray(values, dtype=np.float64)
