"""How many products a formula expands to, known before it is expanded."""

from collections.abc import Callable, Iterator
from typing import Any

from formulaic.parser.types import ASTNode, Token

from skglmm.exceptions import FormulaError

__all__ = ["refuse_explosion"]

MOST_PRODUCTS = 10_000  # a tenth of a second; a*b*c*d*e*f*g*h has 255 terms

# Number of terms of an operator's result, of the numbers of terms of its sides.
_SIZES: dict[str, Callable[[int, int], int]] = {
    "*": lambda left, right: left + right + left * right,
    ":": lambda left, right: left * right,
    "in": lambda left, right: left * right,
}


def refuse_explosion(tree: Any, text: str) -> None:
    """Refuse a formula whose powers and products are too many to be written out.

    `tree` is formulaic's syntax tree of `text`. The terms of ``(a + b + c)**p`` are found by
    writing out all 3^p products, so the work is bounded before it is begun.
    """
    sizes: dict[int, int] = {}
    for node in _from_the_leaves(tree):
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
                f"the formula {text.strip()!r} expands to more than {MOST_PRODUCTS} products; "
                "write out the interactions that you mean"
            )
            raise FormulaError(msg)


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
