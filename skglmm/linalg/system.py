"""What the engine asks of the Hessian of the random effects, however it is solved."""

from collections.abc import Sequence
from typing import Protocol

from skglmm.arrays import Floats, Ints
from skglmm.linalg.direct.elimination import Chain, Inverse, NestedEffects
from skglmm.linalg.direct.posterior import Posterior
from skglmm.parts import Parts

__all__ = ["IndefiniteError", "LinearSystem"]


class IndefiniteError(ArithmeticError):
    """The matrix is not positive definite, which a system that iterates finds out late."""


class LinearSystem(Protocol):
    """A symmetric positive definite matrix H over random effects, ready to be solved with.

    Effects come as `nested`, those of the levels that each piece owns, and `crossed`, all others.
    """

    @property
    def half_logdet(self) -> float:
        """Half of the log determinant."""
        ...

    @property
    def uncertainty(self) -> float:
        """Standard error of `half_logdet`: 0 unless it is estimated by random probes."""
        return 0.0

    @property
    def log_diagonal(self) -> tuple[Parts[NestedEffects], Floats]:
        """Shares of the effects in `half_logdet`, in the shapes of `solve`.

        Their sum over effects that share no entry with others is half of their log determinant.
        """
        ...

    def solve(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Return ``inv(H)`` times a right-hand side."""
        ...

    def draw(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Give independent standard normal numbers the covariance ``inv(H)``."""
        ...

    @property
    def crossed_inverse(self) -> Floats:
        """The inverse's block of the crossed effects, (n_crossed, n_crossed)."""
        ...

    def let_go(self) -> None:
        """Give back the memory of what is as large as the rows and can be made again."""
        return

    def corner(self, n: int) -> Floats:
        """Return the inverse's block of the last n crossed effects, (n, n)."""
        ...

    def level_sums(self, crossed: Floats) -> list[Floats]:
        """Return the inverse's blocks of nested levels, (k, k) of each factor, summed over these.

        They cost less than the inverse on the pattern.

        Parameters
        ----------
        crossed : ndarray, shape (n_crossed, n_crossed)
            `crossed_inverse`; or that of a matrix without some crossed columns, whose rows and
            columns are zero.
        """
        ...

    def without_last(self, n: int, chains: Parts[Chain]) -> "LinearSystem":
        """Return the matrix without its last crossed columns, n of them.

        Parameters
        ----------
        n : int
        chains : Parts of Chain
            Patterns that are left.
        """
        ...

    def inverse(self) -> Inverse:
        """Return the inverse on the observed pattern: levels that meet in some row."""
        ...

    def posterior(
        self, levels: Parts[tuple[Ints, ...]], sizes: Sequence[tuple[int, int]]
    ) -> Posterior:
        """Return what is needed of the inverse between any two levels.

        Parameters
        ----------
        levels : Parts of tuple of ndarray of int
            Levels of each factor of the chain that each piece owns.
        sizes : sequence of (int, int)
            Columns and levels of each factor, those of the chain first.
        """
        ...
