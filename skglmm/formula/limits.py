"""How large a formula may be, checked before it is read: sizes cost more than they grow."""

import ast
from collections import Counter
from collections.abc import Iterable
from math import isfinite
from typing import Any

from skglmm.exceptions import FormulaError

__all__ = [
    "MOST_BARS",
    "MOST_COLUMNS",
    "MOST_DEGREE",
    "MOST_DEPTH",
    "MOST_DIGITS",
    "MOST_EXPANDED",
    "MOST_FACTORS",
    "MOST_LETTERS",
    "MOST_LISTED",
    "MOST_OF_HYPOTHESIS",
    "MOST_OF_NAME",
    "MOST_TERMS",
    "STEEPEST",
    "depth",
    "is_moderate",
    "of_type",
    "refuse_length",
    "refuse_number",
    "refuse_operands",
    "shorten",
]

MOST_LETTERS = 20_000  # half a second of reading
MOST_OF_HYPOTHESIS = 4_000  # a quarter of a second
MOST_EXPANDED = 100_000  # letters of the products written out
MOST_TERMS = 1_000  # names and calls written, and terms that they expand to
MOST_BARS = 100
MOST_OF_NAME = 1_000  # letters
MOST_FACTORS = 8  # of a product: categories are coded in 2^8 ways
MOST_DEPTH = 250  # Python's own parsers recurse, to 300 or so
MOST_COLUMNS = 1_000  # of one function; also the degree of a polynomial
MOST_DEGREE = 25  # of a spline: one of 1,000 does not end, and none above 3 is of use
MOST_LISTED = 1_000  # numbers or labels of a list
MOST_DIGITS = 400  # letters of a number
LARGEST = 1e100  # of a number, and its inverse the smallest
STEEPEST = 100.0  # exponent

_SHOWN = 200  # letters of a text that a message shows


def of_type(name: str, value: Any) -> str:
    """Say what a parameter was given, in a message; arrays and columns by their type alone."""
    given = "" if hasattr(value, "shape") else f"={value!r}"
    return f"{name}{given} is of type {type(value).__name__}"


def refuse_length(text: str, what: str = "the formula", most: int = MOST_LETTERS) -> None:
    """Refuse a text of too many letters."""
    if len(text) > most:
        msg = f"{what} {shorten(text)!r} has {len(text)} letters, {most} at most can be read"
        raise FormulaError(msg)


def refuse_number(count: int, most: int, what: str, text: str) -> None:
    """Refuse a formula that has too many of something."""
    if count > most:
        msg = f"the formula {shorten(text.strip())!r} has {count} {what}, {most} at most"
        raise FormulaError(msg)


def refuse_operands(pieces: Iterable[Any], text: str) -> None:
    """Refuse a formula whose tokens are too many to be sorted out; products count once."""
    pieces = list(pieces)
    for piece in pieces:
        if piece.kind == "name":
            refuse_length(piece.token, "the name", MOST_OF_NAME)
    kinds = Counter(":" if piece.token == ":" else piece.kind for piece in pieces)
    operands = kinds["name"] + kinds["value"] + kinds["python"]
    refuse_number(operands, MOST_TERMS * MOST_FACTORS, "names, numbers and calls", text)
    refuse_number(operands - kinds[":"], MOST_TERMS + 1, "terms", text)


def shorten(text: str) -> str:
    """Return the beginning of a text, for a message."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def is_moderate(value: float) -> bool:
    """Return whether a number is 0 or of a size that computations survive."""
    try:
        size = abs(float(value))
    except OverflowError:
        return False
    return size == 0 or (isfinite(size) and 1 / LARGEST <= size <= LARGEST)


def depth(tree: ast.AST) -> int:
    """Return how many nodes of a tree lie within each other."""
    deepest, level = 0, [tree]
    while level:
        deepest, level = deepest + 1, list(_children(level))
    return deepest


def _children(nodes: Iterable[ast.AST]) -> Iterable[ast.AST]:
    for node in nodes:
        yield from ast.iter_child_nodes(node)
