"""The contract of a family: a log density of rows given K linear predictors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import Packing
from skglmm.families.calculus.reach import within_reach
from skglmm.families.parameter import Limit, Parameter, Role
from skglmm.links import Jet, Link
from skglmm.response import Support

__all__ = ["DensityFactor", "Family", "Interior", "LogDensity"]


class DensityFactor(NamedTuple):
    """A factor of a family's density, which depends on some of its linear predictors.

    Parameters
    ----------
    predictors : tuple of int
        Places of the linear predictors, increasing, on which it depends.
    log_density : callable
        As that of the family, from prepared responses, all linear predictors and an order to the
        logarithm of the factor; its derivatives are packed, in the order of `predictors`.
    applies : callable, default=None
        From responses, (n,), to which of them have this factor, (n,); None if all have.
    packing : Packing, default=None
        Of its derivatives; None if it has all of them.

    Examples
    --------
    >>> from skglmm.families import ZeroInflatedBeta
    >>> [factor.predictors for factor in ZeroInflatedBeta().factors]
    [(2,), (0, 1)]
    """

    predictors: tuple[int, ...]
    log_density: Callable[[Floats, Sequence[Floats], int], LogDensity]
    applies: Callable[[Floats], Bools] | None = None
    packing: Packing | None = None

    @property
    def pairs(self) -> Mapping[tuple[int, ...], int]:
        """Rows of the second derivatives, by the places of their predictors in `predictors`."""
        return (self.packing or Packing.full(len(self.predictors))).pairs


@dataclass(frozen=True)
class Family(ABC):
    """Distribution of a response given K linear predictors, one for each parameter.

    In every method `eta` is a sequence of K arrays, each of shape (n,) or (1,), on the scales
    of the links; results are of full length n. Predictors of a size, such as the number of trials,
    are `known`: they have no coefficients, and all derivatives in them are written as 0.

    Parameters
    ----------
    links : tuple of K links
        From each parameter to its linear predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Beta, Family
    >>> isinstance(Beta(), Family)
    True
    >>> Beta().predictors
    ('mean', 'precision')
    >>> Beta().mean((np.array([0.0, 2.0]), np.log([4.0]))).round(3)
    array([0.5  , 0.881])
    """

    links: tuple[Link, ...]

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The K parameters; those of a class that never change are a plain attribute of it."""

    @property
    @abstractmethod
    def support(self) -> Support:
        """Which responses are possible; a plain attribute of the class, too."""

    @abstractmethod
    def prepare(self, y: Floats) -> Floats:
        """Return what depends on responses, shape (n,), alone: (m, n), columns are rows of data."""

    @abstractmethod
    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        """Return the log density of prepared responses and `order` derivatives, 0 to 3.

        Values beyond the reach of a link are -inf, with derivatives of zero.
        """

    @abstractmethod
    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        """Return minus the expected second derivatives, packed as `packing` says."""

    @abstractmethod
    def mean(self, eta: Sequence[Floats]) -> Floats:
        """Return the means of the response, shape (n,)."""

    @abstractmethod
    def variance(self, eta: Sequence[Floats]) -> Floats:
        """Return the variances of the response, shape (n,)."""

    @abstractmethod
    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of responses up to `y`, `y` included, shape (n,)."""

    @abstractmethod
    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the least responses, shape (n,), whose cdf is `p` or more."""

    @abstractmethod
    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return K constants, on the scales of the predictors, that suit the moments of `y`."""

    @abstractmethod
    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        """Return one draw per row, shape (n,), inside the support or one of the masses."""

    @property
    def title(self) -> str:
        """What summaries call it, with what it is made of."""
        return type(self).__name__

    @property
    def variance_formula(self) -> str:
        """Variance of the response in names of parameters, as an expression of Python.

        Empty where it is none of sums, products, quotients and powers.
        """
        return ""

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the K linear predictors, those of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def packing(self) -> Packing:
        """Which derivatives its log density has, and in which rows: by default all of them."""
        return Packing.full(len(self.parameters))

    @property
    def estimated(self) -> tuple[int, ...]:
        """Places of the linear predictors that have something to estimate."""
        roles = enumerate(parameter.role for parameter in self.parameters)
        return tuple(k for k, role in roles if role is not Role.SIZE)

    @property
    def known(self) -> tuple[int, ...]:
        """Places of the linear predictors that are known of each row: sizes."""
        return tuple(k for k in range(len(self.parameters)) if k not in self.estimated)

    @property
    def is_normal(self) -> bool:
        """Whether responses, as `prepare` has them in its first row, are normal and linear.

        Their mean is the linear predictor of the location, and the log of their standard deviation
        that of the dispersion. Log densities are those of the normal distribution, less the sum of
        further rows that are prepared.
        """
        return False

    @property
    def is_canonical(self) -> bool:
        """Whether observed information is the expected one: it is the same for all responses."""
        return False

    @property
    def location(self) -> int:
        """Place of the linear predictor that says where responses are."""
        roles = [parameter.role for parameter in self.parameters]
        return roles.index(Role.LOCATION)

    @property
    def locations(self) -> tuple[int, ...]:
        """Places of all linear predictors of a location: one, or one for each of some classes."""
        roles = enumerate(parameter.role for parameter in self.parameters)
        return tuple(k for k, role in roles if role is Role.LOCATION)

    @property
    def is_unordered(self) -> bool:
        """Whether responses are classes without an order, which give its locations their names.

        Means and variances are of numbers of classes then, which say nothing of the classes.
        """
        return False

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts of the support that have probabilities of their own to predict.

        In increasing order: bounds and what lies between, zero and positive counts, or classes.
        """
        return ()

    @property
    def dispersion(self) -> str | None:
        """Name of the parameter that says how far responses scatter; None where the mean does."""
        names = (p.name for p in self.parameters if p.role is Role.DISPERSION)
        return next(names, None)

    @property
    def wider(self) -> str:
        """Which distribution is like it, with a parameter for more spread; empty for none."""
        return ""

    @property
    def simpler(self) -> str:
        """Which distribution is like it, without the parameter for more spread; empty for none."""
        return ""

    @property
    def narrower(self) -> str:
        """Which distribution is like it, with a parameter for less spread; empty for none."""
        return ""

    @property
    def counts_something(self) -> bool:
        """Whether responses are counts, perhaps of successes, and not the numbers of classes."""
        is_bounded = bool(np.isfinite(self.support.high))
        return self.support.is_discrete and bool(self.known or not is_bounded)

    @property
    def scale(self) -> int:
        """Place of the linear predictor of the dispersion, of a family that has one."""
        return [parameter.role for parameter in self.parameters].index(Role.DISPERSION)

    @property
    def masses(self) -> tuple[float, ...]:
        """Single values that have a positive probability in a real support."""
        return self.support.masses

    @property
    def ceilings(self) -> tuple[float, ...]:
        """The largest linear predictors that an optimizer may reach with an intercept."""
        return tuple(parameter.ceiling for parameter in self.parameters)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Ceiling or floor of each linear predictor."""
        return tuple(parameter.limit for parameter in self.parameters)

    @property
    def intercepts(self) -> Mapping[int, Mapping[int, float]]:
        """Numbers that take the place of an intercept, for predictors without one.

        With the predictor, each of them grows by its weight times a constant that is added to it.
        """
        return {}

    @property
    def compared(self) -> tuple[int, ...]:
        """Places of the linear predictors that densities compare, as a location with cut points.

        They go to infinity together, see `comparisons`.
        """
        return ()

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        """Places of the estimated predictors on which the mean depends, the first among them."""
        return self.estimated

    @property
    def part_predictors(self) -> tuple[int, ...]:
        """Places of the estimated predictors on which the probabilities of the `parts` depend."""
        return self.estimated if self.parts else ()

    @property
    def factors(self) -> tuple[DensityFactor, ...]:
        """Factors of the density, each with the linear predictors on which it depends.

        Averages over random effects of several predictors are products where the factors share
        none, and no effects that are correlated.
        """
        every = tuple(range(len(self.predictors)))
        return (DensityFactor(every, self.log_density, packing=self.packing),)

    @property
    def interior(self) -> "Interior | None":
        """The distribution between the masses, where it is a family with predictors of its own.

        Averages over random effects of several predictors are products with those of the masses,
        where effects of the two are not correlated.
        """
        return None

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        """Return the least and the largest response of each row, which a size may end.

        By default they are those of the support.
        """
        del eta
        return self.support.ends

    def mean_unit(self, eta: Sequence[Floats]) -> Floats | float:
        """Return what a mean is where the parameter of the location is 1, such as a size."""
        del eta
        return 1.0

    def start_within(self, y: Floats, sizes: Floats, weights: Floats | None = None) -> Floats:
        """Return what `start` does, for responses that are parts of known sizes, (n,).

        By default sizes tell nothing.
        """
        del sizes
        return self.start(y, weights)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of responses above `y`, shape (n,).

        By default one minus the cdf, in which small ones have no digits.
        """
        return np.asarray(1.0 - self.cdf(y, eta))

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        """Return the probabilities of the `parts` of the support, shape (len(parts), n).

        Where a real support has masses at its ends, these are the first part and the last. By
        default the parts are two, the lowest of whole numbers and those above it.
        """
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        if not self.parts:
            return np.zeros((0, n))
        near, _ = within_reach(self.links, eta)  # beyond it log densities are walls
        lowest = self.log_density(self.prepare(np.full(n, self.support.low)), near).value
        return np.stack([np.exp(lowest), 0.0 - np.expm1(lowest)])  # no negative zero

    def latent_variance(self, eta: Sequence[Floats]) -> Floats | None:
        """Return the variances, (n,), of the errors of the latent variable behind classes.

        A response says between which thresholds that variable lies. None for other responses.
        """
        del eta
        return None

    def location_information(self, eta: Sequence[Floats]) -> Floats:
        """Return minus the expected second derivatives in the location predictor, (n,)."""
        place = self.packing.pairs[self.location, self.location]
        return np.asarray(self.expected_information(eta)[place])

    def endless_predictors(self, present: Collection[float]) -> Mapping[int, float]:
        """Return the linear predictors without a finite estimate where these masses occur only.

        By place, with the sign of the infinity to which each goes in all rows: they describe
        masses of which none is `present`.
        """
        del present
        return {}

    def comparisons(self, prepared: Floats, moves: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return what each response says of moves of the predictors that are `compared`.

        Of prepared responses, and moves of shape (n, m) or (1, m). Where no row has a negative
        comparison no density falls however far the move goes, and elsewhere some falls to 0.
        """
        del prepared, moves
        return ()

    def vanishing(self, present: Collection[float], endless: Collection[int]) -> tuple[float, ...]:
        """Return the masses that are not `present` and have a probability of 0.

        As one of the `endless` linear predictors, which describes them, is at infinity.
        """
        del present, endless
        return ()

    def derived(self, eta: Sequence[float]) -> Mapping[str, tuple[float, Floats]]:
        """Return parameters that follow from constant linear predictors, by name.

        Of each the value and the derivatives in the K predictors, (K,).
        """
        del eta
        return {}

    def contains(self, other: "Family") -> bool:
        """Return whether the distributions of another family are among those of this one."""
        return self == other

    def ends_in(self, other: "Family") -> tuple[str, ...]:
        """Return the parameters at an end of their range where this family is another one.

        That one is among its distributions, see `contains`; the other parameters stay inside.
        """
        del other
        return ()

    def with_link(self, link: Link) -> Self:
        """Return the family with another link of its location."""
        links = list(self.links)
        links[self.location] = link
        return replace(self, links=tuple(links))

    def rescaled(self, width: float) -> tuple[tuple[float, float], ...]:
        """Return how linear predictors change where responses are measured in other units.

        Of responses that are `width` times others they are `unit` times those of the others, plus
        `shift`: a pair for each predictor, (1, 0) of those that have no units.
        """
        pairs = zip(self.parameters, self.links, strict=True)
        return tuple(
            link.rescaled(each.unit(width)) if each.equivariant else (1.0, 0.0)
            for each, link in pairs
        )

    def jets(self, eta: Sequence[Floats], order: int = 0) -> list[Jet]:
        """Return the parameters with `order` derivatives in their linear predictors."""
        return [link.inverse(row, order) for link, row in zip(self.links, eta, strict=True)]


class Interior(NamedTuple):
    """The distribution of responses that lie between a family's masses.

    Parameters
    ----------
    predictors : tuple of int
        Places of the linear predictors on which it depends, in the order of its own.
    family : Family
        With the same support, and without masses.

    Examples
    --------
    >>> from skglmm.families import ZeroInflatedBeta
    >>> predictors, family = ZeroInflatedBeta().interior
    >>> predictors, family.predictors
    ((0, 1), ('mean', 'precision'))
    """

    predictors: tuple[int, ...]
    family: Family

    @property
    def location(self) -> int:
        """Place of its location's predictor among those of the whole family."""
        return self.predictors[self.family.location]
