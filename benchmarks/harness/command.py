"""What people ask of the harness: which workloads, which programs, how often.

The columns of the table:

wall, cpu       seconds of one fit with standard errors, of the clock and of the processor; the
                least of the repeats
peak MB         memory of the process that made the rows and fitted
evals           evaluations of the objective, as the program counts them
passes          cpu in units of one `scipy.stats.beta.logpdf` over the rows
stated error    standard error of the log likelihood, where the program estimates and states it
above           by how much the log likelihood is above that of the first exact program; with
                several seeds, the least and the most
goals           what was found "of" the limit or the factor that is the goal

Each fit has a process and, unless --threads is given, one thread. Rivals take part where they are
installed: glmm and gpboost in Python, lme4, glmmTMB and ordinal's clmm in R (with jsonlite).
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from harness.child import fit_here
from harness.machine import machine
from harness.measure import Effort, measured, revision
from harness.programs import RIVALS, SOLVERS, contenders, versions
from harness.table import beside, heading, rows
from harness.workloads import WORKLOADS

__all__ = ["main"]

Found = dict[str, Any]
IMPORT = """
import time, sklearn, pandas
start = time.perf_counter()
import skglmm
print(time.perf_counter() - start)
"""


def main(argv: list[str] | None = None) -> None:
    """Run what is asked for, and print it."""
    args = arguments(argv)
    if args.child:
        print(json.dumps(fit_here(json.loads(args.child.read_text(encoding="utf-8")))))
        return
    if args.show:
        show(json.loads(args.show.read_text(encoding="utf-8")))
        return
    earlier = json.loads(args.compare.read_text(encoding="utf-8")) if args.compare else None
    run = about(args)
    introduce(run)
    for found in fits(args):
        run["fits"] += found
        if args.json:  # after each workload: what is measured is kept
            args.json.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    if earlier:
        print(f"\nbeside {args.compare}, of {earlier['date']}\n")
        for line in beside(run["fits"], earlier["fits"]):
            print(line)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "bench.py", description=__doc__, formatter_class=formatter, epilog=listed()
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", metavar="NAME", choices=WORKLOADS, help="workloads")
    which.add_argument("--quick", action="store_true", help="workloads of a second")
    which.add_argument("--all", action="store_true", help="also the large ones")
    rivals = {"nargs": "*", "choices": RIVALS, "default": list(RIVALS)}
    parser.add_argument("--rivals", **rivals, help="beside skglmm; none if no name follows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the run")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="a run that was kept")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print a run that was kept")
    parser.add_argument("--against", metavar="REVISION", help="of git, fitted in turn as well")
    own = Effort()
    parser.add_argument("--turns", type=int, default=own.turns, help="processes of a program")
    parser.add_argument("--seeds", type=int, default=own.seeds, help="where there is chance")
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS, help="of skglmm, beside auto")
    parser.add_argument("--repeats", type=int, default=own.repeats, help="fits in a process")
    parser.add_argument("--timeout", type=float, default=own.timeout, help="of a process, cpu")
    parser.add_argument("--threads", type=int, default=own.threads, help="of linear algebra")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def introduce(run: Found) -> None:
    for line in [*run["machine"], ", ".join(f"{k} {v}" for k, v in run["versions"].items())]:
        print(line)
    if run["import"] is not None:
        print(f"import skglmm, beyond scikit-learn and pandas: {run['import']:.3f} s")
    print(f"\n{heading()}")


def show(run: Found) -> None:
    """Print a run that was kept."""
    print(f"{run['date']}: {run['command']}")
    introduce(run)
    for name in dict.fromkeys(each["workload"] for each in run["fits"]):
        for line in rows([each for each in run["fits"] if each["workload"] == name]):
            print(line)


def listed() -> str:
    sizes = {size: [] for size in ("quick", "usual", "large")}
    for name, workload in WORKLOADS.items():
        sizes[workload.size].append(name)
    return "\n".join(f"{size}: {', '.join(names)}" for size, names in sizes.items())


def about(args: argparse.Namespace) -> Found:
    """Return what is to be known of a run, beside its fits."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "command": shlex.join(["python", "benchmarks/bench.py", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(args.rivals),
        "import": None if args.only else import_seconds(),
        "fits": [],
    }


def fits(args: argparse.Namespace) -> Iterator[list[Found]]:
    """Fit the workloads one after the other, and print their rows."""
    own = {key: getattr(args, key) for key in ("repeats", "turns", "seeds", "timeout", "threads")}
    effort = Effort(**own)
    with revision(args.against) as before:
        for name in args.only or chosen(args):
            tried = contenders(WORKLOADS[name], args.rivals, args.solvers, before)
            found = measured(name, tried, effort)
            for line in rows(found):
                print(line, flush=True)
            yield found


def chosen(args: argparse.Namespace) -> list[str]:
    sizes = {"quick"} if args.quick else {"quick", "usual", "large" if args.all else "usual"}
    return [name for name, workload in WORKLOADS.items() if workload.size in sizes]


def import_seconds() -> float:
    """Median over processes of the time that the import adds, of files that are compiled."""
    command = [sys.executable, "-c", IMPORT]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        runs = [subprocess.check_output(command, env=env) for _ in range(3)]
    return median(json.loads(seconds) for seconds in runs)
