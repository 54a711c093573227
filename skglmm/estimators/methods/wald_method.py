"""Confidence intervals from the curvature of the likelihood at its maximum."""

from numbers import Real

from skglmm import inference as infer
from skglmm.estimators.methods.interval_request import IntervalRequest
from skglmm.estimators.reading.validation import check_inference
from skglmm.estimators.runtime.warnings import tell

__all__ = ["wald_intervals"]


def wald_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return Wald intervals; they need no rows."""
    if isinstance(request.X, Real | str):  # not looked at, so that 95 % would be the answer
        msg = (
            f"X={request.X!r} are no rows; name what you mean, as in confint(level=0.9) or "
            "confint(method='wald')"
        )
        raise TypeError(msg)
    check_inference(request.fit)
    found = request.only_wanted(infer.intervals(request.fit, request.level))
    infinite, lost = infer.at_infinity(request.fit), infer.undetermined(request.fit)
    apart = [name for name in found.names if name in infinite]
    if apart:
        text = (
            f"{', '.join(apart)}: no finite estimate, and no inner end by "
            "method='wald'; method='profile' has the end that the data give"
        )
        tell(text)
    opened = [name for name in found.names if name in lost]
    if opened:
        text = (
            f"{', '.join(opened)}: not determined by the data, so that there are no limits by "
            "method='wald'"
        )
        tell(text)
    return found
