"""Classes, trials and counts: answers of glmmTMB, lme4 and ordinal."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from answers.files import program, read, table_of, without_tilde
from answers.record import Answer, Case, in_order
from skglmm import (
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    NegativeBinomialGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)

__all__ = [
    "counts",
    "dispersed",
    "families",
    "made_of_shares",
    "ordered",
    "quadrature",
    "trials",
    "zeros",
]

KINDS = {"poisson": PoissonGLMMRegressor, "binomial": BinomialGLMMClassifier}


def made_of_shares() -> tuple[Any, dict[str, Any]]:
    """Return rows of two crossed factors, and responses made of shares."""
    data = read("simulated_crossed.csv")
    y = data["y"].to_numpy()
    return data, {
        "logit": np.log(y / (1 - y)),
        "count": np.floor(20 * y),
        "few": np.floor(5 * y),
        "event": (y > 0.5).astype(int),
    }


def families() -> Iterator[Case]:
    """Counts and classes of two crossed factors, with five links."""
    answers, (data, made) = read("families.json"), made_of_shares()
    for case in answers["fits"]:
        if case["family"] in KINDS:
            kind, link = KINDS[case["family"]], case["link"]
            model = kind("x + (1 + x | subject) + (1 | item)", link=link)
            tables = {"mean": (case["mean"], case["std_error"])}
            known = Answer(program(answers), case["log_likelihood"], tables)
            yield Case(f"crossed-{link}", model, data, made[case["response"]], known)


def zeros() -> Iterator[Case]:
    """Poisson counts with zeros of another kind."""
    answers, data = read("families.json"), read("simulated_counts.csv")
    for case in answers["zeros"]:
        kind, options = case["kind"], {}
        if kind == "truncated":
            options["truncated"] = True
        else:
            options |= {"zero": without_tilde(case["zero_formula"]), "zero_kind": kind}
        rows = data[data["count"] > 0] if kind == "truncated" else data
        tables = {key: table_of(case[key]) for key in ("mean", "zero") if case[key]["estimate"]}
        model = PoissonGLMMRegressor(without_tilde(case["mean_formula"]), **options)
        known = Answer(program(answers), case["log_likelihood"], tables)
        yield Case(f"poisson-{kind}", model, rows, rows["count"], known)


def counts() -> Iterator[Case]:
    """Negative binomials with an exposure."""
    answers, data = read("counts.json"), read("simulated_dispersed_counts.csv")
    for case in answers["fits"]:
        zero, is_linear = without_tilde(case["zero_formula"]), case["family"] == "nbinom1"
        model = NegativeBinomialGLMMRegressor(
            without_tilde(case["mean_formula"]).replace(" + offset(log(hours))", ""),
            exposure="hours",
            variance="linear" if is_linear else "quadratic",
            dispersion=without_tilde(case["dispersion_formula"]),
            zero=None if zero == "0" else zero,
            zero_kind="hurdle" if case["hurdle"] else "inflated",
            truncated=case["truncated"],
        )
        powers = {"mean": 1.0, "dispersion": 1.0 if is_linear else -1.0, "zero": 1.0}
        tables = {
            key: table_of(case[key], power)
            for key, power in powers.items()
            if case[key]["estimate"] not in ([], None)
        }
        theta = [*np.atleast_1d(case["theta"]), *np.atleast_1d(case["zero_theta"])]
        known = Answer(program(answers), case["log_likelihood"], tables, np.exp(theta))
        rows = data[data[case["response"]] > 0] if case["truncated"] else data
        kind = "-hurdle" * case["hurdle"] + "-truncated" * case["truncated"]
        name = f"{case['family']}{kind}-{case['response'].replace('_', '-')}"
        yield Case(name, model, rows, rows[case["response"]], known)


def dispersed() -> Iterator[Case]:
    """Generalized and Conway-Maxwell-Poisson counts."""
    from test_dispersed_counts import KINDS as OF_DISPERSED  # noqa: PLC0415

    answers, data = read("dispersed_counts.json"), read("simulated_dispersed.csv")
    for case in answers["fits"]:
        kind, options = OF_DISPERSED[case["family"]]
        zero = without_tilde(case["zero_formula"])
        options = options | ({} if zero == "0" else {"zero": zero})
        spread = without_tilde(case["dispersion_formula"])
        model = kind("x + (1 | group)", dispersion=spread, **options)
        tables = {
            key: table_of(case[key])
            for key in ("mean", "dispersion", "zero")
            if case[key]["estimate"] not in ([], None)
        }
        known = Answer(program(answers), case["log_likelihood"], tables, case["sd"])
        name = f"{case['family'].replace('_', '-')}-{case['response']}"
        yield Case(name, model, data, data[case["response"]], known)


def trials() -> Iterator[Case]:
    """Successes in trials, by Laplace's approximation and by quadrature."""
    from test_trials import made  # noqa: PLC0415  # tests are no package

    answers, data = read("trials.json"), read("simulated_trials.csv")
    for case in answers["fits"]:
        tables = {
            key: table_of(case[key])
            for key in ("mean", "precision", "zero")
            if case[key]["estimate"] not in ([], None)
        }
        n_effects = 2 if "(x |" in case["mean_formula"] else 1
        deviations = np.exp(np.atleast_1d(case["theta"])[:n_effects])
        known = Answer(program(answers), case["log_likelihood"], tables, deviations)
        name = f"{case['response'].replace('_', '-')}-{case['link']}"
        yield Case(name, made(case), data, data[case["response"]], known)
    for case in answers["quadrature"]:
        options = {"trials": "trials", "n_quadrature": case["points"]}
        model = BinomialGLMMRegressor("x + (1 | group)", **options)
        tables = {"mean": (case["estimate"], None)}
        known = Answer(program(answers, "lme4"), case["log_likelihood"], tables, case["sd"])
        yield Case("binomial-quadrature", model, data, data["binomial"], known)


