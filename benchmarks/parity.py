"""Print how far estimates are from those of glmmTMB, as Markdown tables (docs/validation.md).

python benchmarks/parity.py

The answers of glmmTMB stand in tests/reference, with the scripts in R that made them.
"""

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm import (
    BetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    SingularFitWarning,
    ZeroInflatedBetaGLMMRegressor,
)
from skglmm.datasets import load_petrol

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"
# name: response, formula, further parameters
BETA = {
    "petrol-random-intercept": ("yield", "EPc + (1 | batch)", {}),
    "petrol-precision": ("yield", "EPc + (1 | batch)", {"precision": "EPc"}),
    "crossed-intercepts": ("y", "x + (1 | subject) + (1 | item)", {}),
    "crossed-slopes": ("y", "x + (x | subject) + (x | item)", {}),
    "crossed-mixed-columns": ("y", "x * t + (1 + x | subject) + (0 + t | item)", {}),
    "nested-three-levels": ("y", "x + (1 | school / class / pupil)", {}),
}
ZERO, ORDERED = ZeroInflatedBetaGLMMRegressor, OrderedBetaGLMMRegressor
BOUNDARY = {
    "zero-covariate": (ZERO, "x + (1 | g)", {"zero": "x"}),
    "zero-intercepts": (ZERO, "x", {"zero": "x + (1 | g)"}),
    "zero-and-mean-intercepts": (ZERO, "x + (1 | g)", {"zero": "x + (1 | g)"}),
    "zero-slopes": (ZERO, "x + (1 | g)", {"zero": "x + (x | g)"}),
    "zero-precision": (ZERO, "x + (x | g)", {"zero": "x", "precision": "x"}),
    "zero-probit": (ZERO, "x + (1 | g)", {"zero": "x", "link": "probit"}),
    "zero-weights": (ZERO, "x + (1 | g)", {"zero": "x"}),
    "ordered-intercepts": (ORDERED, "x + (1 | g)", {}),
    "ordered-slopes": (ORDERED, "x + (x | g)", {}),
    "ordered-precision": (ORDERED, "x + (1 | g)", {"precision": "x"}),
    "ordered-weights": (ORDERED, "x + (1 | g)", {}),
}
PARTS = {"mean": "cond", "precision": "disp", "zero": "zi"}  # our names and glmmTMB's


class Estimates(NamedTuple):
    """Numbers of one fit, in the same order for both programs."""

    log_likelihood: float
    coefficients: np.ndarray
    std_errors: np.ndarray
    deviations: np.ndarray


def read(name: str) -> dict[str, Any]:
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))


def rows_of(name: str) -> pd.DataFrame:
    if name.startswith("petrol"):
        frame = load_petrol().frame
        return frame.assign(**{"yield": frame["Y"] / 100}, EPc=frame["EP"] / 100)
    return pd.read_csv(REFERENCE / f"simulated_{name.partition('-')[0]}.csv")


def ours(model: BetaGLMMRegressor, predictors: list[str]) -> Estimates:
    tables = {table.predictor: table for table in model.summary().coefficients}
    return Estimates(
        model.log_likelihood_,
        np.concatenate([tables[each].estimate for each in predictors]),
        np.concatenate([tables[each].std_error for each in predictors]),
        model.variance_components()["sd"].to_numpy(),
    )


def fits_of_beta() -> list[tuple[str, Any, Estimates, Estimates, str]]:
    found = []
    for name, (response, formula, parameters) in BETA.items():
        answer, data = read(name), rows_of(name)
        model = BetaGLMMRegressor(formula, **parameters).fit(data, data[response])
        tables = {"mean": answer["conditional"], "precision": answer["dispersion"]}
        tables = {key: table for key, table in tables.items() if table}
        theirs = Estimates(
            answer["log_likelihood_reached"],
            joined(table["estimate"] for table in tables.values()),
            joined(table["std_error"] for table in tables.values()),
            joined(block(answer["random_effects"], factor)["sd"] for factor in model.n_levels_),
        )
        note = "" if answer["convergence"] == 0 else "no"
        found.append((name, model, ours(model, list(tables)), theirs, note))
    return found


def joined(parts: Iterable[Any]) -> np.ndarray:
    return np.concatenate([np.atleast_1d(np.array(part, dtype=float)) for part in parts])


