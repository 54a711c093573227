"""Fit a million rows in one process and in several, in turns, and compare all estimates.

The columns of the table:

n_jobs         processes that share the rows
seconds        the least wall time of the fits, with the start of the processes
own, others    processor seconds of this process and of those that it started, in that fit
ratio          how many times faster than one process
apart          largest difference of an estimate, a mode or a covariance from those of one process

On a machine that does other work at the same time wall times say little, and the seconds of this
process are what the wall time would be.
"""

import argparse
import resource
import time
from typing import Any

import numpy as np
from harness.machine import machine
from harness.workloads.beta import one_intercept

from skglmm import BetaGLMMRegressor
from skglmm.estimators.runtime import processes

FORMULA = "x + z + (1 | g)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for line in machine():
        print(line)
    processes.PROCESS_ROWS = 0  # whether or not it pays
    frame = one_intercept(args.rows, args.rows // 100)()
    X, y = frame.drop(columns="y"), frame["y"]
    runs: dict[int, list[tuple[float, float, float]]] = {n: [] for n in args.jobs}
    fits = {}
    for _ in range(args.repeats):
        for n in args.jobs:
            fits[n], spent = timed(X, y, n)
            runs[n].append(spent)
    print(f"{FORMULA}, {args.rows:,} rows\n")
    print("| n_jobs | seconds |   own | others | ratio |   apart |")
    print("|    --: |     --: |   --: |    --: |   --: |     --: |")
    first = min(runs[args.jobs[0]])[0]
    for n in args.jobs:
        wall, own, others = min(runs[n])
        apart = distance(fits[args.jobs[0]], fits[n])
        cells = [f"{n:>6}", f"{wall:>7.2f}", f"{own:>5.2f}", f"{others:>6.2f}"]
        print(f"| {' | '.join([*cells, f'{first / wall:>5.2f}', f'{apart:>7.1e}'])} |")


def timed(X: Any, y: Any, n_jobs: int) -> tuple[Any, tuple[float, float, float]]:
    """Return a fit, with its wall time and the processor seconds here and elsewhere."""
    wall, own, others = time.perf_counter(), time.process_time(), of_others()
    model = BetaGLMMRegressor(FORMULA, n_jobs=n_jobs).fit(X, y)
    spent = (time.perf_counter() - wall, time.process_time() - own, of_others() - others)
    return model, spent


def of_others() -> float:
    """Processor seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def distance(one: Any, other: Any) -> float:
    """Largest difference of two fits."""
    pairs = zip(numbers(one.fit_), numbers(other.fit_), strict=True)
    return max(float(np.max(np.abs(a - b), initial=0.0)) for a, b in pairs)


def numbers(fit: Any) -> list[Any]:
    return [*fit.beta, *fit.theta, *fit.u, fit.covariance]


if __name__ == "__main__":
    main()
