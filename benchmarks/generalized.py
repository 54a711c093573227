"""Time generalized linear mixed models: skglmm, the package glmm and R, on the same rows.

The columns of the table:

wall, cpu  seconds of one fit with standard errors; the median where several fit into a few seconds
peak MB    memory of the process that made or read the rows, and fitted
below      by how much the log likelihood is less than the best of the programs

Every program has a process of its own. The package glmm, of which the core is written in Rust,
takes part where it can be imported, glmmTMB and lme4 where R has them. A program that needs longer
than its patience is stopped.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import pandas as pd
from generalized_workloads import WORKLOADS, Workload
from linear import ENOUGH_SECONDS, Found, cells, child, peak_megabytes, row, say

HERE = Path(__file__).parent


def main() -> None:
    args = arguments()
    if args.child:
        print(json.dumps(fit_here(*args.child, args.repeats)))
        return
    from run import machine, version_of  # noqa: PLC0415  # which children do without

    programs = [name for name, is_there in AVAILABLE.items() if is_there(args)]
    for line in machine():
        print(line)
    print(f"glmm {version_of('glmm')}, {', '.join(programs)}\n")
    print(row("workload", "program", "n", "wall", "cpu", "peak MB", "log likelihood", "below"))
    print(row("---", "---", *["--:"] * 6))
    for name in args.workloads or WORKLOADS:
        compare(name, programs, args)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--no-r", action="store_true", help="leave R out")
    parser.add_argument("--repeats", type=int, default=9, help="fits of a small workload")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for one program")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [name for name in args.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"expected workloads out of {', '.join(WORKLOADS)}, got {', '.join(unknown)}")
    return args


def compare(name: str, programs: list[str], args: argparse.Namespace) -> None:
    """Fit one workload with each program, and print a row for each."""
    found, workload = {}, WORKLOADS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        programs = [each for each in programs if fits(each, workload)]
        if set(programs) & {"glmmTMB", "lme4"}:
            workload.frame().to_csv(path, index=False)
        for program in programs:
            say(f"{name}: {program}")
            own = (sys.executable, __file__, "--child", program, name)
            command = (*own, "--repeats", str(args.repeats))
            if program not in PROGRAMS:
                command = r_command(program, workload, path)
            found[program] = child(command, args.patience)
    best = max((each["log_likelihood"] for each in found.values() if each), default=0.0)
    for program, each in found.items():
        print(row(name, program, *cells(each, best, args.patience)), flush=True)


def fits(program: str, workload: Workload) -> bool:
    """Whether a program has the family."""
    has = {"glmm": workload.in_glmm is not None, "lme4": workload.in_lme4}
    return has.get(program, True)


def r_command(program: str, workload: Workload, path: Path) -> tuple[str, ...]:
    script, groups = str(HERE / "time_generalized.R"), ",".join(workload.groups)
    own = (workload.formula, groups, workload.family, workload.zero)
    return "Rscript", script, program, str(path), *own


def fit_here(program: str, name: str, repeats: int) -> Found:
    """Fit in this process, of which the parent measures the memory."""
    fit, workload = PROGRAMS[program], WORKLOADS[name]
    frame, groups = workload.frame(), workload.groups
    if program == "glmm":  # which takes groups as text
        frame[groups] = frame[groups].astype(str).radd("level ")
    with warnings.catch_warnings(action="ignore"):
        fit(workload, frame.iloc[:2_000])  # what the first fit imports
    walls: list[float] = []
    cpus: list[float] = []
    while len(walls) < repeats and sum(walls) < ENOUGH_SECONDS:
        wall, cpu = time.perf_counter(), time.process_time()
        log_likelihood = fit(workload, frame)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "n": len(frame),
        "wall": median(walls),
        "cpu": median(cpus),
        "megabytes": peak_megabytes(),
        "log_likelihood": log_likelihood,
    }


def fit_skglmm(workload: Workload, frame: pd.DataFrame) -> float:
    import skglmm  # noqa: PLC0415  # the parent needs no skglmm

    estimator = getattr(skglmm, workload.estimator)
    model = estimator(workload.formula.removeprefix("y ~ "), **workload.parameters)
    return float(model.fit(frame.drop(columns="y"), frame["y"]).log_likelihood_)


def fit_glmm(workload: Workload, frame: pd.DataFrame) -> float:
    import glmm  # noqa: PLC0415  # which may not be there

    return float(glmm.fit(frame, workload.formula, workload.in_glmm).loglik)


def has_r_package(args: argparse.Namespace, name: str) -> bool:
    if args.no_r or shutil.which("Rscript") is None:
        return False
    command = ["Rscript", "-e", f"library({name})"]
    return not subprocess.run(command, capture_output=True, check=False).returncode


PROGRAMS: dict[str, Callable[[Workload, pd.DataFrame], float]] = {
    "skglmm": fit_skglmm,
    "glmm": fit_glmm,
}
AVAILABLE: dict[str, Callable[[argparse.Namespace], bool]] = {
    "skglmm": lambda _: True,
    "glmm": lambda _: find_spec("glmm") is not None,
    "glmmTMB": lambda args: has_r_package(args, "glmmTMB"),
    "lme4": lambda args: has_r_package(args, "lme4"),
}

if __name__ == "__main__":
    main()
