"""Weights of contrasts of k means, and their names."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats

__all__ = ["METHODS", "ContrastWeights", "crossed", "custom_weights", "method_weights"]

DEGREES = ("linear", "quadratic", "cubic", "quartic")
HIGHEST = 6  # degree of polynomial contrasts


class ContrastWeights(NamedTuple):
    """Contrasts of k means.

    Parameters
    ----------
    names : tuple of str, length c
        Formats, with ``{}`` between two means, for a minus or a stroke.
    matrix : ndarray, shape (c, k)
    """

    names: tuple[str, ...]
    matrix: Floats

    @property
    def are_comparisons(self) -> bool:
        """Whether all weights of each contrast add to 0, so that they may be ratios."""
        size = np.abs(self.matrix).sum(axis=1)
        return bool(np.all(np.abs(self.matrix.sum(axis=1)) <= 1e-12 * size))


def method_weights(method: str, labels: Sequence[str], reference: int = 0) -> ContrastWeights:
    """Return the contrasts of a method.

    Parameters
    ----------
    method : {"pairwise", "reference", "sequential", "polynomial"}
    labels : sequence of str, length k
        Of the means.
    reference : int
        Place of the mean with which the others are compared.

    Examples
    --------
    >>> method_weights("polynomial", ["a", "b", "c", "d"]).matrix
    array([[-3., -1.,  1.,  3.],
           [ 1., -1., -1.,  1.],
           [-1.,  3., -3.,  1.]])
    """
    return METHODS[method](labels, reference)


def _pairwise(labels: Sequence[str], reference: int) -> ContrastWeights:
    del reference
    return _differences(labels, list(combinations(range(len(labels)), 2)))


def _with_reference(labels: Sequence[str], reference: int) -> ContrastWeights:
    return _differences(labels, [(i, reference) for i in range(len(labels)) if i != reference])


def _sequential(labels: Sequence[str], reference: int) -> ContrastWeights:
    del reference
    return _differences(labels, [(i + 1, i) for i in range(len(labels) - 1)])


def _differences(labels: Sequence[str], pairs: Sequence[tuple[int, int]]) -> ContrastWeights:
    matrix = np.zeros((len(pairs), len(labels)))
    for row, (i, j) in enumerate(pairs):
        matrix[row, i], matrix[row, j] = 1.0, -1.0
    texts = list(map(_literal, labels))
    return ContrastWeights(tuple(f"{texts[i]} {{}} {texts[j]}" for i, j in pairs), matrix)


def _literal(text: str) -> str:
    """Return a text as a format that makes it."""
    return text.replace("{", "{{").replace("}", "}}")


def _polynomial(labels: Sequence[str], reference: int) -> ContrastWeights:
    """Orthogonal polynomials over evenly spaced means, in the smallest whole numbers."""
    del reference
    k, found = len(labels), list[list[Fraction]]()
    for degree in range(min(k - 1, HIGHEST) + 1):
        column = [Fraction(i**degree) for i in range(k)]
        for other in found:
            share = _inner(column, other) / _inner(other, other)
            column = [a - share * b for a, b in zip(column, other, strict=True)]
        found.append(column)
    names = [*DEGREES, *(f"degree {d}" for d in range(len(DEGREES) + 1, HIGHEST + 1))]
    rows = [_whole(column) for column in found[1:]]
    return ContrastWeights(tuple(names[: len(rows)]), np.array(rows, dtype=np.float64))


def _inner(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def _whole(column: Sequence[Fraction]) -> list[int]:
    scale = lcm(*(each.denominator for each in column))
    numbers = [int(each * scale) for each in column]
    common = gcd(*numbers)
    return [each // common for each in numbers]


METHODS: Mapping[str, Callable[[Sequence[str], int], ContrastWeights]] = {
    "pairwise": _pairwise,
    "reference": _with_reference,
    "sequential": _sequential,
    "polynomial": _polynomial,
}


def custom_weights(
    given: Any, labels: Sequence[str], levels: Sequence[tuple[Any, ...]] = ()
) -> ContrastWeights:
    """Return contrasts that are given: a matrix, or weights by name.

    Parameters
    ----------
    given : array-like, shape (c, k), or mapping of str to weights
        Weights of a name are k numbers, or a mapping of means to them; the others are 0.
    labels : sequence of str, length k
        Of the means.
    levels : sequence of tuple, length k
        What else names the means: the values of their columns, or the one of the only column.

    Raises
    ------
    ValueError
        When weights are not k numbers, or name no mean.
    """
    if isinstance(given, Mapping) and given:
        rows = [_row(name, weights, labels, levels) for name, weights in given.items()]
        return ContrastWeights(
            tuple(_literal(str(name)) for name in given), np.array(rows, dtype=np.float64)
        )
    try:
        matrix = np.atleast_2d(np.asarray(given, dtype=np.float64))
    except (TypeError, ValueError):
        msg = (
            f"method={given!r} is neither a method nor weights of {', '.join(labels)}: expected "
            f"one of {', '.join(map(repr, METHODS))}, a matrix of numbers with a row for each "
            "contrast, or a mapping of names to weights"
        )
        raise ValueError(msg) from None
    if matrix.ndim != 2 or matrix.shape[1] != len(labels) or not np.isfinite(matrix).all():
        msg = (
            f"contrasts are of shape {matrix.shape}, expected finite numbers of shape "
            f"(c, {len(labels)}): one column for each of {', '.join(labels)}"
        )
        raise ValueError(msg)
    return ContrastWeights(tuple(f"contrast {i + 1}" for i in range(len(matrix))), matrix)


def _row(
    name: Any, weights: Any, labels: Sequence[str], levels: Sequence[tuple[Any, ...]]
) -> list[float]:
    if not isinstance(weights, Mapping):
        found = np.asarray(weights, dtype=np.float64)
        if found.shape != (len(labels),) or not np.isfinite(found).all():
            msg = (
                f"the contrast {name!r} has weights {weights!r}, expected {len(labels)} finite "
                f"numbers, for {', '.join(labels)}"
            )
            raise ValueError(msg)
        return list(map(float, found))
    known: dict[Any, str] = dict(zip(levels, labels, strict=False))
    known = known | {level[0]: label for level, label in known.items() if len(level) == 1}
    by_label = {known.get(key, str(key)): float(weight) for key, weight in weights.items()}
    unknown = [label for label in by_label if label not in labels]
    if unknown:
        msg = f"the contrast {name!r} names {unknown[0]!r}; the means are {'; '.join(labels)}"
        raise ValueError(msg)
    return [by_label.get(label, 0.0) for label in labels]


def crossed(parts: Sequence[ContrastWeights]) -> tuple[list[tuple[str, ...]], Floats]:
    """Return contrasts of contrasts: the names of each part, and products of weights.

    Parameters
    ----------
    parts : sequence of ContrastWeights
        Of each factor; means are in the order of their levels, the last factor fastest.

    Returns
    -------
    names : list of tuple of str
    matrix : ndarray, shape (c, k)
    """
    names: list[tuple[str, ...]] = [()]
    matrix: Floats = np.ones((1, 1))
    for part in parts:
        names = [(*before, name) for before in names for name in part.names]
        matrix = np.asarray(np.kron(matrix, part.matrix))
    return names, matrix
