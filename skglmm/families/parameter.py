"""The parameters of a family: what each is for, and which links it takes."""

from dataclasses import dataclass
from enum import Enum
from math import inf, isfinite
from typing import NamedTuple

from skglmm.arrays import Floats
from skglmm.links import Link

__all__ = ["Limit", "Parameter", "Role"]


class Role(Enum):
    """What a parameter of a distribution is for.

    Examples
    --------
    >>> from skglmm.families import Beta
    >>> [parameter.role.value for parameter in Beta().parameters]
    ['location', 'dispersion']
    """

    LOCATION = "location"  # where responses are: the one that `link` is about, and `coef_`
    DISPERSION = "dispersion"  # how far they scatter about it
    MASS = "mass"  # the probability of single values, such as extra zeros
    SHAPE = "shape"  # anything else: cut points, degrees of freedom, a power
    SIZE = "size"  # of what a response is a part, such as a number of trials: known of each row


class Limit(NamedTuple):
    """The end of a linear predictor that an optimizer must not pass: a ceiling, or a floor.

    Searches know upper bounds alone: a floor is the ceiling of the predictor with the other sign.

    Parameters
    ----------
    sign : {-1.0, 1.0}
        -1 for a floor.
    value : float
        The bound of ``sign * eta``; infinite where there is none.
    """

    sign: float
    value: float

    @property
    def is_finite(self) -> bool:
        """Whether there is an end at all."""
        return isfinite(self.value)

    @property
    def end(self) -> float:
        """The linear predictor there."""
        return self.sign * self.value

    def beyond(self, eta: Floats) -> Floats:
        """Return how far linear predictors are beyond it; negative before."""
        return self.sign * eta - self.value


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family, with a linear predictor of its own.

    Parameters
    ----------
    name : str
        What users and tables call it: "mean", "precision", "zero".
    role : Role
    links : tuple of Link
        Those that it may have, the default first.
    ceiling : float, default=inf
        The largest linear predictor that an optimizer may reach with an intercept.
    equivariant : bool, default=False
        Whether it is measured in the units of the response, and grows with them: a mean, or a
        standard deviation, of real or positive responses.
    floor : float, default=-inf
        The smallest linear predictor that an optimizer may reach with an intercept. A parameter has
        a ceiling or a floor, not both. Either is in the units of a fit: where the parameter is
        `equivariant`, those in which responses have width one.
    has_intercept : bool, default=True
        Whether the fixed part of its formula has an intercept. Without one, categories are coded as
        if there were: other parameters take its place.
    block : str or None, default=None
        Under which head tables list it together with others, each of them one number.
    at_limit : str, default=""
        What responses that send it to its ceiling or floor are like, in words; empty where the
        model reproduces them exactly.
    untold : str, default=""
        What responses that say nothing of it are like, in words.
    at_other_end : str, default=""
        What responses that send it away from its ceiling or floor, without end, are like, in words.
    degree : float, default=1.0
        The power of the units of the response in which it is measured, if it is `equivariant`: -1
        where it is a number of them for each unit.

    Examples
    --------
    >>> from skglmm.families import Beta
    >>> mean, precision = Beta().parameters
    >>> mean.name, [link.name for link in precision.links]
    ('mean', ['log'])
    """

    name: str
    role: Role
    links: tuple[Link, ...]
    ceiling: float = inf
    equivariant: bool = False
    floor: float = -inf
    has_intercept: bool = True
    block: str | None = None
    at_limit: str = ""
    untold: str = ""
    at_other_end: str = ""
    degree: float = 1.0

    def __post_init__(self) -> None:
        if isfinite(self.ceiling) and isfinite(self.floor):
            msg = f"the {self.name} has a ceiling and a floor; searches know one of them"
            raise ValueError(msg)

    def unit(self, width: float) -> float:
        """Return its unit where that of responses is `width`."""
        return float(width**self.degree) if self.equivariant else 1.0

    @property
    def limit(self) -> Limit:
        """Its ceiling or its floor."""
        if isfinite(self.floor):
            return Limit(-1.0, -self.floor)
        return Limit(1.0, self.ceiling)

    @property
    def reproduces(self) -> bool:
        """Whether rows at its end have a likelihood without bound, and so dictate all they tell."""
        return not self.at_limit
