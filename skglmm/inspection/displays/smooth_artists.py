"""Curves of smooth terms with bands and rugs, surfaces as contours: artists of matplotlib."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inspection.data.smooth_panels import SmoothPanel
from skglmm.inspection.displays.panels import BLACK, BLUE, GRAY, LIGHT

__all__ = ["draw_curves", "draw_rug", "draw_surface"]

BAND_ALPHA = 0.2
THIN, BEHIND = 0.8, "#6E6E6E"  # curves of levels
PALE = 40  # levels from which on their curves are transparent
FAR = 0.1  # of the range of each covariate, from the nearest row: no surface there
STEPS = 9  # contours, about
LIGHTEST, DARKEST = 0.02, 0.62  # part of the color map on which black lines and numbers are read
MANY = 1_000  # rows from which on they are paler


def draw_curves(
    axis: Any, panel: SmoothPanel, line: Mapping[str, Any], fill: Mapping[str, Any]
) -> tuple[list[Any], Any]:
    """Draw one curve with its band, or thin curves of levels.

    Parameters
    ----------
    axis : Axes
    panel : SmoothPanel
        Of one covariate.
    line, fill : mapping
        Arguments for matplotlib.

    Returns
    -------
    lines : list of Line2D
    band : PolyCollection or None
    """
    x, band = panel.points[:, 0], None
    if panel.limits is not None:
        style = {"color": BLUE, "alpha": BAND_ALPHA, "linewidth": 0.0, "zorder": 2}
        band = axis.fill_between(x, *panel.limits, **{**style, **fill})
    stroke: dict[str, Any] = {"color": BLUE, "linewidth": 1.8, "zorder": 2.5}
    if panel.group:
        alpha = max(min(1.0, PALE / len(panel.values)), 0.15)
        stroke = {"color": BEHIND, "linewidth": THIN, "alpha": alpha, "zorder": 2.5}
    return axis.plot(x, panel.values.T, **{**stroke, **line}), band


def draw_rug(axis: Any, rows: Floats) -> Any:
    """Draw the covariates of rows: ticks at the lower end, or the points of a surface.

    Parameters
    ----------
    axis : Axes
    rows : ndarray, shape (n_samples, d)
        With one or two covariates.
    """
    alpha = 0.5 if len(rows) <= MANY else max(0.5 * MANY / len(rows), 0.05)
    style = {"color": BLACK, "linestyle": "", "alpha": alpha, "rasterized": len(rows) > MANY}
    if rows.shape[1] > 1:
        (points,) = axis.plot(*rows.T, marker=".", markersize=2, zorder=1.5, **style)
        return points
    values = np.unique(rows[:, 0])
    place = {"transform": axis.get_xaxis_transform(), "scalex": False, "scaley": False}
    marks = {"marker": "|", "markersize": 7, "markeredgewidth": 0.6, "zorder": 3}
    (ticks,) = axis.plot(values, np.full(len(values), 0.025), **place, **marks, **style)
    return ticks


def draw_surface(axis: Any, panel: SmoothPanel, given: Mapping[str, Any]) -> tuple[Any, Any]:
    """Draw filled contours with numbers on their lines, and a color bar; hatched far from rows.

    Parameters
    ----------
    axis : Axes
    panel : SmoothPanel
        Of two covariates.
    given : mapping
        Arguments for matplotlib's `contourf`.

    Returns
    -------
    contours : QuadContourSet
    bar : Colorbar
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator

    first, second = (np.unique(points) for points in panel.points.T)
    shown = panel.values[0].reshape(len(first), len(second)).T
    levels = np.array(MaxNLocator(STEPS).tick_values(shown.min(), shown.max()))
    levels[np.isclose(levels, 0.0, atol=1e-9 * np.ptp(levels))] = 0.0  # or it is called -0
    if panel.rows is not None:
        far = _are_far(panel.points, panel.rows).reshape(len(first), len(second)).T
        shown = np.ma.masked_array(shown, far)
        axis.patch.set(hatch="////", edgecolor=LIGHT, facecolor="white")
    cool = ListedColormap(colormaps["YlGnBu"](np.linspace(LIGHTEST, DARKEST, 256)))
    style = {"levels": levels, "cmap": cool, "zorder": 1}
    contours = axis.contourf(first, second, shown, **{**style, **given})
    lines = axis.contour(
        first,
        second,
        shown,
        levels=contours.levels,
        colors=BLACK,
        linestyles="solid",
        linewidths=np.where(contours.levels == 0.0, 1.4, 0.5),
        zorder=2,
    )
    for number in axis.clabel(lines, fontsize="x-small"):
        number.set_path_effects([withStroke(linewidth=2.5, foreground="white", alpha=0.8)])
        number.set_zorder(4)
    bar = axis.figure.colorbar(contours, ax=axis)
    bar.set_label(panel.effect)
    bar.outline.set_edgecolor(GRAY)
    return contours, bar


def _are_far(points: Floats, rows: Floats) -> Any:
    """Return which points are far from all rows, in ranges of the covariates."""
    from scipy.spatial import cKDTree

    low, high = points.min(axis=0), points.max(axis=0)
    tree = cKDTree((rows - low) / (high - low))
    return tree.query((points - low) / (high - low))[0] > FAR
