"""Confidence intervals from the curvature of the likelihood at its maximum."""

from skglmm import inference as infer
from skglmm.estimators._interval_request import IntervalRequest
from skglmm.estimators._validation import check_inference

__all__ = ["wald_intervals"]


def wald_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return Wald intervals; they need no rows."""
    check_inference(request.fit)
    return request.only_wanted(infer.intervals(request.fit, request.level))
