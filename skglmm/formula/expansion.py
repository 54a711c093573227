"""How many products a formula expands to, known before it is expanded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from formulaic.parser.types import ASTNode, Token

from skglmm.exceptions import FormulaError
from skglmm.formula.limits import MOST_FACTORS, shorten

__all__ = ["refuse_explosion"]

MOST_PRODUCTS = 10_000  # a tenth of a second; a*b*c*d*e*f*g*h has 255 terms
MOST_WORK = 1_000_000  # letters that are written out and compared

# Number of terms of an operator's result, of the numbers of terms of its sides.
_SIZES: dict[str, Callable[[int, int], int]] = {
    "*": lambda left, right: left + right + left * right,
    ":": lambda left, right: left * right,
}


def refuse_explosion(tree: Any, text: str, longest: int) -> None:
    """Refuse a formula whose powers and products are too many to be written out.

    `tree` is formulaic's syntax tree of `text`, whose longest name or expression has `longest`
    letters. The terms of ``(a + b + c)**p`` are found by
    writing out all 3^p products, so the work is bounded before it is begun.
    """
    nodes = list(_from_the_leaves(tree))
    sizes = _sizes(nodes, text)
    degrees: dict[int, int] = {}
    for node in nodes:
        degrees[id(node)] = degree = _degree(node, sizes, degrees)
        if degree > MOST_FACTORS:
            msg = (
                f"the formula {shorten(text.strip())!r} has products of {degree} factors, "
                f"{MOST_FACTORS} at most"
            )
            raise FormulaError(msg)
    if nodes and sizes[id(tree)] * degrees[id(tree)] * longest > MOST_WORK:
        msg = (
            f"the formula {shorten(text.strip())!r} is too long with its products written out; "
            "give the columns shorter names, or write fewer interactions"
        )
        raise FormulaError(msg)


def _sizes(nodes: Sequence[Any], text: str) -> dict[int, int]:
    """Return the number of terms of each operator's result; refuse too many."""
    sizes: dict[int, int] = {}
    for node in nodes:
        sides = [sizes.get(id(side), 1) for side in node.args]
        symbol = node.operator.symbol
        if symbol in {"**", "^"}:
            size = _power(node, sides[0], text)
        elif len(sides) == 2 and symbol in _SIZES:
            size = _SIZES[symbol](*sides)
        else:
            size = sum(sides)
        sizes[id(node)] = size
        if size > MOST_PRODUCTS:
            msg = (
                f"the formula {shorten(text.strip())!r} expands to more than {MOST_PRODUCTS} "
                "products; write out the interactions that you mean"
            )
            raise FormulaError(msg)
    return sizes


def _degree(node: Any, sizes: Mapping[int, int], degrees: Mapping[int, int]) -> int:
    """Return how many factors the products of an operator's result have at most."""
    sides = [degrees.get(id(side), 1) for side in node.args]
    symbol = node.operator.symbol
    if symbol in {"**", "^"} and isinstance(node.args[1], Token):
        return sides[0] * (int(node.args[1].token) if sizes[id(node)] > 1 else 1)
    if symbol in {"/", "in"} and len(sides) == 2:  # within all terms of the one side
        over, under = (1, 0) if symbol == "in" else (0, 1)
        return sides[over] * sizes.get(id(node.args[over]), 1) + sides[under]
    return sum(sides) if symbol in _SIZES else max(sides, default=1)


def _from_the_leaves(tree: Any) -> Iterator[Any]:
    """Yield the operators of a tree, each after those of its sides; trees may be deep."""
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ASTNode):
            found.append(node)
            todo.extend(node.args)
    yield from reversed(found)


def _power(node: Any, n_terms: int, text: str) -> int:
    base, exponent = node.args
    if isinstance(base, Token) and base.kind is Token.Kind.VALUE:
        return 1  # the exponent of a power of a power, which is read from the right
    if isinstance(exponent, ASTNode):
        msg = f"a power of a power of terms in {text.strip()!r}; write one power"
        raise FormulaError(msg)
    power = int(exponent.token)
    if power > n_terms == 1:
        msg = (
            f"a power of one term, {text.strip()!r}, is the term itself; the square of a column is "
            "I(x**2)"
        )
        raise FormulaError(msg)
    if power > n_terms:
        msg = (
            f"a power of {power} of {n_terms} terms in {text.strip()!r}: products of different "
            f"terms end at {n_terms}; write **{n_terms}"
        )
        raise FormulaError(msg)
    return int(n_terms**power)
