"""Time linear mixed models: skglmm, the package glmm and lme4, on the same rows in the same run.

The columns of the table:

wall, cpu  seconds of one fit by REML with standard errors; the median where several fit into a few
           seconds; without degrees of freedom
peak MB    memory of the process that made or read the rows, and fitted
below      by how much the log likelihood is less than the best of the programs

Every program has a process of its own. The package glmm, of which the core is written in Rust,
takes part where it can be imported, lme4 where R has it; its data sets then take the place of
simulated ones. A program that needs longer than its patience is stopped.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from linear_workloads import WORKLOADS, Workload

HERE = Path(__file__).parent
ENOUGH_SECONDS = 5.0  # repeated fits of one workload stop after so long
WIDTHS = (18, 7, 11, 9, 9, 8, 16, 8)
Found = dict[str, Any]


def main() -> None:
    args = arguments()
    if args.child:
        program, name, path = args.child
        print(json.dumps(fit_here(program, WORKLOADS[name], path, args.repeats)))
        return
    from run import machine, version_of  # noqa: PLC0415  # which children do without

    programs = [name for name, is_there in AVAILABLE.items() if is_there()]
    for line in machine():
        print(line)
    print(f"glmm {version_of('glmm')}, lme4 {'there' if 'lme4' in programs else '(not there)'}\n")
    print(row("workload", "program", "n", "wall", "cpu", "peak MB", "log likelihood", "below"))
    print(row("---", "---", *["--:"] * 6))
    for name in args.workloads or chosen(every=args.all):
        compare(name, WORKLOADS[name], programs, args)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--all", action="store_true", help="also ten million rows")
    parser.add_argument("--repeats", type=int, default=9, help="fits of a small workload")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for one program")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [name for name in args.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"expected workloads out of {', '.join(WORKLOADS)}, got {', '.join(unknown)}")
    return args


def chosen(*, every: bool) -> list[str]:
    return [name for name, workload in WORKLOADS.items() if every or workload.default]


def compare(name: str, workload: Workload, programs: list[str], args: argparse.Namespace) -> None:
    """Fit one workload with each program, and print a row for each."""
    tried = [each for each in programs if each == "skglmm" or getattr(workload, f"in_{each}")]
    with tempfile.TemporaryDirectory() as folder:
        path = rows_for_r(workload, Path(folder) / "rows.csv", with_r="lme4" in programs)
        read = str(path) if workload.source and path else ""
        if "lme4" in tried and not read:
            assert path is not None
            workload.frame().to_csv(path, index=False)
        found = {}
        for program in tried:
            say(f"{name}: {program}")
            own = (sys.executable, __file__, "--child", program, name, read)
            own = (*own, "--repeats", str(args.repeats))
            command = own if program != "lme4" else r_command(workload, path, args.repeats)
            found[program] = child(command, args.patience)
    best = max((each["log_likelihood"] for each in found.values() if each), default=0.0)
    for program, each in found.items():
        print(row(name, program, *cells(each, best, args.patience)), flush=True)


def rows_for_r(workload: Workload, path: Path, *, with_r: bool) -> Path | None:
    """Return where rows are for R; those of lme4 are there already."""
    if not with_r:
        return None
    if workload.source:
        workload.export(path)
    return path


def r_command(workload: Workload, path: Path | None, repeats: int) -> tuple[str, ...]:
    script, response = str(HERE / "time_lme4.R"), workload.formula.partition("~")
    name = "Reaction" if workload.source == "sleepstudy" else response[0].strip()
    formula = f"{name} ~{response[2]}"
    return "Rscript", script, str(path), formula, ",".join(workload.groups), str(repeats)


def child(command: tuple[str, ...], patience: float) -> Found | None:
    """Run a program whose last line is JSON; None if it fails, or takes too long."""
    try:
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, timeout=patience
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        say(str(error))
        return None
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


# --- what a child does ---------------------------------------------------------------------------


def fit_here(program: str, workload: Workload, path: str, repeats: int) -> Found:
    """Fit in this process, of which the parent measures the memory."""
    fit = PROGRAMS[program]
    fit(WORKLOADS["sleep-twin"], WORKLOADS["sleep-twin"].frame())  # what the first fit imports
    frame = workload.read(Path(path)) if path else workload.frame()
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


def peak_megabytes() -> float:
    """Peak memory of this process; that of rusage may be its parent's, from before it began."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]
        return float(peak) * 1024 / 1e6
    per_unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit / 1e6


def fit_skglmm(workload: Workload, frame: pd.DataFrame) -> float:
    from skglmm import LMMRegressor  # noqa: PLC0415  # the parent needs no skglmm

    model = LMMRegressor(workload.formula).fit(frame.drop(columns="y"), frame["y"])
    return float(model.log_likelihood_)


def fit_glmm(workload: Workload, frame: pd.DataFrame) -> float:
    import glmm  # noqa: PLC0415  # which may not be there

    return float(glmm.fit(frame, workload.formula, satterthwaite=False).loglik)


PROGRAMS: dict[str, Callable[[Workload, pd.DataFrame], float]] = {
    "skglmm": fit_skglmm,
    "glmm": fit_glmm,
}


def has_lme4() -> bool:
    if shutil.which("Rscript") is None:
        say("no Rscript found, so lme4 is left out")
        return False
    command = ["Rscript", "-e", "library(lme4)"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        say("Rscript has no lme4, so it is left out (Debian: r-cran-lme4)")
        return False
    return True


AVAILABLE: dict[str, Callable[[], bool]] = {
    "skglmm": lambda: True,
    "glmm": lambda: find_spec("glmm") is not None,
    "lme4": has_lme4,
}

# --- the table -----------------------------------------------------------------------------------


def cells(found: Found | None, best: float, patience: float) -> list[str]:
    if found is None:  # it failed, or took longer than that
        return ["", f"- or > {patience:.0f}", "", "", "", ""]
    return [
        f"{found['n']:,}",
        f"{found['wall']:.4f}",
        f"{found['cpu']:.4f}",
        f"{found['megabytes']:,.0f}",
        f"{found['log_likelihood']:.6f}",
        f"{best - found['log_likelihood']:.1e}",
    ]


def row(*texts: str) -> str:
    padded = [
        f"{text:<{width}}" if k < 2 else f"{text:>{width}}"
        for k, (text, width) in enumerate(zip(texts, WIDTHS, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
