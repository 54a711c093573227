"""Beta models between the bounds and with zeros and ones: answers of glmmTMB."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from answers.files import program, read
from answers.record import NOT_CONVERGED, Answer, Case, stacked
from skglmm import (
    BetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
)
from skglmm.datasets import load_petrol

__all__ = ["block", "boundary", "cells", "named", "offsets", "rows_of"]

# models of the tests that compare with the same answers
BETA = (
    "petrol-random-intercept",
    "petrol-precision",
    "crossed-intercepts",
    "crossed-slopes",
    "crossed-mixed-columns",
    "nested-three-levels",
)
FACTORS = {
    "petrol": ("batch",),
    "crossed": ("item", "subject"),
    "nested": ("school", "school:class", "school:class:pupil"),
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


def rows_of(name: str) -> pd.DataFrame:
    if name.startswith("petrol"):
        frame = load_petrol().frame
        return frame.assign(**{"yield": frame["Y"] / 100}, EPc=frame["EP"] / 100)
    return read(f"simulated_{name.partition('-')[0]}.csv")


def block(blocks: dict[str, Any], factor: str) -> dict[str, Any]:
    """Find glmmTMB's block of a factor; its nested names run the other way."""
    return next(each for key, each in blocks.items() if {*key.split(":")} == {*factor.split(":")})


def named() -> Iterator[Case]:
    """Models of which conditional modes and predictions are known, too."""
    from test_parity import MODELS  # noqa: PLC0415  # tests are no package

    for name in BETA:
        response, formula, parameters = MODELS[name]
        answer, data = read(f"{name}.json"), rows_of(name)
        tables = {"mean": answer["conditional"], "precision": answer["dispersion"]}
        converged, factors = answer["convergence"] == 0, FACTORS[name.partition("-")[0]]
        known = Answer(
            program(answer),
            answer["log_likelihood_reached"],
            {
                key: (part["estimate"], part["std_error"] if converged else None)
                for key, part in tables.items()
                if part
            },
            stacked(block(answer["random_effects"], factor)["sd"] for factor in factors),
            None if converged else NOT_CONVERGED,
        )
        model = BetaGLMMRegressor(formula, **parameters)
        yield Case(name, model, data, data[response], known)


def boundary() -> Iterator[Case]:
    """Zero-inflated and ordered betas."""
    answers, data = read("boundary.json"), rows_of("boundary")
    for name, (kind, formula, parameters) in BOUNDARY.items():
        answer = answers[name]
        weights = data["w"] if name.endswith("weights") else None
        tables = {
            own: tuple([*answer[what][part].values()] for what in ("coefficients", "std_errors"))
            for own, part in PARTS.items()
            if part in answer["coefficients"]
        }
        deviations = stacked(
            each["sd"]
            for part in ("cond", "zi")
            for each in (answer["random"][part] or {}).values()
        )
        known = Answer(program(answers), answer["log_likelihood"], tables, deviations)
        y = data["zeros" if kind is ZERO else "both"]
        model = kind(formula, **parameters)
        yield Case(name, model, data[["x", "g"]], y, known, weights)


def offsets() -> Iterator[Case]:
    """Offsets of the mean, the precision and the zeros, and a natural spline."""
    from test_offsets import OFFSETS  # noqa: PLC0415  # tests are no package

    answers = read("offsets.json")
    for name, answer in answers["fits"].items():
        tables: dict[str, tuple[Any, None]] = {"precision": (answer["precision"], None)}
        if name == "natural_spline":  # with a basis of its own
            data = read("simulated_crossed.csv")
            formula = f"cr(x, knots={answers['knots']}, constraints='center') + (1 | subject)"
            model, y = BetaGLMMRegressor(formula), data["y"]
        else:
            data = rows_of("boundary")
            data = data if name == "zero" else data[data["zeros"] > 0]
            model, y = OFFSETS[name], data["zeros"]
            tables |= {key: (answer[key], None) for key in ("mean", "zero") if answer[key]}
        known = Answer(program(answers), answer["log_likelihood"], tables, answer["sd"])
        yield Case(
            f"offset-{name}" if name in OFFSETS else name.replace("_", "-"), model, data, y, known
        )


def cells() -> Iterator[Case]:
    """Means of the cells of two factors."""
    answer = read("estimable.json")
    data = read("simulated_empty_cell.csv")
    data["cell"] = data["dose"] + " " + data["soil"]
    names = sorted(data["cell"].unique())
    means = {each["cell"]: each for each in answer["means"]}
    table = ([means[name][key] for name in names] for key in ("linear", "linear_se"))
    known = Answer(program(answer), answer["log_likelihood"], {"mean": tuple(table)}, None)
    model = BetaGLMMRegressor("0 + cell + (1 | plot)")
    yield Case("cells", model, data, np.asarray(data["y"]), known)
