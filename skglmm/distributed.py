"""Parts that live with the workers of a dask cluster, as tasks that it computes again if need be.

Every part is the result of a task that has no side effects, so that what a lost worker held is
computed again from what the others hold, or from the source. Only sums come here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import getitem
from typing import Any, TypeVar

import numpy as np

from skglmm.parts import Parts, added

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
    """

    def __init__(self, client: Any, futures: Sequence[Any]) -> None:
        self._client = client
        self._futures = list(futures)

    @classmethod
    def of(cls, client: Any, delayed: Sequence[Any]) -> "Remote[Any]":
        """Start the computation of delayed parts."""
        return cls(client, client.compute(list(delayed)))

    def map(self, function: Callable[..., R], *others: Parts[Any], **common: Any) -> "Remote[R]":
        """Submit a task for each part, to where the part is."""
        shared = self._shared(common)
        columns = [self._futures, *(_futures_of(other) for other in others)]
        rows = zip(*columns, strict=True)
        return Remote(self._client, [self._submit(_apply, function, shared, *row) for row in rows])

    def total(self) -> T:
        """Add the parts up on the workers, some at a time, and fetch the sum."""
        found: T = self._sum(self._futures)
        return found

    def accumulate(self, function: Callable[..., None], out: Any) -> Any:
        """Add the shares of all parts to `out`."""
        shape = out.shape
        out += self._sum([self._submit(_filled, function, shape, part) for part in self._futures])
        return out

    def some(self, shards: Iterable[int]) -> "Remote[T]":
        """Return the parts at some places."""
        return Remote(self._client, [self._futures[index] for index in shards])

    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        **common: Any,
    ) -> "Remote[R]":
        """Cut each part into as many pieces as there are parts, and join the first, the second, ….

        Parameters
        ----------
        cut : callable
            Takes a part and what is `common`; returns the pieces.
        join : callable
            Takes one piece of each part.
        **common
            See `cut`.
        """
        cuts = self.map(cut, **common)._futures
        return Remote(
            self._client,
            [
                self._submit(_joined, join, *(self._submit(getitem, pieces, j) for pieces in cuts))
                for j in range(len(cuts))
            ],
        )

    def __iter__(self) -> Iterator[T]:
        """Fetch the parts, one after the other."""
        for future in self._futures:
            yield future.result()

    def __len__(self) -> int:
        return len(self._futures)

    def _submit(self, *call: Any) -> Any:
        return self._client.submit(*call, pure=False)

    def _shared(self, common: dict[str, Any]) -> Any:
        """Return what all tasks share, as a task of its own if it is large."""
        from dask.sizeof import sizeof  # noqa: PLC0415  # an extra

        return common if sizeof(common) < SMALL else self._submit(dict, common)

    def _sum(self, futures: list[Any]) -> Any:
        while len(futures) > 1:
            starts = range(0, len(futures), BRANCHES)
            futures = [self._submit(_added, *futures[at : at + BRANCHES]) for at in starts]
        return futures[0].result()


def _futures_of(parts: Parts[Any]) -> list[Any]:
    assert isinstance(parts, Remote)  # the parts of one problem live in one place
    return parts._futures


def _apply(function: Callable[..., R], common: dict[str, Any], *parts: Any) -> R:
    return function(*parts, **common)


def _joined(join: Callable[[Sequence[Any]], R], *pieces: Any) -> R:
    return join(pieces)


def _filled(function: Callable[..., None], shape: tuple[int, ...], part: Any) -> Any:
    out = np.zeros(shape)
    function(part, out)
    return out


def _added(first: Any, *others: Any) -> Any:
    for other in others:
        first = added(first, other)
    return first
