"""What families that are made of one family have in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Self

import numpy as np

from skglmm.arrays import Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.parameter import Parameter
from skglmm.links import Link

__all__ = ["Combined", "check_counts", "of_count"]

_OF_PEOPLE = ("Poisson", "Conway", "Student", "Tweedie")  # names that keep their capital letter


@dataclass(frozen=True)
class Combined(Family):
    """A family made of another one, whose linear predictors come first.

    Parameters
    ----------
    family : Family
        Its links are the first ones.
    """

    links: tuple[Link, ...] = field(init=False, repr=False, compare=False)
    family: Family

    @property
    def own(self) -> tuple[Parameter, ...]:
        """Parameters behind those of the family, each with one link."""
        return ()

    @property
    def title(self) -> str:
        words = re.findall("[A-Z][a-z]*", type(self).__name__)  # a zero-inflated model
        title = self.family.title
        if not title.startswith(_OF_PEOPLE):
            title = title[0].lower() + title[1:]
        return f"{'-'.join(words).capitalize()} {title}"

    def __post_init__(self) -> None:
        links = *self.family.links, *(parameter.links[0] for parameter in self.own)
        object.__setattr__(self, "links", links)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*self.family.parameters, *self.own)

    @property
    def wider(self) -> str:
        return self.family.wider

    @property
    def simpler(self) -> str:
        return self.family.simpler

    @property
    def narrower(self) -> str:
        return self.family.narrower

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        _, high = self.family.ends(eta[: len(self.family.links)])
        return self.support.low, high

    def mean_unit(self, eta: Sequence[Floats]) -> Floats | float:
        return self.family.mean_unit(eta[: len(self.family.links)])

    def contains(self, other: Family) -> bool:
        return isinstance(other, Combined) and (
            replace(self, family=other.family) == other and self.family.contains(other.family)
        )

    def ends_in(self, other: Family) -> tuple[str, ...]:
        return self.family.ends_in(other.family) if isinstance(other, Combined) else ()

    def with_link(self, link: Link) -> Self:
        return replace(self, family=self.family.with_link(link))


def check_counts(family: Family, name: str) -> None:
    """Raise an error unless responses of a family are counts from 0 on."""
    support = family.support
    if not (support.is_discrete and support.low == 0.0):
        text = (
            f"{name} is made of a family of counts that may be 0, got {type(family).__name__}, "
            f"whose support is {support}"
        )
        raise ValueError(text)


def of_count(family: Family, count: float, eta: Sequence[Floats], order: int = 0) -> LogDensity:
    """Return the log probability of a count, with derivatives, as long as the longest predictor."""
    prepared = _prepared(family, count)
    n = np.broadcast_shapes(*(row.shape for row in eta))[0]
    return family.log_density(np.broadcast_to(prepared, (len(prepared), n)), eta, order)


@cache
def _prepared(family: Family, count: float) -> Floats:
    """A count, prepared, (m, 1)."""
    prepared = family.prepare(np.array([count]))
    prepared.flags.writeable = False
    return prepared
