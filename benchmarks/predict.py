"""Time predictions of a model with random intercepts and slopes, and measure their memory.

The columns of the table:

milliseconds   one call; the fastest where several fit into a few seconds
peak MB        memory of the process beyond the imports, the model and the frame of the rows

Known groups have predicted effects; new groups are averaged over row by row; marginal means are
averages over groups for every row.
"""

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness.machine import machine
from harness.workloads.beta import simulated, slopes

FITTED, GROUPS = 20_000, 500  # rows and groups of the fit
ENOUGH_SECONDS = 3.0  # repeated calls stop after so long
REPEATS = 50
SIZES = (1, 1_000_000)
KINDS = ("known groups", "new groups", "marginal")
WHATS: dict[str, Callable[..., Any]] = {
    "predict": lambda model, X, kind: model.predict(X, kind=kind),
    "mean limits": lambda model, X, kind: model.predict_interval(X, kind=kind),
    "response limits": lambda model, X, kind: model.predict_interval(X, "response", kind=kind),
    "predict_frame": lambda model, X, kind: model.predict_frame(X, kind=kind),
}


def main() -> None:
    args = arguments()
    if args.fit:
        args.fit.write_bytes(pickle.dumps(fitted(args.precision)))
        return
    if args.child:
        model, n, kind, what = args.child
        print(json.dumps(measured(Path(model), int(n), kind, what)))
        return
    for line in machine():
        print(line)
    print(f"{FITTED:,} rows and {GROUPS} groups fitted, precision={args.precision!r}\n")
    print(row("rows", "groups", "call", "milliseconds", "peak MB"))
    print(row("--:", "---", "---", "--:", "--:"))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        run("--fit", str(model), "--precision", args.precision)
        for n, kind, what in (
            (n, kind, what) for n in args.rows for kind in KINDS for what in WHATS
        ):
            found = json.loads(run("--child", str(model), str(n), kind, what))
            seconds, peak = 1e3 * found["seconds"], found["megabytes"]
            print(row(f"{n:,}", kind, what, f"{seconds:,.1f}", f"{peak:,.0f}"), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "rows", nargs="*", type=int, default=list(SIZES), help="how many to predict"
    )
    parser.add_argument("--precision", default="1", help='formula of the precision, such as "x"')
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


# --- what the children do ------------------------------------------------------------------------


def fitted(precision: str) -> Any:
    from skglmm import BetaGLMMRegressor  # noqa: PLC0415  # the parent needs no skglmm

    frame = simulated(FITTED, {"g": GROUPS}, slopes(GROUPS))()
    model = BetaGLMMRegressor("x + z + (x | g)", precision=precision)
    return model.fit(frame.drop(columns="y"), frame["y"])


def measured(path: Path, n: int, groups: str, what: str) -> dict[str, float]:
    """Predict in this process, whose peak memory is that of the prediction."""
    model, kind = pickle.loads(path.read_bytes()), "marginal" if groups == "marginal" else None
    call = WHATS[what]
    call(model, new_rows(1, groups), kind)  # what is imported at the first call
    before = peak()
    frame = new_rows(n, groups)
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH_SECONDS:
        start = time.perf_counter()
        call(model, frame, kind)
        seconds.append(time.perf_counter() - start)
    beyond = peak() - before - frame.memory_usage(deep=True).sum()
    return {"seconds": min(seconds), "megabytes": max(0.0, beyond / 1e6)}


def new_rows(n: int, groups: str) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, z, g = rng.normal(size=n), rng.normal(size=n), rng.integers(0, GROUPS, n)
    return pd.DataFrame({"x": x, "z": z, "g": g + GROUPS * (groups == "new groups")})


def peak() -> float:
    """Bytes that this process has held at most."""
    per_unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit)


# --- what the parent does ------------------------------------------------------------------------


def run(*arguments: str) -> str:
    """Run this script in a process of its own, with one thread, and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return done.stdout


def row(*texts: str) -> str:
    widths = (9, 12, 15, 12, 7)
    padded = [
        f"{text:<{w}}" if k in (1, 2) else f"{text:>{w}}"
        for k, (text, w) in enumerate(zip(texts, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


if __name__ == "__main__":
    main()
