"""Coefficients that few groups tell of: normal tests of them reject too often."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skglmm.fitting import Fit

__all__ = ["FEW_GROUPS", "FewGroups", "few_groups"]

FEW_GROUPS = 20  # with 12 a normal test at 5 % rejects in 8 to 13 %, with 30 in 7 to 9 %
_INTERCEPT = "Intercept"  # which is constant within everything, and hardly ever tested


class FewGroups(NamedTuple):
    """Fixed effects of columns that vary between the levels of a small factor only.

    Parameters
    ----------
    factor : str
    n_levels : int
    names : tuple of str
        Of the coefficients.
    """

    factor: str
    n_levels: int
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What follows from it."""
        verb = "varies" if len(self.names) == 1 else "vary"
        return (
            f"{', '.join(map(repr, self.names))} {verb} between the {self.n_levels} levels of "
            f"{self.factor!r} only, too few for normal tests, which reject too often"
        )


def few_groups(fit: Fit) -> Iterator[FewGroups]:
    """Find fixed effects of the location that normal tests take for surer than they are.

    Parameters
    ----------
    fit : Fit
        With inference; none are known without.
    """
    fit = fit.original
    for k in fit.family.locations:
        yield from _in_predictor(fit, k)


def _in_predictor(fit: Fit, k: int) -> Iterator[FewGroups]:
    factors, labels = fit.layout.factors, fit.layout.labels(k)
    names, left = fit.layout.coefficients[k], set(range(len(fit.beta[k])))
    left -= {*fit.aliased[k], *(j for j in left if names[j] == _INTERCEPT)}
    every = range(len(fit.constant_within))
    small = [f for f in every if factors[f].n_levels < FEW_GROUPS and factors[f].are_groups]
    for f in sorted(small, key=lambda f: factors[f].n_levels):  # the outermost first
        found = sorted(left.intersection(np.flatnonzero(fit.constant_within[f][k]).tolist()))
        if found:
            left.difference_update(found)
            yield FewGroups(factors[f].name, factors[f].n_levels, tuple(labels[j] for j in found))
