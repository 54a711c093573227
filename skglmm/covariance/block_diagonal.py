"""Several independent terms on one grouping factor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import final

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance.base import Covariance
from skglmm.covariance.natural import Coordinate, Edge, EffectNames, Ends, NaturalParameter

__all__ = ["BlockDiagonal"]


@final
@dataclass(frozen=True, init=False)
class BlockDiagonal(Covariance):
    """Uncorrelated terms on one grouping factor, ``(1 | g) + (0 + x | g)``.

    `theta` holds the parameters of the parts one after the other.

    Parameters
    ----------
    parts : tuple of Covariance
        One covariance for each term, in the order of the columns.

    Examples
    --------
    >>> from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
    >>> BlockDiagonal((Unstructured(1), Diagonal(1))).factor([0.7, 0.3])
    array([[0.7, 0. ],
           [0. , 0.3]])
    """

    parts: tuple[Covariance, ...]

    def __init__(self, parts: tuple[Covariance, ...]) -> None:
        object.__setattr__(self, "parts", tuple(parts))
        object.__setattr__(self, "size", sum(part.size for part in parts))

    @property
    def blocks(self) -> tuple[Covariance, ...]:
        return self.parts

    @property
    def n_params(self) -> int:
        return sum(part.n_params for part in self.parts)

    @property
    def pairs(self) -> Bools:
        return np.asarray(block_diag(*(part.pairs for part in self.parts)), dtype=np.bool_)

    @property
    def spreads(self) -> Ints:
        found = [inside.start + part.spreads for part, inside, _ in self._places]
        return np.concatenate(found)

    @property
    def ranked(self) -> Bools:
        return np.concatenate([part.ranked for part in self.parts])

    @property
    def rescales(self) -> bool:
        return all(part.rescales for part in self.parts)

    @property
    def _places(self) -> Iterator[tuple[Covariance, slice, slice]]:
        """Each part with its places in `theta` and among the effects."""
        start = effect = 0
        for part in self.parts:
            stop, last = start + part.n_params, effect + part.size
            yield part, slice(start, stop), slice(effect, last)
            start, effect = stop, last

    def cut(self, theta: Floats) -> Iterator[tuple[Covariance, Floats]]:
        theta = np.asarray(theta, dtype=np.float64)
        return ((part, theta[inside]) for part, inside, _ in self._places)

    def in_units(self, basis: Floats) -> "BlockDiagonal":
        return BlockDiagonal(tuple(part.in_units(basis[own, own]) for part, _, own in self._places))

    @property
    def blurs(self) -> bool:
        return any(part.blurs for part in self.parts)

    def factor(self, theta: Floats) -> Floats:
        return np.asarray(block_diag(*(part.factor(piece) for part, piece in self.cut(theta))))

    def move(self, theta: Floats, step: Floats) -> Floats:
        return np.asarray(
            block_diag(*(part.move(theta[i], step[i]) for part, i, _ in self._places))
        )

    def slope(self, theta: Floats, kernel: Floats) -> Floats:
        return np.concatenate(
            [part.slope(theta[i], kernel[own, own]) for part, i, own in self._places]
        )

    def start(self, sds: Floats) -> Floats:
        return np.concatenate([part.start(sds[own]) for part, _, own in self._places])

    def starts(self, theta: Floats) -> Iterator[Floats]:
        yield theta
        for part, inside, _ in self._places:
            for other in islice(part.starts(theta[inside]), 1, None):
                yield np.concatenate([theta[: inside.start], other, theta[inside.stop :]])

    def scaled(self, theta: Floats, share: float) -> Floats:
        return np.concatenate([part.scaled(piece, share) for part, piece in self.cut(theta)])

    def rectify(self, theta: Floats) -> Floats:
        return np.concatenate([part.rectify(piece) for part, piece in self.cut(theta)])

    def zeros(self, theta: Floats) -> Bools:
        return np.concatenate([part.zeros(piece) for part, piece in self.cut(theta)])

    def edges(self, theta: Floats) -> Sequence[Edge]:
        return [
            edge._replace(places=inside.start + edge.places)
            for part, inside, _ in self._places
            for edge in part.edges(theta[inside])
        ]

    def at_ends(self, theta: Floats, labels: EffectNames) -> Iterator[str]:
        for part, inside, own in self._places:
            yield from part.at_ends(theta[inside], labels.of(own))

    def off_boundary(self, theta: Floats, least: float) -> Floats:
        return np.concatenate([part.off_boundary(piece, least) for part, piece in self.cut(theta)])

    def turned(self, theta: Floats, small: float, least: float) -> Floats | None:
        found = [(part.turned(piece, small, least), piece) for part, piece in self.cut(theta)]
        if all(turned is None for turned, _ in found):
            return None
        return np.concatenate([piece if turned is None else turned for turned, piece in found])

    def governing(self, effect: int) -> Ints:
        part, inside, own = next(each for each in self._places if effect < each[2].stop)
        return np.asarray(inside.start + part.governing(effect - own.start))

    def names(self, labels: EffectNames) -> list[str]:
        return [name for part, _, own in self._places for name in part.names(labels.of(own))]

    def natural(
        self, theta: Floats, basis: Floats, labels: EffectNames
    ) -> Iterator[NaturalParameter]:
        for part, inside, own in self._places:
            for each in part.natural(theta[inside], basis[own, own], labels.of(own)):
                gradient = np.full(self.n_params, 0.0 if np.isfinite(each.slope) else np.nan)
                gradient[inside] = each.gradient
                yield each._replace(gradient=gradient)

    def coordinate(self, theta: Floats, basis: Floats, which: int) -> Coordinate | Ends:
        place, (part, inside, own) = next(
            (place, each) for place, each in enumerate(self._places) if which < each[1].stop
        )
        found = part.coordinate(theta[inside], basis[own, own], which - inside.start)
        if not isinstance(found, Coordinate):
            return found
        parts = (*self.parts[:place], found.covariance, *self.parts[place + 1 :])
        return found._replace(
            covariance=BlockDiagonal(parts),
            theta=np.concatenate([theta[: inside.start], found.theta, theta[inside.stop :]]),
            place=inside.start + found.place,
            floors=tuple(inside.start + floor for floor in found.floors),
        )

    def contains(self, other: Covariance) -> bool:
        pairs = list(zip(self.parts, other.blocks, strict=False))
        return len(pairs) == len(self.parts) == len(other.blocks) and all(
            part.contains(one) for part, one in pairs
        )
