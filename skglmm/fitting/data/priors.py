"""Priors of a model: from the names that users give to densities of parameters of the fit.

A name is that of a parameter, as tables have it, or of a class of parameters; the more special one
counts. Weak priors have the units of the columns and of the response.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance import Covariance
from skglmm.design import Design, Factor, Layout
from skglmm.engine import (
    CoefficientOf,
    CorrelationsOf,
    Penalty,
    PenaltyTerm,
    Problem,
    Quantity,
    SpreadOf,
    ThroughLink,
)
from skglmm.families import Family
from skglmm.fitting.data.measure import is_straight
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.data.summaries import Columns, summaries
from skglmm.fitting.data.units import Units
from skglmm.parts import Parts
from skglmm.priors import GammaDensity, LKJDensity, NormalDensity, PriorDensity, Priors

__all__ = ["known_priors", "penalty_of"]

FIXED, INTERCEPT, SD, CORRELATION = "fixed", "intercept", "sd", "corr"
CLASSES = (FIXED, INTERCEPT, SD, CORRELATION)
ABSENT = {
    FIXED: "the model has no coefficients but the intercept",
    INTERCEPT: "the model has no intercept",
    SD: "the model has no random effects, and so no standard deviations of such",
    CORRELATION: "no random effects of the model are correlated; (1 + x | g) has correlated ones",
}
WEAK_SD = 2.5  # of coefficients, by columns of unit spread: as in rstanarm
WEAK_SHAPE, WEAK_RATE = 2.0, 0.1  # of standard deviations: as Chung et al. (2013) have it
WEAK_CORRELATION = 2.0  # eta
MOST_SHOWN = 12  # names in an error
TWO_VALUES = 1e-8  # relative difference of variances that is rounding


@dataclass(frozen=True)
class _Yardsticks:
    """By how much columns and the response differ between rows, which weak priors are made of.

    Parameters
    ----------
    fixed : tuple of ndarray, each of shape (p_k,)
        Of the fixed columns of each predictor: standard deviations, of two values how far these
        are apart.
    effects : tuple of ndarray, each of shape (k,)
        Of the columns of each factor; the size of those that do not vary.
    response : float
        Standard deviation of real responses; 1 of others, whose linear predictors have no units.
    """

    fixed: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    response: float


def _yardsticks(
    designs: Parts[Design], ys: Parts[Floats], weights: Parts[Floats | None], family: Family
) -> _Yardsticks:
    """Return the yardsticks of some rows; `ys` are responses on the family's own scale."""
    found = [_spreads(columns) for columns in summaries(designs, weights)]
    n_predictors, response = len(family.parameters), 1.0
    if is_straight(family):
        mass, total = ys.map(_moments, weights, center=0.0).total()
        _, square = ys.map(_moments, weights, center=total / mass, power=2).total()
        response = float(np.sqrt(square / mass)) or 1.0
    return _Yardsticks(tuple(found[:n_predictors]), tuple(found[n_predictors:]), response)


def _spreads(columns: Columns) -> Floats:
    between = (columns.mean - columns.low) * (columns.high - columns.mean)
    two = np.abs(columns.spread**2 - between) <= TWO_VALUES * between
    spread = np.where(two, columns.high - columns.low, columns.spread)
    return np.where(columns.low == columns.high, np.abs(columns.low), spread)


def _moments(
    y: Floats, weights: Floats | None, center: float, power: int = 1
) -> tuple[float, float]:
    moved = (y - center) ** power
    mass = np.ones(len(y)) if weights is None else weights
    return float(mass.sum()), float(mass @ moved)


@dataclass(frozen=True)
class _Target:
    """A parameter that may have a prior.

    Parameters
    ----------
    name : str
    classes : tuple of str
        What else it is called, the more special names first.
    quantity : Quantity or None
        None for coefficients of columns that were left out.
    size : float or None
        Of the order of which it may be; None where no number is likelier than others.
    ends : tuple of float
        Between which it lies.
    n_effects : int
        Of a matrix of correlations; 0 for a number.
    """

    name: str
    classes: tuple[str, ...]
    quantity: Quantity | None
    size: float | None
    ends: tuple[float, float] = (-np.inf, np.inf)
    n_effects: int = 0

    def key(self, given: Collection[str]) -> str | None:
        """Return the most special of the names that it is given a prior by."""
        names = (squeezed(name) for name in (self.name, *self.classes))
        return next((name for name in names if name in given), None)

    @property
    def weak(self) -> PriorDensity:
        """The density that keeps it away from where no data would have it."""
        if self.n_effects:
            return LKJDensity(WEAK_CORRELATION)
        size = 1.0 if self.size is None else self.size
        if self.ends[0] == 0.0:
            return GammaDensity(WEAK_SHAPE, WEAK_RATE / size)
        return NormalDensity(0.0, WEAK_SD * size)


