"""Print how far estimates of yes-or-no data of small groups are off, and how often limits hold.

python benchmarks/recovery.py          500 data sets of each study: two minutes on two cores
python benchmarks/recovery.py 100      100 data sets of each
"""

import argparse
import sys
from pathlib import Path

# The simulation stands beside the tests, which hold it to its limits.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from recovery_study import YesOrNo, recovered

STUDIES = {
    "sd 1.5, x": YesOrNo(t=0.0, formula="x + (1 | g)"),
    "sd 1.5, x and t": YesOrNo(),
    "sd 1, x": YesOrNo(sd=1.0, t=0.0, formula="x + (1 | g)"),
}
POINTS = (1, 11)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_sets", nargs="?", type=int, default=500, help="data sets of each study")
    n_sets = parser.parse_args().n_sets
    print("| study | points | parameter | bias | Monte Carlo error | limits hold |")
    print("|---|--:|---|--:|--:|--:|")
    for title, study in STUDIES.items():
        for n_points in POINTS:
            sets = recovered(study, n_sets, n_quadrature=n_points)
            for name in (each for each in ("x", "t", "sd") if each in sets):
                error = sets[name] - getattr(study, name)
                held, noise = sets[f"{name} held"].mean(), error.std() / len(error) ** 0.5
                cells = (
                    title,
                    n_points,
                    name,
                    f"{error.mean():+.4f}",
                    f"{noise:.4f}",
                    f"{held:.3f}",
                )
                print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
