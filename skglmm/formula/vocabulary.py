"""Names of coefficients and terms, found in a text however it spells them."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from skglmm.syntax import pattern_of

__all__ = ["Vocabulary", "is_letter"]

_Part = tuple[str, str]  # of an interaction: a factor, and what follows it, "cat" and "[T.b]"
_Key = tuple[str, tuple[_Part, ...]]  # a predictor, and the parts without their order

_OPENERS = frozenset("([.:")  # a name followed by one of these goes on: x, x[T.b], x.1, x:z
_ARITHMETIC = re.compile(r"[\d\s.eE+\-*/()=,]*")  # a name of these alone reads as something else
_WRAPPED = re.compile(r"(\w+)\((.*)\)", re.DOTALL)  # by the name of a predictor, precision(x:z)
_SIDE_ENDS = re.compile(r" ?(= *[-+]?[\d.eE+-]+ *)?(,|$)")  # x, or x = 1


class Vocabulary(NamedTuple):
    """The names that a hypothesis may have.

    Parameters
    ----------
    exact : dict of str to str
        Names as they are and in back quotes, and what they mean.
    lengths : tuple of int
        Their numbers of letters, the largest first.
    parts : dict
        Names by their parts, in which neither the order nor the quotes matter.
    patterns : dict of str to Pattern
        What may be written for each factor that the text has.
    tails : dict of str to tuple of str
        What follows each factor, the longest first.
    sizes : dict of str to int
        Number of parts that a name of each predictor has at most.
    """

    exact: dict[str, str]
    lengths: tuple[int, ...]
    parts: dict[_Key, str]
    patterns: dict[str, re.Pattern[str]]
    tails: dict[str, tuple[str, ...]]
    sizes: dict[str, int]

    @classmethod
    def of(cls, text: str, words: Collection[str], factors: Collection[str]) -> "Vocabulary":
        """Return the vocabulary of a text, of which the first of equal names counts."""
        exact = {f"`{word}`": word for word in words} | {word: word for word in words}
        parts: dict[_Key, str] = {}
        tails: dict[str, set[str]] = {}
        longest_first = sorted(factors, key=len, reverse=True)
        for word in words:
            found = _keyed(word, longest_first)
            if found is not None:
                parts.setdefault(found, word)
                for factor, tail in found[1]:
                    tails.setdefault(factor, set()).add(tail)
        sizes: dict[str, int] = {}
        for predictor, found_parts in parts:
            sizes[predictor] = max(sizes.get(predictor, 0), len(found_parts))
        patterns = {factor: pattern_of(factor) for factor in tails}
        return cls(
            exact,
            tuple(sorted(set(map(len, exact)), reverse=True)),
            parts,
            {factor: found for factor, found in patterns.items() if found.search(text)},
            {factor: tuple(sorted(found, key=len)[::-1]) for factor, found in tails.items()},
            sizes,
        )

    def find(self, text: str, place: int) -> tuple[str, int] | None:
        """Return the name that a text has at a place, the longest of several, and where it ends."""
        before = text[place - 1 : place]
        if before == ":" or (is_letter(before) and is_letter(text[place])):
            return None
        ends = [*self._exact(text, place), *self._spelled(text, place)]
        fine = [(word, end) for word, end in ends if self._is_whole(text, place, end)]
        return max(fine, key=lambda found: found[1], default=None)

    def _exact(self, text: str, place: int) -> Iterator[tuple[str, int]]:
        pieces = ((text[place : place + length], place + length) for length in self.lengths)
        for piece, end in pieces:
            word = self.exact.get(piece)
            if word is not None:
                yield word, end

    def _is_whole(self, text: str, start: int, end: int) -> bool:
        """Return whether a name may end there, and is nothing else to those who read the text."""
        after = text[end : end + 1]
        ends = after not in _OPENERS and not (is_letter(after) and is_letter(text[end - 1]))
        return ends and (_is_side(text, start, end) or not self._is_odd(text[start:end]))

    def _is_odd(self, name: str) -> bool:
        """Return whether it reads as a number, an operator, or another name with blanks."""
        has_twin = name != name.strip() and name.strip() in self.exact
        return has_twin or _ARITHMETIC.fullmatch(name) is not None

    def _spelled(self, text: str, place: int) -> Iterator[tuple[str, int]]:
        quote = text[place] == "`"
        for predictor, most in self.sizes.items():
            for start in {place, place + quote}:
                head, tail = (f"{predictor}(", ")") if predictor else ("", "")
                tail += "`" * (start - place)
                if text.startswith(head, start):
                    for found, end in self._chains(text, start + len(head), most):
                        word = self.parts.get((predictor, tuple(sorted(found))))
                        if word is not None and text.startswith(tail, end):
                            yield word, end + len(tail)

    def _chains(self, text: str, place: int, most: int) -> Iterator[tuple[tuple[_Part, ...], int]]:
        """Yield the parts joined by colons that begin at a place, and where they end."""
        for factor, pattern in self.patterns.items():
            if most and text[place : place + 1] in {"`", factor[:1]}:
                for part, end in _parts(text, place, factor, pattern, self.tails[factor]):
                    yield (part,), end
                    if text.startswith(":", end):
                        for rest, last in self._chains(text, end + 1, most - 1):
                            yield (part, *rest), last


def _parts(
    text: str, place: int, factor: str, pattern: re.Pattern[str], tails: Sequence[str]
) -> Iterator[tuple[_Part, int]]:
    """Yield a factor with each of its tails that a text has at a place, and where it ends."""
    found = pattern.match(text, place)
    for tail in tails:
        if found and text.startswith(tail, found.end()):
            yield (factor, tail), found.end() + len(tail)
        if tail and text.startswith(f"`{factor}{tail}`", place):
            yield (factor, tail), place + len(factor) + len(tail) + 2


def _keyed(word: str, factors: Sequence[str]) -> _Key | None:
    """Return the predictor and the parts of a name, None if it is not made of these factors."""
    found = _cut(word, factors)
    if found is not None:
        return "", tuple(sorted(found))
    wrapped = _WRAPPED.fullmatch(word)
    found = _cut(wrapped[2], factors) if wrapped else None
    return (wrapped[1], tuple(sorted(found))) if wrapped and found is not None else None


def _cut(name: str, factors: Sequence[str]) -> list[_Part] | None:
    """Cut the name of an interaction into factors, with what is in brackets after each."""
    todo: list[tuple[int, list[_Part]]] = [(0, [])]
    seen = set()
    while todo:
        start, parts = todo.pop()
        for factor in (factor for factor in factors if name.startswith(factor, start)):
            after = start + len(factor)
            for end in _tail_ends(name, after):
                found = [*parts, (factor, name[after:end])]
                if end == len(name):
                    return found
                if end not in seen:
                    seen.add(end)
                    todo.append((end + 1, found))
    return None


def _tail_ends(name: str, start: int) -> Iterator[int]:
    """Yield the places before a colon, or at the end, up to which brackets may go on."""
    is_open = name.startswith("[", start)
    for end in range(start, len(name) + 1) if is_open else (start,):
        closes = end == start or name[end - 1] == "]"
        if closes and (end == len(name) or name[end] == ":"):
            yield end


def _is_side(text: str, start: int, end: int) -> bool:
    """Return whether a name is all that stands before the number of a constraint."""
    begins = not start or text[:start].endswith((",", ", "))
    return begins and _SIDE_ENDS.match(text, end) is not None


def is_letter(character: str) -> bool:
    """Return whether a character may stand in a word."""
    return character.isalnum() or character == "_"
