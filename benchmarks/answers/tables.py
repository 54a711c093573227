"""The differences as Markdown: a table of families, and one of the models of each."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from answers.folder import CurveDifference
from answers.record import COLUMNS, TOPICS, Difference, Note

__all__ = ["curve_details", "details", "sized", "summary", "table"]

TITLES = ("log likelihood", "coefficients", "standard errors", "deviations")
CURVES = {
    "above": "criterion",
    "edf": "effective df",
    "curve": "estimated curve",
    "se": "standard errors",
    "lambda": "log smoothing",
}
SMOOTHS = "Smooth curves"


def table(heads: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; alignment has l or r for each column."""
    marks = ["--:" if each == "r" else "---" for each in alignment]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(marks)}|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def sized(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.1e}"


def signed(value: float) -> str:
    return f"{value:+.1e}"


def topics(found: Iterable[Difference]) -> dict[str, list[Difference]]:
    """Return the differences by family, in the usual order."""
    groups: dict[str, list[Difference]] = {}
    for each in found:
        groups.setdefault(each.topic, []).append(each)
    return {topic: groups[topic] for topic in TOPICS if topic in groups}


def summary(found: Iterable[Difference]) -> list[str]:
    """Return a row for each family with its largest differences."""
    rows = []
    for topic, group in topics(found).items():
        n_left = sum(is_left_out(each.note) for each in group)
        number = f"{len(group)} ({n_left})" if n_left else f"{len(group)}"
        names = sorted({name_of(each.program) for each in group}, key=str.lower)
        rows.append([topic, ", ".join(names), number, *worst(group)])
    heads = ("family", "compared with", "models", *TITLES)
    return table(heads, "llrrrrr", rows)


def worst(group: Sequence[Difference]) -> list[str]:
    cells = []
    for column in COLUMNS:
        counted = [each for each in group if not (each.note and column in each.note.left_out)]
        values = np.array([getattr(each, column) for each in counted])
        values = values[~np.isnan(values)]
        largest = values[np.argmax(np.abs(values))] if len(values) else np.nan
        cells.append(signed(largest) if column == "log_likelihood" else sized(abs(largest)))
    return cells


def is_left_out(note: Note | None) -> bool:
    return note is not None and note.left_out == COLUMNS


def name_of(program: str) -> str:
    """Return a program without its version."""
    return re.sub(r" [\d.-]+$", "", program.partition(", ")[0].split(" of ")[0])


def with_points(program: str) -> str:
    """Return a program with its version as R prints it."""
    return re.sub(r"(?<=\d)-(?=\d)", ".", program)


def code(formula: str) -> str:
    return f"`{formula}`".replace("|", r"\|")


def details(found: Iterable[Difference]) -> list[str]:
    """Return a block for each family, with a row for each model."""
    lines = []
    for topic, group in topics(found).items():
        notes: dict[str, str] = {}
        rows = [row(each, notes) for each in group]
        heads = ("model", "formula", "rows", *TITLES, "program")
        lines += dropdown(topic, len(group), table(heads, "llrrrrrl", rows), notes)
    return lines


def row(each: Difference, notes: dict[str, str]) -> list[str]:
    return [
        marked(each.name, each.note, notes),
        code(each.formula),
        f"{each.n_rows:,}",
        signed(each.log_likelihood),
        *(sized(getattr(each, column)) for column in COLUMNS[1:]),
        with_points(each.program),
    ]


def marked(name: str, note: Note | None, notes: dict[str, str]) -> str:
    """Return a name with the letter of its note."""
    if note is None:
        return name
    letter = notes.setdefault(note.text, "abcdefgh"[len(notes)])
    return f"{name} ({letter})"


def dropdown(title: str, n_models: int, lines: list[str], notes: dict[str, str]) -> list[str]:
    told = [f"- ({letter}) {text}" for text, letter in notes.items()]
    end = ["", *told] if told else []
    models = "model" if n_models == 1 else "models"
    return [f":::{{dropdown}} {title}: {n_models} {models}", *lines, *end, ":::", ""]


def curve_details(found: Sequence[CurveDifference]) -> list[str]:
    """Return the block of smooth curves."""
    rows: list[list[Any]] = [
        [
            each.name,
            code(each.formula),
            f"{each.n_rows:,}",
            signed(each.differences["above"]),
            *(sized(each.differences[name]) for name in list(CURVES)[1:]),
            with_points(each.program),
        ]
        for each in found
    ]
    heads = ("model", "formula", "rows", *CURVES.values(), "program")
    return dropdown(SMOOTHS, len(found), table(heads, "llrrrrrrl", rows), {})
