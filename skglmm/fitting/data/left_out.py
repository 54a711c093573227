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

from skglmm.arrays import Floats, Ints
from skglmm.covariance import BlockDiagonal, Covariance, FactorAnalytic, Lowered, Relationship, Unstructured
from skglmm.design import Design, Factor, Layout, OneHot
from skglmm.exceptions import DesignError

__all__ = ["LeftOut", "left_out"]

# Variance c beside that of the residuals of a regression, while a search is on its way: correlations
# of visits may be as close to 1. Differences of numbers by c lose their digits to rounding.
SHARE = 1e-6
EASED = 1e-2  # of the smallest eigenvalue, once it is known: profiles and bootstraps go further
REPRODUCED = 1e-12  # of the largest response: what rounding leaves of it
_EXAMPLE = "us(0 + visit | subject) or ar1(0 + time | subject)"


class LeftOut(NamedTuple):
    """What takes the place of a residual.

    Parameters
    ----------
    layout : Layout
        With the covariance of one term lowered.
    log_sd : float
        Linear predictor of the residual standard deviation, which that term lost.
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
        factors = list(self.layout.factors)
        log_sd = self.log_sd
        for f, (factor, own) in enumerate(zip(layout.factors, theta, strict=True)):
            parts, start = list(factor.covariance.blocks), 0
            for place, part in enumerate(parts):
                inside, start = own[start : start + part.n_params], start + part.n_params
                if isinstance(part, Lowered):
                    nugget = max(part.nugget, EASED * part.least(inside))
                    log_sd = 0.5 * log(nugget)
                    parts[place] = Lowered.of(part.whole, nugget)
                    factors[f] = replace(factors[f], covariance=_joined(parts))
        return LeftOut(replace(self.layout, factors=tuple(factors)), log_sd)

    def offsets(self, added: Sequence[float | None], k: int) -> tuple[float | None, ...]:
        """Return numbers that are added to predictors, with that of the residual, k."""
        return (*added[:k], self.log_sd, *added[k + 1 :])


class _Block(NamedTuple):
    """The effects of a term of which each row has one."""

    f: int
    place: int  # of the term among those of its factor
    covariance: Covariance
    effects: Ints  # of each row, (n,), by level


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
        When no term has an effect for each row that no other row has, when its covariance is
        singular, or when fixed effects reproduce the responses.
    """
    layout = design.layout
    blocks = list(_blocks(design, location))
    if not blocks:
        _refuse(layout, location)
    alone = [block for block in blocks if _repeated(block) is None]
    if not alone:
        _refuse_repeated(design, max(blocks, key=lambda each: each.covariance.size))
    block = max(alone, key=lambda each: each.covariance.size)
    variance = SHARE * _residual_variance(design, y, location)
    lowered = Lowered.of(block.covariance, variance)
    factor = layout.factors[block.f]
    _refuse_few(factor, block)
    sd = (variance / SHARE) ** 0.5
    if not lowered.is_positive(block.covariance.start(np.full(lowered.size, sd))):
        msg = (
            f"scale='0' leaves the covariance of the effects of {_named(factor, block)} alone, and "
            "that is singular but for rounding, as its effects are so close together; leave scale "
            "at '1', or take a rougher structure"
        )
        raise DesignError(msg)
    parts = list(factor.covariance.blocks)
    parts[block.place] = lowered
    factors = list(layout.factors)
    factors[block.f] = replace(factor, covariance=_joined(parts))
    layout = replace(layout, factors=tuple(factors), left_out=(scale,))
    return LeftOut(layout, 0.5 * log(variance))


def _joined(parts: Sequence[Covariance]) -> Covariance:
    return parts[0] if len(parts) == 1 else BlockDiagonal(tuple(parts))


def _blocks(design: Design, location: int) -> Iterator[_Block]:
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
                yield _Block(f, place, part, design.codes[f] * part.size + index)


def _index(z: Floats | OneHot, own: slice) -> Ints | None:
    """The effect of each row, (n,), if it has one, and is no multiple of it."""
    if isinstance(z, OneHot):
        return z.index if np.all(z.entries == 1.0) else None
    columns = z[:, own]
    is_one = columns == 1.0
    if not np.array_equal(columns, is_one) or np.any(is_one.sum(axis=1) != 1):
        return None
    return np.asarray(is_one.argmax(axis=1), dtype=np.intp)


def _repeated(block: _Block) -> tuple[int, int] | None:
    """Two rows that have the same effect; None if there are none."""
    order = np.argsort(block.effects, kind="stable")
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
        f"category; {found}"
    )
    raise DesignError(msg)


def _refuse_few(factor: Factor, block: _Block) -> None:
    """Refuse free covariances of more effects than there are levels: none has a maximum."""
    q = block.covariance.size
    if isinstance(block.covariance, Unstructured) and factor.n_levels < q:
        msg = (
            f"scale='0' leaves the residual out, and {factor.n_levels} levels of {factor.name!r} "
            f"cannot tell the {q * (q + 1) // 2} covariances of {q} effects: some of their combinations "
            "would not vary at all. Take a structure with fewer parameters, such as ar1, cs "
            "or toep, or leave scale at '1'"
        )
        raise DesignError(msg)


def _refuse_repeated(design: Design, block: _Block) -> None:
    pair = _repeated(block)
    assert pair is not None
    factor = design.layout.factors[block.f]
    level = factor.labels[design.codes[block.f][pair[0]]]
    effect = factor.columns[_first(factor, block) + int(block.effects[pair[0]] % block.covariance.size)]
    n = len(block.effects) - len(np.unique(block.effects))
    msg = (
        f"scale='0' leaves the residual out, and rows {pair[0]} and {pair[1]} have the same effect "
        f"{effect!r} of the level {level!r} of {factor.name!r}: they would be equal, and their "
        f"covariance is singular. There are {n} such rows beyond the first of each effect; leave "
        f"them out, leave scale at '1', or write a term that tells them apart, as {_EXAMPLE}"
    )
    raise DesignError(msg)


def _first(factor: Factor, block: _Block) -> int:
    """Place of the first effect of a term among those of its factor."""
    return sum(part.size for part in factor.covariance.blocks[: block.place])


def _named(factor: Factor, block: _Block) -> str:
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
