"""Compare the estimators with the answers of R in a folder of reference cases.

    python benchmarks/suite.py FOLDER [part of a theme and name] [--parts df profile ...]

The folder has ``json/THEME.json`` with cases (data, formula, family, options, estimates of lme4 and
glmmTMB) and the data themselves, which are not part of this repository. One line for each case:

above    by how much skglmm's log likelihood is higher
beta     largest difference of a fixed effect of the mean, in standard errors of R
se       largest relative difference of a standard error
zero     the same two of the zero part
sd       largest difference of a standard deviation of random effects, relative to the larger one
phi      relative difference of the dispersion, by the name that R gives it, and of shapes
numbers  largest relative difference of a natural parameter of a structure, and which it is
dispersion  the same two as of beta, of a formula of the dispersion
posterior  by how much the log posterior density is higher, of cases with priors

Of smooth terms, above is by how much the criterion is higher that mgcv or gamm4 maximize, and the
largest differences of all curves are

edf      relative, of effective degrees of freedom
curve    relative to the range of the curve
se       relative, of standard errors given the smoothness; with ML, mgcv's have another scale
lambda   of the logarithm of smoothing parameters, of curves that bend
stat, p  relative, and of the logarithm; gamm4's are of the rank edf

and of the parts that are asked for

df           largest relative differences of se, df and p of coefficients, and of denominator df, F
             and p of tables of types II and III, from lmerTest and pbkrtest (which leaves weights
             out of account)
profile      largest difference of a limit, in half lengths of R's interval
modes        largest difference of a conditional mode, in SDs of R, and of these, relatively
predictions  the same of linear predictors, with and without modes, and their standard errors
"""

import argparse
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from suite_counts import counts, dispersion, dispersion_formula, positive, sides
from suite_covariance import covariance, numbers
from suite_parts import PARTS, plain
from suite_smooths import smooth_line, smooths

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    LMMRegressor,
    OrdinalGLMMClassifier,
)
from skglmm.inference import coefficient_tables, variance_components

THEMES = (
    "gaussian",
    "counts",
    "positive",
    "binomial",
    "betabinomial",
    "ordinal",
    "covariance",
    "priors",
    "smooths",
)
# Cases with priors relative to the residual standard deviation are not among them.
PRIORS = {
    "bacteria-normal-priors": {"fixed": "normal(0, 1)"},
    "bacteria-gamma-sd-prior": {
        "fixed": "normal(0, 2.5)",
        "intercept": "normal(0, 2.5)",
        "sd": "gamma(2, 0.5)",
    },
    "dyestuff2-gamma-sd-prior": {"sd": "gamma(2, 0.1)"},
    "owls-nbinom2-normal-priors": {"fixed": "normal(0, 0.2)", "sd": "exponential(2)"},
    "petrol-beta-priors": {"EPc": "normal(0, 0.5)", "sd": "lognormal(0, 1)"},
    "salamanders-poisson-separation": {"fixed": "normal(0, 2.5)"},
}
# Normal of the logarithm, with mean m and variance v, is lognormal with mean m + v, but for this.
CONSTANTS = {"petrol-beta-priors": 0.5}
COMPLETE = ("counts", "positive", "binomial", "betabinomial")  # whose variances are compared
Table = dict[str, tuple[float, float]]


def main() -> None:
    args = arguments()
    registry = json.loads((args.folder / "data" / "datasets.json").read_text())
    factors = {entry["file"]: entry["factors"] or {} for entry in registry.values()}
    for theme in THEMES:
        for case in json.loads((args.folder / "json" / f"{theme}.json").read_text())["cases"]:
            known = theme != "priors" or case["name"] in PRIORS
            if known and args.part in f"{theme} {case['name']}":
                rows = read(args.folder / case["data"], factors[case["data"]])
                print(
                    f"{theme:9s} {case['name']:38s} {line(theme, case, rows, args.parts)}",
                    flush=True,
                )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--parts", nargs="*", choices=tuple(PARTS), default=())
    return parser.parse_args()


def read(path: Path, factors: dict[str, list[str]]) -> pd.DataFrame:
    """Return the rows, with factors as categories in R's order."""
    types = dict.fromkeys(factors, str)
    rows = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    for column, levels in factors.items():
        rows[column] = pd.Categorical(rows[column], categories=levels)
    rows.attrs["folder"] = path.parent  # of matrices beside them
    return rows


def line(theme: str, case: dict[str, Any], rows: pd.DataFrame, parts: Sequence[str] = ()) -> str:
    model, rows, y, weights = MAKERS[theme](case, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows, y, weights)
    if theme == "smooths":
        return smooth_line(model, case, rows)
    tables = {table.predictor: dict(entries(table)) for table in coefficient_tables(model.fit_)}
    fixed = tables[model.fit_.family.predictors[model.fit_.family.location]]
    above = model.log_likelihood_ - case["log_likelihood"]
    beta, error = differences(fixed, case["fixed"])
    text = f"above {above:+.1e}  beta {beta:.1e}  se {error:.1e}"
    if theme == "priors":
        posterior = model.log_likelihood_ + model.log_prior_ - case["log_posterior"]
        text += f"  posterior {posterior - CONSTANTS.get(case['name'], 0.0):+.1e}"
    if case.get("zi") and "zero" in tables:
        text += "  zero {:.1e} {:.1e}".format(*differences(tables["zero"], case["zi"]))
    if theme in COMPLETE and case["random"]:
        text += f"  sd {spreads(model, case):.1e}"
    text += dispersions(theme, case, model, tables)
    if theme == "covariance":
        text += numbers(model, case)
    if theme == "ordinal":
        text += ordered_parts(model, case, rows, tables)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [PARTS[part](model, case, rows, y, weights) for part in parts]
    return "  ".join([text, *filter(None, found), case["trust"]])


