"""Tokens of a formula with the places where they stand in its text."""

import re

from formulaic.errors import FormulaicError

from skglmm.exceptions import FormulaError
from skglmm.syntax import Piece, cut

__all__ = [
    "Piece",
    "back_quoted",
    "blank",
    "failure",
    "is_writable",
    "misread",
    "quote",
    "scan",
]

_MARKED = re.compile(r"\x1b\[[0-9;]*m")  # formulaic colors its messages


def failure(message: str, text: str, start: int, stop: int) -> FormulaError:
    """Return an error that shows the formula with carets under ``text[start:stop]``."""
    flat = re.sub(r"\s", " ", text)
    carets = " " * start + "^" * max(1, stop - start)
    return FormulaError(f"{message}\n\n    {flat}\n    {carets}")


def misread(error: Exception, text: str) -> FormulaError:
    """Return formulaic's own error as ours, with its marks turned into carets."""
    message, _, context = _MARKED.sub("", str(error)).partition("\n\n")
    message = message.replace("insuffient", "insufficient")
    start, stop = context.find("⧛"), context.find("⧚") - 1
    if start < 0:
        return FormulaError(f"cannot read the formula {text.strip()!r}: {message}")
    return failure(f"cannot read the formula: {message}", text, start, stop)


def scan(text: str) -> list[Piece]:
    """Cut a formula into tokens."""
    try:
        return cut(text)
    except FormulaicError as error:
        raise misread(error, text) from None


def blank(text: str, start: int, stop: int) -> str:
    """Return the text with everything outside ``start:stop`` blank, so that places stay."""
    return " " * start + text[start:stop] + " " * (len(text) - stop)


def quote(name: str) -> str:
    """Return a column name as a formula has to write it, in back quotes where needed.

    Raises
    ------
    FormulaError
        When no formula can hold the name: an empty one, one with a back quote.
    """
    if not is_writable(name):
        msg = f"the column name {name!r} cannot be written in a formula; rename the column"
        raise FormulaError(msg)
    return back_quoted(name)


def back_quoted(name: str) -> str:
    """Return a name in back quotes where needed."""
    return name if _is_name(name, name) else f"`{name}`"


def is_writable(name: str) -> bool:
    """Return whether a name can stand in back quotes."""
    return _is_name(f"`{name}`", name)


def _is_name(text: str, name: str) -> bool:
    """Return whether a text is read as a certain name and nothing else."""
    try:
        pieces = scan(text)
    except FormulaError:
        return False
    return [(piece.kind, piece.token) for piece in pieces] == [("name", name)]
