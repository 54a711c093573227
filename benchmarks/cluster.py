"""Fit rows that stay on two workers of a dask cluster on this machine, and the same in memory.

The columns of the table:

rows           simulated, with random intercepts of one row in a hundred levels
in memory      seconds of the fit to the frame
workers        seconds of the fit to the partitions, with those of reading them
client MB      what came to the client, all sums, labels and effects together
apart          largest difference of a coefficient, in standard errors
"""

import argparse
import time
from typing import Any

import numpy as np
from run import machine
from workloads import one_intercept

from skglmm import BetaGLMMRegressor

FORMULA = "x + z + (1 | g)"


def main() -> None:
    args = arguments()
    for line in machine():
        print(line)
    print(f"{FORMULA}, {args.partitions} partitions\n")
    print("|      rows | in memory | workers | client MB |   apart |")
    print("|       --: |       --: |     --: |       --: |     --: |")
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415  # an extra

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for n in args.rows:
            print(row(client, n, args.partitions), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--partitions", type=int, default=8)
    return parser.parse_args()


def row(client: Any, n: int, n_partitions: int) -> str:
    import dask.dataframe as dd  # noqa: PLC0415  # an extra

    frame = one_intercept(n, n // 100)()
    here, memory = timed(frame.drop(columns="y"), frame["y"])
    rows = dd.from_pandas(frame, npartitions=n_partitions, sort=False)
    fetched = Fetched(client)
    there, workers = timed(rows.drop(columns="y"), rows["y"])
    errors = np.sqrt(np.diag(here.fit_.covariance))[: len(here.fit_.beta[0])]
    apart = np.max(np.abs(here.fit_.beta[0] - there.fit_.beta[0]) / errors)
    cells = f"{memory:>9.2f} | {workers:>7.2f} | {fetched.megabytes:>9.1f} | {apart:>7.1e}"
    return f"| {n:>9,} | {cells} |"


def timed(X: Any, y: Any) -> tuple[BetaGLMMRegressor, float]:
    start = time.perf_counter()
    model = BetaGLMMRegressor(FORMULA).fit(X, y)
    return model, time.perf_counter() - start


class Fetched:
    """Counts the bytes of what futures of a client bring."""

    def __init__(self, client: Any) -> None:
        from dask.sizeof import sizeof  # noqa: PLC0415  # an extra

        self.megabytes = 0.0
        future = type(client.submit(int))
        result = getattr(future.result, "plain", future.result)

        def counted(this: Any, *args: Any, **kwargs: Any) -> Any:
            found = result(this, *args, **kwargs)
            self.megabytes += sizeof(found) / 1e6
            return found

        counted.plain = result  # type: ignore[attr-defined]
        future.result = counted


if __name__ == "__main__":
    main()
