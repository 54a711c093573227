"""Computations in parallel, replicates with seeds of their own: sharing out changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import chain, pairwise
from typing import Any, TypeVar

import joblib
import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skglmm.estimators.runtime.threads import one_thread

__all__ = ["replicate", "seeds", "share_out"]

CHUNKS = 8  # for each worker: enough to keep all of them busy to the end, and to show progress
PATIENCE = 2.0  # seconds before a bar appears
S = TypeVar("S")
T = TypeVar("T")
Replicate = Callable[[np.random.Generator], T]


def seeds(random_state: Any, n_replicates: int) -> list[np.random.SeedSequence]:
    """Return a seed for each replicate; the first ones do not depend on how many there are.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An int gives the same seeds each time; a generator gives others at each call.
    n_replicates : int
    """
    if isinstance(random_state, np.random.Generator):
        root = np.random.SeedSequence(random_state.integers(2**32, size=4).tolist())
    elif random_state is None:
        root = np.random.SeedSequence()
    elif isinstance(random_state, np.random.RandomState):
        root = np.random.SeedSequence(random_state.randint(2**32, size=4, dtype=np.uint32).tolist())
    else:
        check_random_state(random_state)  # refuses what is no int in scikit-learn's words
        root = np.random.SeedSequence(int(random_state))
    return root.spawn(n_replicates)


def replicate(
    function: Replicate[T],
    seeds: Sequence[np.random.SeedSequence],
    n_jobs: int | None = None,
) -> list[T]:
    """Call a function with a generator for each seed, in parallel; see `share_out`.

    Parameters
    ----------
    function : callable
        Takes a Generator; a function of a module or a partial of one, so that it can be pickled.
        What it raises is raised here.
    seeds : sequence of SeedSequence
        One for each replicate.
    n_jobs : int or None
        Number of workers.

    Returns
    -------
    list
        In the order of the seeds.
    """
    return share_out(partial(_run, function), seeds, n_jobs)


def _run(function: Replicate[T], seeds: Sequence[np.random.SeedSequence]) -> list[T]:
    return [function(np.random.default_rng(seed)) for seed in seeds]


def share_out(
    function: Callable[[Sequence[S]], list[T]],
    items: Sequence[S],
    n_jobs: int | None = None,
    report: Callable[[int], None] | None = None,
) -> list[T]:
    """Call a function with chunks of items, in parallel, with one thread of BLAS each.

    Workers are those of joblib: `n_jobs` of them, by the backend that
    ``joblib.parallel_config`` chose (loky, threading, dask, ...). The function, and so the study
    that it holds, is sent once with each chunk. Where tqdm is installed, a bar shows
    the progress of what takes more than two seconds; scikit-learn's callbacks belong to `fit` and
    do not reach a method.

    Parameters
    ----------
    function : callable
        Takes some of the items, and returns as many answers; a function of a module or a partial
        of one, so that it can be pickled. What it raises is raised here.
    items : sequence
    n_jobs : int or None
        Number of workers: None is 1 unless joblib's context says otherwise, -1 all processors.
    report : callable or None
        Receives the number of answers whenever there are more of them, in place of the bar.

    Returns
    -------
    list
        In the order of the items, the same for any workers and chunks.
    """
    n_chunks = min(len(items), CHUNKS * joblib.effective_n_jobs(n_jobs))
    edges = np.linspace(0, len(items), n_chunks + 1).astype(int)
    chunks = [items[start:end] for start, end in pairwise(edges)]
    found = _parallel(n_jobs)(delayed(_alone)(function, chunk) for chunk in chunks)
    if report is not None:
        return list(chain.from_iterable(_reported(found, report)))
    bar = _bar(len(items))
    return list(chain.from_iterable(found if bar is None else _shown(found, bar)))


def _alone(function: Callable[[Sequence[S]], list[T]], items: Sequence[S]) -> list[T]:
    with one_thread():  # of a worker: the caller's limit is that of another process
        return function(items)


def _parallel(n_jobs: int | None) -> Any:
    """Return workers that hand over results as they come, where their backend can."""
    try:
        return Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # multiprocessing
        return Parallel(n_jobs=n_jobs)


def _bar(total: int) -> Any:
    """Return tqdm's bar, or None where it is not installed."""
    if find_spec("tqdm") is None:
        return None
    return import_module("tqdm.auto").tqdm(total=total, unit="refit", delay=PATIENCE)


def _shown(found: Iterable[list[T]], bar: Any) -> Iterator[list[T]]:
    with bar:
        for chunk in found:
            bar.update(len(chunk))
            yield chunk


def _reported(found: Iterable[list[T]], report: Callable[[int], None]) -> Iterator[list[T]]:
    n_done = 0
    for chunk in found:
        n_done += len(chunk)
        report(n_done)
        yield chunk
