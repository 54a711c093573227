"""Confidence intervals and tables from refits to simulated responses."""

from functools import partial
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skglmm import inference as infer
from skglmm.estimators.methods.interval_request import IntervalRequest
from skglmm.estimators.reading.validation import check_choice, check_count
from skglmm.estimators.runtime.replicates import replicate, seeds
from skglmm.estimators.runtime.warnings import tell
from skglmm.fitting import Rules, Study

__all__ = ["bootstrap_intervals", "bootstrapped", "tell_notes"]

KINDS = ("percentile", "basic")


def bootstrap_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return intervals of a parametric bootstrap, and tell what went wrong in it."""
    check_choice("kind", request.kind, KINDS)
    check_count("n_replicates", request.n_replicates)
    study = request.study()
    record = bootstrapped(
        request.estimator, study, request.n_replicates, request.n_jobs, request.random_state
    ).subset(request.places)
    found = record.interval(request.level, request.kind)
    tell_notes(*record.notes, *record.interval_notes(request.level, request.kind))
    return found


def bootstrapped(
    estimator: Any, study: Study, n_replicates: int, n_jobs: int | None, random_state: Any
) -> infer.Bootstrap:
    """Simulate responses of a study and refit them, in parallel."""
    rules = Rules(estimator.tol, int(estimator.max_iter))
    once = partial(infer.bootstrap_once, infer.unweighted(study), estimator.fit_, rules)
    refits = replicate(once, seeds(random_state, n_replicates), n_jobs)
    return infer.Bootstrap.of(estimator.fit_, refits)


def tell_notes(*notes: infer.Note) -> None:
    """Warn of what refits have to say of themselves."""
    for note in notes:
        tell(note.text, ConvergenceWarning if note.kind == "convergence" else UserWarning)
