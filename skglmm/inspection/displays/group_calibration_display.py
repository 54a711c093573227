"""Observed means or shares of classes of groups of rows beside predicted ones."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.checks.calibration import NUMBERS, calibration
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.panels import BLACK, LIGHT, VERMILLION, open_axes, shortened

__all__ = ["GroupCalibrationDisplay"]

NORMAL = 1.96  # standard errors that 95 % of the observed means are within
MOST_LABELS = 5  # groups farthest from the line, which are named
LONG = 18  # letters of a name


class GroupCalibrationDisplay(SingleThreaded):
    """Observed means of groups of rows against their mean predictions.

    Points on the diagonal are calibrated. Bars about it hold 95 % of the observed means if the
    predictions are true; groups that are farther away are named.

    Parameters
    ----------
    table : DataFrame
        As from `calibration`.
    target_name : str, default="y"
        What is predicted.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
        The first panel.
    axes_ : ndarray of Axes, shape (n_panels,)
        One for each class.
    points_ : list of PathCollection
        The observed means.
    bars_ : list of LineCollection
        Where 95 % of them are expected.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import BinomialGLMMClassifier
    >>> from skglmm.inspection import GroupCalibrationDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"sex": ["f", "m"] * 200, "ward": np.arange(400) // 10})
    >>> eta = (X["sex"] == "m") + rng.normal(size=40)[X["ward"]]
    >>> y = np.where(rng.random(400) < 1 / (1 + np.exp(-eta)), "sick", "healthy")
    >>> model = BinomialGLMMClassifier("1 + (1 | ward)").fit(X, y)
    >>> display = GroupCalibrationDisplay.from_estimator(model, X, y, by="sex")
    >>> display.ax_.get_xlabel()
    'predicted P(y = sick)'
    >>> plt.close(display.figure_)
    """

    def __init__(self, table: pd.DataFrame, *, target_name: str = "y") -> None:
        self.table = table
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        by: Any = None,
        kind: Kind | None = None,
        n_bins: int = 10,
        sample_weight: Any = None,
        ax: Any = None,
    ) -> Self:
        """Compare observed and predicted means, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model, a pipeline that ends in one, or a search that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows of the fit, or new ones.
        y : array-like, shape (n_samples,)
            Their responses.
        by : str or list of str, default=None
            Columns of X that make groups; None groups rows by their predictions.
        kind : str or set, default=None
            Of the predictions, as in `predict`.
        n_bins : int, default=10
            How many groups there are without `by`.
        sample_weight : array-like, shape (n_samples,), default=None
            A weight of 2 is the row twice.
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each class. None makes a new figure.

        Returns
        -------
        GroupCalibrationDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `calibration`.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> from skglmm.inspection import GroupCalibrationDisplay
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> display = GroupCalibrationDisplay.from_estimator(model, X, y, by="batch")
        >>> len(display.table)
        10
        >>> plt.close(display.figure_)
        """
        fitted = Fitted.of(estimator)
        table = calibration(
            estimator, X, y, by, kind=kind, n_bins=n_bins, sample_weight=sample_weight
        )
        return cls(table, target_name=fitted.target(y)).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the points and where they are expected.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            Where to draw; an array has one for each class. None makes a new figure.

        Returns
        -------
        GroupCalibrationDisplay
            Itself.

        Raises
        ------
        ValueError
            When there are fewer axes than classes.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import pandas as pd
        >>> from skglmm.inspection import GroupCalibrationDisplay
        >>> table = pd.DataFrame({"site": ["a", "b"], "n": [9.0, 9.0], "observed": [0.1, 0.4],
        ...                       "predicted": [0.2, 0.4], "std_error": [0.1, 0.1],
        ...                       "z": [-1.0, 0.0]})
        >>> GroupCalibrationDisplay(table).plot().ax_.get_ylabel()
        'observed mean y'
        >>> plt.close("all")
        """
        has_classes = "class" in self.table
        panels = [part for _, part in self.table.groupby("class" if has_classes else _one)]
        self.figure_, self.axes_ = open_axes(ax, len(panels), (4.4, 4.0))
        self.ax_ = self.axes_[0]
        self.points_: list[Any] = []
        self.bars_: list[Any] = []
        for axis, part in zip(self.axes_, panels, strict=True):
            self._draw(axis, part)
            name = f"mean {self.target_name}"
            if has_classes:
                name = f"P({self.target_name} = {part['class'].iloc[0]})"
            axis.set(xlabel=f"predicted {name}", ylabel=f"observed {name}")
        return self

    def _draw(self, axis: Any, part: pd.DataFrame) -> None:
        x, y = part["predicted"].to_numpy(), part["observed"].to_numpy()
        half = NORMAL * part["std_error"].to_numpy()
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        axis.plot([low, high], [low, high], color=BLACK, linewidth=0.8, zorder=1)
        self.bars_.append(axis.vlines(x, x - half, x + half, color=LIGHT, linewidth=3, zorder=0))
        off = np.abs(part["z"].to_numpy()) > NORMAL
        colors = np.where(off, VERMILLION, BLACK)
        self.points_.append(axis.scatter(x, y, s=18, c=colors, zorder=2))
        keys = [name for name in part.columns if name not in {"class", *NUMBERS}]
        worst = np.argsort(-np.abs(part["z"].to_numpy()))[:MOST_LABELS]
        labeled = worst[off[worst]]
        for place, side in zip(labeled, _free_sides(x[labeled], y[labeled]), strict=True):
            row = part.iloc[place]
            axis.annotate(
                shortened(":".join(str(row[key]) for key in keys), LONG),
                (x[place], y[place]),
                xytext=(5 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize="x-small",
            )


def _free_sides(x: Floats, y: Floats) -> Floats:
    """Say on which side each point has no neighbor: -1 is left of it, 1 is right."""
    if len(x) < 2:
        return np.ones(len(x))
    points = x / (np.ptp(x) or 1.0) + 1j * y / (np.ptp(y) or 1.0)
    gaps = np.abs(points[:, None] - points)
    np.fill_diagonal(gaps, np.inf)
    return np.where(x < x[gaps.argmin(axis=1)], -1.0, 1.0)


def _one(place: Any) -> int:
    """Group all rows of a frame as one."""
    del place
    return 0
