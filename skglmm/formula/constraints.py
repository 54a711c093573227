"""Linear hypotheses about named coefficients, ``"a = b, c = 0"``, read as a matrix."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from formulaic.errors import FormulaicError
from formulaic.utils.constraints import LinearConstraintParser

from skglmm.arrays import Floats
from skglmm.exceptions import FormulaError
from skglmm.formula.limits import MOST_OF_HYPOTHESIS, refuse_length, shorten
from skglmm.formula.tokens import failure, misread, scan
from skglmm.formula.vocabulary import Vocabulary, is_letter
from skglmm.syntax import lettered

__all__ = ["read_constraints"]

LISTED = 20  # names that a message shows of a longer list

PROPOSED = 3  # names that a message takes for close

_UNKNOWN = re.compile(r"[^\W\d](?:[\w.:]|\([^()]*\)|\[[^\[\]]*\])*")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def read_constraints(
    text: str,
    names: Sequence[str],
    terms: Mapping[str, Sequence[int]] | None = None,
    factors: Collection[str] = (),
) -> tuple[Floats, Floats]:
    """Read linear constraints as ``matrix @ coefficients = values``.

    Parameters
    ----------
    text : str
        Constraints joined by commas: sums of numbers times names, on one side or both sides of
        ``=``; without it, the sum is 0. Names as they are, or in back quotes; where two can be
        read, the longer one is meant. The name of a term with several coefficients stands alone,
        ``"cat = 0"``, and makes a constraint of each.
    names : sequence of str, length p
        Of the coefficients, such as ``"C(x)[T.b]"`` or ``"precision(Intercept)"``.
    terms : mapping of str to sequence of int, or None
        Places of the coefficients of each term.
    factors : collection of str, default=()
        Columns and expressions of the terms, ``"a:b"`` or ``"log(x)"``. Those of one name may be in
        any order, ``z:x`` for ``x:z``, and in back quotes of their own, ``precision(`a:b`:x)``.

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
    >>> read_constraints("g = 0", ["a", "g[T.b]", "g[T.c]"], {"g": [1, 2]})
    (array([[0., 1., 0.],
           [0., 0., 1.]]), array([0., 0.]))
    """
    refuse_length(text, "the hypothesis", MOST_OF_HYPOTHESIS)
    places = {name: (place,) for place, name in enumerate(names)}
    whole = {name: tuple(found) for name, found in (terms or {}).items() if name not in places}
    words = places | whole  # a name of a coefficient is nothing else
    matrix, values = _over_words(text, words, Vocabulary.of(text, words, factors))
    return _over_coefficients(text, matrix, values, words, names)


def _over_words(
    text: str, words: Mapping[str, Sequence[int]], vocabulary: Vocabulary
) -> tuple[Floats, Floats]:
    """Read constraints on words, which are coefficients or whole terms."""
    letters = lettered(words, apart_from=text)
    readable = _readable(text, letters, words, vocabulary)
    _refuse_chains(readable, letters)
    try:
        with np.errstate(all="ignore"):  # results are checked
            parser = LinearConstraintParser(variable_names=list(letters.values()))
            matrix, values = parser.get_matrix(readable)
    except FormulaicError as error:
        told = FormulaicError(_with_names(str(error), letters))
        raise misread(told, _with_names(readable, letters)) from None
    except KeyError as error:
        name = _with_names(str(error.args[0]).replace("`", ""), letters, "")
        raise _unknown(text, name, words) from None
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


def _over_coefficients(
    text: str,
    matrix: Floats,
    values: Floats,
    words: Mapping[str, Sequence[int]],
    names: Sequence[str],
) -> tuple[Floats, Floats]:
    """Put the coefficients of terms in place of their names."""
    rows, sides = [], []
    every, known = np.eye(len(names)), list(words)
    single = every[[places[0] for places in words.values()]]
    for weights, value in zip(matrix, values, strict=True):
        used = [known[place] for place in np.flatnonzero(weights)]
        whole = [word for word in used if len(words[word]) > 1]
        if not whole:
            rows.append(weights @ single)
            sides.append(value)
        elif len(used) == 1 and value == 0:
            rows += [every[place] for place in words[whole[0]]]
            sides += [0.0] * len(words[whole[0]])
        else:
            parts = ", ".join(repr(names[place]) for place in words[whole[0]])
            msg = (
                f"the hypothesis {shorten(text)!r} mixes the term {whole[0]!r}, which has the "
                f"coefficients {parts}, with something else; write '{whole[0]} = 0', or "
                "constraints of single coefficients"
            )
            raise FormulaError(msg)
    return np.array(rows).reshape(len(rows), len(names)), np.array(sides)


def _unknown(text: str, name: str, words: Mapping[str, Sequence[int]]) -> FormulaError:
    """Say which names there are: coefficients come first, terms after them."""
    n_coefficients = 1 + max((place for places in words.values() for place in places), default=-1)
    known, terms = list(words)[:n_coefficients], list(words)[n_coefficients:]
    close = get_close_matches(name, words, n=PROPOSED)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    whole = f", and terms as a whole {_list(terms)}" if terms else ""
    what = f"the hypothesis {shorten(text)!r} names {shorten(name)!r}"
    return FormulaError(f"{what}; the coefficients are {_list(known)}{whole}{hint}")


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


def _readable(
    text: str,
    letters: Mapping[str, str],
    words: Mapping[str, Sequence[int]],
    vocabulary: Vocabulary,
) -> str:
    """Rewrite what formulaic's tokenizer would cut: names, as letters, 1e-3, ``= -1``."""
    pieces: list[str] = []
    place = 0
    while place < len(text):
        before, named = text[place - 1 : place] if place else "", vocabulary.find(text, place)
        number = None if is_letter(before) else _NUMBER.match(text, place)
        unknown = None if number else _unknown_word(text, place, before)
        if named is not None:
            piece, end = letters[named[0]], named[1]
        elif number:
            piece, end = np.format_float_positional(float(number[0]), trim="-"), number.end()
        elif unknown:
            raise _unknown(text, unknown, words)
        else:
            sign = text[place]
            is_sign = sign in "+-" and "".join(pieces).rstrip()[-1:] in {"=", ","}
            piece, end = f"0 {sign}" if is_sign else sign, place + 1
        pieces.append(piece)
        place = end
    return "".join(pieces)


def _unknown_word(text: str, place: int, before: str) -> str | None:
    """Return the word that begins at a place, with all its brackets; None if there is none."""
    found = None if is_letter(before) else _UNKNOWN.match(text, place)
    return found[0] if found else None
