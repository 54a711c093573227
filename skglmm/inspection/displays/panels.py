"""Axes to draw on, new or given, and colors that stay apart for color-blind readers."""

from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLACK",
    "BLUE",
    "GRAY",
    "LIGHT",
    "VERMILLION",
    "open_axes",
    "place_legend",
    "point_style",
    "shortened",
    "style_of",
]

# Okabe & Ito's palette, without its yellow, which is too pale for lines on white.
BLUE, VERMILLION, BLACK, GRAY = "#0072B2", "#D55E00", "#000000", "#999999"
COLORS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK, GRAY)
LIGHT = "#C8C8C8"  # for what stays in the background
FEW, MANY = 500, 5000  # rows from which on points get smaller and paler
MARKERS, DASHES = "o^sD", ("-", "--", "-.", ":")  # apart in gray, too


def style_of(place: int) -> tuple[str, str, str]:
    """Return color, line style and marker of the group at a place; they repeat after 16."""
    turn, color = divmod(place, len(COLORS))
    look = (color + turn % 2) % len(DASHES)
    return COLORS[color], DASHES[look], MARKERS[look]


def shortened(text: str, most: int) -> str:
    """Return a label of at most so many letters, without its middle: labels differ at the ends."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: ceil(kept / 2)]}…{text[len(text) - kept // 2 :]}"


def point_style(n_rows: int, color: str = BLUE) -> dict[str, Any]:
    """Return how a cloud of points is drawn: the more of them, the smaller and paler."""
    size, alpha = (14, 0.5) if n_rows <= FEW else (7, 0.35)
    if n_rows > MANY:
        size, alpha = 3, 0.2 * sqrt(MANY / n_rows)
    return {
        "color": color,
        "s": size,
        "alpha": alpha,
        "linewidths": 0,
        "rasterized": n_rows > MANY,
    }


def open_axes(
    ax: Any, n_panels: int, size: tuple[float, float], **shared: Any
) -> tuple[Any, NDArray[np.object_]]:
    """Return a figure and axes for some panels, each of a size in inches.

    Parameters
    ----------
    ax : Axes, array of Axes, or None
        Axes to use, at least as many as panels; None makes a new figure.
    n_panels : int
    size : tuple of float
        Width and height of a panel.
    **shared : bool or str
        `sharex` and `sharey` of a new figure.

    Raises
    ------
    ValueError
        When there are too few axes.
    ImportError
        When matplotlib is not installed.
    """
    if ax is None:
        return _new_axes(n_panels, size, **shared)
    given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(given) < n_panels:
        msg = (
            f"ax has {len(given)} axes, expected {n_panels}, one for each panel; make them with "
            f"plt.subplots(1, {n_panels}), or leave ax out"
        )
        raise ValueError(msg)
    return given[0].figure, given[:n_panels]


def place_legend(
    axes: NDArray[np.object_], entries: list[tuple[Any, str]], title: str | None, *, new: bool
) -> Any:
    """Draw a legend: beside the panels where a layout makes room, or else inside the last."""
    handles, labels = [entry[0] for entry in entries], [entry[1] for entry in entries]
    style: dict[str, Any] = {
        "title": title,
        "fontsize": "small",
        "title_fontsize": "small",
        "frameon": False,
    }
    style["alignment"] = "left"
    if not new and axes[-1].figure.get_layout_engine() is None:
        style |= {"frameon": True, "framealpha": 0.6, "fontsize": "x-small"}
        return axes[-1].legend(handles, labels, loc="best", **style)
    if new and len(axes) > 1:
        return axes[0].figure.legend(handles, labels, loc="outside right upper", **style)
    beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
    return axes[-1].legend(handles, labels, **beside, **style)


def _new_axes(
    n_panels: int, size: tuple[float, float], **shared: Any
) -> tuple[Any, NDArray[np.object_]]:
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        msg = "plots need matplotlib; install it with: pip install skglmm[plot]"
        raise ImportError(msg) from error
    n_columns = _n_columns(n_panels)
    n_rows = ceil(n_panels / n_columns)
    figure, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=(size[0] * n_columns, size[1] * n_rows),
        squeeze=False,
        layout="constrained",
        **shared,
    )
    axes = grid.ravel()
    for place in range(n_panels, len(axes)):
        axes[place - n_columns].tick_params(labelbottom=True)  # the panel below it goes
        axes[place].remove()
    return figure, axes[:n_panels]


def _n_columns(n_panels: int) -> int:
    """Return the number of columns of a nearly square table with few empty cells."""
    start = ceil(sqrt(n_panels))
    return min(range(start, start + 3), key=lambda columns: (-n_panels % columns, columns))
