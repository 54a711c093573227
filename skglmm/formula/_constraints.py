"""Linear hypotheses about named coefficients, ``"a = b, c = 0"``, read as a matrix."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from formulaic.errors import FormulaicError
from formulaic.utils.constraints import LinearConstraintParser

from skglmm.arrays import Floats
from skglmm.exceptions import FormulaError
from skglmm.formula._tokens import failure, misread, scan
from skglmm.syntax import lettered

__all__ = ["read_constraints"]

LISTED = 20  # names that a message shows of a longer list

_OPENERS = frozenset("([.")  # a name followed by one of these goes on: x, x[T.b], x.1
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
    letters = lettered(names, apart_from=text)
    readable = _readable(text, letters)
    _refuse_chains(readable, letters)
    try:
        parser = LinearConstraintParser(variable_names=list(letters.values()))
        matrix, values = parser.get_matrix(readable)
    except FormulaicError as error:
        told = FormulaicError(_with_names(str(error), letters))
        raise misread(told, _with_names(readable, letters)) from None
    except KeyError as error:
        name = str(error.args[0]).replace("`", "")
        raise FormulaError(_unknown(text, _with_names(name, letters, ""), names)) from None
    except (RuntimeError, ZeroDivisionError) as error:
        msg = f"the hypothesis {text!r} is not linear in the coefficients: {error}"
        raise FormulaError(msg) from None
    except (SyntaxError, TypeError, ValueError, AttributeError, IndexError) as error:
        msg = f"cannot read the hypothesis {text!r}: {error}; write 'x = 0' or 'x = z, w = 1'"
        raise FormulaError(msg) from None
    return np.asarray(matrix, dtype=np.float64), np.asarray(values, dtype=np.float64)


def _unknown(text: str, name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"the hypothesis {text!r} names {name!r}; the coefficients are {_list(names)}{hint}"


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def _with_names(text: str, letters: Mapping[str, str], quote: str = "`") -> str:
    """Return a text with the names that letters stand for."""
    names = {letter: f"{quote}{name}{quote}" for name, letter in letters.items()}
    return "".join(names.get(character, character) for character in text)


def _refuse_chains(text: str, letters: Mapping[str, str]) -> None:
    """Refuse ``a = b = c``, which formulaic reads as ``a = b - c``."""
    n_signs = 0
    for piece in scan(text):
        n_signs = 0 if piece.token == "," else n_signs + (piece.token == "=")
        if n_signs > 1:
            msg = "a constraint has one '='; write a = b, b = c"
            start = len(_with_names(text[: piece.start], letters))
            raise failure(msg, _with_names(text, letters), start, start + 1)


def _readable(text: str, letters: Mapping[str, str]) -> str:
    """Rewrite what formulaic's tokenizer would cut: names, as letters, 1e-3, ``= -1``."""
    spellings = {f"`{name}`": letter for name, letter in letters.items()}
    spellings |= {name: letters[name] for name in letters if not _NUMBER.fullmatch(name)}
    longest_first = sorted(spellings, key=len, reverse=True)
    pieces: list[str] = []
    place, before = 0, ""
    while place < len(text):
        rest = text[place:]
        name = next((name for name in longest_first if _starts(rest, name, before)), None)
        number = None if _is_word(before) else _NUMBER.match(rest)
        if name is not None:
            piece, end = spellings[name], len(name)
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
