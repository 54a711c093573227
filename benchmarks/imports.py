"""Time what an import of skglmm, and a first fit, cost beyond scikit-learn and pandas.

python benchmarks/imports.py             least of 7 fresh processes each, in processor seconds
python benchmarks/imports.py 3 --all     least of 3, for every estimator

The bytecode is there: an import before the first that counts writes it.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from skglmm import estimators

BASE = "import pandas, sklearn"
FIT = """
import numpy
X = pandas.DataFrame({"x": numpy.linspace(0.0, 1.0, 48), "g": list("abcdef") * 8})
y = 0.3 + 0.3 * X["x"] + 0.1 * numpy.sin(numpy.arange(48)) + 0.02 * X["g"].map(ord).sub(99)
from skglmm import LMMRegressor as Model
Model("x + (1 | g)").fit(X, y)
"""
FEW = ("LMMRegressor", "BetaGLMMRegressor", "PoissonGLMMRegressor", "OrdinalGLMMClassifier")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=7, help="fresh processes of each kind")
    parser.add_argument("--all", action="store_true", help="every estimator")
    options = parser.parse_args()
    names = estimators.__all__ if options.all else FEW
    print("| beyond scikit-learn and pandas | seconds | modules |")
    print("| :-- | --: | --: |")
    show("import skglmm", "import skglmm", options.n)
    for name in names:
        show(f"from skglmm import {name}", f"from skglmm import {name}", options.n)
    show("the same, and a first fit of LMMRegressor", FIT, options.n)
    seconds, _ = measured("pass", f"import time\nstart = time.process_time()\n{BASE}", 1)
    print(f"\nscikit-learn and pandas themselves: {seconds:.2f} s")


def show(label: str, code: str, n: int) -> None:
    before = f"{BASE}\nimport time\nstart = time.process_time()"
    measured(code, before, 1)
    seconds, modules = measured(code, before, n)
    print(f"| {label} | {seconds:.2f} | {modules} |", flush=True)


def measured(code: str, before: str, n: int) -> tuple[float, int]:
    """Return the least processor seconds of `code`, and how many modules of skglmm it imports."""
    after = (
        "import sys, time\nprint(time.process_time() - start,"
        " sum(name.partition('.')[0] == 'skglmm' for name in sys.modules))"
    )
    text = f"{before}\nimport warnings; warnings.simplefilter('ignore')\n{code}\n{after}"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    found = []
    for _ in range(n):
        command = [sys.executable, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        seconds, modules = done.stdout.split()[-2:]
        found.append((float(seconds), int(modules)))
    return min(found)


if __name__ == "__main__":
    main()
