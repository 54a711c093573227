"""Curves, bands, points and the keys of their legend, as artists of matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.inspection.data.curves import Curve
from skglmm.inspection.displays.panels import (
    BLACK,
    BLUE,
    GRAY,
    LIGHT,
    VERMILLION,
    point_style,
    style_of,
)

__all__ = [
    "AVERAGE",
    "COMPARED",
    "SINGLE",
    "Look",
    "Styles",
    "band_key",
    "draw_curve",
    "draw_points",
    "line_key",
    "point_key",
]

Styles = Mapping[str, Mapping[str, Any]]  # arguments for matplotlib: line, fill, scatter
BAND_ALPHA = 0.18
BAR = 8.0  # width of the band of a single point
BEHIND = "#8C8C8C"
PALE = 100  # groups from which on their lines are transparent


@dataclass(frozen=True)
class Look:
    """How a curve is drawn: its line, and what its points and band have in common with it.

    Parameters
    ----------
    color, linestyle, marker : str
    width : float
        Of the line, in points.
    point_color : str or None
        Color of the points, None for that of the line.
    layer : float
        What lies above what: points, bands and lines add to it.
    alpha : float
        Opacity of the line.
    """

    color: str = BLUE
    linestyle: str = "-"
    marker: str = "o"
    width: float = 1.8
    point_color: str | None = None
    layer: float = 2.0
    alpha: float = 1.0

    @classmethod
    def of_group(cls, place: int) -> "Look":
        """Return the look of one of several groups."""
        return cls(*style_of(place))

    @classmethod
    def of_many(cls, n_groups: int) -> "Look":
        """Return the look of one of so many groups that they stay in the background."""
        if n_groups < PALE:
            return cls(color=BEHIND, point_color=LIGHT, width=1.0)
        return cls(color=BEHIND, point_color=LIGHT, width=0.6, alpha=max(PALE / n_groups, 0.1))


SINGLE = Look(point_color=GRAY)
AVERAGE = Look(color=VERMILLION, width=2.4, layer=3.0)
COMPARED = Look(color=BLACK, linestyle=":", width=1.5, layer=3.0)


def draw_curve(axis: Any, curve: Curve, look: Look, styles: Styles) -> tuple[Any, Any]:
    """Draw a curve and its band on axes.

    Parameters
    ----------
    axis : Axes
    curve : Curve
    look : Look
    styles : mapping
        Arguments for matplotlib: "line" and "fill".

    Returns
    -------
    line, band : artists
        The band is None where the curve has none.
    """
    band = None
    if curve.limits is not None:
        edge = 0.0 if len(curve.x) > 1 else BAR  # or the band of one point could not be seen
        fill = {"color": look.color, "alpha": BAND_ALPHA, "linewidth": edge, "zorder": look.layer}
        band = axis.fill_between(curve.x, *curve.limits.T, **{**fill, **styles["fill"]})
    stroke: dict[str, Any] = {
        "color": look.color,
        "linestyle": look.linestyle,
        "linewidth": look.width,
    }
    if len(curve.x) == 1:  # a group with a single value of the feature
        stroke["marker"] = look.marker
    stroke |= {"linewidth": look.width, "alpha": look.alpha, "zorder": look.layer + 0.5}
    (line,) = axis.plot(curve.x, curve.mean, **{**stroke, **styles["line"]})
    return line, band


def draw_points(
    axis: Any, curves: Sequence[Curve], look: Look, n_rows: int, given: Mapping[str, Any]
) -> Any:
    """Draw the data of some curves as one cloud; None where there are none.

    Parameters
    ----------
    axis : Axes
    curves : sequence of Curve
    look : Look
    n_rows : int
        Rows of all clouds together: where they are many, points are small and pale.
    given : mapping
        Arguments for matplotlib.
    """
    found = [curve.data for curve in curves if curve.data is not None]
    if not found:
        return None
    style = {
        **point_style(n_rows, look.point_color or look.color),
        "marker": look.marker,
        "zorder": look.layer - 0.5,
    }
    return axis.scatter(*np.concatenate(found, axis=1), **{**style, **given})


def band_key(color: str) -> Any:
    """Return the key of a band for a legend."""
    from matplotlib.patches import Patch

    return Patch(color=color, alpha=2 * BAND_ALPHA, linewidth=0)


def line_key(look: Look) -> Any:
    """Return the key of lines for a legend, opaque."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=look.color, linewidth=look.width)


def point_key(color: str, marker: str = "o") -> Any:
    """Return the key of points for a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=color, marker=marker, linestyle="", markersize=4)
