"""Time answers for single rows of a model with random effects in each of four predictors.

Zeros, ones, the mean and the precision vary between groups, independently or with correlations.
Densities, probabilities and quantiles of rows from known and from new groups are averages over
effects, and estimates, of all four.

The columns of the table are processor milliseconds of one call, the fastest of some.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from harness.machine import machine

SEED, GROUPS, ROWS_PER_GROUP = 35, 60, 20
SIZES = (1, 5, 20, 1200)
REPEATS = 5
EFFECTS = {"independent": "(1 | g)", "correlated": "(1 |p| g)"}


def main() -> None:
    for line in machine():
        print(line)
    frame, y = simulated()
    print(f"\n{len(y):,} rows and {GROUPS} groups fitted\n")
    print(row("effects", "groups", "call", *(f"{n:,}" for n in SIZES)))
    print(row("---", "---", "---", *("--:" for _ in SIZES)))
    for name, term in EFFECTS.items():
        model = fitted(frame, y, term)
        for groups, shift in (("known", 0), ("new", GROUPS)):
            rows = frame.assign(g=frame["g"] + shift)
            for what, call in calls(model, rows, y).items():
                times = [f"{milliseconds(call, n):,.1f}" for n in SIZES]
                print(row(name, groups, what, *times), flush=True)


def simulated() -> tuple[pd.DataFrame, np.ndarray]:
    """Responses between 0 and 1, with both."""
    rng = np.random.default_rng(SEED)
    g = np.repeat(np.arange(GROUPS), ROWS_PER_GROUP)
    x = rng.normal(size=len(g))
    b = rng.normal(0.0, [0.6, 0.5, 0.8, 0.8], (GROUPS, 4))[g].T
    mean, precision = 1 / (1 + np.exp(0.5 - 0.5 * x - b[0])), np.exp(2.0 + b[1])
    y = rng.beta(mean * precision, (1 - mean) * precision).clip(1e-6, 1 - 1e-6)
    y[rng.random(len(g)) < 1 / (1 + np.exp(2.5 - b[2]))] = 1.0
    y[rng.random(len(g)) < 1 / (1 + np.exp(1.5 - b[3]))] = 0.0
    return pd.DataFrame({"x": x, "g": g}), y


def fitted(frame: pd.DataFrame, y: np.ndarray, term: str):
    from skglmm import ZeroOneInflatedBetaGLMMRegressor  # noqa: PLC0415  # after the machine

    formula = f"1 + {term}"
    model = ZeroOneInflatedBetaGLMMRegressor(
        f"x + {term}", precision=formula, zero=formula, one=formula
    )
    return model.fit(frame, y)


def calls(model, rows: pd.DataFrame, y: np.ndarray) -> dict[str, Callable[[int], object]]:
    """What is timed, by the number of rows."""
    return {
        "log density": lambda n: model.log_density(rows.head(n), y[:n]),
        "median": lambda n: model.predict_quantile(rows.head(n), [0.5]),
        "response limits": lambda n: model.predict_interval(rows.head(n), "response"),
    }


def milliseconds(call: Callable[[int], object], n: int) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        call(n)
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def row(*texts: str) -> str:
    widths = (11, 6, 15, *(9 for _ in SIZES))
    padded = [
        f"{text:<{w}}" if k < 3 else f"{text:>{w}}"
        for k, (text, w) in enumerate(zip(texts, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
