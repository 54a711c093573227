"""Time fits of skglmm, and of glmmTMB where R has it, on the same rows in the same run.

The columns of the table:

seconds         one fit with inference; the median where several fit into a few seconds
passes          the same in units of one `scipy.stats.beta.logpdf` over the rows
peak MB         memory of the process that simulated and fitted
glmmTMB, ratio  its seconds, and how many times faster skglmm is
above           by how much skglmm's log likelihood is higher

With ``--compare REVISION`` each workload is fitted in turn by the files as they are and by those of
a revision, in the same environment, and the columns are the best seconds of both and their ratio.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy import stats
from workloads import WORKLOADS, Workload

HERE = Path(__file__).parent
ENOUGH_SECONDS = 5.0  # repeated fits of one workload stop after so long
IMPORT = """
import time, sklearn, pandas
start = time.perf_counter()
import skglmm
print(time.perf_counter() - start)
"""


def main() -> None:
    args = arguments()
    if args.child:
        print(json.dumps(fit_here(args.child, args.repeats)))
        return
    for line in machine():
        print(line)
    print(f"import skglmm, beyond scikit-learn and pandas: {import_seconds(args.repeats):.3f} s\n")
    names = args.workloads or chosen(every=args.all)
    if args.compare:
        compare(names, args.compare, args.repeats)
        return
    has_r = not args.no_r and has_glmmtmb()
    print(row("workload", "n", "seconds", "log likelihood", "passes", "peak MB", *R_COLUMNS))
    print(row("---", *["--:"] * (5 + len(R_COLUMNS))))
    for name in names:
        workload = WORKLOADS[name]
        say(f"{name}: skglmm")
        ours = child(sys.executable, __file__, "--child", name, "--repeats", str(args.repeats))
        theirs = glmmtmb(name, workload) if has_r and workload.in_r else None
        print(row(name, *cells(ours, theirs)), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--all", action="store_true", help="also the large ones (an hour with R)")
    parser.add_argument("--no-r", action="store_true", help="leave glmmTMB out")
    parser.add_argument("--repeats", type=int, default=5, help="fits of a small workload")
    parser.add_argument("--compare", metavar="REVISION", help="of git, to time against")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [name for name in args.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"expected workloads out of {', '.join(WORKLOADS)}, got {', '.join(unknown)}")
    return args


def chosen(*, every: bool) -> list[str]:
    return [name for name, workload in WORKLOADS.items() if every or workload.default]


# --- what the child does -------------------------------------------------------------------------


def fit_here(name: str, repeats: int) -> dict[str, Any]:
    """Fit in this process, whose peak memory is that of the workload."""
    fit(WORKLOADS["dragons"])  # what is imported at the first fit
    frame = WORKLOADS[name].frame()
    seconds: list[float] = []
    while len(seconds) < repeats and sum(seconds) < ENOUGH_SECONDS:
        start = time.perf_counter()
        model = fit(WORKLOADS[name], frame)
        seconds.append(time.perf_counter() - start)
    per_unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit
    return {
        "n": len(frame),
        "seconds": median(seconds),
        "log_likelihood": float(model.log_likelihood_),
        "passes": median(seconds) / pass_seconds(frame["y"].to_numpy()),
        "megabytes": peak / 1e6,
    }


def fit(workload: Workload, frame: Any = None) -> Any:
    from skglmm import BetaGLMMRegressor  # noqa: PLC0415  # the parent needs no skglmm

    frame = workload.frame() if frame is None else frame
    formula = workload.formula.removeprefix("y ~ ")
    return BetaGLMMRegressor(formula).fit(frame.drop(columns="y"), frame["y"])


def pass_seconds(y: np.ndarray) -> float:
    """Seconds of the unit of work: one log density of Beta over the rows, as scipy has it."""
    mean = np.random.default_rng(0).uniform(0.05, 0.95, len(y))
    a, b = 8 * mean, 8 * (1 - mean)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        stats.beta.logpdf(y, a, b)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


# --- two revisions -------------------------------------------------------------------------------


def compare(names: list[str], revision: str, repeats: int) -> None:
    """Time the files as they are against those of a revision, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "revision"
        git = ("git", "-C", str(HERE.parent), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
        try:
            widths = (20, 9, 12, 8, 9)
            print(row("workload", "here", revision[:12], "ratio", "above", widths=widths))
            print(row("---", *["--:"] * 4, widths=widths))
            for name in names:
                here, there = in_turn(name, (HERE.parent, tree), repeats)
                cells = (
                    f"{here['seconds']:.3f}",
                    f"{there['seconds']:.3f}",
                    f"{there['seconds'] / here['seconds']:.2f}",
                    f"{here['log_likelihood'] - there['log_likelihood']:+.1e}",
                )
                print(row(name, *cells, widths=widths), flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def in_turn(name: str, trees: tuple[Path, ...], repeats: int) -> list[dict[str, Any]]:
    """Fit with the package of each tree, one after the other, and keep the best of each."""
    best: list[dict[str, Any]] = [{"seconds": float("inf")} for _ in trees]
    for turn in range(3):
        for place, tree in enumerate(trees):
            say(f"{name}: turn {turn + 1}, {'here' if place == 0 else 'there'}")
            command = (sys.executable, __file__, "--child", name, "--repeats", str(repeats))
            found = child(*command, package=tree)
            if found["seconds"] < best[place]["seconds"]:
                best[place] = found
    return best


# --- what the parent does ------------------------------------------------------------------------


def child(*command: str, package: Path | None = None) -> dict[str, Any]:
    """Run a program whose last line is JSON, with the package in a folder."""
    path = {} if package is None else {"PYTHONPATH": str(package)}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **path}
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def glmmtmb(name: str, workload: Workload) -> dict[str, Any]:
    """Fit the same rows with glmmTMB."""
    say(f"{name}: glmmTMB (from a second to minutes)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        workload.frame().to_csv(path, index=False)
        found = child("Rscript", str(HERE / "time_glmmtmb.R"), str(path), workload.formula)
    say(f"{name}: glmmTMB {found['version']} took {found['seconds']:.1f} s: {found['message']}")
    return found


def has_glmmtmb() -> bool:
    if shutil.which("Rscript") is None:
        say("no Rscript found, so glmmTMB is left out")
        return False
    if subprocess.run(
        ["Rscript", "-e", "library(glmmTMB)"], capture_output=True, check=False
    ).returncode:
        say("Rscript has no glmmTMB, so it is left out (Debian: r-cran-glmmtmb)")
        return False
    return True


def import_seconds(repeats: int) -> float:
    """Median over processes of the time that the import adds, of files that are compiled."""
    command = [sys.executable, "-c", IMPORT]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        runs = [subprocess.check_output(command, env=env) for _ in range(max(repeats, 3))]
    return median(json.loads(seconds) for seconds in runs)


def machine() -> list[str]:
    packages = ("skglmm", "numpy", "scipy", "pandas", "scikit-learn", "formulaic")
    return [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version_of(name)}" for name in packages),
    ]


def version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


# --- the table -----------------------------------------------------------------------------------

R_COLUMNS = ("glmmTMB", "ratio", "above")


def cells(ours: dict[str, Any], theirs: dict[str, Any] | None) -> list[str]:
    found = [
        f"{ours['n']:,}",
        f"{ours['seconds']:.3f}",
        f"{ours['log_likelihood']:.4f}",
        f"{ours['passes']:,.0f}",
        f"{ours['megabytes']:,.0f}",
    ]
    if theirs is None:
        return [*found, *("" for _ in R_COLUMNS)]
    return [
        *found,
        f"{theirs['seconds']:.2f}",
        f"{theirs['seconds'] / ours['seconds']:.1f}",
        f"{ours['log_likelihood'] - theirs['log_likelihood']:+.1e}",
    ]


def row(*texts: str, widths: tuple[int, ...] = (20, 9, 8, 14, 6, 7, 7, 6, 8)) -> str:
    padded = [
        f"{text:<{w}}" if k == 0 else f"{text:>{w}}"
        for k, (text, w) in enumerate(zip(texts, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