def block(blocks: dict[str, Any], factor: str) -> dict[str, Any]:
    """Find glmmTMB's block of a factor; its nested names run the other way."""
    return next(each for key, each in blocks.items() if {*key.split(":")} == {*factor.split(":")})


def fits_of_boundary() -> list[tuple[str, Any, Estimates, Estimates, str]]:
    answers, data, found = read("boundary"), rows_of("boundary"), []
    for name, (kind, formula, parameters) in BOUNDARY.items():
        answer = answers[name]
        y = data["zeros" if kind is ZERO else "both"]
        weights = data["w"] if name.endswith("weights") else None
        model = kind(formula, **parameters).fit(data[["x", "g"]], y, weights)
        parts = [each for each in PARTS if PARTS[each] in answer["coefficients"]]
        theirs = Estimates(
            answer["log_likelihood"],
            joined([*answer["coefficients"][PARTS[each]].values()] for each in parts),
            joined([*answer["std_errors"][PARTS[each]].values()] for each in parts),
            joined(
                each["sd"]
                for part in ("cond", "zi")
                for each in (answer["random"][part] or {}).values()
            ),
        )
        found.append((name, model, ours(model, parts), theirs, ""))
    return found


def largest(differences: np.ndarray) -> str:
    return f"{np.max(np.abs(differences)):.1e}"


def row(name: str, model: Any, mine: Estimates, theirs: Estimates, note: str) -> str:
    others = (f"{key} ~ {text}" for key, text in model.formulas_.items() if text != "1")
    formula = "; ".join([model.formula_, *(each for each in others if "mean ~" not in each)])
    cells = [
        f"{name} [^1]" if note else name,
        f"`{formula}`".replace("|", r"\|"),
        f"{model.n_obs_:,}",
        f"{mine.log_likelihood - theirs.log_likelihood:+.1e}",
        largest((mine.coefficients - theirs.coefficients) / mine.std_errors),
        "none" if note else largest(mine.std_errors / theirs.std_errors - 1),
        largest(mine.deviations / theirs.deviations - 1),
    ]
    return f"| {' | '.join(cells)} |"


def labels(factor: Any, reverse: bool) -> list[str]:
    """Return the levels as glmmTMB writes them; those of nested factors run the other way."""
    found = [str(label).replace(".", ":") for label in factor.labels]
    return [":".join(label.split(":")[::-1]) for label in found] if reverse else found


def modes(model: BetaGLMMRegressor, answer: dict[str, Any]) -> np.ndarray:
    """Return differences of the conditional modes, in standard deviations of the effects."""
    found = []
    for f, factor in enumerate(model.fit_.layout.factors):
        theirs = block(answer["conditional_modes"], factor.name)
        place = {str(each).replace(".", ":"): i for i, each in enumerate(theirs["levels"])}
        reverse = factor.name not in answer["conditional_modes"]
        rows = [place[each] for each in labels(factor, reverse)]
        expected = np.array(theirs["values"], dtype=float)[rows].T
        sd = np.sqrt(np.sum(model.fit_.lambdas[f] ** 2, axis=1))
        found.append(((model.fit_.modes(f) - expected) / sd[:, None]).ravel())
    return np.concatenate(found)


def prediction_row(name: str, model: BetaGLMMRegressor) -> str:
    answer, data = read(name), rows_of(name)
    theirs = answer["prediction"]
    new = data.iloc[theirs["row_0based"]]
    _, error = model.predict_linear(new, return_std=True)
    errors = np.array(theirs["link_se"], dtype=float)
    cells = [
        name,
        " + ".join(f"{n:,} {factor}" for factor, n in model.n_levels_.items()),
        largest(modes(model, answer)),
        largest(model.predict(new) - theirs["response"]),
        largest(model.predict(new, kind="fixed") - theirs["population_response"]),
        largest(error / errors - 1) if answer["convergence"] == 0 else "none",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    names = ("model", "formula", "rows", "log likelihood", "coefficients", "standard errors", "SD")
    print(f"| {' | '.join(names)} |")
    print("|---|---|--:|--:|--:|--:|--:|")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SingularFitWarning)
        beta = fits_of_beta()
        for fit in [*beta, *fits_of_boundary()]:
            print(row(*fit))
    names = ("model", "levels", "modes", "means", "means of a typical group", "standard errors")
    print(f"\n| {' | '.join(names)} |")
    print("|---|---|--:|--:|--:|--:|")
    for name, model, *_ in beta:
        print(prediction_row(name, model))


if __name__ == "__main__":
    main()
