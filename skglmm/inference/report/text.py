"""A small table of texts, and a page of such tables, to print and to typeset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["Page", "Table"]

INDENT = "  "


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows of text; the first `n_names` columns are names.

    Parameters
    ----------
    title : str
    heads : tuple of str, length m
    rows : tuple of tuple of str, each of length m
    n_names : int
        Columns of names, on the left; the others are numbers, on the right.
    headings : tuple of int, default=()
        Places of rows that are the heading of those below, in their first cell.
    rules : tuple of int, default=()
        Places of rows before which there is a line.
    spans : tuple of (str, int), default=()
        Heads above those of the columns of numbers, with how many columns each has.

    Examples
    --------
    >>> from skglmm.inference.report.text import Table
    >>> print(Table("Ages", ("", "years"), (("Ada", "36"), ("Grace", "85")), 1))
    Ages
             years
      Ada       36
      Grace     85
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_names: int
    headings: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    spans: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        lines = [self.heads, *self.indented(INDENT).rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        start = self.n_names
        for head, count in self.spans:
            missing = len(head) - sum(widths[start : start + count]) - len(INDENT) * (count - 1)
            widths[start] += max(missing, 0)
            start += count
        text = [self.title] if self.title else []
        text += self._spanned(widths)
        for place, line in enumerate(lines, start=-1):
            cells = [
                cell.ljust(width) if i < self.n_names else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            if place in self.rules:
                text.append("")
            text.append((INDENT + "  ".join(cells)).rstrip())
        return "\n".join(text)

    def _spanned(self, widths: Sequence[int]) -> Iterator[str]:
        """The line of heads above several columns."""
        place, cells = self.n_names, [" " * width for width in widths[: self.n_names]]
        for head, count in self.spans:
            own = widths[place : place + count]
            cells.append(head.center(sum(own) + len(INDENT) * (count - 1)))
            place += count
        if self.spans:
            yield (INDENT + INDENT.join(cells)).rstrip()

    def indented(self, by: str) -> "Table":
        """Return the table with the rows below headings moved to the right."""
        if not self.headings:
            return self
        ends = [place for place in self.rules if place not in self.headings]
        rows, below = [], False
        for place, row in enumerate(self.rows):
            below = (below or place - 1 in self.headings) and place not in ends
            moved = below and place not in self.headings and row[0]
            rows.append((by + row[0], *row[1:]) if moved else row)
        return replace(self, rows=tuple(rows))


@dataclass(frozen=True)
class Page:
    """What a record shows: lines, tables, and notes below them.

    Parameters
    ----------
    tables : tuple of Table, default=()
    head : tuple of str, default=()
        Lines above the tables.
    notes : tuple of str, default=()
        Sentences below them.
    notes_title : str, default=""
        What is said above the notes.
    end : str, default=""
        The last line.
    """

    tables: tuple[Table, ...] = ()
    head: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    notes_title: str = ""
    end: str = ""

    @property
    def title(self) -> str:
        """What it is about, in one line."""
        if self.head:
            return self.head[0]
        return self.tables[0].title if self.tables else ""

    def __str__(self) -> str:
        above = [self.notes_title] if self.notes_title else []
        listed = [*above, *(f"* {note}" for note in self.notes)] if self.notes else []
        parts = ["\n".join(self.head), *map(str, self.tables), "\n".join(listed), self.end]
        return "\n\n".join(part for part in parts if part)
