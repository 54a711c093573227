"""Parts that live with the workers of a dask cluster, as tasks that it computes again if need be.

Every part is the result of a task that has no side effects, so that what a lost worker held is
computed again from what the others hold, or from the source. Only sums come here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from operator import getitem, itemgetter
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from skglmm.parts.fused import Deferred, Source, program_of, run
from skglmm.parts.here import Parts, added

__all__ = ["Remote", "connected", "is_dask"]

T = TypeVar("T")
R = TypeVar("R")
BRANCHES = 8  # parts that one task sums
_NUMBERS = count()  # of functions that wait, in their order
SMALL = 100_000  # bytes that travel with each task; more is sent once, as a task of its own


def is_dask(data: Any) -> bool:
    """Return whether data are a collection of dask."""
    return type(data).__module__.split(".")[0] in {"dask", "dask_expr"}


def connected() -> Any:
    """Return the client of the cluster that is in use.

    Raises
    ------
    ValueError
        When there is none.
    """
    try:
        from dask.distributed import get_client  # noqa: PLC0415  # an extra
    except ImportError as error:
        msg = (
            "dask data are fitted by the workers of a cluster, which needs the package "
            "distributed: pip install 'skglmm[dask]'"
        )
        raise ImportError(msg) from error
    try:
        return get_client()
    except ValueError as error:
        msg = (
            "dask data are fitted by the workers of a cluster, and there is none; start one first, "
            "on this machine by `from dask.distributed import Client; client = Client()`, or pass "
            "X.compute() and y.compute()"
        )
        raise ValueError(msg) from error


class Remote(Parts[T]):
    """Parts on the workers of a cluster.

    A function waits until a result is asked for, of it or of another: one task for each part then
    applies all that wait. A task takes a millisecond of the scheduler, whatever it does.

    Parameters
    ----------
    client : distributed.Client
    futures : sequence of distributed.Future
        One for each part.
    view : callable or None
        What makes the part from the result of its future, in each task that takes it.
    """

    def __init__(
        self, client: Any, futures: Sequence[Any], view: Callable[[Any], T] | None = None
    ) -> None:
        self._client = client
        self._origin: Source | Deferred = Source(futures, view)
        self._n, self._is_stored = len(futures), view is None
        self._waiting: WeakValueDictionary[int, Remote[Any]] = WeakValueDictionary()
        self.n_threads = sum(client.nthreads().values())

    @classmethod
    def of(cls, client: Any, delayed: Sequence[Any]) -> "Remote[Any]":
        """Start the computation of delayed parts."""
        return cls(client, client.compute(list(delayed)))

    def map(self, function: Callable[..., R], *others: Parts[Any], **common: Any) -> "Remote[R]":
        """Have a task for each part apply a function, where the part is."""
        every = [self, *map(_remote, others)]
        for each in every:
            if each._waiting is not self._waiting:
                each._source()
        made: Remote[R] = self._like(Deferred(function, [each._origin for each in every], common))
        self._waiting[next(_NUMBERS)] = made
        return made

    def lazily(self, function: Callable[..., R], **common: Any) -> "Remote[R]":
        """Apply a function in the tasks that take its results, and store none of them."""
        assert self._is_stored  # one view of what is stored
        futures, view = self._source()
        found: Remote[R] = self._like(Source(futures, partial(_viewed, view, function, common)))
        found._is_stored = False
        return found

    def kept(self) -> "Remote[T]":
        """Store what was made in the tasks that take it."""
        return self if self._is_stored else self.map(_itself)

    def total(self) -> T:
        """Add the parts up on the workers, some at a time, and fetch the sum."""
        found: T = self._sum(self._results())
        return found

    def accumulate(
        self, function: Callable[..., None], out: Any, *others: Parts[Any], **common: Any
    ) -> Any:
        """Add the shares of all parts to `out`."""
        shares = self.map(_filled, *others, fill=function, shape=out.shape, common=common)
        out += shares.total()
        return out

    def some(self, shards: Iterable[int]) -> "Remote[T]":
        """Return the parts at some places."""
        futures, view = self._source()
        found = Remote(self._client, [futures[index] for index in shards], view)
        found._is_stored = self._is_stored
        return found

    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        n_parts: int,
        **common: Any,
    ) -> "Remote[R]":
        """Cut the parts into pieces where they are, and send each piece to where it is joined."""
        cuts = self.map(cut, n_parts=n_parts, **common)._results()
        return Remote(
            self._client,
            [
                self._submit(_joined, join, *(self._submit(getitem, pieces, j) for pieces in cuts))
                for j in range(n_parts)
            ],
        )

    def __iter__(self) -> Iterator[T]:
        """Fetch the parts, one after the other."""
        for future in self._results():
            yield future.result()

    def __len__(self) -> int:
        return self._n

    def _like(self, origin: Source | Deferred) -> "Remote[Any]":
        """Return parts of another origin, one for each of these, that wait with these."""
        found: Remote[Any] = Remote.__new__(Remote)
        vars(found).update(vars(self), _origin=origin, _is_stored=True)
        return found

    def _source(self) -> tuple[list[Any], Callable[[Any], Any] | None]:
        """Return futures and a view; whatever waits with these parts is to be done first."""
        if isinstance(self._origin, Deferred):
            waiting = [
                each for each in self._waiting.values() if isinstance(each._origin, Deferred)
            ]
            self._waiting.clear()
            steps = [each._origin for each in waiting if isinstance(each._origin, Deferred)]
            futures = self._run(steps)
            for place, each in enumerate(waiting):
                each._origin = Source(futures, itemgetter(place) if len(waiting) > 1 else None)
        assert isinstance(self._origin, Source)
        return self._origin.futures, self._origin.view

    def _run(self, steps: Sequence[Deferred]) -> list[Any]:
        """Submit a task for each part that makes the results of all these steps."""
        program, sources = program_of(steps)
        columns = [source.futures for source in sources]
        shared = [self._shared(program._asdict())] * self._n
        futures: list[Any] = self._client.map(run, shared, *columns, pure=False)
        return futures

    def _results(self) -> list[Any]:
        """Return futures of the parts themselves."""
        futures, view = self._source()
        return futures if view is None else self._client.map(view, futures, pure=False)

    def _submit(self, *call: Any) -> Any:
        return self._client.submit(*call, pure=False)

    def _shared(self, common: dict[str, Any]) -> Any:
        """Return what all tasks share, as a task of its own if it is large."""
        from distributed.protocol import pickle  # noqa: PLC0415  # an extra

        untyped: Any = pickle
        # Not by dask's `sizeof`, to which a record of a million labels is a small object.
        return common if len(untyped.dumps(common)) < SMALL else self._submit(dict, common)

    def _sum(self, futures: list[Any]) -> Any:
        while len(futures) > 1:
            starts = range(0, len(futures), BRANCHES)
            futures = [self._submit(_added, *futures[at : at + BRANCHES]) for at in starts]
        return futures[0].result()


def _remote(parts: Parts[Any]) -> Remote[Any]:
    assert isinstance(parts, Remote)  # the parts of one problem live in one place
    return parts


def _viewed(
    view: Callable[[Any], Any] | None,
    function: Callable[..., R],
    common: dict[str, Any],
    stored: Any,
) -> R:
    return function(stored if view is None else view(stored), **common)


def _itself(part: T) -> T:
    return part


def _joined(join: Callable[[Sequence[Any]], R], *pieces: Any) -> R:
    return join(pieces)


def _filled(
    part: Any,
    *others: Any,
    fill: Callable[..., None],
    shape: tuple[int, ...],
    common: dict[str, Any],
) -> Any:
    out = np.zeros(shape)
    fill(part, out, *others, **common)
    return out


def _added(first: Any, *others: Any) -> Any:
    for other in others:
        first = added(first, other)
    return first
