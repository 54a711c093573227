"""Time the parametric bootstrap of the full model of simulated dragons.

The columns of the table:

n_jobs          workers
seconds         of all refits; with several workers also when these have just been started
cpu             seconds of this process, which has all of them only with one worker and threads
same            whether all replicates are those of one worker, to the last bit
"""

import argparse
import os
import time

import joblib
import numpy as np
from harness.machine import machine

from skglmm import BetaGLMMRegressor
from skglmm.datasets import make_dragons

FORMULA = "bodyLength + (bodyLength | mountainRange) + (1 | mountainRange:site)"


def main() -> None:
    args = arguments()
    for line in machine():
        print(line)
    X = make_dragons(random_state=0)
    y = X.pop("testScore")
    model = BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=1e-4).fit(X, y)
    runs = [("loky", 1, ""), ("loky", args.n_jobs, "starting"), ("loky", args.n_jobs, "")]
    runs.append(("threading", args.n_jobs, ""))
    print(f"{FORMULA}: {args.n_replicates} refits\n")
    print("| backend   | n_jobs |          | seconds |   cpu | same |")
    print("| ---       |    --: |          |     --: |   --: | ---  |")
    first = None
    for backend, n_jobs, note in runs:
        start, busy = time.perf_counter(), time.process_time()
        with joblib.parallel_config(backend=backend):
            record = model.bootstrap(X, y, args.n_replicates, n_jobs=n_jobs, random_state=0)
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
        first = record if first is None else first
        same = np.array_equal(record.replicates, first.replicates)
        cells = f"{backend:<9} | {n_jobs:>6} | {note:<8} | {seconds:>7.2f} | {cpu:>5.2f}"
        print(f"| {cells} | {'yes' if same else 'NO':<4} |", flush=True)
    print(f"\n{record}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-replicates", type=int, default=200)
    parser.add_argument("--n-jobs", type=int, default=min(2, os.cpu_count() or 1))
    return parser.parse_args()


if __name__ == "__main__":
    main()
