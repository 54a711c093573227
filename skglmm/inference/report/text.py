"""A small table of texts, to print and to show as HTML."""

from dataclasses import dataclass
from html import escape

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows of text; the first `n_names` columns are names."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_names: int

    def __str__(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [self.title]
        for line in lines:
            cells = [
                cell.ljust(width) if i < self.n_names else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text.append(("  " + "  ".join(cells)).rstrip())
        return "\n".join(text)

    def html(self) -> str:
        """Return the table as HTML; names are on the left, whatever the style of the page."""
        heads = "".join(self._cell("th", i, head) for i, head in enumerate(self.heads))
        rows = "".join(
            "<tr>" + "".join(self._cell("td", i, cell) for i, cell in enumerate(row)) + "</tr>"
            for row in self.rows
        )
        caption = f'<caption style="caption-side:top">{escape(self.title)}</caption>'
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def _cell(self, tag: str, place: int, text: str) -> str:
        style = ' style="text-align:left"' if place < self.n_names else ""
        return f"<{tag}{style}>{escape(text)}</{tag}>"
