"""Fit rows that stay on two workers of a dask cluster on this machine, and the same in memory.

The columns of the table:

model          beta, or lmm: a linear mixed model of the same rows
rows           simulated, with random intercepts of one row in a hundred levels
in memory      seconds of the fit to the frame
workers        seconds of the fit to the partitions, with those of reading them
last           of these, seconds after scales and labels are known: of a linear mixed model, one
               pass over the rows, and the search without them
client MB      what came to the client, all sums, labels and effects together
worker MB      the largest memory of a worker up to then, with that of Python
apart          largest difference of a coefficient, in standard errors

With ``--limit 640MiB`` workers have no more than this memory, and keep on disk what exceeds it.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from harness.machine import machine
from harness.workloads.beta import one_intercept

from skglmm import BetaGLMMRegressor, LMMRegressor
from skglmm.estimators.base import mixed_model

FORMULA = "x + z + (1 | g)"
MODELS = {"beta": BetaGLMMRegressor, "lmm": LMMRegressor}


def main() -> None:
    args = arguments()
    for line in machine():
        print(line)
    print(f"{FORMULA}, {args.partitions} partitions\n")
    print("| model |       rows | in memory | workers | last | client MB | worker MB |   apart |")
    print("|   --- |        --: |       --: |     --: |  --: |       --: |       --: |     --: |")
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415  # an extra

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=args.limit
        ) as cluster,
        Client(cluster) as client,
    ):
        for name in args.models:
            for n in args.rows:
                print(row(client, name, n, args.partitions), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--limit", default="auto", help="memory of each worker, as in 640MiB")
    return parser.parse_args()


def row(client: Any, name: str, n: int, n_partitions: int) -> str:
    import dask.dataframe as dd  # noqa: PLC0415  # an extra

    frame = one_intercept(n, n // 100)()
    here, memory = timed(name, frame.drop(columns="y"), frame["y"])
    rows = dd.from_pandas(frame, npartitions=n_partitions, sort=False)
    fetched = Fetched(client)
    with last_pass() as spent:
        there, workers = timed(name, rows.drop(columns="y"), rows["y"])
    errors = np.sqrt(np.diag(here.fit_.covariance))[: len(here.fit_.beta[0])]
    apart = np.max(np.abs(here.fit_.beta[0] - there.fit_.beta[0]) / errors)
    cells = [f"{name:>5}", f"{n:>10,}", f"{memory:>9.2f}", f"{workers:>7.2f}", f"{spent[0]:>4.1f}"]
    cells += [f"{fetched.megabytes:>9.1f}", f"{max(client.run(peak).values()):>9.0f}"]
    return f"| {' | '.join([*cells, f'{apart:>7.1e}'])} |"


def timed(name: str, X: Any, y: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    model = MODELS[name](FORMULA).fit(X, y)
    return model, time.perf_counter() - start


@contextmanager
def last_pass() -> Iterator[list[float]]:
    """Time `fit_bound`, which fits rows whose labels and scales are known."""
    plain, spent = mixed_model.fit_bound, []

    def counted(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        found = plain(*args, **kwargs)
        spent.append(time.perf_counter() - start)
        return found

    mixed_model.fit_bound = counted
    try:
        yield spent
    finally:
        mixed_model.fit_bound = plain


def peak() -> float:
    """Largest memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


class Fetched:
    """Counts the bytes of what futures of a client bring."""

    def __init__(self, client: Any) -> None:
        from distributed.protocol.pickle import dumps  # noqa: PLC0415  # an extra

        self.megabytes = 0.0
        future = type(client.submit(int))
        result = getattr(future.result, "plain", future.result)

        def counted(this: Any, *args: Any, **kwargs: Any) -> Any:
            found = result(this, *args, **kwargs)
            self.megabytes += len(dumps(found)) / 1e6
            return found

        counted.plain = result  # type: ignore[attr-defined]
        future.result = counted


if __name__ == "__main__":
    main()