def dispersions(theme: str, case: dict[str, Any], model: Any, tables: dict[str, Any]) -> str:
    """How far the numbers of the dispersion are from R's."""
    if theme in {"counts", "positive"}:
        text = dispersion(model, case)
        if case.get("dispersion_model"):
            own = tables[model.fit_.family.dispersion]
            text += dispersion_formula(case, differences, own)
        return text
    if "phi" in (case.get("dispersion") or ()):
        return f"  phi {np.exp(model.precision_coef_[0]) / case['dispersion']['phi'] - 1.0:+.1e}"
    return ""


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
    model = LMMRegressor(formula, reml=bool(options.get("REML")), scale=scale)
    return model, rows, rows[response].to_numpy(), weights


def binomial(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    response, formula = sides(case)
    options = case["options"]
    common = {"link": case["link"], "n_quadrature": options.get("nAGQ") or 1}
    trials = options.get("trials") or options.get("weights")
    if not trials:
        labels = rows[response]
        is_factor = isinstance(labels.dtype, pd.CategoricalDtype)
        y = labels.cat.codes if is_factor else labels
        return BinomialGLMMClassifier(formula, **common), rows, y, None
    name = re.match(r"cbind\((\w+),", response)
    y = rows[name[1]] if name else (rows[response] * rows[trials]).round()
    return BinomialGLMMRegressor(formula, trials=trials, **common), rows, y.to_numpy(), None


def betabinomial(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    model, rows, y, _ = binomial(case, rows)
    zero = case["options"]["ziformula"].removeprefix("~") if "ziformula" in case["options"] else "0"
    model = BetaBinomialGLMMRegressor(
        model.formula,
        trials=model.trials,
        precision=case["options"].get("dispformula", "~1").removeprefix("~"),
        zero=None if zero == "0" else zero,
        link=model.link,
        n_quadrature=model.n_quadrature,
    )
    return model, rows, y, None


def ordinal(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    response, formula = sides(case)
    options, link = case["options"], case["link"]
    if case["name"] == "sim-ordinal-slope-cloglog":  # clmm names links of slopes as others do
        link = "loglog"
    model = OrdinalGLMMClassifier(
        formula,
        link=link,
        thresholds=options["threshold"],
        n_quadrature=options.get("nAGQ") or 1,
    )
    return model, rows, rows[response].cat.as_ordered(), None


def ordered_parts(model: Any, case: dict[str, Any], rows: pd.DataFrame, tables: Table) -> str:
    """Compare parameters of thresholds, standard deviations and probabilities of classes."""
    theirs = case["dispersion"]["threshold_parameters"]
    mine = {plain(name): next(iter(tables[name].values())) for name in theirs["term"]}
    text, apart = "  thresholds {:.1e} {:.1e}".format(*differences(mine, theirs)), []
    found = model.variance_components()
    places = {frozenset(name.split(":")): name for name in model.n_levels_}
    for block in case["random"]:
        name = places[frozenset(block["group"].split(":"))]
        mine = found.loc[found["group"] == name, "sd"].to_numpy()
        sds = np.array(block["sd"])
        apart.append(np.max(np.abs(mine - sds) / np.maximum(sds, 1e-3)))
    wanted = case["predictions"]
    some = rows.iloc[wanted["rows"]]
    pairs = {"conditional": "class_probability", "fixed": "population_class_probability"}
    missed = [
        np.max(np.abs(np.diff(model.predict_cumulative(some, kind), prepend=0.0) - wanted[key]))
        for kind, key in pairs.items()
    ]
    return f"{text}  sd {max(apart):.1e}  probabilities {max(missed):.1e}"


def priors(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    model, _, y, weights = BY_FAMILY[case["family"]](case, rows)
    return model.set_params(priors=PRIORS[case["name"]]), rows, y, weights


def beta(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    response, formula = sides(case)
    return BetaGLMMRegressor(formula), rows, rows[response].to_numpy(), None


BY_FAMILY = {
    "gaussian": gaussian,
    "binomial": binomial,
    "poisson": counts,
    "nbinom2": counts,
    "beta": beta,
}
MAKERS = {
    "gaussian": gaussian,
    "counts": counts,
    "positive": positive,
    "binomial": binomial,
    "betabinomial": betabinomial,
    "ordinal": ordinal,
    "covariance": covariance,
    "priors": priors,
    "smooths": smooths,
}


def spreads(model: Any, case: dict[str, Any]) -> float:
    """Largest difference of a standard deviation, relative to it where it is not as good as 0."""
    mine = np.sort(np.concatenate([part.sd for part in variance_components(model.fit_)]))
    theirs = np.sort(np.concatenate([part["sd"] for part in case["random"]]))
    return float(np.max(np.abs(mine - theirs) / np.maximum(theirs, 0.1)))


def entries(table: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    for name, estimate, error in zip(table.names, table.estimate, table.std_error, strict=True):
        yield plain(name), (estimate, error)


def differences(mine: Table, theirs: dict[str, list[Any]]) -> tuple[float, float]:
    """Largest differences of estimates, in standard errors, and of these, relatively."""
    rows = zip(theirs["term"], theirs["estimate"], theirs["std_error"], strict=True)
    pairs = [(mine[plain(term)], (value, error)) for term, value, error in rows if error]
    moved = [abs(here[0] - there[0]) / there[1] for here, there in pairs]
    errors = [abs(here[1] / there[1] - 1.0) for here, there in pairs]
    return max(moved, default=np.nan), max(errors, default=np.nan)


if __name__ == "__main__":
    main()
