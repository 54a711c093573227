"""Compare the estimators with the answers of R in a folder of reference cases.

    python benchmarks/suite.py FOLDER [part of a name] [--df]

The folder has ``json/THEME.json`` with cases (data, formula, family, options, estimates of lme4 and
glmmTMB) and the data themselves, which are not part of this repository. One line for each case:

above    by how much skglmm's log likelihood is higher
beta     largest difference of a fixed effect of the mean, in standard errors of R
se       largest relative difference of a standard error
zero     the same two of the zero part

With ``--df`` degrees of freedom and tests of linear mixed models by lmerTest and pbkrtest instead,
largest relative differences of the coefficients' (se, df, p) and of the tables of types II and III
(denominator df, F, p). Pbkrtest leaves weights out of account.
"""

import argparse
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from skglmm import BinomialGLMMClassifier, LMMRegressor, PoissonGLMMRegressor
from skglmm.inference import coefficient_tables

THEMES = ("gaussian", "counts", "binomial")
COUNTS = {"poisson": "inflated", "truncated_poisson": "hurdle"}
Table = dict[str, tuple[float, float]]


def main() -> None:
    args = arguments()
    report = df_line if args.df else line
    registry = json.loads((args.folder / "data" / "datasets.json").read_text())
    factors = {entry["file"]: entry["factors"] or {} for entry in registry.values()}
    for theme in THEMES[:1] if args.df else THEMES:
        for case in json.loads((args.folder / "json" / f"{theme}.json").read_text())["cases"]:
            has_family = theme != "counts" or case["family"] in COUNTS
            if has_family and args.part in case["name"]:
                rows = read(args.folder / case["data"], factors[case["data"]])
                print(f"{theme:9s} {case['name']:38s} {report(theme, case, rows)}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--df", action="store_true")
    return parser.parse_args()


def read(path: Path, factors: dict[str, list[str]]) -> pd.DataFrame:
    """Return the rows, with factors as categories in R's order."""
    types = dict.fromkeys(factors, str)
    rows = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    for column, levels in factors.items():
        rows[column] = pd.Categorical(rows[column], categories=levels)
    return rows


def line(theme: str, case: dict[str, Any], rows: pd.DataFrame) -> str:
    model, rows, y, weights, constant = MAKERS[theme](case, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, y, weights)
    tables = {table.predictor: dict(entries(table)) for table in coefficient_tables(model.fit_)}
    above = model.log_likelihood_ + constant - case["log_likelihood"]
    beta, error = differences(tables["mean"], case["fixed"])
    text = f"above {above:+.1e}  beta {beta:.1e}  se {error:.1e}"
    if case.get("zi") and "zero" in tables:
        text += "  zero {:.1e} {:.1e}".format(*differences(tables["zero"], case["zi"]))
    return f"{text}  {case['trust']}"


def df_line(theme: str, case: dict[str, Any], rows: pd.DataFrame) -> str:
    """Degrees of freedom, F and p beside those of lmerTest and pbkrtest."""
    tests = case.get("tests")
    if not tests:
        return "-"
    model, rows, y, weights, _ = MAKERS[theme](case, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, y, weights)
    found = [
        f"{method[:4]} " + shown(coefficient_errors(model, method, tests[key]))
        for key, method in DF_METHODS.items()
        if tests.get(key)
    ]
    tables: dict[str, list[np.ndarray]] = {}
    for table in tests.get("anova") or []:
        method = table["ddf"].lower()
        tables.setdefault(method, []).append(table_errors(model, method, table))
    found += [
        f"F {method[:4]} {shown(np.max(errors, axis=0))}" for method, errors in tables.items()
    ]
    return "  ".join(found)


DF_METHODS = {"satterthwaite": "satterthwaite", "kenward_roger": "kenward-roger"}


def shown(errors: np.ndarray) -> str:
    return " ".join(f"{error:.0e}" for error in errors)


def coefficient_errors(model: Any, method: str, theirs: dict[str, list[Any]]) -> np.ndarray:
    table = model.summary(df=method).coefficients[0]
    mine = zip(table.names, table.std_error, table.df, table.p_value, strict=True)
    known = {plain(name): np.array(numbers) for name, *numbers in mine}
    rows = zip(theirs["term"], theirs["std_error"], theirs["df"], theirs["p_value"], strict=True)
    return worst([(known[plain(term)], numbers) for term, *numbers in rows])


