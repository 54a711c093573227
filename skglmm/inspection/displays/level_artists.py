"""Means of categories as points with limits, side by side, before their data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inspection.data.curves import Curve
from skglmm.inspection.displays.curve_artists import AVERAGE, COMPARED, Look, Styles
from skglmm.inspection.displays.curve_groups import CurveGroups
from skglmm.inspection.displays.panels import point_style, shortened

__all__ = ["MARKERS", "LevelArtists", "name_categories"]

MARKERS = "os^Dv<>p*h"  # shapes differ without colors, too
GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)  # its multiples, less their whole parts, fill a range evenly
SLOT = 0.76  # of the room of a category: its groups, side by side
CLOUD = 0.6  # of the room of a group: its data
LONG, SHORT = 20, 3  # letters of a label at most, and of one that may be upright when many are
LETTER = 0.085  # inches
NARROW, LANE, WIDE = 0.5, 0.17, 13.0  # inches of a category, of a group in it, of a panel at most


@dataclass(frozen=True, eq=False)
class LevelArtists:
    """How curves over categories are drawn.

    Parameters
    ----------
    labels : sequence of str
        Texts of the categories, in order.
    groups : CurveGroups
    """

    labels: Sequence[str]
    groups: CurveGroups

    def size(self, width: float, height: float, margin: float) -> tuple[float, float]:
        """Return the inches of a panel that has room for the categories beside a margin."""
        room = max(NARROW, LANE * self._n_lanes)
        return min(max(width, margin + room * len(self.labels)), WIDE), height

    def draw(self, axis: Any, curve: Curve, styles: Styles) -> tuple[Any, Any]:
        """Draw the means of a group and their limits."""
        look, place = self.groups.look(curve), self.groups.keys[self.groups.key(curve)]
        if self.groups.are_many:
            off = 0.5 * SLOT * ((place + 0.5) / len(self.groups.keys) - 0.5)
            return _means(axis, curve, curve.x + off, look, DOT, styles)
        marker = {"marker": MARKERS[place % len(MARKERS)], "markersize": 7.0}
        return _means(axis, curve, curve.x + self._offset(curve), look, marker | RIM, styles)

    def points(self, axis: Any, curves: Sequence[Curve], n_rows: int, given: Any) -> Any:
        """Draw the data of some curves as one cloud; None where there are none."""
        clouds = [each for each in curves if each.data is not None]
        if not clouds:
            return None
        look, data = self.groups.look(curves[0]), np.concatenate([c.data for c in clouds], axis=1)
        width = SLOT / self._n_lanes * CLOUD
        x = data[0] + self._offset(curves[0]) + width * _spread(data[0])
        style = point_style(n_rows, look.point_color or look.color)
        style |= {"marker": "o", "zorder": look.layer - 0.5}
        return axis.scatter(x, data[1], **{**style, **given})

    def draw_overall(self, axis: Any, curve: Curve, styles: Styles) -> Any:
        """Draw the means that all others are compared with."""
        if self.groups.are_many:
            marker = {"marker": "o", "markersize": 7.5}
            return _means(axis, curve, curve.x, AVERAGE, marker | RIM, styles)[0]
        ends = np.column_stack([curve.x - 0.5 * SLOT, curve.x + 0.5 * SLOT, curve.x])
        y = np.column_stack([curve.mean, curve.mean, np.full_like(curve.mean, np.nan)])
        look = COMPARED
        stroke: dict[str, Any] = {"color": look.color, "linestyle": look.linestyle}
        stroke |= {"linewidth": look.width, "zorder": look.layer + 0.5}
        return axis.plot(ends.ravel(), y.ravel(), **{**stroke, **styles["line"]})[0]

    def dress(self, axis: Any) -> None:
        """Name the categories, slanted or upright where they have no room side by side."""
        name_categories(axis, self.labels)

    def band_key(self, color: str) -> Any:
        """Return the key of limits for a legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], color=color, marker="|", markersize=11, markeredgewidth=1.8, ls="")

    def many_key(self, _: Look) -> Any:
        """Return the key of many groups for a legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], marker="o", linestyle="", **DOT)

    @property
    def _n_lanes(self) -> int:
        return len(self.groups.keys) if self.groups.are_colored else 1

    def _offset(self, curve: Curve) -> float:
        """Return where a group stands within the room of a category."""
        if not self.groups.are_colored:
            return 0.0
        place = self.groups.keys[self.groups.key(curve)]
        return SLOT * ((place + 0.5) / self._n_lanes - 0.5)


def name_categories(axis: Any, labels: Sequence[str]) -> None:
    """Name categories at 0, 1, ..., slanted or upright where they have no room side by side."""
    texts = [shortened(text, LONG) for text in labels]
    inches = axis.get_window_extent().width / axis.figure.dpi / max(len(texts), 1)
    longest = LETTER * max(map(len, texts))
    style: dict[str, Any] = {}
    if longest > 0.9 * inches:
        style = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    if inches < 2.5 * LETTER:
        style = {"rotation": 90, "fontsize": "x-small"}
    axis.set_xticks(np.arange(len(texts)), texts, **style)
    axis.set_xlim(-0.6, len(texts) - 0.4)


RIM = {"markeredgecolor": "white", "markeredgewidth": 0.7}
DOT: dict[str, Any] = {
    "markersize": 4.5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
    "color": "#606060",
}


def _means(
    axis: Any, curve: Curve, x: Floats, look: Look, marker: dict[str, Any], styles: Styles
) -> tuple[Any, Any]:
    bars = None
    if curve.limits is not None:
        bar = {"color": look.color, "linewidth": look.width, "zorder": look.layer + 0.4}
        bars = axis.vlines(x, *curve.limits.T, **{**bar, **styles["fill"]})
    stroke: dict[str, Any] = {"color": look.color, "linestyle": "", "marker": "o"}
    stroke |= {"alpha": max(look.alpha, 0.5), "zorder": look.layer + 0.5, **marker}
    (means,) = axis.plot(x, curve.mean, **{**stroke, **styles["line"]})
    return means, bars


def _spread(x: Floats) -> Floats:
    """Return numbers between -0.5 and 0.5 that fill the range evenly at each place, (n,)."""
    order = np.argsort(x, kind="stable")
    start = np.searchsorted(x[order], x[order])
    rank = np.empty(len(x))
    rank[order] = np.arange(len(x)) - start
    return np.asarray(GOLDEN * (rank + 1.0) % 1.0 - 0.5)
