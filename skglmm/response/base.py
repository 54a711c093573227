"""The contract of a response: how y is read into a family's numbers, and answers written back."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from skglmm.arrays import Floats

__all__ = ["ResponseScale"]


class ResponseScale(ABC):
    """What y is: how it is read, and how means, quantiles and draws are written on its scale.

    A draft is made of the parameters of an estimator; `learn` makes the scale that a fit keeps.
    It holds no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.response import BoundedScale, ResponseScale
    >>> scale = BoundedScale(0.0, 100.0).learn(np.array([10.0, 25.0, 99.0]))
    >>> isinstance(scale, ResponseScale)
    True
    >>> scale.read(np.array([20.0])), scale.write(np.array([0.2]))
    (array([0.2]), array([20.]))
    """

    # Single values, on the scale of the family, whose probability is estimated as 0, as no
    # response of the fit equals them.
    unseen: tuple[float, ...] = ()

    @property
    @abstractmethod
    def described(self) -> str:
        """What y is, as the first line of a summary ends."""

    @abstractmethod
    def _refuse(self, y: Any) -> None:
        """Refuse responses, (n,), that are impossible: how many, which, and what to do."""

    def of_type(self, y: Any) -> Self:
        """Return the draft that knows what the type of responses says, of those of a category."""
        del y
        return self

    def refuse_rows(self, frame: Any, y: Any = None) -> None:
        """Refuse rows that cannot be, by columns that say what their responses are parts of.

        Parameters
        ----------
        frame : DataFrame, n rows
        y : ndarray, shape (n,), default=None
            Their responses, where they are known.

        Raises
        ------
        ValueError
            When there are such rows.
        """
        del frame, y

    def tally(self, y: Any) -> tuple[Any, ...]:
        """Return what `settled` has to know of some rows; tallies of parts are added."""
        del y
        return ()

    def settled(self, *total: Any) -> Self:
        """Return the scale that has learned from the tally of all rows.

        Raises
        ------
        ValueError
            When there is no model of such responses.
        """
        del total
        return self

    def learn(self, y: Any) -> Self:
        """Return the scale that has learned from all responses, (n,)."""
        return self.settled(*self.tally(y))

    def read(self, y: Any) -> Floats:
        """Return responses, (n,), as the family takes them.

        Raises
        ------
        ValueError
            When responses are impossible.
        """
        self._refuse(y)
        return self.unmoved(y)

    def unmoved(self, y: Any) -> Floats:
        """Return responses, (n,), on the scale of the family, just as they were given."""
        return np.asarray(y, dtype=np.float64)

    def numbers(self, y: Any) -> Floats:
        """Return responses, (n,), as numbers of the scale of y, as pictures show them."""
        return np.asarray(y, dtype=np.float64)

    def mean_of(self, name: str) -> str | None:
        """Return what means of a response are called; None where they are means of its name."""
        del name
        return None

    @property
    def is_ordered(self) -> bool:
        """Whether responses have an order, and so quantiles."""
        return True

    @property
    def width(self) -> float:
        """By how much standard deviations grow on the way from the family's scale to that of y."""
        return 1.0

    def write(self, values: Floats) -> Floats:
        """Return numbers of the family's scale, such as means, on that of y."""
        return values

    def draws(self, values: Floats) -> Any:
        """Return responses of the family's scale as users have them."""
        return self.write(values)

    def log_jacobian(self, read: Floats) -> Floats:
        """Return by how much log densities of y are less than those of what was read, (n,)."""
        return np.zeros(len(read))

    def total_log_jacobian(self, read: Floats, weights: Floats | None) -> float:
        """Return by how much the log likelihood of y is less than that of what was read."""
        del read, weights
        return 0.0

    def knowing(self, unseen: tuple[float, ...]) -> Self:
        """Return the scale that knows which values have an estimated probability of 0."""
        del unseen
        return self

    @property
    def kinds(self) -> frozenset[str]:
        """What responses are numbers of; densities of two scales that share one are comparable."""
        return frozenset({self.described})

    def difference(self, other: "ResponseScale") -> str | None:
        """Return in which respect responses on two scales are no numbers of one kind, or None."""
        if self.kinds & other.kinds:
            return None
        return f"their responses are {self.described} and {other.described}"

    def moved_differently(self, other: "ResponseScale") -> str | None:
        """Return how two fits have moved responses that they cannot model, if not in one way."""
        del other
        return None

    def doubts(self, y: Any) -> list[str]:
        """Return what there is to ask about responses that are possible, but look odd."""
        del y
        return []

    @property
    def n_moved(self) -> int:
        """How many responses were moved before the fit."""
        return 0

    @property
    def moved_ends(self) -> tuple[float, float] | None:
        """Where responses on the ends of the scale are moved to; None where none are moved."""
        return None

    @property
    def remarks(self) -> list[str]:
        """What was done to the responses, in sentences."""
        return []

    @property
    def missing(self) -> list[str]:
        """What there is to say of the `unseen` values, in sentences."""
        return []
