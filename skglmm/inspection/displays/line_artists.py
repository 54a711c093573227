"""Curves over numbers as lines with bands, over their data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skglmm.inspection.data.curves import Curve
from skglmm.inspection.displays.curve_artists import (
    AVERAGE,
    COMPARED,
    Look,
    Styles,
    band_key,
    draw_curve,
    draw_points,
    line_key,
)
from skglmm.inspection.displays.curve_groups import CurveGroups

__all__ = ["LineArtists"]


@dataclass(frozen=True, eq=False)
class LineArtists:
    """How curves over numbers are drawn.

    Parameters
    ----------
    groups : CurveGroups
    """

    groups: CurveGroups

    def size(self, width: float, height: float, margin: float) -> tuple[float, float]:
        """Return the inches of a panel, whose curves need no more room."""
        del margin
        return width, height

    def draw(self, axis: Any, curve: Curve, styles: Styles) -> tuple[Any, Any]:
        """Draw the line of a group and its band."""
        return draw_curve(axis, curve, self.groups.look(curve), styles)

    def points(
        self, axis: Any, curves: Sequence[Curve], n_rows: int, given: Mapping[str, Any]
    ) -> Any:
        """Draw the data of some curves as one cloud; None where there are none."""
        return draw_points(axis, curves, self.groups.look(curves[0]), n_rows, given)

    def draw_overall(self, axis: Any, curve: Curve, styles: Styles) -> Any:
        """Draw the line that all others are compared with."""
        if self.groups.are_many:
            return draw_curve(axis, curve, AVERAGE, styles)[0]
        # a second band would hide the first
        return draw_curve(axis, replace(curve, limits=None), COMPARED, styles)[0]

    def dress(self, axis: Any) -> None:
        """Leave the axis to matplotlib."""

    def band_key(self, color: str) -> Any:
        """Return the key of bands for a legend."""
        return band_key(color)

    def many_key(self, look: Look) -> Any:
        """Return the key of many groups for a legend."""
        return line_key(look)
