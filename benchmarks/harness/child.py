"""What the process of one fit does: make the rows, fit them, tell what it took."""

import resource
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.programs import NAMES
from harness.workloads import WORKLOADS, Workload

__all__ = ["fit_here"]

Found = dict[str, Any]
Fit = Callable[[], Any]
WARM_UP = 2_000  # rows of a fit that imports what fits import
LONG_ENOUGH = 300_000  # rows of densities that are timed together


def fit_here(asked: Found) -> Found:
    """Fit a workload in this process, of which the parent measures the memory."""
    workload, program = WORKLOADS[asked["workload"]], asked["program"]
    frame = pd.read_csv(asked["data"]) if asked["data"] else workload.frame()
    prepare, described = PROGRAMS[program]
    with warnings.catch_warnings(), suppress(Exception):  # it may have too few rows
        warnings.simplefilter("ignore")
        some = frame.sample(min(len(frame), WARM_UP), random_state=0)
        prepare(workload, some, asked)()
    fit = prepare(workload, frame, asked)
    walls: list[float] = []
    cpus: list[float] = []
    while len(walls) < asked["repeats"] and sum(walls) < asked["enough"]:
        wall, cpu = time.perf_counter(), time.process_time()
        model = fit()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    found = {"n": len(frame), "wall": min(walls), "cpu": min(cpus), "repeats": len(walls)}
    found["megabytes"] = peak_megabytes()
    if workload.family == "beta":
        found["passes"] = found["cpu"] / pass_seconds(frame["y"].to_numpy())
    return found | described(model)


def peak_megabytes() -> float:
    """Peak memory of this process; that of rusage may be its parent's, from before it began."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]
        return float(peak) * 1024 / 1e6
    per_unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit / 1e6


def pass_seconds(y: np.ndarray) -> float:
    """Seconds of the unit of work: one log density of Beta over the rows, as scipy has it."""
    from scipy import stats  # noqa: PLC0415  # other programs need none

    mean = np.random.default_rng(0).uniform(0.05, 0.95, len(y))
    a, b = 8 * mean, 8 * (1 - mean)
    calls = 1 + LONG_ENOUGH // len(y)  # clocks of processors may tick slowly
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(calls):
            stats.beta.logpdf(y, a, b)
        seconds.append((time.process_time() - start) / calls)
    return min(seconds)


# --- the programs --------------------------------------------------------------------------------


def with_skglmm(workload: Workload, frame: pd.DataFrame, asked: Found) -> Fit:
    import skglmm  # noqa: PLC0415  # perhaps that of another revision

    parameters = dict(workload.parameters)
    if asked["solver"] != "auto":
        parameters["solver"] = asked["solver"]
    if asked["solver"] == "iterative":
        parameters["random_state"] = asked["seed"]
    estimator = getattr(skglmm, workload.estimator)
    X, y = frame.drop(columns="y"), frame["y"]
    return lambda: estimator(workload.formula.removeprefix("y ~ "), **parameters).fit(X, y)


def of_skglmm(model: Any) -> Found:
    return {
        "log_likelihood": float(model.log_likelihood_),
        "std_error": float(getattr(model, "log_likelihood_std_error_", 0.0)) or None,
        "evaluations": int(model.fit_.n_evaluations),
        "message": "" if model.fit_.converged else str(model.fit_.message),
    }


def with_glmm(workload: Workload, frame: pd.DataFrame, asked: Found) -> Fit:
    import glmm  # noqa: PLC0415  # which may not be there

    del asked  # it has no seed
    family = NAMES["glmm"][workload.family]
    own = {"satterthwaite": False} if family == "gaussian" else {}
    return lambda: glmm.fit(frame, workload.formula, family, **own)


def of_glmm(model: Any) -> Found:
    message = "" if model.converged else "not converged"
    return {
        "log_likelihood": float(model.loglik),
        "evaluations": int(model.n_eval),
        "message": message,
    }


def with_gpboost(workload: Workload, frame: pd.DataFrame, asked: Found) -> Fit:
    import formulaic  # noqa: PLC0415  # which other programs do without
    import gpboost  # noqa: PLC0415  # which may not be there

    groups, y = frame[list(workload.groups)].to_numpy(), frame["y"].to_numpy(float)
    X = formulaic.model_matrix(workload.fixed, frame).to_numpy(float)
    method = {"auto": "default"}.get(asked["solver"], asked["solver"])
    likelihood, seed = NAMES["gpboost"][workload.family], 1 + asked["seed"]  # its default is 1

    def fit() -> Any:
        model = gpboost.GPModel(
            group_data=groups, likelihood=likelihood, matrix_inversion_method=method
        )
        model.fit(y=y, X=X, params={"seed_rand_vec_trace": seed})
        model.get_cov_pars(std_err=True)
        model.get_coef(std_err=True)
        return model

    return fit


def of_gpboost(model: Any) -> Found:
    return {
        "log_likelihood": -float(model.get_current_neg_log_likelihood()),
        "evaluations": None,  # iterations are not evaluations
    }


PROGRAMS: dict[str, tuple[Callable[..., Fit], Callable[[Any], Found]]] = {
    "skglmm": (with_skglmm, of_skglmm),
    "glmm": (with_glmm, of_glmm),
    "gpboost": (with_gpboost, of_gpboost),
}
