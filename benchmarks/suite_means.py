"""Compare marginal means, contrasts and slopes with the answers of emmeans in a folder of cases.

    python benchmarks/suite_means.py FOLDER [part of a name] [--all]

The folder has ``json/means.json`` with cases (data, formula, family and tables of emmeans) and the
data, which are not part of this repository. One line for each table, or with its worst only:

est    largest difference of an estimate, relative to the larger of 1 and its size
se     largest relative difference of a standard error
df     the same of degrees of freedom
lim    largest difference of a limit, in half lengths of emmeans' interval
p      largest difference of a p-value
"""

import argparse
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from suite import read

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    NegativeBinomialGLMMRegressor,
)
from skglmm.inspection import marginal_means, slopes

METHODS = {
    "pairwise contrasts": ("pairwise", {}),
    "contrasts with control": ("reference", {}),
    "polynomial contrasts": ("polynomial", {}),
    "consecutive differences": ("sequential", {}),
    "interaction contrasts": ("pairwise", {"interaction": True}),
    "pairwise contrasts of slopes": ("pairwise", {}),
}
NAMES = ("est", "se", "df", "lim", "p")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--all", action="store_true", help="a line for each table")
    args = parser.parse_args()
    registry = json.loads((args.folder / "data" / "datasets.json").read_text())
    factors = {entry["file"]: entry["factors"] or {} for entry in registry.values()}
    for case in json.loads((args.folder / "json" / "means.json").read_text())["cases"]:
        if args.part in case["name"]:
            rows = read(args.folder / case["data"], factors[case["data"]])
            tables = [table for table in case["means"] if is_known(table)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = fitted(case, rows)
                found = [(table, compared(model, rows, table)) for table in tables]
            left = len(case["means"]) - len(tables)
            print(f"{case['name']:28s} {len(found)} tables, {left} not compared", flush=True)
            if args.all:
                for table, row in found:
                    print(f"  {table['call'][:76]:76s} {written(row)}")
            else:
                print(f"  {'':40s} {written(np.max([row for _, row in found], axis=0))}")


def is_known(table: dict[str, Any]) -> bool:
    """Leave out corrections of bias, joint tests, and glmmTMB's residual degrees of freedom."""
    options = table["options"]
    skipped = {"bias_adjust", "df_note"} & set(options)
    return not skipped and table["kind"] != "joint tests"


def fitted(case: dict[str, Any], rows: pd.DataFrame) -> Any:
    response, formula = re.fullmatch(r"\s*(.+?)\s*~(.+)", case["formula"]).groups()
    formula = re.sub(r"\((\w+) \| Block/Variety\)", r"(\1 | Block/Variety)", formula)
    family = case["family"]
    if "cbind" in response:
        trials = rows["incidence"] + rows["healthy"]
        model = BinomialGLMMRegressor(formula, trials="trials")
        rows["trials"] = trials
        return model.fit(rows, rows["incidence"])
    makers = {
        "gaussian": lambda: LMMRegressor(formula),
        "nbinom2": lambda: NegativeBinomialGLMMRegressor(formula),
        "beta": lambda: BetaGLMMRegressor(formula),
        "Gamma": lambda: GammaGLMMRegressor(formula),
        "binomial": lambda: BinomialGLMMClassifier(formula),
    }
    return makers[family]().fit(rows, rows[response])


def compared(model: Any, rows: pd.DataFrame, table: dict[str, Any]) -> list[float]:
    """Return the largest differences of a table."""
    options, call = table["options"], table["call"]
    by, within = columns(call, table)
    df = {"asymptotic": "normal"}.get(options.get("lmer.df"), options.get("lmer.df", "normal"))
    at, scale = options.get("at"), options.get("type", "link")
    regrid = "regrid" in call
    shared = {"at": at, "df": df, "weights": options.get("weights", "equal")}
    if "slopes" in table["kind"]:
        variable = re.search(r'var = "(\w+)"', call)[1]
        means = slopes(model, rows, variable, by, scale="link", **shared)
    else:
        scale = "response" if regrid else scale
        means = marginal_means(model, rows, by, scale=scale, **shared)
    found = means
    if table["kind"] in METHODS:
        method, more = METHODS[table["kind"]]
        adjust = {"dunnettx": "dunnett"}.get(options.get("adjust"), options.get("adjust"))
        found = means.contrasts(method, by=within, adjust=adjust, regrid=regrid, **more)
    return differences(found, table)


def columns(call: str, table: dict[str, Any]) -> tuple[Any, Any]:
    text = re.search(r"~ ([^,)]+)", call)
    if text is None:  # an abbreviated call
        return list(table["options"]["at"]), None
    if text[1].strip() == "1":
        return None, None
    left, _, right = text[1].partition("|")
    by = [name for name in re.split(r"[ *]+", left) if name][::-1]  # the last varies fastest here
    within = right.strip() or None
    return [*by, *([within] if within else [])], within


def differences(found: Any, table: dict[str, Any]) -> list[float]:
    frame = found.to_frame().rename(columns={"ratio": "estimate"})
    names = list(found.names)
    own = {key(row[name] for name in names): row for row in frame.to_dict("records")}
    labels, worst = list(table["labels"].values()), np.zeros(len(NAMES))
    for i in range(len(table["estimate"])):
        label = [] if labels == [["overall"]] else [values[i] for values in labels]
        worst = np.fmax(worst, row_differences(own[key(label)], table, i))
    if len(own) != len(table["estimate"]):
        msg = f"{len(own)} rows in place of {len(table['estimate'])}"
        raise ValueError(msg)
    return worst.tolist()


def key(labels: Any) -> frozenset[Any]:
    """Return labels in any order, and words of each side of a contrast in any order."""
    sides = (re.split(r" [-/] ", str(label)) for label in labels)
    return frozenset(tuple(frozenset(side.split(" ")) for side in each) for each in sides)


def row_differences(row: dict[str, Any], table: dict[str, Any], i: int) -> list[float]:
    estimate, error = table["estimate"][i], table["std_error"][i]
    df = (table["df"] or [None] * (i + 1))[i]
    found = [
        abs(row["estimate"] - estimate) / max(1.0, abs(estimate)),
        abs(row["std_error"] / error - 1.0),
        0.0 if df is None else abs(row["df"] / df - 1.0),
    ]
    low, high = table["lower"][i], table["upper"][i]
    half = (high - low) / 2.0
    found.append(max(abs(row["conf_low"] - low), abs(row["conf_high"] - high)) / half)
    p = (table["p_value"] or [None] * (i + 1))[i]
    found.append(abs(row["p_value"] - p) if p is not None and "p_value" in row else 0.0)
    return found


def written(row: Any) -> str:
    return "  ".join(f"{name} {value:.1e}" for name, value in zip(NAMES, row, strict=True))


if __name__ == "__main__":
    main()
