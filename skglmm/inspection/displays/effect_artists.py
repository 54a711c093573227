"""Random effects of times as lines with bands, and those of places as maps."""

from typing import Any

import numpy as np

from skglmm.inspection.data.effect_panels import EffectPanel
from skglmm.inspection.displays.panels import BLUE, style_of

__all__ = ["draw_map", "draw_series", "has_bands"]

FEW = 8  # levels whose lines have colors of their own, and bands
TICKS = 6  # named times at most
SQUARE = 5.0  # ratio of ranges of coordinates that are drawn to one scale
SIZES = (16.0, 90.0)  # areas of the points of a map


def has_bands(panel: EffectPanel) -> bool:
    """Whether the lines of times are few enough for bands."""
    return panel.is_series and len(set(panel.levels)) <= FEW


def draw_series(axis: Any, panel: EffectPanel, half: float) -> list[Any]:
    """Draw a line over time for each level, with a band where they are few.

    Parameters
    ----------
    axis : Axes
    panel : EffectPanel
        Of times.
    half : float
        Half the width of the bands, in standard errors.

    Returns
    -------
    list of Line2D
    """
    assert panel.points is not None
    levels, lines = list(dict.fromkeys(panel.levels)), []
    are_few = has_bands(panel)
    for place, level in enumerate(levels):
        own = np.flatnonzero(panel.levels == level)
        own = own[np.argsort(panel.points[own, 0], kind="stable")]
        x, mode, reach = panel.points[own, 0], panel.mode[own], half * panel.std[own]
        color, dash, _ = style_of(place) if are_few else (BLUE, "-", "")
        style = {"color": color, "linestyle": dash, "zorder": 3}
        style |= {"linewidth": 1.6} if are_few else {"linewidth": 0.7, "alpha": 0.45}
        lines += axis.plot(x, mode, label=str(level), **style)
        if are_few and not np.isnan(reach).all():
            band = {"color": color, "alpha": 0.15, "linewidth": 0, "zorder": 2}
            axis.fill_between(x, mode - reach, mode + reach, **band)
    if are_few and len(levels) > 1:
        axis.legend(title=panel.group, fontsize="x-small", title_fontsize="x-small", ncols=2)
    if panel.names:
        shown = np.unique(np.linspace(0, len(panel.names) - 1, TICKS).round().astype(int))
        axis.set_xticks(shown, [panel.names[i] for i in shown])
    return lines


def draw_map(axis: Any, panel: EffectPanel, scale: str) -> Any:
    """Draw places as points whose colors are the effects, blue below zero and red above.

    Parameters
    ----------
    axis : Axes
    panel : EffectPanel
        Of places in the plane.
    scale : str
        What the colors tell.

    Returns
    -------
    PathCollection
    """
    assert panel.points is not None
    x, y = panel.points.T
    most = float(np.max(np.abs(panel.mode))) or 1.0
    size = float(np.clip(9000.0 / len(x), *SIZES))
    points = axis.scatter(x, y, c=panel.mode, cmap="RdBu_r", vmin=-most, vmax=most, s=size)
    points.set_edgecolor("#606060")
    points.set_linewidth(0.3)
    axis.set(xlabel=panel.coordinates[0], ylabel=panel.coordinates[1])
    sides = np.ptp(x), np.ptp(y)
    if max(sides) <= SQUARE * min(sides):
        axis.set_aspect("equal", adjustable="datalim")
    axis.figure.colorbar(points, ax=axis, label=scale)
    return points