def table_errors(model: Any, method: str, theirs: dict[str, Any]) -> np.ndarray:
    frame = model.anova(type=len(theirs["type"]), df=method).to_frame().rename(index=plain)
    mine = frame[["df_denominator", "statistic", "p_value"]]
    rows = zip(theirs["term"], theirs["den_df"], theirs["F"], theirs["p_value"], strict=True)
    return worst([(mine.loc[plain(term)].to_numpy(), numbers) for term, *numbers in rows])


def worst(pairs: list[tuple[Any, Any]]) -> np.ndarray:
    """Largest relative differences; p-values below 1e-10 count as alike."""
    return np.max([np.abs(a - b) / np.maximum(np.abs(b), 1e-10) for a, b in pairs], axis=0)


def gaussian(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    response, formula = sides(case)
    options, weights, scale = case["options"], None, "1"
    column = options.get("weights")
    if column and "density times" in options["weights_meaning"]:
        weights = rows[column].to_numpy()
    elif column:  # those of lme4 divide the variance
        scale = f"1 + offset(-0.5 * log({column}))"
    if options.get("dispformula", "~1") != "~1":
        scale = options["dispformula"].removeprefix("~")
    model = LMMRegressor(formula, reml=bool(options["REML"]), scale=scale)
    return model, rows, rows[response].to_numpy(), weights, 0.0


def counts(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    response, formula = sides(case)
    zero = case["options"].get("ziformula", "~0").removeprefix("~")
    model = PoissonGLMMRegressor(
        formula,
        zero=None if zero == "0" else zero,
        zero_kind=COUNTS[case["family"]],
        n_quadrature=case["options"].get("nAGQ") or 1,
    )
    return model, rows, rows[response].to_numpy(), None, 0.0


def binomial(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    """Trials become a row for successes and one for failures, with weights."""
    response, formula = sides(case)
    options = case["options"]
    model = BinomialGLMMClassifier(
        formula, link=case["link"], n_quadrature=options.get("nAGQ") or 1
    )
    column = options.get("trials") or options.get("weights")
    if not column:
        labels = rows[response]
        is_factor = isinstance(labels.dtype, pd.CategoricalDtype)
        return model, rows, labels.cat.codes if is_factor else labels, None, 0.0
    trials = rows[column].to_numpy().astype(int)
    name = re.match(r"cbind\((\w+),", response)
    k = rows[name[1]] if name else (rows[response] * trials).round()
    k = k.to_numpy().astype(int)
    constant = float(np.sum(gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)))
    weights = np.column_stack([k, trials - k]).ravel().astype(float)
    twice = rows.iloc[np.repeat(np.arange(len(rows)), 2)].reset_index(drop=True)
    return model, twice, np.tile([1, 0], len(rows)), weights, constant


MAKERS = {"gaussian": gaussian, "counts": counts, "binomial": binomial}


def sides(case: dict[str, Any]) -> tuple[str, str]:
    left, _, right = case["formula"].partition("~")
    return left.strip(), right.strip()


def entries(table: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    for name, estimate, error in zip(table.names, table.estimate, table.std_error, strict=True):
        yield plain(name), (estimate, error)


def plain(term: str) -> str:
    """Return the name of a term as both programs would write it."""
    parts = term.replace("(Intercept)", "Intercept").split(":")
    return ":".join(sorted(re.sub(r"[\[\]]|T\.", "", part) for part in parts))


def differences(mine: Table, theirs: dict[str, list[Any]]) -> tuple[float, float]:
    """Largest differences of estimates, in standard errors, and of these, relatively."""
    rows = zip(theirs["term"], theirs["estimate"], theirs["std_error"], strict=True)
    pairs = [(mine[plain(term)], (value, error)) for term, value, error in rows if error]
    moved = [abs(here[0] - there[0]) / there[1] for here, there in pairs]
    return max(moved), max(abs(here[1] / there[1] - 1.0) for here, there in pairs)


if __name__ == "__main__":
    main()
