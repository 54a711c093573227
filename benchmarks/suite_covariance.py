"""Models of the reference cases of structures of random effects, and their natural parameters."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from suite_counts import sides

from skglmm import LMMRegressor, PoissonGLMMRegressor
from skglmm.inference import natural

__all__ = ["covariance", "has_residual", "numbers", "pairs_of_numbers"]

OF_COLUMNS = ("cs", "us", "diag", "rr")  # whose standard deviations and correlations are compared
FIELD = "gau(0 + latitude + longitude | 1)"  # of a model without a random term in nlme


def has_residual(case: dict[str, Any]) -> bool:
    """Return whether the model has random effects beside a residual, which is not correlated."""
    options = case["options"]
    kind = options["covariance"]
    is_marginal = "|" not in case["formula"] and "nugget" not in kind
    residual = str(options.get("residual", ""))
    return not (is_marginal or residual.startswith("none") or kind.endswith("residuals"))


def covariance(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    """Return the model of a structure, its rows and its responses."""
    response, formula = sides(case)
    options, how = case["options"], {}
    formula = re.sub(r",\s*d = (\d+)\)", r", \1)", formula)
    formula = formula.replace("0 + pos", " + ".join(["0", *_listed(options.get("coordinates"))]))
    formula = formula.replace("| one)", "| 1)")
    if "nugget" in options["covariance"]:
        formula = f"{formula} + {FIELD}"
    elif not has_residual(case):
        formula, how["scale"] = _marginal(case, formula), "0"
    if "relationship" in options:
        table = rows.attrs["folder"].parent / options["relationship"]
        formula = formula.replace("(1 | animal)", "known(1 | animal, A)")
        how["relationships"] = {"A": pd.read_csv(table, index_col=0)}
    if "residual variance by" in options["covariance"]:
        how["scale"] = options["covariance"].rsplit(" ", 1)[1]
    y = rows[response].to_numpy()
    if case["family"] == "poisson":
        return PoissonGLMMRegressor(formula, **how), rows, y, None
    return LMMRegressor(formula, reml=bool(options.get("REML")), **how), rows, y, None


def _marginal(case: dict[str, Any], formula: str) -> str:
    """Return the formula with the structure of nlme's residuals as a term."""
    options = case["options"]
    kind = options["covariance"].removesuffix(" residuals")
    if kind == "ou":
        return formula.replace("time_num", options["coordinates"])
    if f"{kind}(" in formula:
        return formula
    column = "dayF" if "ovary" in case["name"] else "ageF"
    return f"{formula} + {kind}(0 + {column} | {case['random'][0]['group']})"


def numbers(model: Any, case: dict[str, Any]) -> str:
    """Return the largest relative difference of natural parameters, and which it is, as text."""
    pairs = list(pairs_of_numbers(model, case))
    apart = [abs(mine - known) / max(abs(known), 1e-3) for _, mine, known in pairs]
    place = int(np.argmax(apart))
    return f"  numbers {apart[place]:.1e} ({pairs[place][0]}, {len(pairs)} in all)"


def pairs_of_numbers(model: Any, case: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Name, own value and theirs of natural parameters."""
    found = [(each.name, each.value) for each in natural(model.fit_)]
    if not has_residual(case):
        yield from _without_residual(found, case)
        return
    own = [(name, value) for name, value in found if " | " in name]
    for block in case["random"]:
        theirs = block.get("parameters") or {}
        if block["structure"] in OF_COLUMNS and len(block["sd"]) > 1:
            yield from _of_columns(model, block)
        elif isinstance(theirs.get("sigma"), dict):  # a residual for each group
            first, *others = model.scale_coef_
            sigmas = np.exp([first, *(first + other for other in others)])
            levels = ("Male", "Female")
            yield from (
                (f"sigma {level}", mine, theirs["sigma"][level])
                for level, mine in zip(levels, sigmas, strict=True)
            )
        elif "sd_herd" in theirs:
            by_group = {name.rpartition(" | ")[2]: value for name, value in own}
            yield "sd animal", by_group["animal)"], theirs["sd"]
            yield "sd herd", by_group["herd)"], theirs["sd_herd"]
        else:
            known = _known(theirs) or block["sd"]
            yield from ((name, mine, each) for (name, mine), each in zip(own, known, strict=True))
    sigma = (case.get("dispersion") or {}).get("sigma")
    scale = dict(found).get("scale")
    if sigma and scale is not None and "nugget" not in case["options"]["covariance"]:
        yield "scale", scale, sigma


def _without_residual(
    found: list[tuple[str, float]], case: dict[str, Any]
) -> Iterator[tuple[str, float, float]]:
    known: list[float] = []
    for block in case["random"]:
        theirs = block.get("parameters") or {"sd": block["sd"]}
        if "decay" in theirs:
            known += _known(theirs)
            continue
        known += np.atleast_1d(theirs["sd"]).tolist()
        if block["structure"] == "us" and np.size(block.get("corr")) > 1:
            corr = np.array(block["corr"])
            known += corr[np.triu_indices(len(corr), 1)].tolist()
        for name in ("correlations", "rho", "phi"):
            known += np.atleast_1d(theirs.get(name, [])).tolist()
    own = [each for each in found if " | " in each[0]]
    yield from ((name, mine, each) for (name, mine), each in zip(own, known, strict=True))


def _known(theirs: dict[str, float]) -> list[float]:
    """Return their numbers as skglmm has them."""
    if "decay" in theirs:
        return [theirs["sd"], float(np.exp(-theirs["decay"]))]
    names = ("sd", "phi", "range", "smoothness")
    return [theirs[name] for name in names if name in theirs]


def _of_columns(model: Any, block: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    root = model.fit_.lambdas[0]
    sigma = root @ root.T
    sds = np.sqrt(np.diag(sigma))
    for name, mine, known in zip(block["terms"], sds, block["sd"], strict=True):
        yield f"sd {name}", mine, known
    mine, known = sigma / np.outer(sds, sds), np.array(block["corr"])
    for i, j in zip(*np.triu_indices(len(sds), 1), strict=True):
        yield f"corr {i} {j}", mine[i, j], known[i, j]


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())
