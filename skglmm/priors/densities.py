r"""Prior densities of one number, with two derivatives: normal, t, Cauchy, gamma, LKJ and others.

Densities of numbers that cannot be negative, such as standard deviations, are those of the number
itself, without the Jacobian of any transformation [1]_; where the distribution has a part below
zero it is cut off there.

References
----------
.. [1] Chung, Y., Rabe-Hesketh, S., Dorie, V., Gelman, A. & Liu, J. (2013). A nondegenerate
   penalized likelihood estimator for variance parameters in multilevel models. Psychometrika,
   78(4), 685-709.
"""

from abc import ABC, abstractmethod
from dataclasses import astuple, dataclass
from math import exp, inf, lgamma, log, pi
from typing import ClassVar, NamedTuple

from scipy.special import gammainc, ndtr, stdtr

__all__ = [
    "CauchyDensity",
    "ExponentialDensity",
    "GammaDensity",
    "HalfNormalDensity",
    "LKJDensity",
    "LognormalDensity",
    "NormalDensity",
    "PriorDensity",
    "StudentDensity",
]


class LogPrior(NamedTuple):
    """A log density at a number, with its first two derivatives."""

    value: float
    slope: float
    curvature: float


IMPOSSIBLE = LogPrior(-inf, 0.0, 0.0)
LEAST_MASS = 1e-8  # of a part of a distribution that is a difference of probabilities


@dataclass(frozen=True)
class PriorDensity(ABC):
    """A distribution of one number; its fields are the arguments that users give."""

    name: ClassVar[str]
    positive: ClassVar[tuple[str, ...]] = ()  # arguments that have to be positive
    least_one: ClassVar[tuple[str, ...]] = ()  # below one the density is infinite at an end
    lowest: ClassVar[float] = -inf  # of the numbers that it is a distribution of

    @abstractmethod
    def at(self, x: float) -> LogPrior:
        """Return the log density at a number, with two derivatives."""

    @abstractmethod
    def below(self, x: float) -> float:
        """Return the probability of numbers below x."""

    def log_mass(self, low: float, high: float) -> float:
        """Return the log probability of numbers between two ends; -inf where it has no digits."""
        mass = self.below(high) - self.below(low)
        return log(mass) if mass > LEAST_MASS else -inf

    @property
    def arguments(self) -> tuple[float, ...]:
        """The arguments, in the order in which they are written."""
        return astuple(self)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{value:.4g}' for value in self.arguments)})"


@dataclass(frozen=True)
class NormalDensity(PriorDensity):
    """Normal distribution."""

    mean: float
    sd: float
    name = "normal"
    positive = ("sd",)

    def at(self, x: float) -> LogPrior:
        z = (x - self.mean) / self.sd
        value = -0.5 * z**2 - log(self.sd) - 0.5 * log(2.0 * pi)
        return LogPrior(value, -z / self.sd, -1.0 / self.sd**2)

    def below(self, x: float) -> float:
        return float(ndtr((x - self.mean) / self.sd))


@dataclass(frozen=True)
class StudentDensity(PriorDensity):
    """Student's t distribution, moved and stretched."""

    df: float
    location: float
    scale: float
    name = "t"
    positive = ("df", "scale")

    def at(self, x: float) -> LogPrior:
        df, scale, z = self.df, self.scale, (x - self.location) / self.scale
        half, spread = 0.5 * (df + 1.0), 1.0 + z**2 / df
        constant = lgamma(half) - lgamma(0.5 * df) - 0.5 * log(df * pi) - log(scale)
        slope = -2.0 * half * z / (df * spread * scale)
        curvature = -2.0 * half * (1.0 - z**2 / df) / (df * spread**2 * scale**2)
        return LogPrior(constant - half * log(spread), slope, curvature)

    def below(self, x: float) -> float:
        return float(stdtr(self.df, (x - self.location) / self.scale))


