"""Parts that live with the workers of a dask cluster, as tasks that it computes again if need be.

Every part is the result of a task that has no side effects, so that what a lost worker held is
computed again from what the others hold, or from the source. Only sums come here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import getitem
from typing import Any, TypeVar

import numpy as np

from skglmm.parts.here import Parts, added

__all__ = ["Remote", "connected", "is_dask"]

T = TypeVar("T")
R = TypeVar("R")
BRANCHES = 8  # parts that one task sums
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
        self._futures = list(futures)
        self._view = view
        self.n_threads = sum(client.nthreads().values())

    @classmethod
    def of(cls, client: Any, delayed: Sequence[Any]) -> "Remote[Any]":
        """Start the computation of delayed parts."""
        return cls(client, client.compute(list(delayed)))

    def map(self, function: Callable[..., R], *others: Parts[Any], **common: Any) -> "Remote[R]":
        """Submit a task for each part, to where the part is."""
        n, every = len(self._futures), [self, *map(_remote, others)]
        views = [[each._view for each in every]] * n
        called = [[function] * n, views, [self._shared(common)] * n]
        columns = [each._futures for each in every]
        return Remote(self._client, self._client.map(_apply, *called, *columns, pure=False))

    def lazily(self, function: Callable[..., R], **common: Any) -> "Remote[R]":
        """Apply a function in the tasks that take its results, and store none of them."""
        assert self._view is None  # one view of what is stored
        return Remote(self._client, self._futures, partial(function, **common))

    def kept(self) -> "Remote[T]":
        """Store what was made in the tasks that take it."""
        return self if self._view is None else self.map(_itself)

    def total(self) -> T:
        """Add the parts up on the workers, some at a time, and fetch the sum."""
        found: T = self._sum(self.kept()._futures)
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
        return Remote(self._client, [self._futures[index] for index in shards], self._view)

    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        n_parts: int,
        **common: Any,
    ) -> "Remote[R]":
        """Cut the parts into pieces where they are, and send each piece to where it is joined."""
        cuts = self.map(cut, n_parts=n_parts, **common)._futures
        return Remote(
            self._client,
            [
                self._submit(_joined, join, *(self._submit(getitem, pieces, j) for pieces in cuts))
                for j in range(n_parts)
            ],
        )

    def __iter__(self) -> Iterator[T]:
        """Fetch the parts, one after the other."""
        for future in self.kept()._futures:
            yield future.result()

    def __len__(self) -> int:
        return len(self._futures)

    def _submit(self, *call: Any) -> Any:
        return self._client.submit(*call, pure=False)

    def _shared(self, common: dict[str, Any]) -> Any:
        """Return what all tasks share, as a task of its own if it is large."""
        from distributed.protocol.pickle import dumps  # noqa: PLC0415  # an extra

        # Not by dask's `sizeof`, to which a record of a million labels is a small object.
        return common if len(dumps(common)) < SMALL else self._submit(dict, common)

    def _sum(self, futures: list[Any]) -> Any:
        while len(futures) > 1:
            starts = range(0, len(futures), BRANCHES)
            futures = [self._submit(_added, *futures[at : at + BRANCHES]) for at in starts]
        return futures[0].result()


def _remote(parts: Parts[Any]) -> Remote[Any]:
    assert isinstance(parts, Remote)  # the parts of one problem live in one place
    return parts


def _apply(
    function: Callable[..., R],
    views: Sequence[Callable[[Any], Any] | None],
    common: dict[str, Any],
    *parts: Any,
) -> R:
    pairs = zip(parts, views, strict=True)
    return function(*[part if view is None else view(part) for part, view in pairs], **common)


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
