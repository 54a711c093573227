"""Print how often 95 % intervals hold the truth in simulated studies (docs/guide/coverage.md).

python benchmarks/coverage.py          1,000 data sets of each size: about ten minutes on two cores
python benchmarks/coverage.py 100      100 data sets of each size
"""

import argparse
import sys
import time
from pathlib import Path

# The simulation stands beside the tests, which hold it to its limits.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from coverage_study import OUTLYING, QUESTIONS, Study, covered

SIZES = [(6, 6), (10, 12), (20, 12), (30, 12), (50, 12), (100, 12), (100, 5), (100, 40)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_sets", nargs="?", type=int, default=1000, help="data sets of each size")
    n_sets = parser.parse_args().n_sets
    found = [simulated(*size, n_sets) for size in SIZES]
    print(row("groups", *(n_groups for n_groups, _ in SIZES)))
    print(row("---", *("--:" for _ in SIZES)))
    print(row("rows in each", *(n_rows for _, n_rows in SIZES)))
    for name in (*QUESTIONS, OUTLYING):
        print(row(name, *(f"{sets[name].mean():.3f}" for sets in found)))
    print(row("singular fits", *(f"{sets['singular'].mean():.1%}" for sets in found)))
    print(row("limits outside the bounds", *((~sets["inside"]).sum() for sets in found)))


def simulated(n_groups: int, n_rows: int, n_sets: int):
    """Simulate studies of one size; tell how long it took, and how well the shares are known."""
    start = time.perf_counter()
    sets = covered(Study(n_groups, n_rows), n_sets)
    seconds = time.perf_counter() - start
    errors = ", ".join(
        f"{name} {sets[name].std() / sets[name].count() ** 0.5:.3f}"
        for name in (*QUESTIONS, OUTLYING)
    )
    text = f"{n_groups} groups of {n_rows} rows took {seconds:.0f} s; standard errors: {errors}"
    print(text, file=sys.stderr, flush=True)
    return sets


def row(*cells: object) -> str:
    first, *others = map(str, cells)
    return f"| {first:<25} | {' | '.join(f'{cell:>5}' for cell in others)} |"


if __name__ == "__main__":
    main()
