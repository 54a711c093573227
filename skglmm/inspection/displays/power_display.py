"""Power of studies over their size, or over what they assume."""

from typing import Any, Self

import pandas as pd

from skglmm.estimators.reading.validation import check_level
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.inspection.displays.panels import GRAY, open_axes, place_legend, style_of

__all__ = ["PowerDisplay"]

COLUMNS = ("power", "conf_low", "conf_high")
SIZE = (4.8, 3.8)  # inches
APART = 0.01  # lines, as a share of what varies


class PowerDisplay(SingleThreaded):
    """Power of studies over one thing that varies, with the limits that simulation leaves open.

    Parameters
    ----------
    table : DataFrame
        As `skglmm.planning.PowerCurve` returns it: what varies, and power, conf_low, conf_high.
    x : str
        Column that is drawn from left to right.
    by : str, default=None
        Column of which each value has a line.
    target : float, default=0.8
        The power that studies are planned for: a dashed line. None draws none.

    Attributes
    ----------
    figure_ : Figure
    ax_ : Axes
    lines_ : list of Line2D
        One for each value of `by`.

    Raises
    ------
    ValueError
        When the table lacks a column, or the target is no probability.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from skglmm.inspection import PowerDisplay
    >>> table = pd.DataFrame(
    ...     {"clusters": [10, 20], "power": [0.4, 0.7], "conf_low": [0.3, 0.6], "conf_high": 0.8}
    ... )
    >>> display = PowerDisplay(table, "clusters").plot()
    >>> display.ax_.get_xlabel()
    'clusters'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, table: pd.DataFrame, x: str, by: str | None = None, *, target: float | None = 0.8
    ) -> None:
        needed = [x, *([] if by is None else [by]), *COLUMNS]
        missing = [name for name in needed if name not in table.columns]
        if missing:
            msg = f"the table has no column {missing[0]!r}; it has {list(table.columns)}"
            raise ValueError(msg)
        if target is not None:
            check_level(target)
        self.table = table
        self.x = x
        self.by = by
        self.target = target

    def plot(self, ax: Any = None, *, line_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the power.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None makes a new figure.
        line_kwargs : dict, default=None
            Passed to matplotlib's `errorbar`.

        Returns
        -------
        PowerDisplay
            Itself.

        Raises
        ------
        ImportError
            When matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import pandas as pd
        >>> from skglmm.inspection import PowerDisplay
        >>> table = pd.DataFrame(
        ...     {"n": [10, 20], "power": [0.4, 0.7], "conf_low": [0.3, 0.6], "conf_high": 0.8}
        ... )
        >>> display = PowerDisplay(table, "n").plot(line_kwargs={"color": "black"})
        >>> display.lines_[0].get_color()
        'black'
        >>> plt.close(display.figure_)
        """
        self.figure_, axes = open_axes(ax, 1, SIZE)
        self.ax_, self.lines_ = axes[0], []
        if self.target is not None:
            self.ax_.axhline(self.target, color=GRAY, linewidth=1, linestyle="--", zorder=1)
        groups = [(None, self.table)] if self.by is None else list(self.table.groupby(self.by))
        for place, (_, rows) in enumerate(groups):
            beside = (place - 0.5 * (len(groups) - 1)) * self._width  # so that limits are seen
            style = line_kwargs or {}
            self.lines_.append(self._draw(rows.sort_values(self.x), place, beside, style))
        if self.by is not None:
            entries = [
                (line, f"{value:g}" if isinstance(value, float) else str(value))
                for line, (value, _) in zip(self.lines_, groups, strict=True)
            ]
            place_legend(axes, entries, self.by, new=ax is None)
        self.ax_.set(xlabel=self.x, ylabel="power", ylim=(-0.02, 1.02))
        if self.table[self.x].nunique() <= 8:
            self.ax_.set_xticks(sorted(self.table[self.x].unique()))
        return self

    @property
    def _width(self) -> float:
        """How far lines stand apart."""
        values = self.table[self.x]
        return APART * float(values.max() - values.min())

    def _draw(self, rows: pd.DataFrame, place: int, beside: float, given: dict[str, Any]) -> Any:
        color, dashes, _ = style_of(place)
        style = {
            "color": color,
            "linestyle": dashes,
            "marker": "os^Dv"[place % 5],  # apart in gray, too
            "markersize": 5,
            "linewidth": 1.6,
            "elinewidth": 1,
            "capsize": 2.5,
        } | given
        below = (rows["power"] - rows["conf_low"]).clip(lower=0)
        above = (rows["conf_high"] - rows["power"]).clip(lower=0)
        limits = [below.to_numpy(), above.to_numpy()]
        x, y = rows[self.x].to_numpy() + beside, rows["power"].to_numpy()
        return self.ax_.errorbar(x, y, yerr=limits, zorder=3, **style).lines[0]
