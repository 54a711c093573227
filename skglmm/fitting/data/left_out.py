r"""A residual that is left out: the covariance of the rows of a level is that of its effects.

Where each row has one of the effects of its level, such as that of its visit, and no other row has
it, a residual variance adds to the variances of these effects. The likelihood of mixed models
needs one. So the effects get the covariance :math:`\Sigma - c I` and the residual the variance c,
which is exact for any c below the eigenvalues of :math:`\Sigma`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance import (
    BlockDiagonal,
    Covariance,
    FactorAnalytic,
    Lowered,
    Relationship,
    Unstructured,
)
from skglmm.design import Design, Factor, Layout, OneHot
from skglmm.exceptions import DesignError

__all__ = ["LeftOut", "left_out"]

# Variance c beside that of the residuals of a regression, during a search: correlations of visits
# may be as close to 1. Differences of numbers by c lose their digits to rounding.
SHARE = 1e-6
EASED = 1e-2  # of the smallest eigenvalue, once it is known: profiles and bootstraps go further
REPRODUCED = 1e-12  # of the largest response: what rounding leaves of it
_EXAMPLE = "us(0 + visit | subject) or ar1(0 + time | subject)"


class LeftOut(NamedTuple):
    """What takes the place of a residual.

    Parameters
    ----------
    layout : Layout
        With the covariances of terms lowered.
    log_sd : float
        Linear predictor of the residual standard deviation, which these terms lost.
    """

    layout: Layout
    log_sd: float

    def applied(self, design: Design, k: int) -> Design:
        """Return the design with this layout, and the residual, predictor k, added to its rows."""
        shift = np.full(design.n_samples, self.log_sd)
        offsets = (*design.offsets[:k], shift, *design.offsets[k + 1 :])
        return replace(design, layout=self.layout, offsets=offsets)

    def eased(self, theta: Sequence[Floats], layout: Layout) -> "LeftOut":
        """Return the same with as large a variance as suits estimates, see `Fit.theta`.

        Parameters
        ----------
        theta : sequence of ndarray, each of shape (n_theta_f,)
        layout : Layout
            Of the fit, with its units.
        """
        parts = [
            (part, part.least(inside))
            for factor, own in zip(layout.factors, theta, strict=True)
            for part, inside in factor.covariance.cut(own)
            if isinstance(part, Lowered)
        ]
        nugget = min(max(part.nugget, EASED * least) for part, least in parts)
        factors = tuple(_lowered(factor, nugget) for factor in self.layout.factors)
        return LeftOut(replace(self.layout, factors=factors), 0.5 * log(nugget))

    def offsets(self, added: Sequence[float | None], k: int) -> tuple[float | None, ...]:
        """Return numbers that are added to predictors, with that of the residual, k."""
        return (*added[:k], self.log_sd, *added[k + 1 :])


def _lowered(factor: Factor, nugget: float) -> Factor:
    """The factor with another number that is taken off, where one is."""
    parts = [
        Lowered.of(part.whole, nugget) if isinstance(part, Lowered) else part
        for part in factor.covariance.blocks
    ]
    return replace(factor, covariance=_joined(parts))


class _RowEffects(NamedTuple):
    """The effects of a term of which rows have one each, or none."""

    f: int
    place: int  # of the term among those of its factor
    covariance: Covariance
    effects: Ints  # of each row, (n,), by level; -1 for none

    @property
    def rows(self) -> Bools:
        return self.effects >= 0


def left_out(design: Design, y: Floats, location: int, scale: int) -> LeftOut:
    """Return how the rows of a design do without a residual.

    Parameters
    ----------
    design : Design
        In the units of the user.
    y : ndarray, shape (n,)
    location, scale : int
        Places of the two predictors.

    Raises
    ------
    DesignError
        When no terms have an effect for each row that no other row has, when their covariance is
        singular, or when fixed effects reproduce the responses.
    """
    layout, factors = design.layout, list(design.layout.factors)
    blocks = _chosen(design, location)
    variance = SHARE * _residual_variance(design, y, location)
    for block in blocks:
        factor = factors[block.f]
        _refuse_few(factor, block)
        lowered = Lowered.of(block.covariance, variance)
        _refuse_singular(factor, block, lowered)
        parts = list(factor.covariance.blocks)
        parts[block.place] = lowered
        factors[block.f] = replace(factor, covariance=_joined(parts))
    layout = replace(layout, factors=tuple(factors), left_out=(scale,))
    return LeftOut(layout, 0.5 * log(variance))


def _chosen(design: Design, location: int) -> list[_RowEffects]:
    """The term of which each row has one effect, or several terms of different rows."""
    blocks = list(_blocks(design, location))
    whole = [block for block in blocks if block.rows.all()]
    partial = [block for block in blocks if not block.rows.all()]
    if not whole:
        if not partial or np.any(sum(block.rows.astype(np.intp) for block in partial) != 1):
            _refuse(design.layout, location)
        for block in partial:
            if _repeated(block) is not None:
                _refuse_repeated(design, block)
        return partial
    alone = [block for block in whole if _repeated(block) is None]
    if not alone:
        _refuse_repeated(design, max(whole, key=lambda each: each.covariance.size))
    return [max(alone, key=lambda each: each.covariance.size)]


def _refuse_singular(factor: Factor, block: _RowEffects, lowered: Lowered) -> None:
    """Refuse effects that are so alike that there is no factor where a search begins."""
    sds = np.sqrt(np.full(lowered.size, lowered.nugget / SHARE))
    if not lowered.is_positive(block.covariance.start(sds)):
        msg = (
            f"scale='0' leaves the covariance of the effects of {_named(factor, block)} alone, and "
            "that is singular but for rounding, as its effects are so close together; leave scale "
            "at '1', or take a rougher structure"
        )
        raise DesignError(msg)


def _joined(parts: Sequence[Covariance]) -> Covariance:
    return parts[0] if len(parts) == 1 else BlockDiagonal(tuple(parts))


def _blocks(design: Design, location: int) -> Iterator[_RowEffects]:
    """Terms of which each row has one effect, as it is."""
    for f, (factor, z) in enumerate(zip(design.layout.factors, design.columns, strict=True)):
        start = 0
        for place, part in enumerate(factor.covariance.blocks):
            own, start = slice(start, start + part.size), start + part.size
            if set(factor.predictors[own]) != {location}:
                continue
            if isinstance(part, FactorAnalytic | Relationship):  # of low rank, or of levels
                continue
            index = _index(z, own)
            if index is not None:
                effects = np.where(index < 0, -1, design.codes[f] * part.size + index)
                yield _RowEffects(f, place, part, effects)


def _index(z: Floats | OneHot, own: slice) -> Ints | None:
    """The effect of each row, (n,), -1 for none; None if rows have several, or multiples."""
    if isinstance(z, OneHot):
        is_plain = np.all((z.entries == 1.0) | (z.entries == 0.0))
        return np.where(z.entries == 1.0, z.index, -1) if is_plain else None
    columns = z[:, own]
    is_one = columns == 1.0
    if not np.array_equal(columns, is_one) or np.any(is_one.sum(axis=1) > 1):
        return None
    return np.where(is_one.any(axis=1), is_one.argmax(axis=1), -1)


def _repeated(block: _RowEffects) -> tuple[int, int] | None:
    """Two rows that have the same effect; None if there are none."""
    order = np.argsort(block.effects, kind="stable")
    order = order[block.rows[order]]
    same = np.flatnonzero(np.diff(block.effects[order]) == 0)
    if not len(same):
        return None
    first = int(same[np.argmin(order[same])])
    return int(order[first]), int(order[first + 1])


def _refuse(layout: Layout, location: int) -> None:
    terms = [
        f"{', '.join(factor.columns[:3])}{' ...' if factor.n_columns > 3 else ''} | {factor.name}"
        for factor in layout.factors
        if location in factor.predictors
    ]
    found = f"those of ({'), ('.join(terms)}) do not" if terms else "there are none here"
    msg = (
        "scale='0' leaves the residual out, so random effects have to take its place: a term that "
        f"has one effect for each row, such as {_EXAMPLE}, without an intercept, the visits a "
        f"category, C(visit) where they are numbers; {found}"
    )
    raise DesignError(msg)


def _refuse_few(factor: Factor, block: _RowEffects) -> None:
    """Refuse free covariances of more effects than there are levels: none has a maximum."""
    q = block.covariance.size
    n_levels = len(np.unique(block.effects[block.rows] // q))
    if isinstance(block.covariance, Unstructured) and n_levels < q:
        msg = (
            f"scale='0' leaves the residual out, and {n_levels} levels of {factor.name!r} "
            f"cannot tell the {q * (q + 1) // 2} covariances of {q} effects: some of their "
            "combinations would not vary at all. Take a structure with fewer parameters, such as "
            "ar1, cs or toep, or leave scale at '1'"
        )
        raise DesignError(msg)


def _refuse_repeated(design: Design, block: _RowEffects) -> None:
    pair = _repeated(block)
    assert pair is not None
    factor = design.layout.factors[block.f]
    level = factor.labels[design.codes[block.f][pair[0]]]
    effect = factor.columns[
        _first(factor, block) + int(block.effects[pair[0]] % block.covariance.size)
    ]
    n = int(block.rows.sum()) - len(np.unique(block.effects[block.rows]))
    msg = (
        f"scale='0' leaves the residual out, and rows {pair[0]} and {pair[1]} have the same effect "
        f"{effect!r} of the level {level!r} of {factor.name!r}: they would be equal, and their "
        f"covariance is singular. Rows beyond the first of each effect: {n}; leave them "
        f"out, leave scale at '1', or write a term that tells them apart, as {_EXAMPLE}"
    )
    raise DesignError(msg)


def _first(factor: Factor, block: _RowEffects) -> int:
    """Place of the first effect of a term among those of its factor."""
    return sum(part.size for part in factor.covariance.blocks[: block.place])


def _named(factor: Factor, block: _RowEffects) -> str:
    start = _first(factor, block)
    columns = factor.columns[start : start + block.covariance.size]
    effects = factor.joint_name or ", ".join([*columns[:1], "...", *columns[-1:]])
    return f"({effects} | {factor.name})"


def _residual_variance(design: Design, y: Floats, k: int) -> float:
    """Mean square that a regression on the fixed effects leaves of the responses."""
    offset, x = design.offsets[k], design.fixed[k]
    y = y if offset is None else y - offset
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0] if x.shape[1] else y
    found = float(np.mean(np.square(left)))
    if not found > (REPRODUCED * float(np.abs(y).max(initial=0.0))) ** 2:
        msg = (
            "scale='0' leaves the residual out, and the fixed effects reproduce the responses: "
            "nothing is left that would tell covariances"
        )
        raise DesignError(msg)
    return found
