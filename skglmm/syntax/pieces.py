"""Tokens of a formula with the places where they stand in its text."""

from typing import Any, NamedTuple

from formulaic.parser.algos.tokenize import tokenize

from skglmm.syntax.identifiers import QUOTED

__all__ = ["Piece", "cut"]

_ENCLOSED = "`{"  # what a token does not hold
_QUOTES = "`{%"  # formulaic leaves the closing one out of the token's place


class Piece(NamedTuple):
    """One token: ``text[start:stop]``, quotes included; `token` is without them."""

    token: str
    kind: str  # "operator", "context", "name", "value", "python"
    start: int
    stop: int


def cut(text: str) -> list[Piece]:
    """Cut a formula into tokens with formulaic's tokenizer; it raises FormulaicError.

    The tokenizer would count the parentheses inside of texts, so it does not see these.
    """
    tokens = tokenize(QUOTED.sub(lambda found: _masked(found[0]), text))
    return [_piece(token, text) for token in tokens]


def _masked(quoted: str) -> str:
    return quoted[0] + "x" * (len(quoted) - 2) + quoted[-1]


def _piece(token: Any, text: str) -> Piece:
    start, kind = token.source_start, token.kind.value
    stop = token.source_end + (2 if text[start] in _QUOTES else 1)
    if kind in {"operator", "context"}:  # their blanks are left out
        return Piece(token.token, kind, start, stop)
    inside = text[start + 1 : stop - 1] if text[start] in _ENCLOSED else text[start:stop]
    return Piece(inside, kind, start, stop)
