"""The parameters of a family: what each is for, and which links it takes."""

from dataclasses import dataclass
from enum import Enum
from math import inf

from skglmm.links import Link

__all__ = ["Parameter", "Role"]


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
