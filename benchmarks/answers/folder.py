"""The answers in a folder of reference cases with data of R packages."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from suite import MAKERS, PRIORS, THEMES, read
from suite_counts import FAMILIES as DISPERSIONS
from suite_covariance import has_residual, pairs_of_numbers
from suite_smooths import smooth_differences

from answers.record import (
    NOT_CONVERGED,
    REPEATED,
    STRUCTURES,
    Answer,
    Case,
    Note,
    formula_of,
    in_order,
    stacked,
)
from answers.record import PRIORS as WITH_PRIORS

__all__ = ["CurveDifference", "curves", "folder_cases"]

CLMM = Note(
    "Standard errors of clmm with one point are differences of an approximation that it does not "
    "solve to the end; ours are those of differences of the likelihood.",
    ("std_errors",),
)
GLS = Note(
    "gls multiplies standard errors by the root of n / (n - p), by maximum likelihood, too.",
    ("std_errors",),
)
NO_SCALE = Note(
    "The residual has a standard deviation of next to nothing, and no standard error is given "
    "here.",
    ("std_errors", "deviations"),
)
AT_THE_END = Note(
    "The estimate of the dispersion, or of the share of extra zeros, is none; its coefficient runs "
    "to minus infinity, and the programs stop at different places.",
    ("coefficients", "std_errors"),
)
OF_CASES = {
    "sim-under-nbinom2-boundary": AT_THE_END,
    "sim-betabinomial-zero-inflated": AT_THE_END,
    "sitka-ar1": NO_SCALE,
    "sim-ordinal-slope-cloglog": Note(
        "With slopes clmm says loglog to the link that others, and clm, call cloglog. " + CLMM.text,
        CLMM.left_out,
    ),
    "salamanders-zinb2-overfitted": Note(
        "Coefficients run to infinity, as some cells have no counts; its Hessian is not positive "
        "definite. The programs stop at different places, ours at the lower likelihood.",
        NOT_CONVERGED.left_out,
    ),
}


class CurveDifference(NamedTuple):
    """The largest differences of the smooth terms of a model, by the names of suite.py."""

    name: str
    formula: str
    n_rows: int
    differences: dict[str, float]
    program: str


def raw_cases(folder: Path) -> Iterator[tuple[str, dict[str, Any], pd.DataFrame]]:
    registry = json.loads((folder / "data" / "datasets.json").read_text("utf-8"))
    factors = {entry["file"]: entry["factors"] or {} for entry in registry.values()}
    for theme in THEMES:
        for case in json.loads((folder / "json" / f"{theme}.json").read_text("utf-8"))["cases"]:
            if theme != "priors" or case["name"] in PRIORS:
                yield theme, case, read(folder / case["data"], factors[case["data"]])


def folder_cases(folder: Path) -> Iterator[Case]:
    """All cases but those of smooth terms."""
    for theme, case, data in raw_cases(folder):
        if theme != "smooths":
            model, rows, y, weights = MAKERS[theme](case, data)
            answer, own = answer_of(theme, case, model), None
            if theme == "covariance":
                answer, own = answer._replace(deviations=[1.0]), ratio_of(case)
            elif answer.deviations is not None:
                own = in_order
            topic = topic_of(theme, case)
            yield Case(case["name"], model, rows, y, answer, weights, topic, own)


def topic_of(theme: str, case: dict[str, Any]) -> str:
    if theme == "covariance":
        return STRUCTURES if has_residual(case) else REPEATED
    return WITH_PRIORS if theme == "priors" else ""


def answer_of(theme: str, case: dict[str, Any], model: Any) -> Answer:
    fixed = case["fixed"]
    tables: dict[str | None, tuple[Any, ...]] = {None: columns(fixed)}
    if case.get("zi"):
        tables["zero"] = columns(case["zi"])
    tables |= dispersion_of(theme, case, model)
    if theme == "ordinal":
        tables["thresholds"] = columns(case["dispersion"]["threshold_parameters"])
    blocks = case["random"] if theme not in ("covariance", "priors") else []
    known = np.sort(stacked(block["sd"] for block in blocks)) if blocks else None
    program = case["package"].replace("own R code", "R code")
    note = OF_CASES.get(case["name"])
    if case["convergence"] != 0:
        note = NOT_CONVERGED
    elif theme == "ordinal" and (case["options"].get("nAGQ") or 1) == 1 and note is None:
        note = CLMM
    elif program.startswith("nlme") and "|" not in case["formula"] and "-ml" in case["name"]:
        note = GLS
    return Answer(program, case["log_likelihood"], tables, known, note)


def columns(table: dict[str, list[Any]], power: float = 1.0) -> tuple[Any, ...]:
    """Return estimates, standard errors and names of coefficients that R has determined."""
    errors = [np.nan if each is None else each for each in table["std_error"]]
    rows = zip(table["estimate"], errors, table["term"], strict=True)
    kept = [row for row in rows if row[0] is not None]
    if not kept:
        return [], [], []
    estimates, errors, terms = zip(*kept, strict=True)
    return [power * each for each in estimates], [abs(power) * each for each in errors], terms


def dispersion_of(theme: str, case: dict[str, Any], model: Any) -> dict[str | None, Any]:
    """Return the table of the dispersion, of which R may have the inverse or the square."""
    theirs, name = case.get("dispersion") or {}, type(model)._family.dispersion
    family = str(case["family"]).removeprefix("truncated_")
    is_variance = theme in ("gaussian", "covariance")
    power = 0.5 if is_variance else DISPERSIONS.get(family, (None, None, 1.0))[2]
    if case.get("dispersion_model"):
        return {name: columns(case["dispersion_model"], power)}
    if "eta_d_std_error" in theirs and theme != "covariance":
        one = {"term": ["(Intercept)"], "estimate": [theirs["eta_d"]]}
        return {name: columns(one | {"std_error": [theirs["eta_d_std_error"]]}, power)}
    return {}


def ratio_of(case: dict[str, Any]) -> Callable[[Any], np.ndarray]:
    """Return natural parameters as a share of R's, once the model is fitted."""

    def ratios(model: Any) -> np.ndarray:
        pairs = list(pairs_of_numbers(model, case))
        apart = [(mine - known) / max(abs(known), 1e-3) for _, mine, known in pairs]
        return np.array([1.0 + max(apart, key=abs)])

    return ratios


def curves(folder: Path) -> Iterator[CurveDifference]:
    """All cases of smooth terms."""
    for theme, case, data in raw_cases(folder):
        if theme == "smooths":
            model, rows, y, weights = MAKERS[theme](case, data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(rows, y, weights)
            found = smooth_differences(model, case, rows)
            name, n_rows = case["name"], model.n_obs_
            yield CurveDifference(name, formula_of(model), n_rows, found, case["package"])
