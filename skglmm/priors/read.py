"""Read priors: texts such as ``"normal(0, 2.5)"`` by the parameters that they are of."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import isfinite
from typing import Any

from skglmm.priors.densities import (
    CauchyDensity,
    ExponentialDensity,
    GammaDensity,
    HalfNormalDensity,
    LKJDensity,
    LognormalDensity,
    NormalDensity,
    PriorDensity,
    StudentDensity,
)

__all__ = ["NO_PRIORS", "Priors", "read_priors"]

WEAK = "weak"
_KINDS: tuple[type[PriorDensity], ...] = (
    NormalDensity,
    StudentDensity,
    CauchyDensity,
    GammaDensity,
    ExponentialDensity,
    HalfNormalDensity,
    LognormalDensity,
    LKJDensity,
)
_BY_NAME = {kind.name.replace("-", ""): kind for kind in _KINDS}
_CALL = re.compile(r"\s*([A-Za-z][\w -]*?)\s*\(([^()]*)\)\s*")


@dataclass(frozen=True)
class Priors:
    """Priors by the parameters, or the classes of parameters, that they are of.

    Parameters
    ----------
    entries : tuple of (str, PriorDensity or None)
        None is a weak prior, which suits the columns and the response.
    whole : bool
        Whether all parameters that may have a weak prior have one, beside the entries.
    """

    entries: tuple[tuple[str, PriorDensity | None], ...] = ()
    whole: bool = False

    def __bool__(self) -> bool:
        return self.whole or bool(self.entries)

    @property
    def are_weak(self) -> bool:
        """Whether some of them depend on columns and response."""
        return self.whole or any(density is None for _, density in self.entries)

    def by_term(self, terms: Mapping[str, Collection[str]]) -> "Priors":
        """Return the priors where those of terms are of each of their coefficients.

        Parameters
        ----------
        terms : mapping of str to collection of str
            Names of the coefficients of each term; those that are given themselves stay.
        """
        given, entries = {key for key, _ in self.entries}, []
        for key, density in self.entries:
            names = terms.get(key, (key,))
            if key in names:
                entries.append((key, density))
            else:
                entries += [(name, density) for name in names if name not in given]
        return replace(self, entries=tuple(entries))


NO_PRIORS = Priors()


def read_priors(priors: Any) -> Priors:
    """Return priors as they are written: None, "weak", or texts by the names of parameters.

    Raises
    ------
    TypeError
        If they are neither.
    ValueError
        If a text is no distribution.
    """
    if priors is None:
        return NO_PRIORS
    if isinstance(priors, str) and priors == WEAK:
        return Priors(whole=True)
    if not isinstance(priors, Mapping):
        msg = (
            f"priors={priors!r}, expected None, 'weak', or a dict of parameters such as "
            "{'fixed': 'normal(0, 2.5)', 'sd': 'gamma(2, 0.1)'}"
        )
        raise ValueError(msg) if isinstance(priors, str) else TypeError(msg)
    return Priors(tuple((_name(key), _read(key, text)) for key, text in priors.items()))


def _name(key: Any) -> str:
    if not isinstance(key, str):
        msg = f"priors has the key {key!r}, expected the name of a parameter, or a class of them"
        raise TypeError(msg)
    return key.strip()


def _read(key: str, text: Any) -> PriorDensity | None:
    if not isinstance(text, str):
        msg = f"priors[{key!r}]={text!r}, expected a text such as 'normal(0, 2.5)'"
        raise TypeError(msg)
    return None if text.strip() == WEAK else read_density(key, text)


def read_density(key: str, text: str) -> PriorDensity:
    """Return the distribution of a text.

    Parameters
    ----------
    key : str
        What it is the prior of, for errors.
    text : str
        As in ``"normal(0, 2.5)"``.

    Raises
    ------
    ValueError
        If it is none, or its arguments are not such.
    """
    match, known = _CALL.fullmatch(text), ", ".join(map(signature, _KINDS))
    if match is None:
        msg = (
            f"priors[{key!r}]={text!r} cannot be read, expected a distribution with its "
            f"arguments, or 'weak': {known}"
        )
        raise ValueError(msg)
    name = re.sub(r"[\s_-]", "", match[1].lower())
    if name not in _BY_NAME:
        close = get_close_matches(name, _BY_NAME, n=1)
        hint = f"; did you mean {signature(_BY_NAME[close[0]])}?" if close else ""
        msg = f"priors[{key!r}]={text!r}: unknown distribution {match[1]!r}, expected {known}{hint}"
        raise ValueError(msg)
    return _with_arguments(key, text, _BY_NAME[name], match[2])


def signature(kind: type[PriorDensity]) -> str:
    """Return how a distribution is written: ``normal(mean, sd)``."""
    return f"{kind.name}({', '.join(each.name for each in fields(kind))})"


def _with_arguments(key: str, text: str, kind: type[PriorDensity], inside: str) -> PriorDensity:
    names, texts = [each.name for each in fields(kind)], inside.split(",") if inside.strip() else []
    if len(texts) != len(names):
        msg = (
            f"priors[{key!r}]={text!r} has {len(texts)} argument{'s' * (len(texts) != 1)}, "
            f"expected {signature(kind)}"
        )
        raise ValueError(msg)
    values = {}
    for name, each in zip(names, texts, strict=True):
        try:
            values[name] = float(each)
        except ValueError:
            msg = f"priors[{key!r}]={text!r}: {name}={each.strip()!r} is not a number"
            raise ValueError(msg) from None
        requirement = _requirement(kind, name, values[name])
        if requirement:
            msg = f"priors[{key!r}]={text!r}: {name}={each.strip()} must be {requirement}"
            raise ValueError(msg)
    return kind(**values)


def _requirement(kind: type[PriorDensity], name: str, value: float) -> str:
    """Return what an argument has to be and is not; empty if all is well."""
    if not isfinite(value):
        return "finite"
    if name in kind.positive and value <= 0.0:
        return "positive"
    if name in kind.least_one and value < 1.0:
        return (
            "at least 1: the density is infinite at the end of its range, and so has its mode there"
        )
    return ""
