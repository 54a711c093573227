"""Print the numbers that single sentences of the documentation tell.

    python benchmarks/prose.py               all of them: five minutes, and 2 GB
    python benchmarks/prose.py classes       those with this name

Seconds are those of the processor, of the fit alone, and of one run each.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from harness.machine import machine
from harness.workloads.ratings import simulated
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from skglmm import BinomialGLMMClassifier, LMMRegressor, MultinomialGLMMClassifier
from skglmm.families import GeneralizedPoisson


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*PARTS, []], help="all unless named")
    for line in machine():
        print(line)
    for name in parser.parse_args().names or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}")
        PARTS[name]()


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a call returns, with its processor seconds."""
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def totals() -> None:
    """Sums of the probabilities of a generalized Poisson (responses.md)."""
    family = GeneralizedPoisson()
    means, dispersions = np.meshgrid(np.linspace(0.1, 20, 200), np.linspace(0.26, 0.99, 74))
    eta = np.log(means.ravel()), np.log(dispersions.ravel())
    off, last = np.abs(family.total(eta) - 1.0), family.ends(eta)[1]
    print(f"{off[last >= 4].max():.4f} at most where five counts or more are possible")
    at = family.total((np.log([0.3]), np.log([0.3])))
    print(f"{at[0] - 1.0:.3f} at a mean of 0.3 and a dispersion of 0.3")


def quadrature() -> None:
    """Eleven points of one effect beside Laplace's approximation (performance.md)."""
    rng, group = np.random.default_rng(0), np.repeat(np.arange(150), 4)
    X = pd.DataFrame({"x": rng.normal(size=600), "g": group})
    y = rng.random(600) < expit(X["x"].to_numpy() + rng.normal(0, 2, 150)[group])
    for points in (1, 11):
        model = BinomialGLMMClassifier("x + (1 | g)", n_quadrature=points)
        model.fit(X, y)
        seconds = min(timed(lambda: model.fit(X, y))[1] for _ in range(20))  # noqa: B023
        print(f"{points} points: {seconds:.4f} s")


def kenward_roger() -> None:
    """Kenward and Roger's degrees of freedom (degrees_of_freedom.md)."""
    rng = np.random.default_rng(0)
    slopes = pd.DataFrame({"x": rng.normal(size=100_000), "g": np.arange(100_000) % 2_000})
    effects = rng.normal(0, [1.0, 0.5], (2_000, 2))[slopes["g"]]
    y = effects[:, 0] + effects[:, 1] * slopes["x"].to_numpy() + rng.normal(size=100_000)
    ratings = pd.DataFrame({"x": rng.normal(size=73_000)})
    ratings["s"], ratings["d"] = rng.integers(0, 2_972, 73_000), rng.integers(0, 1_128, 73_000)
    z = rng.normal(0, 0.3, 2_972)[ratings["s"]] + rng.normal(0, 0.5, 1_128)[ratings["d"]]
    z = z + rng.normal(size=73_000)
    for name, formula, X, response in (
        ("2,000 groups with slopes", "x + (x | g)", slopes, y),
        ("2,972 x 1,128 crossed", "x + (1 | s) + (1 | d)", ratings, z),
    ):
        model, fitted = timed(lambda: LMMRegressor(formula).fit(X, response))  # noqa: B023
        seconds = timed(lambda: model.tidy("fixed", df="kenward-roger"))[1]  # noqa: B023
        print(f"{len(X):,} rows, {name}: {seconds:.3f} s, after a fit of {fitted:.2f}")


def separated() -> None:
    """Crossed effects that vary so much that answers are nearly separated (performance.md)."""
    for sd in (0.9, 4.0):
        rng = np.random.default_rng(0)
        X = pd.DataFrame({"x": rng.normal(size=20_000)})
        X["g"], X["h"] = rng.integers(0, 4_000, 20_000), rng.integers(0, 2_000, 20_000)
        eta = 0.5 * X["x"] + rng.normal(0, sd, 4_000)[X["g"]] + rng.normal(0, sd, 2_000)[X["h"]]
        y = (rng.random(20_000) < expit(eta)).to_numpy()
        model = BinomialGLMMClassifier("x + (1 | g) + (1 | h)", solver="iterative")
        print(f"standard deviations of {sd}: {timed(lambda: model.fit(X, y))[1]:.1f} s")  # noqa: B023


