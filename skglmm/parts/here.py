"""One thing for each shard of the rows, wherever the shard is: here, in threads, elsewhere."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, reduce
from typing import Any, Generic, TypeVar

__all__ = ["Here", "Parts", "added"]

T = TypeVar("T")
R = TypeVar("R")


class Parts(ABC, Generic[T]):
    """One thing for each shard, kept where the shard is.

    Only sums travel: functions are applied to parts where they are, and what they return stays
    there until its `total` is asked for.
    """

    n_threads: int  # that work at the same time

    @abstractmethod
    def map(self, function: Callable[..., R], *others: "Parts[Any]", **common: Any) -> "Parts[R]":
        """Return ``function(part, *parts of others, **common)`` of each shard."""

    @abstractmethod
    def lazily(self, function: Callable[..., R], **common: Any) -> "Parts[R]":
        """Return what `map` does, made anew by whatever is applied to it, and nowhere stored."""

    def renewably(
        self, function: Callable[..., R], *others: "Parts[Any]", **common: Any
    ) -> "Parts[R]":
        """Return what `map` does, which is made again if it is asked for after `let_go`."""
        return self.map(function, *others, **common)

    def let_go(self) -> None:
        """Give back the memory of parts that can be made again; of others, nothing."""

    @abstractmethod
    def kept(self) -> "Parts[T]":
        """Return the same parts, stored, where they were to be made anew."""

    @abstractmethod
    def total(self) -> T:
        """Return the sum of the parts: of numbers, arrays, or tuples and lists of these."""

    @abstractmethod
    def accumulate(
        self, function: Callable[..., None], out: Any, *others: "Parts[Any]", **common: Any
    ) -> Any:
        """Call ``function(part, out, *parts of others, **common)``, which adds to the array `out`.

        The result is `out`, changed in place.
        """

    @abstractmethod
    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        n_parts: int,
        **common: Any,
    ) -> "Parts[R]":
        """Cut each part into `n_parts` pieces, and join the first ones, the second ones, ….

        Parameters
        ----------
        cut : callable
            Takes a part, `n_parts` and what is `common`; returns the pieces.
        join : callable
            Takes one piece of each part.
        n_parts : int
        **common
            See `cut`.
        """

    @abstractmethod
    def some(self, shards: Iterable[int]) -> "Parts[T]":
        """Return the parts of some shards."""

    @property
    def alone(self) -> T:
        """The first part, of those that have a single one."""
        return next(iter(self))

    @abstractmethod
    def __iter__(self) -> Iterator[T]:
        """Bring the parts here, one after the other."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of shards."""


class Here(Parts[T]):
    """Parts in this process; functions run in one or several threads, with the same results.

    Parameters
    ----------
    parts : iterable
    n_threads : int, default=1
    again : callable or None
        Makes the parts again, where their memory may be given back.
    """

    def __init__(
        self,
        parts: Iterable[T],
        n_threads: int = 1,
        again: Callable[[], Parts[T]] | None = None,
    ) -> None:
        self._known: tuple[T, ...] | None = tuple(parts)
        self._again = again
        self.n_threads = n_threads

    @property
    def _parts(self) -> tuple[T, ...]:
        if self._known is None:
            assert self._again is not None  # otherwise they are not let go
            self._known = tuple(self._again())
        return self._known

    @property
    def alone(self) -> T:
        """The first part."""
        return self._parts[0]

    def map(self, function: Callable[..., R], *others: Parts[Any], **common: Any) -> "Here[R]":
        """Apply a function to the parts, in threads if there are several."""
        parts = self._parts
        if len(parts) == 1:
            alone = function(parts[0], *[other.alone for other in others], **common)
            return Here((alone,), self.n_threads)
        columns = zip(parts, *others, strict=True)
        if self.n_threads == 1:
            return Here([function(*each, **common) for each in columns], self.n_threads)
        done = _pool(self.n_threads).map(lambda each: function(*each, **common), columns)
        return Here(done, self.n_threads)

    def lazily(self, function: Callable[..., R], **common: Any) -> "Here[R]":
        """Apply a function to the parts: what is here is made once."""
        return self.map(function, **common)

    def renewably(
        self, function: Callable[..., R], *others: Parts[Any], **common: Any
    ) -> "Here[R]":
        """Apply a function to the parts, and know how to do so again."""
        again = partial(self.map, function, *others, **common)
        return Here(again(), self.n_threads, again)

    def let_go(self) -> None:
        """Let go of parts that can be made again."""
        if self._again is not None:
            self._known = None

    def kept(self) -> "Here[T]":
        """Return the parts themselves."""
        return self

    def total(self) -> T:
        """Add the parts up, always in the same order."""
        return reduce(added, self._parts)

    def accumulate(
        self, function: Callable[..., None], out: Any, *others: Parts[Any], **common: Any
    ) -> Any:
        """Call the function for one part after the other."""
        for part, *more in zip(self._parts, *others, strict=True):
            function(part, out, *more, **common)
        return out

    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        n_parts: int,
        **common: Any,
    ) -> "Here[R]":
        """Cut the parts into pieces, and join those of all parts."""
        cuts = self.map(cut, n_parts=n_parts, **common)
        return Here([join(pieces) for pieces in zip(*cuts, strict=True)], self.n_threads)

    def some(self, shards: Iterable[int]) -> "Here[T]":
        """Return the parts at some places."""
        return Here([self._parts[index] for index in shards], self.n_threads)

    def __iter__(self) -> Iterator[T]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: int) -> T:
        return self._parts[index]


def added(left: Any, right: Any) -> Any:
    """Return the sum of two numbers or arrays; of tuples and lists element by element."""
    if isinstance(left, (tuple, list)):
        return type(left)(added(a, b) for a, b in zip(left, right, strict=True))
    return left + right


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="skglmm")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not come along
