"""Confidence intervals from the curvature of the likelihood at its maximum."""

from numbers import Real

from skglmm import inference as infer
from skglmm.estimators._interval_request import IntervalRequest
from skglmm.estimators._validation import check_inference

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
    return request.only_wanted(infer.intervals(request.fit, request.level))
