"""Tokens of a formula with the places where they stand in its text."""

import re
from functools import lru_cache

from formulaic.errors import FormulaicError

from skglmm.exceptions import FormulaError
from skglmm.formula.limits import MOST_LETTERS, refuse_length, shorten
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

_AROUND = 200  # letters that a message shows on each side of a place
_BESIDE = re.compile(r"Missing operator between `(\w+)` and `(\w+)`\.$")
_MARKED = re.compile(r"\x1b\[[0-9;]*m")  # formulaic colors its messages


def failure(message: str, text: str, start: int, stop: int) -> FormulaError:
    """Return an error that shows the formula with carets under ``text[start:stop]``.

    Of a long formula it shows what is around this place.
    """
    first = max(0, start - _AROUND)
    last = max(first + 2 * _AROUND, min(stop, start + _AROUND))
    flat = re.sub(r"\s", " ", text[first:last])
    carets = " " * (start - first) + "^" * max(1, min(stop, last) - start)
    return FormulaError(f"{message}\n\n    {flat}\n    {carets}")


def misread(error: Exception, text: str, lead: int = 0) -> FormulaError:
    """Return formulaic's own error as ours, with its marks turned into carets.

    What formulaic read begins after `lead` letters of the text.
    """
    message, _, context = _MARKED.sub("", str(error)).partition("\n\n")
    message = message.replace("insuffient", "insufficient")
    if words := _BESIDE.match(message):  # "time s" may be the name of one column
        name = " ".join(words.groups())
        message += f" A column with a space in its name is written in back quotes, as `{name}`"
    start, stop = context.find("⧛"), context.find("⧚") - 1
    if start < 0:
        return FormulaError(f"cannot read the formula {shorten(text.strip())!r}: {message}")
    return failure(f"cannot read the formula: {message}", text, lead + start, lead + stop)


def scan(text: str) -> list[Piece]:
    """Cut a formula into tokens."""
    lead = len(text) - len(text.lstrip())  # of a part, as long as all that is before it
    try:
        pieces = cut(text[lead:])
    except FormulaicError as error:
        raise misread(error, text, lead) from None
    return [piece._replace(start=lead + piece.start, stop=lead + piece.stop) for piece in pieces]


def blank(text: str, start: int, stop: int) -> str:
    """Return the text up to `stop`, blank before `start`, so that places stay."""
    return " " * start + text[start:stop]


def quote(name: str) -> str:
    """Return a column name as a formula has to write it, in back quotes where needed.

    Raises
    ------
    FormulaError
        When no formula can hold the name: an empty one, one with a back quote.
    """
    refuse_length(name, "the column name")
    if not is_writable(name):
        msg = f"the column name {name!r} cannot be written in a formula; rename the column"
        raise FormulaError(msg)
    return back_quoted(name)


def back_quoted(name: str) -> str:
    """Return a name in back quotes where needed."""
    return name if _is_name(name, name) else f"`{name}`"


def is_writable(name: str) -> bool:
    """Return whether a name can stand in back quotes."""
    return len(name) <= MOST_LETTERS and _is_name(f"`{name}`", name)


@lru_cache(maxsize=1024)
def _is_name(text: str, name: str) -> bool:
    """Return whether a text is read as a certain name and nothing else."""
    try:
        pieces = scan(text)
    except FormulaError:
        return False
    return [(piece.kind, piece.token) for piece in pieces] == [("name", name)]
