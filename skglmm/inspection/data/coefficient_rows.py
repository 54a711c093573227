"""Coefficients of several models as rows of one picture."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from skglmm.estimators.base.mixed_model import MixedModel

__all__ = ["CoefficientRow", "Estimate", "coefficient_rows", "location_names", "ratio_words"]

LEVEL = re.compile(r"^(?P<factor>[^:\[\]]+)\[(?:T\.|S\.)?(?P<level>[^\[\]]*)\]$")
CALL = re.compile(r"^C\((?P<name>\w+)\b.*\)$")


@dataclass(frozen=True)
class Estimate:
    """An estimate of one model.

    Parameters
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CoefficientRow:
    """One coefficient, or standard deviation, in all models.

    Parameters
    ----------
    label : str
        What it is called.
    heading : str
        What it stands under, such as the name of a factor; empty for nothing.
    block : str
        What belongs together before: a linear predictor, where there are several.
    estimates : tuple of Estimate or None
        One for each model; None where a model has no such coefficient.
    """

    label: str
    heading: str
    block: str
    estimates: tuple[Estimate | None, ...]


def coefficient_rows(
    frames: Sequence[pd.DataFrame],
    terms: Sequence[str] | None,
    labels: Mapping[str, str],
    *,
    intercept: bool,
) -> list[CoefficientRow]:
    """Return a row for each coefficient that is wanted, in the order of the models or of `terms`.

    Parameters
    ----------
    frames : sequence of DataFrame
        What `tidy` returns, one for each model, with a column ``block``.
    terms : sequence of str or None
        Which, in order; None is all.
    labels : mapping of str to str
        Other names of terms.
    intercept : bool
        Whether intercepts are wanted where `terms` does not say it.

    Raises
    ------
    ValueError
        When a term is in no model.
    """
    tables = [_estimates(frame) for frame in frames]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    known = list(dict.fromkeys(term for _, term in keys))
    for what, names in (("terms", terms or ()), ("labels", labels)):
        for name in names:
            if name not in known:
                msg = f"{what}: {name!r} is in none of the models, which have {known}"
                raise ValueError(msg)
    blocks = list(dict.fromkeys(block for block, _ in keys))
    if terms is not None:
        keys = [(block, term) for block in blocks for term in terms if (block, term) in keys]
    else:
        keys = [key for key in keys if intercept or key[1] != "Intercept"]
        keys = [key for block in blocks for key in _together(keys, block)]
    several = len({block for block, _ in keys}) > 1
    rows = []
    for block, term in keys:
        heading, label = ("", labels[term]) if term in labels else _words(term)
        found = tuple(table.get((block, term)) for table in tables)
        rows.append(CoefficientRow(label, heading, block if several else "", found))
    return rows


def location_names(model: MixedModel) -> list[str]:
    """Return the names of the linear predictors that the location has: one, or one a class."""
    fit = model.fit_
    return [fit.layout.predictors[k] for k in fit.family.locations]


def ratio_words(models: Sequence[MixedModel], *, exponentiate: bool) -> str:
    """Return what coefficients of the locations are, for an axis."""
    links = [model.fit_.family.links[model.fit_.family.location] for model in models]
    names = {link.name for link in links}
    if not exponentiate:
        scales = {"logit": "log odds", "log": "log mean", "identity": "mean"}
        name = next(iter(names))
        text = scales.get(name, f"{name} scale") if len(names) == 1 else "linear predictor"
        return f"effect on the {text}"
    words = {"logit": "odds ratio", "log": "ratio of means"}
    return words.get(next(iter(names)), "ratio") if len(names) == 1 else "ratio"


def _estimates(frame: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    numbers = frame[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=float).tolist()
    keys = zip(frame["block"], frame["term"], strict=True)
    return {
        (str(block), str(term)): Estimate(*row)
        for (block, term), row in zip(keys, numbers, strict=True)
    }


def _together(keys: list[tuple[str, str]], block: str) -> list[tuple[str, str]]:
    """Return the keys of a block, levels of a factor beside each other."""
    own = [key for key in keys if key[0] == block]
    places: dict[str, int] = {}
    for _, term in own:
        places.setdefault(_words(term)[0] or term, len(places))
    return sorted(own, key=lambda key: places[_words(key[1])[0] or key[1]])


def _words(term: str) -> tuple[str, str]:
    """Return heading and label of a term as formulas call it."""
    parts = term.split(":")
    if len(parts) == 1 and (found := LEVEL.match(term)):
        return _name(found["factor"]), found["level"]
    texts = []
    for part in parts:
        found = LEVEL.match(part)
        texts.append(f"{_name(found['factor'])} {found['level']}" if found else part)
    return "", " \N{MULTIPLICATION SIGN} ".join(texts)


def _name(factor: str) -> str:
    found = CALL.match(factor)
    return found["name"] if found else factor
