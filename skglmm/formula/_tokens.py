"""Tokens of a formula with the places where they stand in its text."""

import re
from typing import NamedTuple

from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize

from skglmm.exceptions import FormulaError

__all__ = ["Piece", "blank", "failure", "misread", "quote", "scan"]

_QUOTES = "`{%"  # formulaic leaves the closing one out of the token's place
_MARKED = re.compile(r"\x1b\[[0-9;]*m")  # formulaic colors its messages


class Piece(NamedTuple):
    """One token: ``text[start:stop]``, quotes included; `token` is without them."""

    token: str
    kind: str  # "operator", "context", "name", "value", "python"
    start: int
    stop: int


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
    """Cut a formula into tokens with formulaic's tokenizer."""
    try:
        tokens = list(tokenize(text))
    except FormulaicError as error:
        raise misread(error, text) from None
    return [
        Piece(
            token.token,
            token.kind.value,
            token.source_start,
            token.source_end + (2 if text[token.source_start] in _QUOTES else 1),
        )
        for token in tokens
    ]


def blank(text: str, start: int, stop: int) -> str:
    """Return the text with everything outside ``start:stop`` blank, so that places stay."""
    return " " * start + text[start:stop] + " " * (len(text) - stop)


def quote(name: str) -> str:
    """Return a column name as a formula has to write it, in back quotes where needed."""
    try:
        pieces = scan(name)
    except FormulaError:
        return f"`{name}`"
    bare = len(pieces) == 1 and pieces[0].kind == "name" and pieces[0].token == name
    return name if bare else f"`{name}`"