@dataclass(frozen=True)
class CauchyDensity(PriorDensity):
    """Cauchy distribution: t with one degree of freedom."""

    location: float
    scale: float
    name = "cauchy"
    positive = ("scale",)

    def at(self, x: float) -> LogPrior:
        return StudentDensity(1.0, self.location, self.scale).at(x)

    def below(self, x: float) -> float:
        return StudentDensity(1.0, self.location, self.scale).below(x)


@dataclass(frozen=True)
class GammaDensity(PriorDensity):
    """Gamma distribution; with a shape above 1 its density is zero at zero."""

    shape: float
    rate: float
    name = "gamma"
    positive = ("rate",)
    least_one = ("shape",)
    lowest = 0.0

    def at(self, x: float) -> LogPrior:
        power = self.shape - 1.0
        constant = self.shape * log(self.rate) - lgamma(self.shape) - self.rate * x
        if power == 0.0:
            return LogPrior(constant, -self.rate, 0.0) if x >= 0.0 else IMPOSSIBLE
        if x <= 0.0:
            return IMPOSSIBLE
        return LogPrior(constant + power * log(x), power / x - self.rate, -power / x**2)

    def below(self, x: float) -> float:
        return float(gammainc(self.shape, self.rate * max(x, 0.0)))


@dataclass(frozen=True)
class ExponentialDensity(PriorDensity):
    """Exponential distribution."""

    rate: float
    name = "exponential"
    positive = ("rate",)
    lowest = 0.0

    def at(self, x: float) -> LogPrior:
        return GammaDensity(1.0, self.rate).at(x)

    def below(self, x: float) -> float:
        return 1.0 - exp(-self.rate * max(x, 0.0))


@dataclass(frozen=True)
class HalfNormalDensity(PriorDensity):
    """The positive half of a normal distribution about zero."""

    scale: float
    name = "half-normal"
    positive = ("scale",)
    lowest = 0.0

    def at(self, x: float) -> LogPrior:
        whole = NormalDensity(0.0, self.scale).at(x)
        return whole._replace(value=whole.value + log(2.0)) if x >= 0.0 else IMPOSSIBLE

    def below(self, x: float) -> float:
        return 2.0 * NormalDensity(0.0, self.scale).below(max(x, 0.0)) - 1.0


@dataclass(frozen=True)
class LognormalDensity(PriorDensity):
    """Distribution of a positive number whose logarithm is normal."""

    mean: float
    sd: float
    name = "lognormal"
    positive = ("sd",)
    lowest = 0.0

    def at(self, x: float) -> LogPrior:
        if x <= 0.0:
            return IMPOSSIBLE
        whole = NormalDensity(self.mean, self.sd).at(log(x))
        slope = whole.slope - 1.0
        return LogPrior(whole.value - log(x), slope / x, (whole.curvature - slope) / x**2)

    def below(self, x: float) -> float:
        return NormalDensity(self.mean, self.sd).below(log(x)) if x > 0.0 else 0.0


@dataclass(frozen=True)
class LKJDensity(PriorDensity):
    r"""Distribution of a correlation matrix: proportional to :math:`|R|^{\eta - 1}`.

    The number is :math:`\log |R|`; what is constant comes from `log_constant`.
    """

    eta: float
    name = "lkj"
    least_one = ("eta",)

    def at(self, x: float) -> LogPrior:
        power = self.eta - 1.0
        return LogPrior(power * x if power else 0.0, power, 0.0)

    def below(self, x: float) -> float:
        raise NotImplementedError  # it is a distribution of matrices

    def log_constant(self, size: int) -> float:
        """Return the log of what the density of matrices (size, size) is multiplied by."""
        rest = size - 1
        sums = (0.5 * k * log(pi) + lgamma(self.eta + 0.5 * (rest - k)) for k in range(1, rest + 1))
        return rest * lgamma(self.eta + 0.5 * rest) - sum(sums)
