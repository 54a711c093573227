"""Functions that wait to be applied to parts elsewhere: one task applies several of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Deferred", "Program", "Source", "program_of", "run"]


class Source:
    """Parts that are there, or are on their way.

    Parameters
    ----------
    futures : sequence
        One for each part.
    view : callable or None
        What makes the part from the result of its future, in each task that takes it.
    """

    def __init__(self, futures: Sequence[Any], view: Callable[[Any], Any] | None = None) -> None:
        self.futures = list(futures)
        self.view = view


class Deferred:
    """A function that is to be applied to each part.

    Parameters
    ----------
    function : callable
    inputs : sequence of Source or Deferred
        What makes the parts that it takes.
    common : dict
        Arguments that are the same for all parts.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: "Sequence[Source | Deferred]",
        common: dict[str, Any],
    ) -> None:
        self.function, self.inputs, self.common = function, tuple(inputs), common


class Program(NamedTuple):
    """Steps in the order of their turns, each with the places of what it takes.

    Places are those of the sources, and after them those of the results of earlier steps.
    """

    views: list[Callable[[Any], Any] | None]
    steps: list[tuple[Callable[..., Any], list[int], dict[str, Any]]]
    wanted: list[int]


def program_of(wanted: Sequence[Deferred]) -> tuple[Program, list[Source]]:
    """Return what makes some results, and from which sources.

    Parameters
    ----------
    wanted : sequence of Deferred
    """
    steps: dict[Deferred, None] = {}
    for step in wanted:
        _collect(step, steps)
    every = [each for step in steps for each in step.inputs]
    sources = list(dict.fromkeys(each for each in every if isinstance(each, Source)))
    places = {each: place for place, each in enumerate([*sources, *steps])}
    turns = [(step.function, [places[each] for each in step.inputs], step.common) for step in steps]
    views = [source.view for source in sources]
    return Program(views, turns, [places[step] for step in wanted]), sources


def _collect(step: Deferred, steps: dict[Deferred, None]) -> None:
    """Add a step after those that it takes the results of."""
    if step in steps:
        return
    for each in step.inputs:
        if isinstance(each, Deferred):
            _collect(each, steps)
    steps[step] = None


def run(program: dict[str, Any], *parts: Any) -> Any:
    """Return the results that a program, as a dict, makes of one part of each source.

    One alone comes as it is; several as a tuple.
    """
    views, steps, wanted = Program(**program)
    pairs = zip(parts, views, strict=True)
    found = [part if view is None else view(part) for part, view in pairs]
    for function, places, common in steps:
        found.append(function(*[found[place] for place in places], **common))
    results = tuple(found[place] for place in wanted)
    return results[0] if len(results) == 1 else results
