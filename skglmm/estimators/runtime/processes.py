"""How many processes share the rows of a fit, where these are many."""

import sys
from typing import Any

from joblib import effective_n_jobs
from joblib.parallel import BACKENDS, get_active_backend

from skglmm.parts import can_start_processes

__all__ = ["process_count"]

PROCESS_ROWS = 500_000  # with fewer, starting may take longer than what cheap densities save
WITH_PROCESSES = ("loky", "multiprocessing")  # backends of joblib on one machine


def process_count(n_jobs: int | None, n_rows: int) -> int:
    """Return how many processes are to share the rows of a fit, this one among them.

    One where rows are few, where joblib's backend has threads, as within its workers, where Python
    runs without its global lock, so that threads are better, and where it cannot start processes.

    Parameters
    ----------
    n_jobs : int or None
        Of an estimator.
    n_rows : int
        Rows of the fit.

    Returns
    -------
    int
        1 where no other process is to be started.
    """
    if n_rows < PROCESS_ROWS or not can_start_processes() or not _has_lock():
        return 1
    backend: Any = get_active_backend()[0]
    has_processes = isinstance(backend, tuple(map(BACKENDS.get, WITH_PROCESSES)))
    return int(effective_n_jobs(n_jobs)) if has_processes and not backend.nesting_level else 1


def _has_lock() -> bool:
    """Whether threads of Python wait for each other."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())
