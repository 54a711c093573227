"""Pages of tables as Markdown, LaTeX and HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from skglmm.inference.report.text import Page, Table
from skglmm.inference.report.typeset import (
    HTML,
    LATEX,
    MARKDOWN,
    PLAIN_HTML,
    Typeset,
    html_text,
    latex_text,
)

__all__ = ["as_html", "as_latex", "as_markdown"]

LONG, WIDE = 60, r"p{0.5\linewidth}"  # letters of a name that takes several lines, and its column
_TOP = "border-top:0.08em solid"
_BOTTOM = "border-bottom:0.08em solid"
_LINE = "border-bottom:0.05em solid"
_ROOM = "padding:0.1em 0.7em"
_BETWEEN = "border-top:0.05em solid"


@dataclass(frozen=True)
class _Typed:
    """A table in the words of a format."""

    heads: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, table: Table, typeset: Typeset) -> "_Typed":
        n = table.n_names
        columns = list(zip(*table.rows, strict=True)) or [()] * len(table.heads)
        named = [[typeset.text(cell) for cell in column] for column in columns[:n]]
        counted = [typeset.numbers(column) for column in columns[n:]]
        rows = [list(row) for row in zip(*named, *counted, strict=True)]
        return cls([typeset.head(head) for head in table.heads], rows)


def as_markdown(page: Page, caption: str | None = None) -> str:
    """Return a page as Markdown, its tables with pipes.

    Parameters
    ----------
    page : Page
    caption : str or None
        Said above, in place of its title; empty for none.
    """
    text = MARKDOWN.text
    title, head, parts = _above(page, caption)
    blocks = [f"**{text(title)}**"] if title else []
    blocks += ["  \n".join(map(text, head))] if head else []
    for table in parts:
        blocks += [f"*{text(table.title)}*"] if table.title else []
        blocks.append(_markdown_table(table))
    listed = [f"- {text(note)}" for note in page.notes]
    blocks += ["\n".join(listed)] if listed else []
    return "\n\n".join([*blocks, *([text(page.end)] if page.end else [])]) + "\n"


def _above(page: Page, caption: str | None) -> tuple[str, tuple[str, ...], tuple[Table, ...]]:
    """Caption, further lines, and the tables without the title that is the caption."""
    title = page.title if caption is None else caption
    head, tables = page.head[1:], page.tables
    if not page.head and len(tables) == 1:
        tables = (replace(tables[0], title=""),)
    return title, head, tables


def _markdown_table(table: Table) -> str:
    cells = _Typed.of(table, MARKDOWN)
    heads, place = list(cells.heads), table.n_names  # pipes have one line of heads
    for head, count in table.spans:
        for i in range(place, place + count):
            heads[i] = f"{MARKDOWN.text(head)} {heads[i]}".strip()
        place += count
    marks = [":---" if i < table.n_names else "---:" for i in range(len(cells.heads))]
    rows = [
        [f"*{row[0]}*", *row[1:]] if place in table.headings else row
        for place, row in enumerate(cells.rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, marks, *rows])


def as_latex(
    page: Page,
    caption: str | None = None,
    label: str | None = None,
    *,
    booktabs: bool = True,
    floating: bool = True,
    notes: bool = True,
) -> str:
    """Return a page as LaTeX.

    Parameters
    ----------
    page : Page
    caption : str or None
        As LaTeX, in place of its title; empty for none.
    label : str or None
        To refer to.
    booktabs : bool
        Whether lines are those of the package booktabs.
    floating : bool
        Whether the tables stand in a table environment, with the caption.
    notes : bool
        Whether notes stand below.
    """
    title, head, tables = _above(page, None)
    lines = [*_latex_lines(head, tables, booktabs=booktabs)]
    if not floating and not page.head:
        lines = lines if len(tables) == 1 else [*_latex_lines((), page.tables, booktabs=booktabs)]
    said = [*page.notes, *([page.end] if page.end else [])] if notes else []
    lines += _latex_notes(said)
    if not floating:
        return "\n".join(lines) + "\n"
    captioned = latex_text(title) if caption is None else caption
    named = f"\\label{{{label}}}" if label else ""
    above = [f"\\caption{{{captioned}}}{named}", "\\smallskip"] if captioned or label else []
    frame = ["\\begin{table}[htbp]", "\\centering", *above, *lines, "\\end{table}"]
    return "\n".join(frame) + "\n"


def _latex_lines(head: Sequence[str], tables: Sequence[Table], *, booktabs: bool) -> Iterator[str]:
    for line in head:
        yield f"{latex_text(line)}\\par"
    for place, table in enumerate(tables):
        if place or head:
            yield "\\medskip"
        if table.title:
            yield f"\\textit{{{latex_text(table.title)}}}\\par\\smallskip"
        yield from _latex_table(table, booktabs=booktabs)
        if place < len(tables) - 1:
            yield "\\par"


def _latex_table(table: Table, *, booktabs: bool) -> Iterator[str]:
    rules = ("\\toprule", "\\midrule", "\\bottomrule") if booktabs else ("\\hline",) * 3
    cells, n = _Typed.of(table, LATEX), len(table.heads)
    names = [
        WIDE if max(map(len, column)) > LONG else "l"
        for column in list(zip(table.heads, *table.rows, strict=True))[: table.n_names]
    ]
    yield f"\\begin{{tabular}}{{{''.join(names)}{'r' * (n - table.n_names)}}}"
    yield rules[0]
    yield from _latex_spans(table, booktabs=booktabs)
    yield _latex_row(cells.heads)
    yield rules[1]
    indents = [row[0][:1] == "\0" for row in table.indented("\0").rows]
    for place, row in enumerate(cells.rows):
        if place in table.rules and place:
            yield rules[1]
        if place in table.headings:
            yield f"\\multicolumn{{{n}}}{{l}}{{\\textit{{{row[0]}}}}} \\\\"
        else:
            first = f"\\quad {row[0]}" if indents[place] else row[0]
            first = f"\\raggedright {first}" if names[:1] == [WIDE] else first
            yield _latex_row([first, *row[1:]])
    yield rules[2]
    yield "\\end{tabular}"


def _latex_spans(table: Table, *, booktabs: bool) -> Iterator[str]:
    """Heads above several columns, with a line below each."""
    if not table.spans:
        return
    cells, lines, place = [""] * table.n_names, [], table.n_names + 1
    for head, count in table.spans:
        cells.append(f"\\multicolumn{{{count}}}{{c}}{{{latex_text(head)}}}")
        command = "\\cmidrule(lr)" if booktabs else "\\cline"
        lines.append(f"{command}{{{place}-{place + count - 1}}}")
        place += count
    yield _latex_row(cells)
    yield "".join(lines)


def _latex_row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex_notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "\\par\\smallskip"
        yield "\\begin{minipage}{\\linewidth}\\footnotesize"
        yield from (f"{latex_text(note)}\\par" for note in notes)
        yield "\\end{minipage}"


def as_html(
    page: Page, caption: str | None = None, label: str | None = None, *, ruled: bool = True
) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    page : Page
    caption : str or None
        In place of its title; empty for none.
    label : str or None
        The id of the element.
    ruled : bool
        Whether tables have the lines of printed ones, and numbers are typeset; otherwise the style
        is that of the page around.
    """
    title, head, tables = _above(page, caption)
    inside = [] if page.head or len(tables) != 1 else [title]
    lines = [title, *head] if page.head and title else [*head]
    parts = [f"<p>{'<br>'.join(map(html_text, lines))}</p>"] if lines else []
    if inside:
        tables = (replace(tables[0], title=title),)
    parts += [_html_table(table, ruled=ruled) for table in tables]
    listed = "".join(f"<li>{html_text(note)}</li>" for note in page.notes)
    parts += [f"<ul>{listed}</ul>"] if listed else []
    parts += [f"<p>{html_text(page.end)}</p>"] if page.end else []
    identity = f' id="{html_text(label)}"' if label else ""
    return f"<div{identity}>{''.join(parts)}</div>"


