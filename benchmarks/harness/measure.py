"""Start the process of each fit, and keep the best of several."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.programs import NAMES, R_PACKAGES, Contender, is_exact
from harness.workloads import WORKLOADS, Workload

__all__ = ["Effort", "measured", "revision", "say"]

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "bench.py"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
HANGS = 10.0  # of the clock for each of the processor, after which a process is stopped
Found = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How often a fit is repeated, and how long it may take.

    Parameters
    ----------
    repeats : int
        Fits in one process at most.
    enough : float
        Seconds after which a process does not repeat a fit.
    turns : int
        Processes of each program, one after the other.
    seeds : int
        Processes, with a seed each, of programs that estimate log likelihoods.
    timeout : float
        Processor seconds of a process, with those of making the rows.
    threads : int
    """

    repeats: int = 9
    enough: float = 5.0
    turns: int = 1
    seeds: int = 1
    timeout: float = 300.0
    threads: int = 1


def measured(name: str, tried: Sequence[Contender], effort: Effort) -> list[Found]:
    """Fit a workload with each contender in turn; a record for each."""
    workload = WORKLOADS[name]
    runs: dict[str, list[Found]] = {each.label: [] for each in tried}
    with tempfile.TemporaryDirectory() as folder:
        data = rows_of_r(workload, Path(folder))
        for turn in range(max(effort.turns, effort.seeds)):
            for each in tried:
                if turn >= effort.turns and is_exact(each.label):
                    continue
                if any(run["status"] != "fitted" for run in runs[each.label]):
                    continue  # it would fail again
                say(f"{name}: {each.label}, turn {turn + 1}")
                asked = question(name, each, effort, turn)
                run = answer(each, asked, data, effort)
                runs[each.label].append(run)
    return [{"workload": name, "program": label, **best(each)} for label, each in runs.items()]


def rows_of_r(workload: Workload, folder: Path) -> Path:
    """Return where rows are, or are to be; those of R are there already, if R has them."""
    path = folder / "rows.csv"
    if workload.source is not None:
        workload.source.export(path)
    return path


def question(name: str, contender: Contender, effort: Effort, seed: int) -> Found:
    workload = WORKLOADS[name]
    return {
        "workload": name,
        "program": contender.program,
        "solver": contender.solver,
        "seed": seed,
        "repeats": effort.repeats,
        "enough": effort.enough,
        "formula": workload.formula,
        "groups": list(workload.groups),
        "zero": workload.zero,
        "reml": workload.family == "gaussian",
        "family": NAMES.get(contender.program, {}).get(workload.family, ""),
    }


def answer(contender: Contender, asked: Found, data: Path, effort: Effort) -> Found:
    """Run the process of one fit, whose last line is JSON."""
    workload, is_r = WORKLOADS[asked["workload"]], contender.program in R_PACKAGES
    asked = {**asked, "data": str(data) if data.exists() and (is_r or workload.source) else ""}
    if is_r:
        if not data.exists():
            workload.frame().to_csv(data, index=False)
        asked["data"] = str(data)
    question = data.with_name("asked.json")
    question.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--child", str(question)]
    if is_r:
        script = HERE / "r" / f"{R_PACKAGES[contender.program]}.R"
        command = ["Rscript", str(script), str(question), str(HERE / "r" / "measure.R")]
    return run(command, contender.folder, effort)


def run(command: list[str], folder: Path | None, effort: Effort) -> Found:
    env = {**os.environ, **dict.fromkeys(THREADS, str(effort.threads))}
    if folder is not None:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), env.get("PYTHONPATH")]))
    limit = int(effort.timeout)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env=env,
            timeout=HANGS * effort.timeout,
            preexec_fn=limited,
        )
    except subprocess.TimeoutExpired:
        return {"status": f"> {limit} s"}
    except subprocess.CalledProcessError as error:
        if -error.returncode in {signal.SIGXCPU, signal.SIGKILL}:
            return {"status": f"> {limit} s"}
        say(error.stderr[-2_000:])
        return {"status": "failed"}
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return {"status": "fitted", **found}


def best(runs: list[Found]) -> Found:
    """Return the least seconds and the largest memory of several processes."""
    if not runs or runs[-1]["status"] != "fitted":
        return runs[-1] if runs else {"status": "not tried"}
    first = runs[0]
    seconds = [key for key in ("wall", "cpu", "passes") if key in first]
    least = {key: min(run[key] for run in runs) for key in seconds}
    values = {"log_likelihoods": [run["log_likelihood"] for run in runs]}
    return {**first, **least, "megabytes": max(run["megabytes"] for run in runs), **values}


@contextmanager
def revision(name: str | None) -> Iterator[Path | None]:
    """Check the files of a revision of git out, for as long as it takes."""
    if name is None:
        yield None
        return
    git = ("git", "-C", str(HERE), "worktree")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "revision"
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), name], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def say(text: str) -> None:
    """Tell people who wait; tables go to standard output."""
    print(text, file=sys.stderr, flush=True)
