"""Rows whose linear predictor stopped at its ceiling, and what they dictate to all others."""

from dataclasses import dataclass

from skglmm.arrays import Floats

__all__ = ["Cap", "Dictated"]


@dataclass(frozen=True, eq=False)
class Cap:
    """Rows that are alike in the formula of a predictor, which the data would raise without end.

    Parameters
    ----------
    predictor : int
        Its place.
    rows : tuple of ndarray, each of shape (p_k,)
        Fixed columns of one of the rows, for each predictor; 0 in those that are left out.
    moves : tuple of ndarray, each of shape (p_k,)
        Coefficients of each predictor by which it changes by one in these rows, and, where the
        columns allow it, in no other.
    label : str
        What the rows have in common, in the words of the user.
    n_rows : int
        How many there are, without responses on a bound that has a probability; 0 where nobody
        counted them.
    response : float or None
        What they all respond, on the user's scale; None where they differ.
    """

    predictor: int
    rows: tuple[Floats, ...]
    moves: tuple[Floats, ...]
    label: str
    n_rows: int = 0
    response: float | None = None

    @property
    def row(self) -> Floats:
        """Fixed columns of the predictor that is held, (p_k,)."""
        return self.rows[self.predictor]


@dataclass(frozen=True, eq=False)
class Dictated:
    """What rows at a ceiling determine in place of all others.

    Parameters
    ----------
    flat : ndarray, shape (n_params, m)
        Directions of (beta, theta), in the user's units, which are not determined therefore; as
        in `Uncertainty`.
    effects : tuple of (int, int)
        Factor and column of the random effects that vary among these rows.
    """

    flat: Floats
    effects: tuple[tuple[int, int], ...]
