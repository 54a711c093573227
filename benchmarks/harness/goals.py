"""What a fit is to reach: numbers of its own, and multiples of those of other programs."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Goal"]

Found = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """Limits of one fit with standard errors; those that are None are not set.

    Parameters
    ----------
    seconds : float or None
        Of the processor.
    passes : float or None
        Seconds in units of one beta log density of the rows.
    megabytes : float or None
    std_error : float or None
        Of the log likelihood, where the iterative solver estimates it.
    faster : dict
        By program, how many times fewer processor seconds than its.
    solver : str or None
        Whose goal it is; None for all.
    """

    seconds: float | None = None
    passes: float | None = None
    megabytes: float | None = None
    std_error: float | None = None
    faster: dict[str, float] = field(default_factory=dict)
    solver: str | None = None

    def judged(self, found: Found, others: dict[str, Found]) -> list[str]:
        """Return each goal beside what was found, with "MISSED" where it was."""
        limits = [
            ("cpu", self.seconds, " s", "{:,.3g}"),
            ("passes", self.passes, " passes", "{:,.0f}"),
            ("megabytes", self.megabytes, " MB", "{:,.0f}"),
            ("std_error", self.std_error, " of error", "{:.0e}"),
        ]
        texts = []
        for key, limit, unit, form in limits:
            if limit is not None and found.get(key) is not None:
                numbers = f"{form.format(found[key])} of {form.format(limit)}{unit}"
                texts.append(verdict(numbers, found[key] <= limit))
        for program, least in self.faster.items():
            if others.get(program, {}).get("cpu"):
                times = others[program]["cpu"] / found["cpu"]
                texts.append(verdict(f"{program}/{times:.3g} of {least:g}", times >= least))
        return texts


def verdict(numbers: str, is_met: bool) -> str:
    return numbers if is_met else f"{numbers} MISSED"
