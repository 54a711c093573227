"""One thread for the linear algebra of a fit.

NumPy and SciPy bring a thread pool each. Fits alternate between the two in calls of well under a
millisecond, so the idle threads of one keep the processor from the other: a Cholesky factor of
200 columns then takes 300 times as long.
"""

from contextlib import AbstractContextManager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController  # scikit-learn requires it

__all__ = ["one_thread"]


class _OneThread:
    """A limit of the whole process, lifted when the last of the threads that want it leaves."""

    def __init__(self) -> None:
        self._controller = ThreadpoolController()
        self._lock = Lock()
        self._n_inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._limit.restore_original_limits()


@cache
def _shared() -> _OneThread:
    return _OneThread()


def one_thread() -> AbstractContextManager[None]:
    """Limit the linear algebra to one thread within a ``with`` block."""
    return _shared()
