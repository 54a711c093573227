"""Comparability of REML fits: whether they are about the same contrasts of the responses.

A restricted likelihood is that of what the fixed columns of a predictor leave of the responses, in
units that depend on these columns. With other columns it is the likelihood of something else.
"""

from collections.abc import Iterator

from skglmm.fitting import Fit
from skglmm.inference.hypotheses.spans import SpanColumns, in_order

__all__ = ["REFIT", "other_integrals"]

REFIT = "refit both with reml=False"
ROUNDING = 1e-9  # of a log volume, by the order of the rows


def other_integrals(one: Fit, other: Fit) -> str | None:
    """Return why what two fits integrate out of their likelihoods differs, None if it does not.

    Parameters
    ----------
    one, other : Fit
        To the same responses.

    Returns
    -------
    str or None
        A clause; what to do is `REFIT`.
    """
    return next(_differences(one, other), None)


def _differences(one: Fit, other: Fit) -> Iterator[str]:
    mine, theirs = (
        [fit.layout.predictors[k] for k in sorted(fit.integrated)] for fit in (one, other)
    )
    if mine != theirs:
        yield f"the first is fitted by {_way(mine)}, the second by {_way(theirs)}"
        return
    for k in sorted(one.integrated):
        yield from _other_columns(one, other, k)
    if abs(one.log_volume - other.log_volume) > ROUNDING * max(1.0, abs(one.log_volume)):
        yield "the columns that their restricted likelihoods (REML) depend on have other units"


def _way(predictors: list[str]) -> str:
    if not predictors:
        return "maximum likelihood"
    named = " and ".join(predictors)
    return f"REML (the fixed effects of the {named} are integrated out of the likelihood)"


def _other_columns(one: Fit, other: Fit, k: int) -> Iterator[str]:
    predictor, mine, theirs = one.layout.predictors[k], _columns(one, k), _columns(other, k)
    only = sorted({name for _, name in mine.effects} ^ {name for _, name in theirs.effects})
    text = f"both are fitted by REML, but their fixed effects of the {predictor} differ"
    if only:
        yield f"{text} in {', '.join(map(repr, only))}"
    elif mine.beyond(theirs) or theirs.beyond(mine):
        yield f"{text}, as their columns hold other numbers"
    link, changed = one.family.links[k], other.family.links[k]
    if link != changed:
        yield f"{text}, by the links {link.name} and {changed.name}"


def _columns(fit: Fit, k: int) -> SpanColumns:
    """The columns of a predictor that were not left out."""
    names = enumerate(fit.layout.coefficients[k])
    effects = tuple((0, in_order(name)) for j, name in names if j not in fit.aliased[k])
    return SpanColumns(effects, None if fit.spaces is None else fit.spaces.fixed[k])
