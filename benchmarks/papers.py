"""Typeset tables and equations of models of many families, to look at them.

Writes papers.tex, papers.html and papers.md into a folder. Where pdflatex is installed it compiles
the first one, and fails if LaTeX does; where pdftoppm is, too, it makes pictures of the pages.
"""

import argparse
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from skglmm import (
    BetaGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inspection import check_residuals
from skglmm.model_selection import compare, drop1, frame_table, likelihood_ratio_test, model_table

HEAD = r"""\documentclass[a4paper]{article}
\usepackage{amsmath,booktabs}
\usepackage[margin=18mm]{geometry}
\begin{document}
"""
FORMULA = "dose_mg * C(arm_é) + (dose_mg | site)"


def studies() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows with names that need escapes, and responses of many kinds."""
    rng, n = np.random.default_rng(5), 300
    X = pd.DataFrame({"dose_mg": rng.normal(size=n), "site": rng.integers(0, 20, n)})
    X["arm_é"] = rng.choice(["50 % & more", "a_b [x]", "plain"], n)
    X["hours"] = rng.uniform(1, 3, n)
    effects = rng.normal(0, [0.5, 0.2], (20, 2))[X["site"]]
    eta = 0.3 + (0.4 + effects[:, 1]) * X["dose_mg"] + effects[:, 0]
    eta = (eta + 0.5 * (X["arm_é"] == "plain")).to_numpy()
    mean, share = np.exp(eta), 1 / (1 + np.exp(-eta))
    latent = eta + rng.logistic(size=n)
    return X, {
        "normal": eta + rng.normal(size=n),
        "counts": np.where(rng.random(n) < 0.2, 0, rng.poisson(mean * X["hours"])),
        "positive": rng.gamma(3, mean / 3),
        "shares": rng.beta(6 * share, 6 * (1 - share)),
        "ratings": np.digitize(latent, [-1, 0.5, 2]),
        "classes": np.array(["bus", "car", "foot"])[np.digitize(latent, [-0.5, 1])],
    }


def models(X: pd.DataFrame, y: dict[str, np.ndarray]) -> dict[str, tuple]:
    """Fitted models with their responses, by their names."""
    curve = "s(dose_mg, k=6) + C(arm_é) + (1 | site)"
    smaller = "dose_mg + C(arm_é) + (1 | site)"
    made = {
        "LMM": (LMMRegressor(FORMULA), "normal"),
        "Hurdle": (PoissonGLMMRegressor(FORMULA, zero="dose_mg", exposure="hours"), "counts"),
        "NB": (NegativeBinomialGLMMRegressor(smaller), "counts"),
        "Curve": (NegativeBinomialGLMMRegressor(curve), "counts"),
        "Gamma": (GammaGLMMRegressor(smaller, dispersion="dose_mg"), "positive"),
        "Beta": (BetaGLMMRegressor(smaller, priors="weak"), "shares"),
        "Ordinal": (OrdinalGLMMClassifier(smaller, scale="dose_mg"), "ratings"),
        "Choice": (MultinomialGLMMClassifier("dose_mg + (1 | site)"), "classes"),
    }
    return {name: (model.fit(X, y[kind]), y[kind]) for name, (model, kind) in made.items()}


def records(X: pd.DataFrame, fitted: dict[str, tuple]) -> list:
    """Records of all kinds."""
    lmm, normal = fitted["LMM"]
    nb, counts = fitted["NB"]
    simple = LMMRegressor("dose_mg + C(arm_é) + (1 | site)").fit(X, normal)
    three = [fitted[name][0] for name in ("Hurdle", "NB", "Curve")]
    names = ["Zeros", "NB", "Curve"]
    classes = [fitted["Ordinal"][0], fitted["Choice"][0]]
    labels = {"dose_mg": "Dose (mg)", "aic": "AIC (smaller is better)"}
    return [
        model_table(three, names=names, title="Counts", exponentiate=True, labels=labels),
        model_table([simple, lmm], names=["A", "B"], columns="stars", statistics=["n_obs", "aic"]),
        model_table([fitted["Gamma"][0], fitted["Beta"][0]], columns="p_values", random=False),
        model_table(classes, names=["ordered", "unordered"], columns="std_errors"),
        lmm.summary(),
        fitted["Curve"][0].summary(),
        lmm.anova(),
        nb.wald_test("dose_mg = 0, C(arm_é)[T.plain] = 0.5"),
        likelihood_ratio_test(simple, lmm, X, normal, refit=True),
        drop1(lmm, X, normal, random=True),
        nb.r2(X, counts),
        check_residuals(nb, X, counts, random_state=0),
        nb.diagnose(X, counts),
        frame_table(lmm.confint(), title="Intervals"),
        frame_table(compare(nb, fitted["Curve"][0]).iloc[:, :6], title="Comparison", digits=4),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    X, y = studies()
    fitted = models(X, y)
    found = records(X, fitted)
    equations = [each.equation(shown) for each, _ in fitted.values() for shown in (False, True)]
    parts = [each.to_latex() for each in found] + [each.to_latex() for each in equations]
    parts.append(found[0].to_latex(booktabs=False, floating=False))
    broken = "\n\\clearpage\n".join("\n".join(parts[i : i + 3]) for i in range(0, len(parts), 3))
    (folder / "papers.tex").write_text(f"{HEAD}{broken}\\end{{document}}\n", encoding="utf-8")
    html = "\n<hr>\n".join(each.to_html() for each in found)
    page = f'<!doctype html><meta charset="utf-8"><body style="font-family:serif">{html}</body>'
    (folder / "papers.html").write_text(page, encoding="utf-8")
    markdown = "\n\n".join(each.to_markdown() for each in (*found, *equations))
    (folder / "papers.md").write_text(markdown, encoding="utf-8")
    if shutil.which("pdflatex"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "papers.tex"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        if shutil.which("pdftoppm"):
            subprocess.run(
                ["pdftoppm", "-png", "-r", "80", "papers.pdf", "page"], cwd=folder, check=True
            )


if __name__ == "__main__":
    main()
