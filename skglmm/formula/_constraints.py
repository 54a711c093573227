"""Linear hypotheses about named coefficients, ``"a = b, c = 0"``, read as a matrix."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from formulaic.errors import FormulaicError
from formulaic.utils.constraints import LinearConstraintParser

from skglmm.arrays import Floats
from skglmm.exceptions import FormulaError
from skglmm.formula._limits import MOST_OF_HYPOTHESIS, refuse_length, shorten
from skglmm.formula._tokens import failure, misread, scan

__all__ = ["read_constraints"]

LISTED = 20  # names that a message shows of a longer list

_OPENERS = frozenset("([.")  # a name followed by one of these goes on: x, x[T.b], x.1
_QUOTED = re.compile("`[^`]*`")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def read_constraints(text: str, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Read linear constraints as ``matrix @ coefficients = values``.

    Parameters
    ----------
    text : str
        Constraints joined by commas: sums of numbers times names, on one side or both sides of
        ``=``; without it, the sum is 0. Names as they are, or in back quotes.
    names : sequence of str, length p
        Of the coefficients, such as ``"C(x)[T.b]"`` or ``"precision(Intercept)"``.

    Returns
    -------
    matrix : ndarray, shape (m, p)
    values : ndarray, shape (m,)

    Raises
    ------
    FormulaError
        When the text cannot be read, names something else, or is not linear.

    Examples
    --------
    >>> from skglmm.formula import read_constraints
    >>> read_constraints("a = 2 * b, c = 1", ["a", "b", "c"])
    (array([[ 1., -2.,  0.],
           [ 0.,  0.,  1.]]), array([0., 1.]))
    """
    refuse_length(text, "the hypothesis", MOST_OF_HYPOTHESIS)
    readable = _readable(text, names)
    _refuse_chains(readable)
    try:
        with np.errstate(all="ignore"):  # results are checked
            parser = LinearConstraintParser(variable_names=list(names))
            matrix, values = parser.get_matrix(readable)
    except FormulaicError as error:
        raise misread(error, readable) from None
    except KeyError as error:
        raise FormulaError(_unknown(text, str(error.args[0]).replace("`", ""), names)) from None
    except (RuntimeError, ArithmeticError) as error:
        msg = f"the hypothesis {shorten(text)!r} is not linear in the coefficients: {error}"
        raise FormulaError(msg) from None
    except (SyntaxError, TypeError, ValueError, AttributeError, IndexError) as error:
        hint = "write 'x = 0' or 'x = z, w = 1'"
        msg = f"cannot read the hypothesis {shorten(text)!r}: {error}; {hint}"
        raise FormulaError(msg) from None
    return _finite(matrix, text), _finite(values, text)


def _finite(numbers: Any, text: str) -> Floats:
    found = np.asarray(numbers, dtype=np.float64)
    if not np.isfinite(found).all():
        msg = f"the numbers of the hypothesis {shorten(text)!r} are too large or too small"
        raise FormulaError(msg)
    return found


def _unknown(text: str, name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    what = f"the hypothesis {shorten(text)!r} names {shorten(name)!r}"
    return f"{what}; the coefficients are {_list(names)}{hint}"


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def _refuse_chains(text: str) -> None:
    """Refuse ``a = b = c``, which formulaic reads as ``a = b - c``."""
    n_signs = 0
    for piece in scan(text):
        n_signs = 0 if piece.token == "," else n_signs + (piece.token == "=")
        if n_signs > 1:
            msg = "a constraint has one '='; write a = b, b = c"
            raise failure(msg, text, piece.start, piece.stop)


def _readable(text: str, names: Sequence[str]) -> str:
    """Rewrite what formulaic's tokenizer would cut: names with brackets, 1e-3, ``= -1``."""
    longest_first = sorted(names, key=len, reverse=True)
    pieces: list[str] = []
    place, before = 0, ""
    while place < len(text):
        rest = text[place:]
        name = next((name for name in longest_first if _starts(rest, name, before)), None)
        number = None if _is_word(before) else _NUMBER.match(rest)
        quoted = _QUOTED.match(rest)
        if quoted:
            piece, end = quoted[0], quoted.end()
        elif name is not None:
            piece, end = f"`{name}`", len(name)
        elif number:
            piece, end = np.format_float_positional(float(number[0]), trim="-"), number.end()
        else:
            is_sign = rest[0] in "+-" and "".join(pieces).rstrip()[-1:] in {"=", ","}
            piece, end = f"0 {rest[0]}" if is_sign else rest[0], 1
        pieces.append(piece)
        place, before = place + end, rest[end - 1]
    return "".join(pieces)


def _starts(text: str, name: str, before: str) -> bool:
    """Return whether a text starts with a name that begins and ends there."""
    if not text.startswith(name):
        return False
    after = text[len(name) : len(name) + 1]
    begins = not (_is_word(before) and _is_word(name[0]))
    return begins and after not in _OPENERS and not (_is_word(after) and _is_word(name[-1]))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
