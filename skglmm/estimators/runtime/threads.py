"""One thread for the linear algebra of all that users call.

NumPy and SciPy bring a thread pool each. Fits alternate between the two in calls of well under a
millisecond, so the idle threads of one keep the processor from the other: a Cholesky factor of
200 columns then takes 300 times as long.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from threading import Lock
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController  # scikit-learn requires it

__all__ = ["SingleThreaded", "one_thread", "single_threaded"]

P = ParamSpec("P")
T = TypeVar("T")


class _OneThread:
    """A limit of the whole process, lifted when the last of the threads that want it leaves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_inside = 0
        self._controller: Any = None  # made when it is needed: the libraries are loaded then
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._controller = self._controller or ThreadpoolController()
                self._take_over()
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._take_over()
                self._limit.restore_original_limits()
                self._take_over()

    def _take_over(self) -> None:
        """Have the limits that are set next heeded, whichever thread sets them.

        To newer versions of threadpoolctl the first thread that limits OpenBLAS is the only one
        that can; it may be neither the one that enters first nor the one that leaves last.
        """
        for library in self._controller.lib_controllers:
            clear = getattr(library, "clear_controlling_thread", None)
            if clear is not None:
                clear(force=True)


_ONE_THREAD = _OneThread()


def one_thread() -> AbstractContextManager[None]:
    """Limit the linear algebra to one thread within a ``with`` block."""
    return _ONE_THREAD


def single_threaded(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that limits the linear algebra to one thread while it runs.

    Calls may be nested, run in several threads, and raise: the last one that leaves restores the
    threads of the process. What a generator does when it is asked later is not limited.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with one_thread():
            return function(*args, **kwargs)

    limited.is_single_threaded = True  # type: ignore[attr-defined]  # for the tests
    return limited


class SingleThreaded:
    """Base of classes whose public methods limit the linear algebra to one thread.

    Properties, and methods with names that start with an underscore, stay as they are.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, member in list(vars(cls).items()):
            if name.startswith("_"):
                continue
            if isinstance(member, FunctionType):
                setattr(cls, name, single_threaded(member))
            elif isinstance(member, (classmethod, staticmethod)):
                setattr(cls, name, type(member)(single_threaded(member.__func__)))