def known_priors(
    priors: Priors,
    problem: Problem,
    layout: Layout,
    scales: Scales,
    designs: Parts[Design],
    ys: Parts[Floats],
    weights: Parts[Floats | None],
) -> Priors:
    """Return priors by the names of single parameters of a model for some rows.

    Parameters
    ----------
    priors : Priors
    problem : Problem
    layout : Layout
        Of the columns of the user.
    scales : Scales
    designs : Parts of Design
    ys : Parts of ndarray
        Responses on the family's own scale.
    weights : Parts of ndarray or None

    Raises
    ------
    ValueError
        If a name is that of no parameter, or of one that cannot have such a prior.
    """
    if not priors:
        return priors
    family, integrated = problem.family, problem.approximation.integrated
    sticks = _yardsticks(designs, ys, weights, family) if priors.are_weak else None
    return _resolved(priors, list(_targets(layout, scales, family, sticks)), integrated)


def squeezed(name: str) -> str:
    """Return a name without spaces, about which nobody has to know."""
    return name.replace(" ", "")


def _resolved(priors: Priors, targets: Sequence[_Target], integrated: Collection[int]) -> Priors:
    given = {squeezed(key): (key, density) for key, density in priors.entries}
    _refuse_unknown(priors, targets)
    entries = []
    for target in targets:
        found = target.key(given)
        if found is None and not (priors.whole and target.size is not None):
            continue
        key, density = (target.name, None) if found is None else given[found]
        if density is None and target.size is None and target.quantity is not None:
            msg = f"priors[{key!r}]: {target.name} has no weak prior, as no number is likelier"
            raise ValueError(msg)
        density = density or target.weak
        if isinstance(target.quantity, CoefficientOf) and target.quantity.k in integrated:
            if found is not None:
                _refuse_integrated(key, target)
        elif target.quantity is not None:
            _refuse_other_kind(key, target, density)
            entries.append((target.name, density))
    return Priors(tuple(entries))


def penalty_of(priors: Priors, layout: Layout, scales: Scales, family: Family) -> Penalty:
    """Return what the objective of a fit loses by resolved priors.

    Parameters
    ----------
    priors : Priors
        By the names of single parameters, see `known_priors`.
    layout : Layout
    scales : Scales
    family : Family
    """
    given = {name: density for name, density in priors.entries if density is not None}
    terms = []
    for each in _targets(layout, scales, family, None) if given else ():
        if each.name in given and each.quantity is not None:
            density = given[each.name]
            terms.append(PenaltyTerm(each.quantity, density, _constant(each, density)))
    return Penalty(tuple(terms))


def _constant(target: _Target, density: PriorDensity) -> float:
    """What a log density is higher by, as the parameter lies between ends."""
    if isinstance(density, LKJDensity):
        return density.log_constant(target.n_effects)
    low = max(target.ends[0], density.lowest)
    is_whole = low == density.lowest and target.ends[1] == np.inf
    return 0.0 if is_whole else -density.log_mass(low, target.ends[1])


def _targets(
    layout: Layout, scales: Scales, family: Family, sticks: _Yardsticks | None
) -> Iterator[_Target]:
    """Yield all parameters that may have a prior."""
    for k in range(len(layout.predictors)):
        yield from _coefficients(layout, scales, family, k, sticks)
    bases = scales.effect_maps(layout)
    for f, (factor, basis) in enumerate(zip(layout.factors, bases, strict=True)):
        sizes = np.ones(factor.n_columns)
        if sticks is not None:
            units = [sticks.response if k in family.locations else 1.0 for k in factor.predictors]
            sizes = np.array(units) / np.where(sticks.effects[f] > 0.0, sticks.effects[f], 1.0)
        start = 0
        for part in factor.covariance.blocks:
            inside = slice(start, start + part.size)
            if part.n_params:
                yield from _of_block(f, factor, part, basis[inside], inside, sizes[inside])
            start += part.size


def _coefficients(
    layout: Layout, scales: Scales, family: Family, k: int, sticks: _Yardsticks | None
) -> Iterator[_Target]:
    """Yield the coefficients of predictor k, and what it is if it is one number."""
    predictor, names = layout.predictors[k], layout.coefficients[k]
    is_location = k in family.locations
    pairs = zip(_weights(scales, k), scales.origins[k], strict=True)
    rows = [CoefficientOf(k, own, float(origin)) for own, origin in pairs]
    unit = sticks.response if sticks is not None and is_location else 1.0
    block = family.parameters[k].block
    for j, (name, label) in enumerate(zip(names, layout.labels(k), strict=True)):
        is_intercept = name == "Intercept"
        classes: tuple[str, ...] = () if is_intercept else (predictor,)
        if is_location:
            classes = (INTERCEPT,) if is_intercept else (FIXED,)
        elif block is not None:
            classes = (block,)
        spread = 1.0 if sticks is None else float(sticks.fixed[k][j])
        size = None if is_intercept or not spread else unit / spread
        yield _Target(label, classes, None if j in scales.aliased[k] else rows[j], size)
    is_number = names == ("Intercept",) and k not in layout.numbers  # of those it is the label
    if is_number and not (is_location or layout.is_shifted(k)):
        through = _through(scales.units, family, k)
        low, high = (through.center + through.width * end for end in through.link.domain)
        yield _Target(predictor, (), replace(rows[0], through=through), None, (low, high))


def _weights(scales: Scales, k: int) -> Iterator[dict[int, Floats]]:
    """Yield those of the coefficients of the fit in each of the user's of predictor k."""
    first = sum(map(len, scales.origins[:k]))
    ends = np.cumsum([turn.shape[1] for turn in scales.to_user])[:-1]
    for row in scales.whole_map[first : first + len(scales.origins[k])]:
        parts = enumerate(np.split(row, ends))
        yield {j: part for j, part in parts if j == k or part.any()}


def _through(units: Units, family: Family, k: int) -> ThroughLink:
    """From linear predictor k of the user to the parameter, as tables have it."""
    link = family.links[k]
    if not (units.are_own and family.parameters[k].equivariant):
        return ThroughLink(link, units.shift(k), units.size(k))
    unit = family.parameters[k].unit(units.width)
    return ThroughLink(link, units.shift(k), units.size(k), 0.0, unit)


def _of_block(
    f: int, factor: Factor, part: Covariance, basis: Floats, inside: slice, sizes: Floats
) -> Iterator[_Target]:
    """Yield standard deviations and correlations of the effects of one term."""
    labels = factor.effect_names.of(inside)
    classes = (SD,) if factor.is_smooth else (f"{SD} | {factor.name}", SD)
    for name, effect in part.owners(labels).items():
        spread, size = SpreadOf(f, basis[effect]), float(sizes[effect])
        yield _Target(name, classes, spread, size, (0.0, np.inf))
    if part.n_params > 1 and part.pairs.sum() > part.size:  # known correlations have no prior
        classes = (f"{CORRELATION} | {factor.name}", CORRELATION)
        quantity, name = CorrelationsOf(f, basis), labels.of_all(CORRELATION)
        yield _Target(name, classes, quantity, 1.0, n_effects=part.size)


def _refuse_unknown(priors: Priors, targets: Sequence[_Target]) -> None:
    names = [target.name for target in targets]
    classes = {name for target in targets for name in target.classes}
    known = {squeezed(name) for name in (*names, *classes)}
    for key, _ in priors.entries:
        if key in CLASSES and key in names:
            msg = (
                f"priors[{key!r}] may be about a class of parameters, or about the coefficient of "
                f"the column {key!r}; give the column another name"
            )
            raise ValueError(msg)
        if squeezed(key) in known:
            continue
        if key in ABSENT:
            msg = f"priors[{key!r}]: {ABSENT[key]}"
            raise ValueError(msg)
        close = get_close_matches(key, [*names, *sorted(classes)], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        several = [name for name in names if squeezed(name).startswith("corr(")]
        if key.startswith("corr(") and several:
            hint = "; a prior is about all correlations of a term at once"
        shown = list(dict.fromkeys([*sorted(classes), *names]))  # each threshold is a class as well
        listed = ", ".join(map(repr, shown[:MOST_SHOWN]))
        more = " ..." if len(shown) > MOST_SHOWN else ""
        msg = f"priors[{key!r}] is about no parameter of the model, which has {listed}{more}{hint}"
        raise ValueError(msg)


def _refuse_integrated(key: str, target: _Target) -> None:
    msg = (
        f"priors[{key!r}] is about {target.name}, which REML integrates out with a flat prior; "
        "fit with reml=False"
    )
    raise ValueError(msg)


def _refuse_other_kind(key: str, target: _Target, density: PriorDensity) -> None:
    is_matrix = isinstance(density, LKJDensity)
    if is_matrix != bool(target.n_effects):
        what = "correlations take lkj(eta)" if target.n_effects else "lkj is for correlations"
        msg = f"priors[{key!r}]='{density}' is no prior of {target.name}: {what}"
        raise ValueError(msg)
    if not is_matrix and target.ends[0] < density.lowest:
        msg = (
            f"priors[{key!r}]='{density}' is of positive numbers, and {target.name} may be "
            "negative; normal, t and cauchy are of all"
        )
        raise ValueError(msg)
    if not is_matrix and density.log_mass(*target.ends) == -np.inf:
        low, high = target.ends
        msg = (
            f"priors[{key!r}]='{density}' has next to no probability between {low:g} and {high:g}, "
            f"where {target.name} is"
        )
        raise ValueError(msg)
