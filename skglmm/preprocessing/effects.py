"""Effects of categories in mixed models of random intercepts: means and standard deviations."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple, final

import numpy as np
import pandas as pd

from skglmm.arrays import Bools, Floats, Ints, keep_freed_memory
from skglmm.covariance import Covariance, Parameterless, Unstructured
from skglmm.design import Design, Factor, Layout
from skglmm.engine import Approximation, Laplace, ProfiledGaussian, Solver
from skglmm.exceptions import DesignError
from skglmm.families import Bernoulli, Family, Gaussian, Poisson
from skglmm.fitting import Fit, Options, fit
from skglmm.inference import random_effects

__all__ = ["CategoryEffects", "Coded", "encoded", "estimate_effects", "joined"]

DIRECT = Solver("direct")
ROUNDS, SETTLED = 50, 1e-10  # of the search for a ratio of variances, relative to the deviation


class _Model(NamedTuple):
    """A model of a target.

    Parameters
    ----------
    family : Family
    approximation : Approximation
    discrete : bool
        Whether responses are few, so that many rows are the same one.
    sums_suffice : bool
        Whether sums of the responses tell all that there is to be known of rows of the same
        categories, and rows that are each a category of their own how much categories differ.
    """

    family: Family
    approximation: Approximation
    discrete: bool = True
    sums_suffice: bool = False


_GAUSSIAN = Gaussian()
_BINARY = _Model(Bernoulli(), Laplace())
_REML = ProfiledGaussian(integrated=(_GAUSSIAN.location,))  # as of LMMRegressor
_MODELS = {
    "continuous": _Model(_GAUSSIAN, _REML, discrete=False),
    "binary": _BINARY,
    "multiclass": _BINARY,  # each class against the others
    "count": _Model(Poisson(), Laplace(), sums_suffice=True),
}


@final
@dataclass(frozen=True)
class Given(Parameterless):
    """Independent effects with a standard deviation that is given, and not estimated.

    Parameters
    ----------
    size : int
        Number of effects of one level, q.
    std_dev : float
    """

    std_dev: float

    def factor(self, theta: Floats) -> Floats:
        """Return the standard deviation on a diagonal, (q, q)."""
        del theta
        return self.std_dev * np.eye(self.size)


@dataclass(frozen=True, eq=False)
class Coded:
    """A target and some columns of categories.

    Parameters
    ----------
    names : tuple of str
        Of the columns, for messages.
    codes : tuple of ndarray of intp, each of shape (n,)
        Category of each row, for each column.
    n_categories : tuple of int
        Of each column, whether they occur or not.
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
        Positive.
    """

    names: tuple[str, ...]
    codes: tuple[Ints, ...]
    n_categories: tuple[int, ...]
    y: Floats
    weights: Floats | None

    def take(self, rows: Ints | Bools) -> "Coded":
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        codes = tuple(column[rows] for column in self.codes)
        return Coded(self.names, codes, self.n_categories, self.y[rows], weights)


class CategoryEffects(NamedTuple):
    """Effects of the categories of some columns, on the scale of the link.

    Parameters
    ----------
    modes : list of ndarray, each of shape (n_categories,)
        0 for categories that do not occur.
    std_devs : list of ndarray, each of shape (n_categories,)
        Given the data and the estimates; of all categories, where they do not occur.
    spreads : list of float
        Standard deviation of all categories of a column; 0 where rows do not tell it.
    converged : bool
    """

    modes: list[Floats]
    std_devs: list[Floats]
    spreads: list[float]
    converged: bool


def joined(found: Iterator[CategoryEffects], n_blocks: int) -> CategoryEffects:
    """Return the effects of all columns of one response."""
    blocks = [next(found) for _ in range(n_blocks)]
    return CategoryEffects(
        [modes for each in blocks for modes in each.modes],
        [std_devs for each in blocks for std_devs in each.std_devs],
        [spread for each in blocks for spread in each.spreads],
        converged=all(each.converged for each in blocks),
    )


def encoded(effects: list[CategoryEffects], codes: list[Ints], n: int) -> tuple[Floats, Floats]:
    """Return effects of n coded rows and their standard deviations, (n, columns, responses)."""
    modes = np.zeros((n, len(codes), len(effects)))
    std_devs = np.zeros_like(modes)
    for k, each in enumerate(effects):
        for j, column in enumerate(codes):
            known = column >= 0
            modes[:, j, k] = np.where(known, each.modes[j][column], 0.0)
            std_devs[:, j, k] = np.where(known, each.std_devs[j][column], each.spreads[j])
    return modes, std_devs


def estimate_effects(
    rows: Coded, target_type: str, smooth: float | None, solver: Solver = DIRECT
) -> CategoryEffects:
    """Return the effects of the categories of all columns at once.

    Parameters
    ----------
    rows : Coded
    target_type : str
    smooth : float or None
        How many rows the average of all is worth; None estimates it.
    solver : Solver
        Of the effects of several columns.

    Raises
    ------
    DesignError
        When crossed columns have too many categories.
    """
    keep_freed_memory()
    model = _MODELS[target_type]
    counts = [
        np.bincount(codes, rows.weights, minlength=n).astype(np.float64)
        for codes, n in zip(rows.codes, rows.n_categories, strict=True)
    ]
    modes = [np.zeros(n) for n in rows.n_categories]
    std_devs = [np.zeros(n) for n in rows.n_categories]
    effects = CategoryEffects(modes, std_devs, [0.0] * len(counts), converged=True)
    used = [j for j, each in enumerate(counts) if _tells(model, each)]
    if not used or np.all(rows.y == rows.y[0]):
        return effects
    seen = {j: counts[j] > 0 for j in used}
    occurring = Coded(
        tuple(rows.names[j] for j in used),
        tuple((np.cumsum(seen[j]) - 1)[rows.codes[j]] for j in used),
        tuple(int(np.count_nonzero(seen[j])) for j in used),
        rows.y,
        rows.weights,
    )
    occurring = _distinct(model, occurring) if model.discrete else occurring
    if smooth is None:
        found = _fit(model, occurring, Unstructured(1), solver)
    else:
        found = _given(model, occurring, smooth, solver)
    for j, each, lambda_ in zip(used, random_effects(found), found.lambdas, strict=True):
        effects.spreads[j] = abs(float(lambda_.item()))
        modes[j][seen[j]] = each.mode[0]
        std_devs[j][:] = effects.spreads[j]
        std_devs[j][seen[j]] = each.std_dev[0]
    return effects._replace(converged=found.converged)


def _tells(model: _Model, counts: Floats) -> bool:
    """Whether rows tell how much the categories of a column differ."""
    if np.count_nonzero(counts) < 2:
        return False
    return model.sums_suffice or bool(counts.max() > 1.0)


def _distinct(model: _Model, rows: Coded) -> Coded:
    """Return the distinct rows, in their order, with weights, which have the same likelihood."""
    columns = list(zip(rows.codes, rows.n_categories, strict=True))
    if not model.sums_suffice:
        values, numbers = np.unique(rows.y, return_inverse=True)
        columns.append((numbers, len(values)))
    (keys, n), *others = columns
    for codes, size in others:
        keys, found = pd.factorize(keys * size + codes, sort=True)
        n = len(found)
    first = np.empty(n, dtype=np.intp)
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    weights = np.bincount(keys, rows.weights, minlength=n).astype(np.float64)
    totals = rows.y if rows.weights is None else rows.weights * rows.y
    y = np.bincount(keys, totals, minlength=n) / weights if model.sums_suffice else rows.y[first]
    return Coded(
        rows.names, tuple(each[first] for each in rows.codes), rows.n_categories, y, weights
    )


def _given(model: _Model, rows: Coded, smooth: float, solver: Solver) -> Fit:
    """Fit with the standard deviation that makes the average worth so many rows.

    The information of a row may depend on other estimates, such as the residual deviation, and
    these on it; and fits measure responses in units of their own.
    """
    family, unit = model.family, 1.0
    model = model._replace(approximation=Laplace(integrated=model.approximation.integrated))
    eta = family.start(rows.y, rows.weights)  # of the average row
    for _ in range(ROUNDS):
        sd = 1.0 / sqrt(smooth * family.location_information(list(eta[:, None])).item())
        found = _fit(model, rows, Given(1, sd / unit), solver)
        ratio, before = found.lambdas[-1].item() / sd, eta
        eta, unit = np.array([beta.item() for beta in found.beta]), ratio * unit
        eta[family.location] = before[family.location]
        if max(np.abs(eta - before).max(), abs(ratio - 1.0)) < SETTLED:
            break
    return found


def _fit(model: _Model, rows: Coded, covariance: Covariance, solver: Solver) -> Fit:
    """Fit crossed random intercepts to rows of whose categories each occurs."""
    family, n = model.family, len(rows.y)
    k, ones = family.location, np.ones((n, 1), order="F")
    every = range(len(family.predictors))
    factors = tuple(
        Factor(name, np.arange(m).astype(object), ("Intercept",), (k,), (1,), covariance)
        for name, m in zip(rows.names, rows.n_categories, strict=True)
    )
    layout = Layout(tuple(family.predictors), tuple(("Intercept",) for _ in every), factors)
    design = Design(
        layout,
        tuple(ones for _ in every),
        tuple(None for _ in every),
        rows.codes,
        tuple(ones for _ in factors),
    )
    try:
        return fit(
            family,
            design,
            rows.y,
            rows.weights,
            inference=False,
            options=Options(solver=solver),
            approximation=model.approximation,
        )
    except DesignError as error:
        if len(factors) > 1:
            msg = f"{error}. Or fit a model to each column by itself: joint=False"
            raise DesignError(msg) from None
        raise
