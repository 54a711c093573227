"""Letters in place of names, so that formulaic's parsers meet nothing that they could misread."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

__all__ = ["lettered"]

# Ideographs are letters to every parser, and each is a word.
_ALPHABETS = ((0x4E00, 20_000), (0x20000, 40_000))


Thing = TypeVar("Thing", bound=Hashable)


def lettered(things: Iterable[Thing], apart_from: str = "") -> dict[Thing, str]:
    """Return a letter for each distinct thing, none of those in a text.

    Raises
    ------
    ValueError
        When there are more things than letters.
    """
    taken = set(apart_from)
    every = (chr(first + place) for first, size in _ALPHABETS for place in range(size))
    letters = (letter for letter in every if letter not in taken)
    distinct = dict.fromkeys(things)
    found = dict(zip(distinct, letters, strict=False))
    if len(found) < len(distinct):
        msg = f"a formula with {len(distinct)} different names; {len(found)} at most can be read"
        raise ValueError(msg)
    return found
