"""The contract of a link, and what its inverse gives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Jet", "Link"]


class Jet(NamedTuple):
    """The inverse of a link at some linear predictors, with its derivatives.

    `value` and `complement`, 1 - value without cancellation, have shape (n,), as have the
    `slopes`, one for each order asked for. `outside` marks where the predictor is beyond the
    reach of the link (the rest is then taken at the reach); None where it is nowhere.
    """

    value: Floats
    complement: Floats
    slopes: tuple[Floats, ...]
    outside: Bools | None


@dataclass(frozen=True)
class Link(ABC):
    """A smooth increasing map from the mean to the linear predictor."""

    name: ClassVar[str]
    reach: ClassVar[tuple[float, float]]

    def inverse(self, eta: Floats, order: int) -> Jet:
        """Return the inverse at `eta`, shape (n,), with up to three derivatives."""
        low, high = self.reach
        outside = None
        if not (np.min(eta, initial=0.0) >= low and np.max(eta, initial=0.0) <= high):
            outside = np.asarray(~((eta >= low) & (eta <= high)))
            eta = np.nan_to_num(np.clip(eta, low, high))
        return self._jet(eta, order)._replace(outside=outside)

    @abstractmethod
    def _jet(self, eta: Floats, order: int) -> Jet:
        """Return the inverse within the reach."""

    @abstractmethod
    def link(self, mean: Floats) -> Floats:
        """Return the linear predictor of a mean."""
