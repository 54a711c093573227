"""Parts of which each process of a crew owns some: the first ones are this process's own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import accumulate, chain, pairwise
from typing import Any, TypeVar

from skglmm.parts.crew import Crew
from skglmm.parts.here import Here, Parts, added

__all__ = ["Owned"]

T = TypeVar("T")
R = TypeVar("R")


class Owned(Parts[T]):
    """Parts in this process and in those of a crew, in ranges.

    Results are those of one process, to the last bit: sums are made in the order of the parts.

    Parameters
    ----------
    crew : Crew
    counts : sequence of int
        How many parts each process has, this one first.
    here : list
        Those of this process.
    """

    def __init__(self, crew: Crew, counts: Sequence[int], here: list[T]) -> None:
        self._crew, self._counts, self._here = crew, tuple(counts), here
        self._key = crew.new_key()
        self.n_threads = crew.n_others + 1

    def __del__(self) -> None:
        self._crew.drop(self._key)

    @classmethod
    def of(cls, crew: Crew, parts: Iterable[T], counts: Sequence[int]) -> "Owned[T]":
        """Send parts to the processes that are to own them.

        Parameters
        ----------
        crew : Crew
        parts : iterable
        counts : sequence of int
            How many parts each process is to have, this one first.
        """
        crew.start()
        every, ends = list(parts), [0, *accumulate(counts)]
        mine, *others = (every[start:end] for start, end in pairwise(ends))
        made = cls(crew, counts, mine)
        for place, theirs in enumerate(others):
            crew.give(place, made._key, theirs)
        return made

    def map(self, function: Callable[..., R], *others: Parts[Any], **common: Any) -> "Owned[R]":
        """Have all processes apply a function to their parts, and apply it to those here."""
        columns = [self, *map(self._alike, others)]
        made: Owned[R] = Owned(self._crew, self._counts, [])
        self._crew.order("map", made._key, function, [each._key for each in columns], common)
        rows = zip(*[each._here for each in columns], strict=True)
        made._here.extend(function(*each, **common) for each in rows)
        return made

    def lazily(self, function: Callable[..., R], **common: Any) -> "Owned[R]":
        """Apply a function to the parts: they are made once."""
        return self.map(function, **common)

    def kept(self) -> "Owned[T]":
        """Return the parts themselves."""
        return self

    def total(self) -> T:
        """Add the parts up, always in the same order."""
        return reduce(added, self)

    def accumulate(
        self, function: Callable[..., None], out: Any, *others: Parts[Any], **common: Any
    ) -> Any:
        """Call the function for one part after the other, wherever they are."""
        columns = [self, *map(self._alike, others)]
        for part, *more in zip(*[each._here for each in columns], strict=True):
            function(part, out, *more, **common)
        keys = [each._key for each in columns]
        for place, count in enumerate(self._counts[1:]):
            if count:
                out[...] = self._crew.ask_one(place, "accumulate", function, keys, out, common)
        return out

    def exchange(
        self,
        cut: Callable[..., Sequence[Any]],
        join: Callable[[Sequence[Any]], R],
        n_parts: int,
        **common: Any,
    ) -> "Owned[R]":
        """Cut the parts where they are, and join the pieces here."""
        cuts = zip(*self.map(cut, n_parts=n_parts, **common), strict=True)
        n, n_each = len(self._counts), -(-n_parts // len(self._counts))
        counts = [min(n_each, max(0, n_parts - n_each * place)) for place in range(n)]
        return Owned.of(self._crew, [join(pieces) for pieces in cuts], counts)

    def some(self, shards: Iterable[int]) -> "Owned[T]":
        """Return the parts at some places, which are in order."""
        wanted, ends = list(shards), [0, *accumulate(self._counts)]
        assert wanted == sorted(wanted)
        ranges = list(pairwise(ends))
        places = [[j - start for j in wanted if start <= j < end] for start, end in ranges]
        here = [self._here[j] for j in places[0]]
        made = Owned(self._crew, [len(each) for each in places], here)
        self._crew.order("some", made._key, self._key, places[1:])
        return made

    def __iter__(self) -> Iterator[T]:
        """Bring the parts here; all processes are asked before the first part is used."""
        answers = self._crew.ask("bring", self._key)
        return chain(self._here, chain.from_iterable(answers))

    def __len__(self) -> int:
        return sum(self._counts)

    def _alike(self, parts: Parts[Any]) -> "Owned[Any]":
        if isinstance(parts, Owned):
            return parts
        assert isinstance(parts, Here)  # the parts of one problem live in one place
        return Owned.of(self._crew, parts, self._counts)
