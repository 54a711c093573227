"""Means as points with limits side by side, and what says which of them differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inspection.displays.level_artists import MARKERS, name_categories
from skglmm.inspection.displays.panels import BLACK, BLUE, style_of

__all__ = ["Bracket", "DodgedMeans", "draw_brackets", "draw_letters", "p_text"]

SLOT = 0.7  # of the room of a level: its groups, side by side
LANE, LEVEL = 0.4, 0.66  # inches of a group in a level, of a level
LETTER, WIDE_LETTER = 0.075, 0.085  # inches of a small one, and of one that names a level
LONG = 20  # letters of a name
STEP, TICK = 0.085, 0.018  # of the height of the axes: from bracket to bracket, and its ends
LEAST_P = 0.001
DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True, eq=False)
class DodgedMeans:
    """Where means of one panel stand: levels along the axis, groups side by side within these.

    Parameters
    ----------
    levels, groups : sequence of str
        Labels of both, in order.
    """

    levels: Sequence[str]
    groups: Sequence[str]

    @property
    def inches(self) -> float:
        """Width that the levels need."""
        return max(LEVEL, LANE * len(self.groups)) * len(self.levels)

    @property
    def slant(self) -> float:
        """Height that the names of levels need because they have no room side by side."""
        longest = WIDE_LETTER * min(max(map(len, self.levels)), LONG)
        return 0.5 * longest if longest > 0.9 * self.inches / len(self.levels) else 0.0

    def place(self, level: str, group: str) -> float:
        """Return where the mean of a level and a group stands."""
        lane = (list(self.groups).index(group) + 0.5) / len(self.groups) - 0.5
        return list(self.levels).index(level) + SLOT * lane

    def style(self, group: str) -> dict[str, Any]:
        """Return color and marker of a group; every second marker is hollow."""
        place = list(self.groups).index(group)
        color = style_of(place)[0] if len(self.groups) > 1 else BLUE
        marker = {"marker": MARKERS[place % len(MARKERS)], "color": color, "markersize": 6.5}
        face = "white" if place % 2 else color
        return {**marker, "markerfacecolor": face, "markeredgewidth": 1.4}

    def dash(self, group: str, *, joined: bool) -> Any:
        """Return the style of the line that joins the means of a group, if one does."""
        place = list(self.groups).index(group)
        return DASHES[place % len(DASHES)] if joined else ""

    def draw(
        self,
        axis: Any,
        group: str,
        numbers: tuple[Floats, Floats, Floats, Floats],
        given: dict[str, Any],
        *,
        joined: bool,
    ) -> Any:
        """Draw x, mean and limits of the means of a group; return the container."""
        x, mean, low, high = numbers
        style: dict[str, Any] = {"elinewidth": 1.5, "capsize": 2.5, "capthick": 1.2, "zorder": 3.0}
        style |= {"linestyle": self.dash(group, joined=joined), "linewidth": 1.2}
        ends = np.stack([mean - low, high - mean]).clip(min=0.0)
        return axis.errorbar(x, mean, ends, **{**style, **self.style(group), **given})

    def dress(self, axis: Any) -> None:
        """Name the levels, with thin lines between those with several groups."""
        name_categories(axis, self.levels)
        if len(self.groups) > 1:
            for edge in np.arange(0.5, len(self.levels) - 1.0):
                axis.axvline(edge, color="#E4E4E4", linewidth=0.8, zorder=0.5)


def draw_letters(axis: Any, x: Floats, top: Floats, texts: Sequence[str]) -> list[Any]:
    """Write letters above the limits of means."""
    from matplotlib.patheffects import withStroke

    style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": "small", "color": BLACK}
    style["path_effects"] = [withStroke(linewidth=2.5, foreground="white")]  # before lines
    style |= {"xytext": (0, 3), "textcoords": "offset points", "zorder": 4.0}
    found = [
        axis.annotate(text, (float(at), float(y)), **style)
        for at, y, text in zip(x, top, texts, strict=True)
        if text and np.isfinite(y)
    ]
    low, high = axis.get_ylim()
    axis.set_ylim(low, max(high, np.nanmax(top) + 0.09 * (high - low)))
    return found


@dataclass(frozen=True)
class Bracket:
    """A bracket from mean to mean.

    Parameters
    ----------
    left, right : float
        Where they stand.
    bottom : float
        What it stands above.
    text : str
    """

    left: float
    right: float
    bottom: float
    text: str


def draw_brackets(axis: Any, brackets: Sequence[Bracket]) -> list[Any]:
    """Draw brackets above everything below them, short ones first, without overlap."""
    if not brackets:
        return []
    low, high = axis.get_ylim()
    inches = axis.get_window_extent().width / axis.figure.dpi
    unit = (axis.get_xlim()[1] - axis.get_xlim()[0]) / inches
    ordered = sorted(brackets, key=lambda each: (each.right - each.left, each.left))
    # heights are parts of the final axes, which grow with the brackets
    size = (high - low) / (1.0 - STEP * min(len(ordered), 8))
    taken: list[tuple[float, float, float]] = []
    found = []
    for each in ordered:
        middle, reach = 0.5 * (each.left + each.right), 0.5 * LETTER * len(each.text) * unit
        ends = min(each.left, middle - reach), max(each.right, middle + reach)
        below = [y for left, right, y in taken if left < ends[1] and ends[0] < right]
        y = max([each.bottom + 0.03 * size, *(y + STEP * size for y in below)])
        taken.append((*ends, y))
        x, foot = [each.left, each.left, each.right, each.right], y - TICK * size
        axis.plot(x, [foot, y, y, foot], color=BLACK, linewidth=0.9, zorder=3.5)
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": "x-small"}
        style |= {"xytext": (0, 1), "textcoords": "offset points"}
        found.append(axis.annotate(each.text, (middle, y), **style))
    axis.set_ylim(low, max(high, max(y for _, _, y in taken) + STEP * size))
    return found


def p_text(p_value: float) -> str:
    """Return a p-value as journals write it."""
    if p_value < LEAST_P:
        return "p < 0.001"
    if abs(p_value - 0.05) < 0.0005:  # on which side of it
        return f"p = {p_value:.4f}"
    return f"p = {p_value:.2f}" if p_value >= 0.0995 else f"p = {p_value:.3f}"
