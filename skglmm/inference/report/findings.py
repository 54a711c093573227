"""Findings of a diagnosis, as text, as HTML and as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from skglmm.inference.report.frames import Frame, record_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page

__all__ = ["Diagnosis", "Finding"]


class Finding(NamedTuple):
    """One thing that a diagnosis found.

    Parameters
    ----------
    kind : str
        Which check found it: one of `Diagnosis.checked`.
    severity : {"warning", "note"}
        A warning casts doubt on numbers of the fit; a note is worth a look.
    subject : str
        The parameter, term, column, level or factor that it is about; empty for the whole fit.
    value : float
        The number behind it; NaN where there is none.
    finding : str
        What was found, with the numbers.
    advice : str
        What to do.
    """

    kind: str
    severity: str
    subject: str
    value: float
    finding: str
    advice: str


@dataclass(frozen=True, repr=False)
class Diagnosis(Printed):
    """Findings of a diagnosis of a fit and its rows; prints as text, shows as HTML.

    Parameters
    ----------
    formula : str
    findings : tuple of Finding
        Warnings first.
    checked : tuple of str
        The checks that were made.
    skipped : tuple of str
        Sentences about checks that could not be made.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> diagnosis = model.diagnose(X, y)
    >>> print(diagnosis)
    Diagnosis of 1 + EP + (1 | batch): nothing found
    ...
    >>> len(diagnosis.warnings)
    0
    """

    formula: str
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        formula: str,
        findings: Sequence[Finding],
        checked: Sequence[str],
        skipped: Sequence[str] = (),
    ) -> "Diagnosis":
        """Put warnings before notes, and both in the order of the checks."""
        places = {kind: place for place, kind in enumerate(checked)}
        ordered = sorted(findings, key=lambda each: (each.severity != "warning", places[each.kind]))
        return cls(formula, tuple(ordered), tuple(checked), tuple(skipped))

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that cast doubt on numbers of the fit."""
        return tuple(found for found in self.findings if found.severity == "warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that are worth a look."""
        return tuple(found for found in self.findings if found.severity == "note")

    def to_frame(self) -> Frame:
        """Return one row for each finding: kind, severity, subject, value, finding, advice."""
        return record_frame(Finding, self.findings)

    def __str__(self) -> str:
        parts = [self._head()]
        parts += [f"{name}: {found.finding}.\n  {found.advice}." for name, found in self._named()]
        return "\n\n".join([*parts, *self._end()])

    def _page(self) -> Page:
        found = [f"{name}: {each.finding}. {each.advice}." for name, each in self._named()]
        return Page((), (self._head(),), (*found, *self._end()))

    def _named(self) -> Iterator[tuple[str, Finding]]:
        for found in self.findings:
            yield found.severity.capitalize(), found

    def _head(self) -> str:
        counts = [_counted(len(self.warnings), "warning"), _counted(len(self.notes), "note")]
        said = " and ".join(count for count in counts if count) or "nothing found"
        return f"Diagnosis of {self.formula}: {said}"

    def _end(self) -> Iterator[str]:
        found = {each.kind for each in self.findings}
        quiet = [name for name in self.checked if name not in found]
        if quiet:
            yield f"Nothing to say about: {', '.join(quiet)}."
        for sentence in self.skipped:
            yield f"Not checked: {sentence}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}" if count else ""