def iterations() -> None:
    """What follows a fit by iterations, beside the exact one (performance.md)."""
    rows = simulated("ratings-200k", "binary")()
    X, y, found = rows.drop(columns="y"), rows["y"], {}
    for solver in ("iterative", "direct"):
        model = BinomialGLMMClassifier("x + (1 | g) + (1 | h)", solver=solver).fit(X, y)
        profiled = timed(lambda: model.confint(X, y, method="profile", parameters="x"))[1]  # noqa: B023
        drawn = timed(lambda: model.bootstrap(X, y, 2, random_state=0))[1]  # noqa: B023
        print(f"{solver}: profile {profiled:.1f} s, two refits of a bootstrap {drawn:.1f} s")
        found[solver] = model.random_effects()["std_dev"].to_numpy()
    apart = np.max(np.abs(found["iterative"] / found["direct"] - 1.0))
    print(f"standard deviations of effects differ by {100.0 * apart:.4f} % at most")


def crossed() -> None:
    """Calibration slopes of known pairs of crossed levels, four rows of each (predictions.md)."""
    for sd in (1.0, 1.5, 2.5):
        known = {f"sd(Intercept | {k})": f"lognormal({np.log(sd):.4f}, 0.001)" for k in "gh"}
        for name, priors in (("estimated", None), ("known", known)):
            found = np.array([_slopes_of_pairs(sd, priors, seed) for seed in range(4)])
            error = found.std(axis=0, ddof=1) / 2.0
            cells = (f"{m:.3f} ({e:.3f})" for m, e in zip(found.mean(axis=0), error, strict=True))
            print(f"standard deviations of {sd}, {name}: {', '.join(cells)}", flush=True)


def _slopes_of_pairs(sd: float, priors: dict[str, str] | None, seed: int) -> list[float]:
    """Return the standard deviation that was found, and the slope of each kind."""
    rng, n = np.random.default_rng(seed), 1_000
    X = pd.DataFrame({"g": np.tile(np.arange(n), 8)})
    X["h"] = np.concatenate([rng.permutation(n) for _ in range(8)])
    eta = rng.normal(0, sd, n)[X["g"]] + rng.normal(0, sd, n)[X["h"]]
    y, old = rng.random(8 * n) < expit(eta), np.arange(8 * n) < 4 * n
    model = BinomialGLMMClassifier("1 + (1 | g) + (1 | h)", predict_kind="posterior")
    model.set_params(inference=False, priors=priors).fit(X[old], y[old])
    said = (logit(model.predict_proba(X[~old], kind=kind)[:, 1]) for kind in KINDS)
    slopes = (LogisticRegression(C=np.inf).fit(each[:, None], y[~old]).coef_[0, 0] for each in said)
    return [model.variance_components()["sd"].mean(), *slopes]


KINDS = ("conditional", "posterior")


def classes() -> None:
    """Fits of several classes (responses.md)."""
    for n_classes in (5, 10, 20):
        rng, group = np.random.default_rng(0), np.repeat(np.arange(100), 50)
        X = pd.DataFrame({"x": rng.normal(size=5_000), "g": group})
        worth = rng.normal(0, 0.7, (100, n_classes))[group] + rng.gumbel(size=(5_000, n_classes))
        y = (worth + np.outer(X["x"], np.linspace(-0.5, 0.5, n_classes))).argmax(axis=1)
        seconds = timed(lambda: MultinomialGLMMClassifier("x + (1 | g)").fit(X, y))[1]  # noqa: B023
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{n_classes} classes: {seconds:.1f} s; the process has had {peak:,.0f} MB")


PARTS = {
    part.__name__: part
    for part in (classes, totals, quadrature, kenward_roger, separated, iterations, crossed)
}

if __name__ == "__main__":
    main()
