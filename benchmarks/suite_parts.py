"""Parts of the comparison with R beyond the estimates: profiles, modes, predictions.

Each takes a fitted model, its case, and the rows as the model got them, and returns a line.
"""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["PARTS", "plain"]

GIVEN = "given the estimates (lme4)"
HENDERSON = "given the variance parameters (Henderson's equations)"


def plain(term: str) -> str:
    """Return the name of a term as both programs would write it."""
    parts = term.replace("(Intercept)", "Intercept").split(":")
    return ":".join(sorted(re.sub(r"[\[\]]|T\.", "", part) for part in parts))


def profile(model: Any, case: dict[str, Any], X: pd.DataFrame, y: Any, weights: Any) -> str:
    """Compare limits with the half length of R's intervals; the worst parameter is named."""
    theirs = case.get("confint")
    if not theirs:
        return ""
    found = model.confint(X, y, method="profile", sample_weight=weights)
    ends = zip(found.index, found["conf_low"], found["conf_high"], strict=True)
    mine = dict(_mine(name, np.array([low, high])) for name, low, high in ends)
    pairs = zip(theirs["lower"], theirs["upper"], strict=True)
    apart = {
        name: np.max(np.abs(mine[_theirs(name)] - limits)) / (0.5 * (limits[1] - limits[0]))
        for name, limits in zip(theirs["parameter"], map(list, pairs), strict=True)
        if None not in limits  # where R gave up
    }
    worst = max(apart, key=apart.__getitem__)
    return f"profile {apart[worst]:.1e} ({worst}, {len(apart)} parameters)"


def _mine(name: str, ends: Any) -> tuple[str, Any]:
    if name == "scale(Intercept)":  # beside an offset it is a coefficient, on the log scale
        return "scale", np.exp(ends)
    match = re.fullmatch(r"(sd|corr)\((.*) \| (.*)\)", name)
    if match is None:
        return plain(name), ends
    return _parameter(match[1], match[2].split(", "), match[3]), ends


def _theirs(name: str) -> str:
    if "|" not in name:
        return "scale" if name == "sigma" else plain(name)
    kind, rest = name.split("_", 1)
    effects, _, group = rest.rpartition("|")
    if kind == "sd":
        return _parameter("sd", [effects], group)
    return _parameter("corr", effects.split("."), group)


def _parameter(kind: str, effects: list[str], group: str) -> str:
    return f"{kind} {sorted(map(plain, effects))} {sorted(group.split(':'))}"


def modes(model: Any, case: dict[str, Any], *_: Any) -> str:
    """Compare modes with R's SDs of them, and SDs relatively."""
    moved, errors = [0.0], [0.0]
    found = model.random_effects()
    for block in case.get("modes") or []:
        if block["component"] != "cond":
            continue
        mine = _modes_of(found, block["group"])
        kind = "std_dev" if block["cond_sd_kind"] == GIVEN else "std_error"
        for level, values, sds in zip(
            block["levels"], block["values"], block["cond_sd"] or block["values"], strict=True
        ):
            for term, value, sd in zip(block["terms"], values, sds, strict=True):
                here = mine[(_level(level), plain(term))]
                scale = sd if block["cond_sd"] and sd > 0 else 1.0
                moved.append(abs(here["mode"] - value) / scale)
                if block["cond_sd"]:
                    errors.append(abs(here[kind] / sd - 1.0) if sd > 0 else abs(here[kind]))
    return f"modes {max(moved):.1e}  sds {max(errors):.1e}"


def _modes_of(found: pd.DataFrame, group: str) -> dict[tuple[str, str], Any]:
    """Rows of the factor of this name, by level and effect; its parts may stand turned around."""
    order = {name: name.split(":") for name in found["group"].unique()}
    (name,) = [n for n, parts in order.items() if sorted(parts) == sorted(group.split(":"))]
    return {
        (_level(row["level"]), plain(str(row["effect"]))): row
        for _, row in found[found["group"] == name].iterrows()
    }


def _level(level: Any) -> str:
    return ":".join(sorted(str(level).split(":")))


