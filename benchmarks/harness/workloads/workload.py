"""A model, and the rows to fit it to."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from harness.goals import Goal

__all__ = ["Source", "Workload"]


@dataclass(frozen=True)
class Source:
    """A data set of R that takes the place of simulated rows where R has it.

    Parameters
    ----------
    package, name : str
    response : str
        Its column, which becomes ``y``.
    event : str or None
        Its value that becomes 1; None for a number.
    """

    package: str
    name: str
    response: str = "y"
    event: str | None = None

    def export(self, path: Path) -> None:
        """Let R write the rows to a file; nothing where it has none."""
        command = f"write.csv({self.package}::{self.name}, '{path}', row.names = FALSE)"
        try:
            subprocess.run(["Rscript", "-e", command], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return
        rows = pd.read_csv(path).rename(columns={self.response: "y"})
        if self.event is not None:
            rows["y"] = (rows["y"] == self.event).astype(int)
        rows.to_csv(path, index=False)


@dataclass(frozen=True)
class Workload:
    """A model of responses ``y``, and the rows to fit it to.

    Parameters
    ----------
    estimator : str
        Its name in skglmm.
    family : str
        A key of `harness.programs.FAMILIES`, by which other programs know it.
    formula : str
        Of the location, with ``y ~``.
    frame : callable
        Simulates the rows.
    groups : tuple of str
        The columns that group them.
    parameters : dict
        Of the estimator, beside the formula.
    zero : str, default="~0"
        Formula of extra zeros for glmmTMB.
    size : {"quick", "usual", "large"}
        Quick ones take seconds, large ones are run if asked for.
    solvers : tuple of str
        Those of skglmm to be tried.
    beyond : tuple of str
        Programs that are not tried, since they need hours.
    source : Source or None
    goal : Goal
    """

    estimator: str
    family: str
    formula: str
    frame: Callable[[], pd.DataFrame]
    groups: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    zero: str = "~0"
    size: str = "usual"
    solvers: tuple[str, ...] = ("auto",)
    beyond: tuple[str, ...] = ()
    source: Source | None = None
    goal: Goal = field(default_factory=Goal)

    @property
    def fixed(self) -> str:
        """The formula of the fixed effects."""
        terms = self.formula.partition("~")[2].split(" + (")
        return terms[0].strip()

    @property
    def has_slopes(self) -> bool:
        """Whether effects of a group are more than an intercept."""
        bars = self.formula.split("(")[1:]
        return any(bar.partition("|")[0].strip() != "1" for bar in bars)
