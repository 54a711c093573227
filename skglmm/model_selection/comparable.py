"""Whether the likelihoods of two models are about the same responses, and mean the same."""

from typing import Any

__all__ = ["difference", "refuse_different"]

_REFIT = "refit both to the same rows, responses, weights and bounds, in any order of the rows"
_LIKELIHOOD = "their likelihoods are approximated in different ways"
_AGAIN = "fit both with the same number of quadrature points"
_ALIKE = "compare models with the same boundary, or models that give the bounds a probability"


def difference(one: Any, other: Any) -> str | None:
    """Return in which respect two fitted estimators saw different data, None in no respect.

    Likelihoods that are approximated in different ways are such a respect, too.

    Rows may stand in different orders.
    """
    fits, scales = (one.fit_, other.fit_), (one._scale, other._scale)
    counts = [fit.n_samples for fit in fits]
    if counts[0] != counts[1]:
        return f"their numbers of rows differ, {counts[0]} and {counts[1]}"
    bounds = [f"({scale.low:g}, {scale.high:g})" for scale in scales]
    if bounds[0] != bounds[1]:
        return f"their bounds differ, {bounds[0]} and {bounds[1]}"
    if fits[0].data_digest == fits[1].data_digest:
        return _approximated_differently(*fits)
    return _moved_differently(*scales) or _digests_differ(*fits)


def _digests_differ(one: Any, other: Any) -> str:
    responses = [fit.data_digest.partition("-")[0] for fit in (one, other)]
    if responses[0] == responses[1]:
        return "their sample weights differ"
    return "their responses differ"


def _approximated_differently(one: Any, other: Any) -> str | None:
    """Without random effects there is nothing to approximate."""
    integrates = one.layout.factors and other.layout.factors
    return _LIKELIHOOD if integrates and one.approximation != other.approximation else None


def _moved_differently(one: Any, other: Any) -> str | None:
    moved = [scale for scale in (one, other) if scale.n_moved]
    if not moved or (one.n_moved and other.n_moved and one.boundary == other.boundary):
        return None
    reason = (
        "they treated responses on the bounds differently, boundary="
        f"{one.boundary!r} and {other.boundary!r}"
    )
    if len(moved) == 2:
        return reason
    return (
        f"{reason}: {moved[0].n_moved} responses were moved for one of them, whose density is no "
        "likelihood of the responses themselves and depends on how far they are moved"
    )


def refuse_different(names: tuple[str, str], one: Any, other: Any) -> None:
    """Refuse two estimators that saw different data, or approximate their likelihoods."""
    reason = difference(one, other)
    if reason is not None:
        moved = reason == _moved_differently(one._scale, other._scale)
        advice = _ALIKE if moved else _AGAIN if reason == _LIKELIHOOD else _REFIT
        msg = f"{names[0]} and {names[1]} cannot be compared: {reason}; {advice}"
        raise ValueError(msg)