def predictions(model: Any, case: dict[str, Any], X: pd.DataFrame, *_: Any) -> str:
    """Compare predictors with the standard errors of R, and these relatively.

    Those of lme4's fits are given the variances.
    """
    theirs = case.get("predictions")
    if not theirs:
        return ""
    rows = X.iloc[theirs["rows"]]
    model = _given_variances(model) if theirs["se_kind"] == HENDERSON else model
    text = []
    for kind, key in (("conditional", "link"), ("fixed", "population_link")):
        if not theirs.get(key):
            continue
        value, std = model.predict_linear(rows, return_std=True, kind=kind)
        error = np.array(theirs[f"{key}_se"] or np.ones(len(rows)), dtype=float)
        text.append(
            f"{kind} {np.max(np.abs(value - np.array(theirs[key])) / error):.1e}"
            f" se {np.max(np.abs(std / error - 1.0)):.1e}"
        )
    return "predictions " + "  ".join(text)


def _given_variances(model: Any) -> Any:
    """The model as if all parameters but the fixed effects of its mean were known."""
    known = model.fit_.uncertainty
    mean = model.fit_.shape.beta(model.fit_.family.location)
    rest = np.delete(np.arange(len(known.held)), mean)
    covariance = np.zeros_like(known.covariance)
    between, inner = known.covariance[mean, rest], known.covariance[np.ix_(rest, rest)]
    lost = between @ np.linalg.pinv(inner) @ between.T
    covariance[mean, mean] = known.covariance[mean, mean] - lost
    found = copy(model)
    uncertainty = replace(known, covariance=covariance, flat=np.zeros((len(covariance), 0)))
    found.fit_ = replace(model.fit_, uncertainty=uncertainty)
    return found


DF_METHODS = {"satterthwaite": "satterthwaite", "kenward_roger": "kenward-roger"}


def shown(errors: Any) -> str:
    return " ".join(f"{error:.0e}" for error in errors)


def coefficient_errors(model: Any, method: str, theirs: dict[str, list[Any]]) -> Any:
    table = model.summary(df=method).coefficients[0]
    mine = zip(table.names, table.std_error, table.df, table.p_value, strict=True)
    known = {plain(name): np.array(numbers) for name, *numbers in mine}
    rows = zip(theirs["term"], theirs["std_error"], theirs["df"], theirs["p_value"], strict=True)
    return worst([(known[plain(term)], numbers) for term, *numbers in rows])


def table_errors(model: Any, method: str, theirs: dict[str, Any]) -> Any:
    frame = model.anova(type=len(theirs["type"]), df=method).to_frame().rename(index=plain)
    mine = frame[["df_denominator", "statistic", "p_value"]]
    rows = zip(theirs["term"], theirs["den_df"], theirs["F"], theirs["p_value"], strict=True)
    return worst([(mine.loc[plain(term)].to_numpy(), numbers) for term, *numbers in rows])


def worst(pairs: list[tuple[Any, Any]]) -> Any:
    """Largest relative differences; p-values below 1e-10 count as alike."""
    return np.max([np.abs(a - b) / np.maximum(np.abs(b), 1e-10) for a, b in pairs], axis=0)


def degrees_of_freedom(model: Any, case: dict[str, Any], *_: Any) -> str:
    """Compare degrees of freedom, F and p with those of lmerTest and pbkrtest."""
    tests = case.get("tests")
    if not tests:
        return ""
    found = [
        f"{method[:4]} " + shown(coefficient_errors(model, method, tests[key]))
        for key, method in DF_METHODS.items()
        if tests.get(key)
    ]
    tables: dict[str, list[Any]] = {}
    for table in tests.get("anova") or []:
        method = table["ddf"].lower()
        tables.setdefault(method, []).append(table_errors(model, method, table))
    found += [
        f"F {method[:4]} {shown(np.max(errors, axis=0))}" for method, errors in tables.items()
    ]
    return "  ".join(found)


Part = Callable[..., str]
PARTS: dict[str, Part] = {
    "profile": profile,
    "modes": modes,
    "predictions": predictions,
    "df": degrees_of_freedom,
}
