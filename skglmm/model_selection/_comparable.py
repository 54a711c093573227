"""Whether the likelihoods of two models are about the same responses."""

from typing import Any

__all__ = ["difference", "refuse_different"]


def difference(one: Any, other: Any) -> str | None:
    """Return in which respect two fitted estimators saw different data, None in no respect.

    Rows may stand in different orders.
    """
    fits, scales = (one.fit_, other.fit_), (one._scale, other._scale)
    counts = [fit.n_samples for fit in fits]
    if counts[0] != counts[1]:
        return f"their numbers of rows differ, {counts[0]} and {counts[1]}"
    bounds = [f"({scale.low:g}, {scale.high:g})" for scale in scales]
    if bounds[0] != bounds[1]:
        return f"their bounds differ, {bounds[0]} and {bounds[1]}"
    digests = [fit.data_digest for fit in fits]
    if digests[0] == digests[1]:
        return None
    moved = [scale.n_moved for scale in scales]
    treatments = [scale.boundary for scale in scales]
    if any(moved) and treatments[0] != treatments[1]:
        return (
            "they moved responses on the bounds differently, boundary="
            f"{treatments[0]!r} and {treatments[1]!r}"
        )
    if digests[0].partition("-")[0] == digests[1].partition("-")[0]:
        return "their sample weights differ"
    return "their responses differ"


def refuse_different(names: tuple[str, str], one: Any, other: Any) -> None:
    """Refuse two estimators that saw different data."""
    reason = difference(one, other)
    if reason is not None:
        msg = (
            f"{names[0]} and {names[1]} cannot be compared: {reason}; refit both to the same "
            "rows, responses, weights and bounds, in any order of the rows"
        )
        raise ValueError(msg)
