"""Compare GLMMEncoder with scikit-learn's TargetEncoder in the same pipelines.

Three simulated tables of text categories whose sizes follow a power law, most of them small, and
four covariates:

binary      1,000 categories in 10,000 rows
continuous  10,000 and 2,000 crossed categories in 50,000 rows
count       100,000 categories in 300,000 rows

The columns of the table:

encoder     target: TargetEncoder; glmm: GLMMEncoder; +std: with standard deviations; alone:
            each column by itself (joint=False)
boosting    score of HistGradientBoosting behind it, in rows that were left out (5 folds)
linear      score of LogisticRegression, Ridge or PoissonRegressor
encode      seconds of fit_transform on all rows, alone
apply       seconds of transform on all rows

Scores: log loss (less is better) of the binary target; R2 of the continuous one, and the share of
the Poisson deviance explained of counts (more is better). In brackets, the difference to
TargetEncoder, with its standard error over the folds.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from harness.machine import machine
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import d2_tweedie_score, make_scorer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from skglmm.preprocessing import GLMMEncoder

SEED, N_FOLDS = 20261128, 5
COVARIATES = [f"x{j}" for j in range(4)]


class Case(NamedTuple):
    """Categories, how responses are drawn, and the models that come after the encoder."""

    n_rows: int
    n_categories: tuple[int, ...]
    sds: tuple[float, ...]
    draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    boosting: object
    linear: object
    scoring: object
    sign: int = 1  # of a score, as it is shown


deviance = make_scorer(d2_tweedie_score, power=1)
CASES = {
    "binary": Case(
        10_000,
        (1_000,),
        (1.0,),
        lambda rng, eta: (rng.random(len(eta)) < 1 / (1 + np.exp(1.0 - eta))).astype(int),
        HistGradientBoostingClassifier(random_state=0),
        LogisticRegression(),
        "neg_log_loss",
        -1,
    ),
    "continuous": Case(
        50_000,
        (10_000, 2_000),
        (1.0, 0.7),
        lambda rng, eta: eta + rng.normal(0, 1.5, len(eta)),
        HistGradientBoostingRegressor(random_state=0),
        Ridge(),
        "r2",
    ),
    "count": Case(
        300_000,
        (100_000,),
        (0.8,),
        lambda rng, eta: rng.poisson(np.exp(eta - 0.5)),
        HistGradientBoostingRegressor(loss="poisson", random_state=0),
        PoissonRegressor(),
        deviance,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all unless named")
    for line in machine():
        print(line)
    print(f"seed {SEED}, {N_FOLDS} folds\n")
    print(f"| target     | encoder    | {'boosting':>25} | {'linear':>25} | encode | apply |")
    print(f"| ---        | ---        | {'--:':>25} | {'--:':>25} |    --: |   --: |")
    for name in parser.parse_args().cases or CASES:
        case = CASES[name]
        X, y = rows(case)
        before: list[np.ndarray] = []
        for label, encoder in encoders(name, len(case.n_categories)).items():
            scores = [scored(case, encoder, model, X, y) for model in (case.boosting, case.linear)]
            before = before or scores
            cells = [shown(*pair) for pair in zip(scores, before, strict=True)]
            encode, apply = seconds(encoder, X, y)
            times = f"{encode:>6.2f} | {apply:>5.2f}"
            print(f"| {name:<10} | {label:<10} | {' | '.join(cells)} | {times} |", flush=True)


def encoders(name: str, n_columns: int) -> dict[str, object]:
    kind = {"target_type": name, "random_state": 0}
    averages = TargetEncoder(target_type="binary" if name == "binary" else "continuous")
    found = {
        "target": averages,
        "glmm": GLMMEncoder(**kind),
        "glmm +std": GLMMEncoder(return_std=True, **kind),
    }
    if n_columns > 1:
        found["glmm alone"] = GLMMEncoder(joint=False, **kind)
    return found


def rows(case: Case) -> tuple[pd.DataFrame, np.ndarray]:
    """Texts of categories, of which the k-th is drawn in proportion to (k + 20)^-0.8."""
    rng = np.random.default_rng(SEED)
    X = pd.DataFrame(rng.normal(size=(case.n_rows, len(COVARIATES))), columns=COVARIATES)
    eta = 0.5 * X["x0"] + 0.3 * X["x1"] * (X["x2"] > 0)
    for j, (m, sd) in enumerate(zip(case.n_categories, case.sds, strict=True)):
        shares = (np.arange(m) + 20.0) ** -0.8
        codes = rng.choice(m, case.n_rows, p=shares / shares.sum())
        X[f"c{j}"] = np.array([f"category {k:06d}" for k in range(m)], dtype=object)[codes]
        eta = eta + rng.normal(0, sd, m)[codes]
    return X, case.draw(rng, eta.to_numpy())


def scored(
    case: Case, encoder: object, model: object, X: pd.DataFrame, y: np.ndarray
) -> np.ndarray:
    """Scores of each fold."""
    categories = [name for name in X if name not in COVARIATES]
    transformer = make_column_transformer((clone(encoder), categories), remainder="passthrough")
    pipeline = make_pipeline(transformer, StandardScaler(), clone(model))
    folds = KFold(N_FOLDS, shuffle=True, random_state=0)
    return case.sign * cross_val_score(pipeline, X, y, cv=folds, scoring=case.scoring)


def shown(scores: np.ndarray, before: np.ndarray) -> str:
    gain = scores - before
    if not gain.any():
        return f"{scores.mean():.4f}".ljust(25)
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return f"{scores.mean():.4f} ({gain.mean():+.4f} ± {error:.4f})".ljust(25)


def seconds(encoder: object, X: pd.DataFrame, y: np.ndarray) -> tuple[float, float]:
    chosen, fresh = X.drop(columns=COVARIATES), clone(encoder)
    start = time.perf_counter()
    fresh.fit_transform(chosen, y)
    middle = time.perf_counter()
    fresh.transform(chosen)
    return middle - start, time.perf_counter() - middle


if __name__ == "__main__":
    main()
