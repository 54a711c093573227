"""Observed frequencies of counts beside the expected ones, as square roots."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_choice
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.checks.rootogram import count_frequencies
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.displays.panels import BLACK, GRAY, VERMILLION, open_axes

__all__ = ["RootogramDisplay"]

STYLES = ("hanging", "standing", "suspended")
MOST_LABELS = 16  # names of bins below the axis
WIDTH = 0.8  # of a bar, in bins
PALE, DARK = "#E3E8EC", "#56606B"  # bars within their limits and outside: apart also in gray
HEADROOM = 0.12  # share of the axis that the legend needs


class RootogramDisplay(SingleThreaded):
    r"""Rootogram: square roots of observed and expected frequencies of counts [1]_.

    Does a model of counts make as many zeros, ones, twos as there are? The expected number of rows
    with a count is the sum of its probabilities over the rows, averaged over the random effects.
    Roots show rare counts as well as common ones, since all of them scatter alike, by a standard
    deviation of about 1/2. The limits hold the bars of all bins together with probability `level`
    if the model is true; dark bars miss them.

    Parameters
    ----------
    table : DataFrame
        One row for each bin, with its name ``count``, its ``least`` count, the ``observed`` and
        ``expected`` number of rows, and ``lower`` and ``upper`` limits, NaN for none.
    target_name : str, default="y"
        What is counted.
    level : float, default=0.95
        Of the limits.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
    bars_ : BarContainer
        The observed frequencies, or what they lack.
    line_ : Line2D
        The expected frequencies, or zero.
    band_ : PolyCollection or None
        The limits.

    References
    ----------
    .. [1] Kleiber, C. & Zeileis, A. (2016). Visualizing count data regressions using rootograms.
       The American Statistician, 70(3), 296-303.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> from skglmm.inspection import RootogramDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"site": np.arange(200) // 10})
    >>> y = rng.poisson(np.exp(rng.normal(0.5, 0.6, size=20))[X["site"]])
    >>> model = PoissonGLMMRegressor("1 + (1 | site)").fit(X, y)
    >>> display = RootogramDisplay.from_estimator(model, X, y, random_state=0)
    >>> display.table[["count", "observed", "expected"]].head(3).round(1)
      count  observed  expected
    0     0      41.0      45.4
    1     1      65.0      57.0
    2     2      45.0      43.3
    >>> plt.close(display.figure_)
    """

    def __init__(self, table: pd.DataFrame, *, target_name: str = "y", level: float = 0.95) -> None:
        self.table = table
        self.target_name = target_name
        self.level = level

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        style: str = "hanging",
        kind: Kind | None = "marginal",
        bins: int | Sequence[int] = 30,
        sample_weight: Any = None,
        level: float | None = 0.95,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Count responses, compare with what the model expects, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted mixed model of counts or of successes, a pipeline that ends in one, or a search
            that found one.
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows of the fit, or new ones.
        y : array-like, shape (n_samples,)
            Their counts.
        style : {"hanging", "standing", "suspended"}, default="hanging"
            As in `plot`.
        kind : str or set, default="marginal"
            Of the random effects, as in `predict`: averaged over, as for rows of new groups, or
            "conditional" for the predicted ones. These are shrunken and fitted to the rows, so that
            in small groups counts look less spread than they are. None is the `predict_kind` of
            the model.
        bins : int or sequence of int, default=30
            How many bins there are at most, or the least count of each. The last one has all larger
            counts. The smallest possible count has a bin of its own; where counts are large the
            others are wider.
        sample_weight : array-like, shape (n_samples,), default=None
            A weight of 2 is the row twice.
        level : float or None, default=0.95
            Probability that the frequencies of all bins together are within their limits, in data
            that the model simulates, with new random effects of all groups for "marginal". None
            draws no limits.
        random_state : int, RandomState, Generator or None, default=None
            Simulates; an int gives the same limits each time.
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        RootogramDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When responses are no counts, for bins that do not increase from the smallest count,
            and as in `predict`.
        TypeError
            When the estimator is, or ends in, no mixed model.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import pandas as pd
        >>> from skglmm import BinomialGLMMRegressor
        >>> from skglmm.inspection import RootogramDisplay
        >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0] * 20})
        >>> y = [0, 2, 4, 1, 3, 3] * 10
        >>> model = BinomialGLMMRegressor("x", trials=5).fit(X, y)
        >>> display = RootogramDisplay.from_estimator(model, X, y, style="standing")
        >>> list(display.table["count"])
        ['0', '1', '2', '3', '4', '5']
        >>> plt.close(display.figure_)
        """
        check_choice("style", style, STYLES)
        fitted = Fitted.of(estimator)
        table = count_frequencies(
            estimator,
            X,
            y,
            kind=kind,
            bins=bins,
            sample_weight=sample_weight,
            level=level,
            rng=generator(random_state),
        )
        given = 0.95 if level is None else level
        return cls(table, target_name=fitted.target(y), level=given).plot(ax, style=style)

    def plot(self, ax: Any = None, *, style: str = "hanging") -> Self:
        """Draw the bars, the expected frequencies and the limits.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a new figure.
        style : {"hanging", "standing", "suspended"}, default="hanging"
            Bars of the observed frequencies hang from the expected ones, and should end at zero;
            or they stand on the axis, and should end at the expected ones; or only what is between
            the two is drawn, suspended from zero: downwards where there are too many.

        Returns
        -------
        RootogramDisplay
            Itself.

        Raises
        ------
        ValueError
            For an unknown style.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import pandas as pd
        >>> from skglmm.inspection import RootogramDisplay
        >>> table = pd.DataFrame({"count": ["0", "1", "2+"], "least": [0, 1, 2],
        ...                       "observed": [9, 4, 1], "expected": [8.0, 5.0, 1.0],
        ...                       "lower": [4.0, 2.0, 0.0], "upper": [14.0, 10.0, 4.0]})
        >>> RootogramDisplay(table).plot(style="standing").ax_.get_ylabel()
        'square root of the number of rows'
        >>> plt.close("all")
        """
        check_choice("style", style, STYLES)
        roots = np.sqrt(self.table[["observed", "expected", "lower", "upper"]].to_numpy())
        observed, expected, lower, upper = roots.T
        places = np.arange(len(observed))
        self.figure_, axes = open_axes(ax, 1, (5.6, 4.0))
        self.ax_ = axis = axes[0]
        # Where the bars begin and end, and what shifts the limits of their ends.
        bottom = {"hanging": expected, "standing": np.zeros(len(places))}.get(style)
        if bottom is None:
            height, shift, bottom = expected - observed, expected, np.zeros(len(places))
        elif style == "hanging":
            height, shift = -observed, expected
        else:
            height, shift = observed, None
        low, high = (lower, upper) if shift is None else (shift - upper, shift - lower)
        off = (observed < lower) | (observed > upper)
        colors = np.where(off, DARK, PALE)
        self.bars_ = axis.bar(
            places, height, WIDTH, bottom, color=colors, edgecolor=BLACK, linewidth=0.6, zorder=2
        )
        self._draw_band(places, low, high)
        line = np.zeros(len(places)) if style == "suspended" else expected
        marker = {} if style == "suspended" else {"marker": "o", "markersize": 3.5}
        (self.line_,) = axis.plot(
            places, line, color=VERMILLION, linewidth=1.4, zorder=4, label="expected", **marker
        )
        axis.axhline(0.0, color=BLACK, linewidth=0.8, zorder=3)
        self._label()
        return self

    def _draw_band(self, places: Any, low: Any, high: Any) -> None:
        self.band_ = None
        if np.isnan(low).any():
            return
        edges = np.append(places - 0.5, places[-1] + 0.5)
        ends = [np.append(part, part[-1]) for part in (low, high)]
        text = f"where the bars of {100 * self.level:g} % of true models end"
        fill = {"facecolor": GRAY, "alpha": 0.4, "linewidth": 0, "zorder": 2.5}
        self.band_ = self.ax_.fill_between(edges, *ends, step="post", label=text, **fill)

    def _label(self) -> None:
        axis, names = self.ax_, self.table["count"].tolist()
        step = -(-len(names) // MOST_LABELS)
        shown = list(range(0, len(names), step))
        if shown[-1] != len(names) - 1:  # the last bin is another one than its name would say
            shown = [*(j for j in shown if j <= len(names) - 1 - step), len(names) - 1]
        rotated = 45 if max(len(names[j]) for j in shown) > 4 else 0
        axis.set_xticks(shown, [names[j] for j in shown], rotation=rotated)
        axis.set(xlabel=self.target_name, ylabel="square root of the number of rows")
        axis.use_sticky_edges = False
        axis.autoscale_view()
        bottom, top = axis.get_ylim()
        axis.set_ylim(bottom, top + HEADROOM * (top - bottom))
        axis.legend(loc="upper right", fontsize="small")
