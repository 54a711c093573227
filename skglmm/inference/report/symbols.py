r"""Names of models as mathematics: columns, links, parameters, and formulas of variances."""

import ast
import re
from collections.abc import Callable, Collection, Iterator

from skglmm.inference.report.typeset import latex_text

__all__ = ["column", "expression", "linked", "number", "subscripted", "symbol", "words"]

# Parameters of families; others are written out.
_SYMBOLS = {
    "mean": r"\mu",
    "median": "m",
    "location": r"\eta",
    "precision": r"\phi",
    "dispersion": r"\phi",
    "scale": r"\sigma",
    "df": r"\nu",
    "power": "p",
    "zero": r"\pi",
    "one": r"\omega",
    "lower_cut": r"\kappa",
    "cut_gap": r"\delta",
    "exceedance": "u",
    "trials": "n",
}
_LINKS = {
    "identity": "{}",
    "log": r"\log({})",
    "logit": r"\operatorname{{logit}}({})",
    "probit": r"\Phi^{{-1}}({})",
    "cloglog": r"\log(-\log(1 - {}))",
    "loglog": r"-\log(-\log({}))",
    "cauchit": r"\tan(\pi({} - 1/2))",
    "sqrt": r"\sqrt{{{}}}",
    "inverse": "1 / {}",
    "inverse-squared": "1 / {}^2",
}
_LEVEL = re.compile(r"(?:C\(([^(),]+)\)|([^()\[\]]+))\[(?:T\.)?(.+)\]", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"


def words(text: str) -> str:
    r"""Return words within a formula, ``\text{a\_b}``."""
    return rf"\text{{{latex_text(text)}}}"


def symbol(name: str) -> str:
    """Return the letter of a parameter of a family; its name where it has none."""
    return _SYMBOLS.get(name, words(name))


def subscripted(letter: str, *places: str) -> str:
    """Return a letter with what stands below it."""
    inside = ",".join(place for place in places if place)
    return f"{letter}_{{{inside}}}" if inside else letter


def linked(link: str, inside: str) -> str:
    """Return what a link, by its name, makes of something."""
    if link not in _LINKS:
        return rf"\operatorname{{{link}}}({inside})"
    return _LINKS[link].format(inside)


def number(value: float, digits: int) -> str:
    r"""Return a number with significant digits, ``1.2 \times 10^{-5}``."""
    mantissa, _, exponent = f"{value:#.{digits}g}".partition("e")
    mantissa = mantissa.removesuffix(".")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def column(name: str, plain: Collection[str] = ()) -> str:
    r"""Return a column of a design as a variable of row i.

    Categories are indicators of their levels, products are written as such.

    Parameters
    ----------
    name : str
        ``"x:f[T.b]"``.
    plain : collection of str
        Names that are those of one column of numbers, whatever they look like.

    Examples
    --------
    >>> from skglmm.inference.report.symbols import column
    >>> print(column("dose"))
    \text{dose}_i
    >>> print(column("C(a_b)[T.q]"))
    [\text{a\_b}_i = \text{q}]
    """
    if name in plain:
        return rf"{words(name)}_i"
    return r" \, ".join(_factor(part, plain) for part in _split(name))


def _factor(name: str, plain: Collection[str]) -> str:
    level = None if name in plain else _LEVEL.fullmatch(name)
    if level is None:
        return rf"{words(name)}_i"
    return rf"[{words(level[1] or level[2])}_i = {words(level[3])}]"


def _split(name: str) -> Iterator[str]:
    """Yield the factors of a product, whose colons stand outside of brackets."""
    start, depth = 0, 0
    for place, sign in enumerate(name):
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if sign == ":" and depth == 0:
            yield name[start:place]
            start = place + 1
    yield name[start:]


def expression(text: str, spell: Callable[[str], str]) -> str:
    r"""Return an arithmetic expression of Python as a formula.

    Parameters
    ----------
    text : str
        Of names, numbers, sums, products, quotients and powers.
    spell : callable
        From a name to its spelling.

    Examples
    --------
    >>> from skglmm.inference.report.symbols import expression
    >>> print(expression("mean * (1 - mean) / (1 + phi)", str))
    \frac{mean \, (1 - mean)}{1 + phi}
    """
    return _spelled(ast.parse(text, mode="eval").body, spell)


def _spelled(node: ast.expr, spell: Callable[[str], str]) -> str:
    match node:
        case ast.Name(id=name):
            return spell(name)
        case ast.Constant(value=value):
            return str(value)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{_spelled(left, spell)}}}{{{_spelled(right, spell)}}}"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return rf"{_inside(left, spell)}^{{{_spelled(right, spell)}}}"
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return rf"{_inside(left, spell)} \, {_inside(right, spell)}"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = "+" if isinstance(op, ast.Add) else "-"
            return f"{_spelled(left, spell)} {sign} {_spelled(right, spell)}"
    msg = f"{ast.unparse(node)} is no sum, product, quotient or power"
    raise ValueError(msg)


def _inside(node: ast.expr, spell: Callable[[str], str]) -> str:
    """Spell a factor: sums in parentheses."""
    text = _spelled(node, spell)
    is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    return f"({text})" if is_sum else text