def _html_table(table: Table, *, ruled: bool) -> str:
    cells = _Typed.of(table, HTML if ruled else PLAIN_HTML)
    indents = [row[0][:1] == "\0" for row in table.indented("\0").rows]
    own = ["text-align:left"] * table.n_names
    own += ["text-align:right;white-space:nowrap" if ruled else ""] * (
        len(cells.heads) - table.n_names
    )
    own = [f"{_ROOM};{each}" for each in own] if ruled else own
    lines = [*_html_spans(table, ruled=ruled)]
    above = [] if lines else [_TOP]
    lines.append(_html_row("th", cells.heads, own, [*above, _LINE] if ruled else []))
    n_heads = len(lines)
    for place, row in enumerate(cells.rows):
        styles = [_BETWEEN] if ruled and place in table.rules and place else []
        styles += [_BOTTOM] if ruled and place == len(cells.rows) - 1 else []
        if place in table.headings:
            style = _style(own[0], *styles)
            lines.append(f'<tr><td colspan="{len(row)}"{style}><i>{row[0]}</i></td></tr>')
            continue
        first = f"{own[0]};padding-left:1.5em" if indents[place] else own[0]
        lines.append(_html_row("td", row, [first, *own[1:]], styles))
    caption = f'<caption style="caption-side:top">{html_text(table.title)}</caption>'
    style = _style("border-collapse:collapse", "font-variant-numeric:tabular-nums") if ruled else ""
    top = f"<table{style}>{caption if table.title else ''}<thead>{''.join(lines[:n_heads])}</thead>"
    return f"{top}<tbody>{''.join(lines[n_heads:])}</tbody></table>"


def _html_spans(table: Table, *, ruled: bool) -> Iterator[str]:
    """Heads above several columns, with a line below each."""
    style = _style("text-align:center", *([_TOP, _LINE] if ruled else []))
    if table.spans:
        empty = f"<th{_style(_TOP) if ruled else ''}></th>" * table.n_names
        heads = "".join(
            f'<th colspan="{count}"{style}>{html_text(head)}</th>' for head, count in table.spans
        )
        yield f"<tr>{empty}{heads}</tr>"


def _html_row(tag: str, cells: Sequence[str], own: Sequence[str], styles: Sequence[str]) -> str:
    """A row of cells, each with a style of its own; names are on the left on any page."""
    pairs = zip(cells, own, strict=True)
    found = "".join(f"<{tag}{_style(each, *styles)}>{cell}</{tag}>" for cell, each in pairs)
    return f"<tr>{found}</tr>"


def _style(*parts: str) -> str:
    text = ";".join(filter(None, parts))
    return f' style="{text}"' if text else ""