def quadrature() -> Iterator[Case]:
    """Classes and counts of a random intercept, by quadrature."""
    answers, (data, made) = read("quadrature.json"), made_of_shares()
    for case in answers["fits"]:
        response = {"count": "few"}.get(case["response"], case["response"])
        model = KINDS[case["family"]](f"x + (1 | {case['group']})", n_quadrature=case["n_points"])
        tables = {"mean": (case["mean"], case["std_error"])}
        name = f"R code, {program(answers, 'statmod')}"
        known = Answer(name, case["log_likelihood"], tables, case["sd"])
        yield Case(f"quadrature-{case['group']}", model, data, made[response], known)


def ordered() -> Iterator[Case]:
    """Ordered classes, by clmm and clm."""
    answers, (data, _) = read("ordinal.json"), made_of_shares()
    y = np.digitize(data["y"], [0.2, 0.45, 0.7, 0.9]) + 1
    for case in answers["cases"]:
        options = {key: case[key] for key in ("link", "thresholds", "n_quadrature")}
        model = OrdinalGLMMClassifier(case["formula"], scale=case.get("scale"), **options)
        names = ["thresholds", "location", *(["scale"] if case.get("scale") else [])]
        n_thresholds = len(case["estimates"]) - len(names) + 1  # and of each other part one
        cuts = n_thresholds + np.arange(len(names) - 1)
        parts = np.split(np.array(case["estimates"]), cuts)
        errors = (
            np.split(np.array(case["std_errors"]), cuts)
            if case["std_errors"]
            else [None] * len(names)
        )
        tables = dict(zip(names, zip(parts, errors, strict=True), strict=True))
        sds = np.sort(np.ravel(case["sds"])) if case["sds"] else None
        known = Answer(program(answers, "ordinal"), case["log_likelihood"], tables, sds)
        name = case["name"].replace(", ", "-").replace(" ", "-")
        yield Case(name, model, data, y, known, deviations=in_order)
