"""Whether the likelihoods of two models are about the same responses."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from skglmm.engine import Approximation, Laplace
from skglmm.inference import REFIT, other_integrals

__all__ = ["PENALIZED", "difference", "refuse_different", "refuse_penalized", "refuse_priors"]

PENALIZED = (
    "estimates with priors do not maximize the likelihood, and count for less than a parameter "
    "each; compare such models by cross-validation, with log_density_scorer, or fit them with "
    "priors=None"
)
_REFIT = "refit both to the same rows, responses, weights and bounds, in any order of the rows"
_UNRESTRICTED = f"{REFIT}, or let refit=True do it with the X and y of fit"
_ALIKE = "compare models with the same boundary, or models that give the bounds a probability"


def difference(one: Any, other: Any) -> str | None:
    """Return in which respect two fitted estimators saw different data, None in no respect.

    Rows may stand in different orders.
    """
    fits, scales = (one.fit_, other.fit_), (one._scale, other._scale)
    counts = [fit.n_samples for fit in fits]
    if counts[0] != counts[1]:
        return f"their numbers of rows differ, {counts[0]} and {counts[1]}"
    apart: str | None = scales[0].difference(scales[1])
    if apart is not None:
        return apart
    if fits[0].data_digest == fits[1].data_digest:
        return None
    return scales[0].moved_differently(scales[1]) or _digests_differ(*fits)


def _digests_differ(one: Any, other: Any) -> str:
    responses = [fit.data_digest.partition("-")[0] for fit in (one, other)]
    if responses[0] == responses[1]:
        return "their sample weights differ"
    return "their responses differ"


def refuse_different(names: tuple[str, str], one: Any, other: Any) -> None:
    """Refuse two estimators that saw different data, or have likelihoods of other kinds."""
    reason = difference(one, other)
    if reason is not None:
        moved = reason == one._scale.moved_differently(other._scale)
        advice = _ALIKE if moved else _REFIT
        msg = f"{names[0]} and {names[1]} cannot be compared: {reason}; {advice}"
        raise ValueError(msg)
    reason = other_integrals(one.fit_, other.fit_)
    if reason is not None:
        msg = f"{names[0]} and {names[1]} cannot be compared: {reason}; {_UNRESTRICTED}"
        raise ValueError(msg)
    if _approximated_differently(one.fit_, other.fit_):
        msg = (
            f"{names[0]} and {names[1]} cannot be compared: their likelihoods are approximated in "
            "different ways; fit both with the same number of quadrature points"
        )
        raise ValueError(msg)


def refuse_penalized(names: tuple[str, str], one: Any, other: Any) -> None:
    """Refuse estimators whose parameters have priors."""
    found = [name for name, model in zip(names, (one, other), strict=True) if model.fit_.priors]
    if found:
        raise ValueError(_penalized(found))


def refuse_priors(name: str, model: Any) -> None:
    """Refuse an estimator whose parameters have priors."""
    if model.fit_.priors:
        raise ValueError(_penalized([name]))


def _penalized(names: Sequence[str]) -> str:
    verb = "has" if len(names) == 1 else "have"
    return f"{' and '.join(names)} {verb} priors, and there is no test: {PENALIZED}"


def _approximated_differently(one: Any, other: Any) -> bool:
    """Without random effects there is nothing to approximate."""
    integrates = one.layout.factors and other.layout.factors
    kinds = [_kind(each.approximation) for each in (one, other)]
    return bool(integrates and kinds[0] != kinds[1])


def _kind(approximation: Approximation) -> Approximation:
    """Return the approximation, whatever it integrates out; that of normal responses is Laplace's.

    It is exact there, however it is solved.
    """
    if isinstance(approximation, Laplace):
        return Laplace()
    return replace(approximation, integrated=())
