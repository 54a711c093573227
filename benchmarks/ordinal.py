"""Time cumulative link mixed models: skglmm, and R's ordinal where it is there.

    python benchmarks/ordinal.py [--rows 20000] [--levels 400] [--classes 5] [--no-r]

One covariate, random intercepts of one factor, logit. Prints wall and processor seconds of one fit
with standard errors, and the log likelihood. clmm needs minutes from some ten thousand rows on.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skglmm import OrdinalGLMMClassifier

FORMULA = "x + (1 | g)"
SCRIPT = Path(__file__).parent / "time_clmm.R"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--levels", type=int, default=400)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--no-r", action="store_true")
    args = parser.parse_args()
    rows = simulated(args.rows, args.levels, args.classes)
    print("skglmm", mine(rows))
    if not args.no_r and shutil.which("Rscript"):
        print("clmm  ", theirs(rows))


def simulated(n: int, n_levels: int, n_classes: int) -> pd.DataFrame:
    rng = np.random.default_rng(20261128)
    g, x = rng.integers(0, n_levels, n), rng.normal(size=n)
    eta = 0.5 * x + 0.6 * rng.normal(size=n_levels)[g] + rng.logistic(size=n)
    cuts = np.linspace(-1.5, 1.5, n_classes - 1)
    return pd.DataFrame({"x": x, "g": g, "y": np.digitize(eta, cuts) + 1})


def mine(rows: pd.DataFrame) -> str:
    OrdinalGLMMClassifier(FORMULA).fit(rows.head(2_000), rows["y"].head(2_000))  # imports, caches
    wall, cpu = time.perf_counter(), time.process_time()
    model = OrdinalGLMMClassifier(FORMULA).fit(rows, rows["y"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return shown(len(rows), wall, cpu, model.log_likelihood_)


def theirs(rows: pd.DataFrame) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        rows.to_csv(path, index=False)
        command = ["Rscript", str(SCRIPT), str(path), f"y ~ {FORMULA}", "g"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(out.splitlines()[-1])
    return shown(found["n"], found["wall"], found["cpu"], found["log_likelihood"])


def shown(n: int, wall: float, cpu: float, log_likelihood: float) -> str:
    return f"{n} rows: wall {wall:.2f} s, cpu {cpu:.2f} s, log likelihood {log_likelihood:.5f}"


if __name__ == "__main__":
    main()
