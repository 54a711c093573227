"""One thread for the linear algebra of a fit.

NumPy and SciPy bring a thread pool each. Fits alternate between the two in calls of well under a
millisecond, so the idle threads of one keep the processor from the other: a Cholesky factor of
200 columns then takes 300 times as long.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController  # scikit-learn requires it

__all__ = ["one_thread"]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Limit the linear algebra to one thread within a ``with`` block."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited
