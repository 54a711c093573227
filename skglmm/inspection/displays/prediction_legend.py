"""What a picture of predictions says in its legend: whose means, averaged over what, held where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skglmm.inspection.data.curves import Curve
from skglmm.inspection.displays.curve_artists import AVERAGE, point_key
from skglmm.inspection.displays.curve_groups import CurveGroups
from skglmm.inspection.displays.panels import GRAY, LIGHT, shortened

__all__ = ["BANDS", "PredictionLegend"]

WORDS = {"marginal": "average over groups", "fixed": "typical group"}
BANDS = {"mean": "limits of the {mean}", "response": "limits of a new response"}
LONG_KEY = 32  # letters
MOST_HELD = 4  # columns that are listed with their values


@dataclass(frozen=True, eq=False)
class PredictionLegend:
    """The entries of the legend of a display that was drawn.

    Parameters
    ----------
    display : PredictionDisplay
    groups : CurveGroups
    artists : LineArtists or LevelArtists
    """

    display: Any
    groups: CurveGroups
    artists: Any

    @property
    def title(self) -> str | None:
        """Names of the columns behind the colors."""
        return self.groups.names if self.groups.are_colored else None

    def entries(self) -> list[tuple[Any, str]]:
        """Return the artists and texts."""
        display = self.display
        entries = self._curves()
        if display.overall is not None:
            words = averaged_words(display.overall_kind, display.overall, "all", self._mean)
            entries.append((display.overall_lines_[0], words))
        entries += self._limits()
        if display.scatters_:
            entries.append((point_key(LIGHT if self.groups.are_many else GRAY), "data"))
        return entries + self._others()

    def _curves(self) -> list[tuple[Any, str]]:
        display, groups, keys = self.display, self.groups, list(self.groups.keys)
        first = display.curves[0]
        if groups.are_colored:
            lines = dict(zip(map(groups.key, display.curves), display.lines_, strict=True))
            return [(lines[key], shortened(key, LONG_KEY)) for key in keys]
        if groups.are_many:
            many = f"{len(keys)} groups of\n{shortened(groups.names, LONG_KEY)}"
            return [(self.artists.many_key(groups.look(first)), many)]
        grouped = first.group or display.kind == "conditional"
        own = f"{self._mean} of the group" if grouped else self._mean
        return [(display.lines_[0], averaged_words(display.kind, first, own, self._mean))]

    @property
    def _mean(self) -> str:
        """What the axis has a name for: a mean, of class numbers too, or a probability."""
        name = self.display.mean_name
        if name is None:
            return "mean"
        return "probability" if name.startswith("P(") else name.partition(" of ")[0]

    def _limits(self) -> list[tuple[Any, str]]:
        display, groups = self.display, self.groups
        of_overall = groups.are_many and display.overall is not None
        banded = display.overall if of_overall else display.curves[0]
        if banded.limits is None or display.interval is None:
            return []
        look = AVERAGE if of_overall else groups.look(banded)
        color = GRAY if groups.are_colored else look.color
        what = BANDS[display.interval].format(mean=self._mean)
        words = f"{100 * display.level:g} % {what}"
        return [(self.artists.band_key(color), words)]

    def _others(self) -> list[tuple[Any, str]]:
        """Say what other columns of the groups are: averaged over, or held at values."""
        averaged = self.display.curves[0].averaged
        held = [f"{name} = {value}" for name, value in (self.display.held or {}).items()]
        apart = self.groups.are_many or self.groups.are_colored  # or the curve's own words say it
        if held:
            words = _lines("at", held, "more columns at typical values")
        elif averaged and apart:
            words = _lines("each averaged over", averaged, "more columns")
        else:
            return []
        from matplotlib.lines import Line2D

        return [(Line2D([], [], linestyle=""), words)]


def _lines(start: str, items: Sequence[str], more: str) -> str:
    lines = [shortened(item, LONG_KEY) for item in items[:MOST_HELD]]
    if len(items) > MOST_HELD:
        lines.append(f"{len(items) - MOST_HELD} {more}")
    gap = "\n    " if len(start) > 2 else " "
    return f"{start}{gap}" + "\n    ".join(lines)


def averaged_words(kind: str, curve: Curve, own: str, mean: str) -> str:
    """Return what a curve is, and over which columns it is averaged."""
    words = {**WORDS, "mean": mean}.get(kind, own)
    if not curve.averaged:
        return words
    over = _listed(curve.averaged)
    return {
        "marginal": f"{words}\nand {over}",
        "fixed": f"{words}, average\nover {over}",
    }.get(kind, f"average over {over}")


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= LONG_KEY else f"{len(names)} other columns"
