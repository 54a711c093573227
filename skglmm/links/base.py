"""The contract of a link: from a parameter to a linear predictor, and smoothly back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import ClassVar, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["Jet", "Link"]


class Jet(NamedTuple):
    """The inverse of a link at some linear predictors, with its derivatives.

    `complement` is one minus the value, without cancellation where the value is near one.
    `outside` is None where every linear predictor is within the link's reach.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Logit
    >>> jet = Logit().inverse(np.array([0.0, 2.0]), order=1)
    >>> jet.value.round(3), jet.complement.round(3)
    (array([0.5  , 0.881]), array([0.5  , 0.119]))
    >>> jet.slopes[0].round(3)
    array([0.25 , 0.105])
    """

    value: Floats  # (n,)
    complement: Floats  # (n,)
    slopes: tuple[Floats, ...] = ()  # as many derivatives as asked for, (n,) each
    outside: Bools | None = None  # (n,)


@dataclass(frozen=True)
class Link(ABC):
    """A smooth increasing function from a parameter to a linear predictor, or a decreasing one.

    Beyond its `reach` a link answers as at the end of it, and marks the row as outside.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import LINKS, Link
    >>> probit = LINKS["probit"]
    >>> isinstance(probit, Link)
    True
    >>> probit.link(probit.inverse(np.array([1.5])).value).round(12)
    array([1.5])
    """

    name: ClassVar[str]
    reach: ClassVar[tuple[float, float]]
    domain: ClassVar[tuple[float, float]]  # between which parameters lie
    # whether larger predictors mean smaller parameters, which are infinite at the end of the reach
    is_decreasing: ClassVar[bool] = False
    # of what exponentiated coefficients are ratios; None where they are none
    ratio: ClassVar[str | None] = None
    # Variance of the distribution whose function the inverse is: of the errors of a latent variable
    # that crosses a threshold. NaN where there is no such distribution.
    latent_variance: ClassVar[float] = nan

    @abstractmethod
    def link(self, mu: Floats) -> Floats:
        """Return the linear predictors, shape (n,), of parameters, (n,)."""

    def link_within(self, mu: Floats) -> Floats:
        """Return linear predictors, (n,), of parameters or of averages of some, finite ones.

        Parameters at the end of what is possible, or beyond by rounding, count as the last number
        before it: means of 0 and of 1 of a logit, of 0 of a logarithm.
        """
        number, (low, high) = np.finfo(np.float64), self.domain
        above = low if np.isinf(low) else max(np.nextafter(low, np.inf), low + number.tiny)
        below = high if np.isinf(high) else np.nextafter(high, -np.inf)
        return self.link(np.clip(mu, above, below))

    def rescaled(self, width: float) -> tuple[float, float]:
        """Return how linear predictors change where the parameter is measured in other units.

        Of a parameter that is `width` times another, the linear predictor is `unit` times that of
        the other, plus `shift`: those of means of 100 meters, of means in meters, have the width
        100.

        Parameters
        ----------
        width : float
            Positive.

        Returns
        -------
        unit, shift : float

        Raises
        ------
        TypeError
            The link is one of a probability, which has no units.
        """
        text = f"parameters with a {self.name} link have no units, so that none can be {width:g}"
        raise TypeError(text)

    def log_inverse(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        """Return logarithms of parameters, which are positive, with derivatives.

        Densities that are powers of a parameter, such as those of counts and classes, keep their
        digits where the parameter itself is as good as 0.

        Parameters
        ----------
        eta : ndarray of shape (n,)
            Linear predictors within the reach.
        order : {0, 1, 2, 3}
            How many derivatives.

        Returns
        -------
        tuple of order + 1 ndarrays of shape (n,)
        """
        jet = self._jet(eta, order)
        return _log(jet.value, jet.slopes)

    def log_complement(self, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        """Return logarithms of one minus parameters, which are probabilities, likewise."""
        jet = self._jet(eta, order)
        return _log(jet.complement, [-each for each in jet.slopes])

    def log_outcome(self, sign: Floats, eta: Floats, order: int = 0) -> tuple[Floats, ...]:
        """Return log probabilities of what happened, with derivatives.

        Parameters
        ----------
        sign : ndarray, shape (n,)
            1 where an event happened, of which the parameter is the probability, and -1 elsewhere.
        eta : ndarray, shape (n,) or (1,)
            Linear predictors within the reach.
        order : {0, 1, 2, 3}
            How many derivatives.

        Returns
        -------
        tuple of order + 1 ndarrays of shape (n,)
        """
        found = tuple(np.empty(len(sign)) for _ in range(order + 1))
        eta = np.broadcast_to(eta, sign.shape)
        for rows, log_probability in (
            (np.flatnonzero(sign > 0.0), self.log_inverse),
            (np.flatnonzero(sign <= 0.0), self.log_complement),
        ):
            for out, part in zip(found, log_probability(eta[rows], order), strict=True):
                out[rows] = part
        return found

    @abstractmethod
    def _jet(self, eta: Floats, order: int) -> Jet:
        """Return the jet within the reach."""

    def inverse(self, eta: Floats, order: int = 0) -> Jet:
        """Return parameters and their derivatives in the linear predictor.

        Parameters
        ----------
        eta : ndarray of shape (n,)
            Linear predictors.
        order : {0, 1, 2, 3}
            How many derivatives.
        """
        low, high = self.reach
        if eta.size == 0 or (low <= eta.min() and eta.max() <= high):
            return self._jet(eta, order)
        outside = ~((low <= eta) & (eta <= high))  # which NaN is, too
        inside = np.clip(np.where(np.isnan(eta), 0.0, eta), low, high)
        return self._jet(inside, order)._replace(outside=outside)


def _log(value: Floats, slopes: Sequence[Floats]) -> tuple[Floats, ...]:
    """Logarithms of positive values with given derivatives, with as many of their own."""
    parts = [np.asarray(np.log(value))]
    if slopes:
        first, *others = (each / value for each in slopes)
        parts.append(first)
        if others:
            parts.append(others[0] - first * first)
        if len(others) > 1:
            parts.append(others[1] - first * (3.0 * others[0] - 2.0 * first * first))
    return tuple(parts)
