"""Confidence intervals from profiles of the likelihood."""

from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skglmm import inference as infer
from skglmm.estimators.methods.interval_request import IntervalRequest
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Study

__all__ = ["profile_intervals", "profiled"]

N_POINTS = 4  # on each side: enough to foretell an end, which is then looked at
EXCESS_MAX = 1e-4  # log-likelihood units: they move the end of a 95 % interval by 3e-5 of its half


def profile_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return the values that a likelihood-ratio test would not reject."""
    study = request.study()
    found = profiled(request.estimator, study, request.places, request.level, N_POINTS)
    return infer.profile_intervals(found, request.level)


def profiled(
    estimator: Any, study: Study, places: Sequence[int] | None, level: float, n_points: int
) -> tuple[infer.Profile, ...]:
    """Profile parameters; refuse a fit that is not the maximum, and tell where a profile ends."""
    found = infer.profiles(estimator.fit_, study, places, level, n_points)
    for profile in found:
        if profile.excess > EXCESS_MAX:
            msg = (
                f"the fit is not at the maximum of the likelihood: the profile of {profile.name} "
                f"rises at least {profile.excess:.2g} log-likelihood units above it; fit again "
                "with a smaller tol or a larger max_iter, and if that does not help, simplify "
                "the model"
            )
            raise ValueError(msg)
        for value, end in profile.lost:
            text = (
                f"the profile of {profile.name} could not be followed beyond {value:.6g}, where "
                f"no minimum was found: its interval is given up to {end:g}"
            )
            tell(text, ConvergenceWarning)
    return found
