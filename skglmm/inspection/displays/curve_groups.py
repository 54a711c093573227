"""Which panel and which color the curve of a group has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from skglmm.inspection.data.curves import Curve
from skglmm.inspection.displays.curve_artists import SINGLE, Look

__all__ = ["MOST_COLORS", "CurveGroups"]

MOST_COLORS = 10  # more groups are thin lines behind their average
MOST_PANELS = 36


@dataclass(frozen=True)
class CurveGroups:
    """Curves, and the names of the columns whose labels tell them apart.

    Parameters
    ----------
    curves : sequence of Curve
    by : sequence of str
    facet : str or None
        Which column makes panels; the others make colors.
    """

    curves: Sequence[Curve]
    by: Sequence[str]
    facet: str | None

    def panels(self) -> dict[str, list[Curve]]:
        """Return the curves of each panel, by its title."""
        if self.facet is None:
            return {"": list(self.curves)}
        if self.facet not in self.by:
            msg = f"facet={self.facet!r} is none of the columns of by, which are {list(self.by)}"
            raise ValueError(msg)
        place, panels = list(self.by).index(self.facet), dict[str, list[Curve]]()
        for curve in self.curves:
            panels.setdefault(curve.group[place], []).append(curve)
        if len(panels) > MOST_PANELS:
            msg = (
                f"facet={self.facet!r} would make {len(panels)} panels, of at most {MOST_PANELS}; "
                "leave it out, or choose the rows of some groups first"
            )
            raise ValueError(msg)
        return panels

    @property
    def names(self) -> str:
        """Names of the columns that tell the curves of a panel apart."""
        return ", ".join(name for name in self.by if name != self.facet)

    def key(self, curve: Curve) -> str:
        """Return the label of a curve within its panel."""
        labels = zip(self.by, curve.group, strict=True)
        return ", ".join(label for name, label in labels if name != self.facet)

    @cached_property
    def keys(self) -> dict[str, int]:
        """Labels of the curves within the panels, each with its place."""
        return {key: place for place, key in enumerate(dict.fromkeys(map(self.key, self.curves)))}

    @property
    def are_many(self) -> bool:
        """Whether there are too many for colors."""
        return len(self.keys) > MOST_COLORS

    @property
    def are_colored(self) -> bool:
        """Whether colors tell the curves of a panel apart."""
        return 1 < len(self.keys) <= MOST_COLORS

    def look(self, curve: Curve) -> Look:
        """Return how a curve is drawn."""
        if self.are_many:
            return Look.of_many(len(self.keys))
        return Look.of_group(self.keys[self.key(curve)]) if self.are_colored else SINGLE
