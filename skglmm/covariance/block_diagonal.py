"""Several independent terms on one grouping factor."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.linalg import block_diag

from skglmm.arrays import Bools, Floats
from skglmm.covariance.base import Covariance

__all__ = ["BlockDiagonal"]


@final
@dataclass(frozen=True, init=False)
class BlockDiagonal(Covariance):
    """Independent terms on one grouping factor, ``(1 | g) + (0 + x | g)``.

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
    def mask(self) -> Bools:
        blocks = block_diag(*(part.mask for part in self.parts))
        return np.asarray(blocks, dtype=np.bool_)

    def _cut(self, theta: Floats) -> list[Floats]:
        ends = np.cumsum([part.n_params for part in self.parts])
        return np.split(np.asarray(theta, dtype=np.float64), ends[:-1])

    def factor(self, theta: Floats) -> Floats:
        pieces = zip(self.parts, self._cut(theta), strict=True)
        return np.asarray(block_diag(*(part.factor(piece) for part, piece in pieces)))

    def factor_grad(self, theta: Floats) -> Floats:
        grad = np.zeros((self.n_params, self.size, self.size))
        row = column = 0
        for part, piece in zip(self.parts, self._cut(theta), strict=True):
            rows, columns = slice(row, row + part.n_params), slice(column, column + part.size)
            grad[rows, columns, columns] = part.factor_grad(piece)
            row, column = rows.stop, columns.stop
        return grad

    def start(self) -> Floats:
        return np.concatenate([part.start() for part in self.parts])

    def rectify(self, theta: Floats) -> Floats:
        pieces = zip(self.parts, self._cut(theta), strict=True)
        return np.concatenate([part.rectify(piece) for part, piece in pieces])

    def from_factor(self, factor: Floats) -> Floats:
        pieces, end = [], 0
        for part in self.parts:
            block = slice(end, end + part.size)
            pieces.append(part.from_factor(factor[block, block]))
            end = block.stop
        return np.concatenate(pieces)
