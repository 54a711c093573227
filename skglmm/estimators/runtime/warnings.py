"""What an estimator tells its caller about a fit that went less than perfectly."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.exceptions import ConvergenceWarning

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.exceptions import SingularFitWarning
from skglmm.families import Family
from skglmm.fitting import Fit
from skglmm.response import ResponseScale

__all__ = [
    "tell",
    "tell_about",
    "tell_constant",
    "tell_constant_levels",
    "tell_dropped",
    "tell_namesake",
    "tell_not_kept",
    "tell_unseen",
    "untold",
]

_PACKAGES = (Path(__file__).parents[2], Path(sklearn.__file__).parent, Path(joblib.__file__).parent)
_INSIDE = tuple(f"{package}{os.sep}" for package in _PACKAGES)
_SILENT: ContextVar[bool] = ContextVar("silent", default=False)
_CATEGORIES: dict[str, type[Warning]] = {
    "convergence": ConvergenceWarning,
    "singular": SingularFitWarning,
    "aliased": UserWarning,
    "capped": UserWarning,
    "separated": UserWarning,
    "untold": UserWarning,
    "undetermined": UserWarning,
}


def tell(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the caller's line: the nearest one outside skglmm, scikit-learn and joblib."""
    if _SILENT.get():
        return
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=2 if frame is None else level)


@contextmanager
def untold() -> Iterator[None]:
    """Tell nothing in this thread: Python's own filters of warnings are those of all threads."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


def tell_constant_levels(fit: Fit, design: Design, y: Floats) -> tuple[str, ...]:
    """Warn of random effects whose variance has no finite estimate; return the sentences."""
    found = infer.constant_levels(fit, design, y)
    sentences = tuple(f"{each.finding}. {each.advice}" for each in found)
    for sentence in sentences:
        tell(sentence)
    return sentences


def tell_namesake(frame: pd.DataFrame, y: Any, name: str | None) -> None:
    """Warn of a covariate that is left out as y, another variable, has its name."""
    if name not in frame.columns:
        return
    column, response = frame[name].to_numpy(), np.asarray(y)
    with np.errstate(invalid="ignore"):
        same = column.dtype.kind == response.dtype.kind and np.all(column == response)
    if not same:
        text = (
            f"formula=None takes all columns but {name!r}, as y has that name. Its values are not "
            "those of y: if it is a covariate, rename y, or pass y.to_numpy()"
        )
        tell(text)


def tell_not_kept(fit: Fit) -> None:
    """Warn of a fit that predictions over the posterior of its effects are refused of."""
    if fit.layout.factors and fit.effect_posterior is None:
        text = (
            "no distribution of the random effects given the responses was found, which "
            "predict_kind='posterior' averages over: predictions need kind='conditional', which "
            "takes their modes"
        )
        tell(text)


def tell_dropped(terms: tuple[str, ...]) -> None:
    """Warn of terms such as ``(x | 1)``, which the model goes without."""
    for term in terms:
        effects = term[1 : term.rindex("|")].strip()
        slopes = effects.replace("1 + ", "0 + ", 1) if effects.startswith("1 + ") else effects
        text = (
            f"{term} has no grouping factor: the fit is the one without this term. For effects "
            f"that vary between the levels of a column g write ({slopes} | g)"
        )
        tell(text)


def tell_constant(constant: Mapping[str, str]) -> None:
    """Warn of categories with one level, which have no column beside the intercept."""
    for name, level in constant.items():
        text = (
            f"dropped: {name!r} has the single level {level!r}, which cannot be told from the "
            "intercept; take it out of the formula"
        )
        tell(text)


def tell_unseen(scale: ResponseScale, read: Floats, family: Family) -> None:
    """Warn of responses, as the family takes them, on a bound where no response of fit was."""
    always = bool(family.endless_predictors(()))  # whatever responses between the bounds are
    other = ", or choose a model that needs none, such as ExtendedBetaGLMMRegressor"
    for mass in scale.unseen:
        count = int(np.count_nonzero(read == mass))
        if count:
            bound = float(scale.write(np.array(mass)))
            text = (
                f"{count} of {len(read)} responses equal the bound {bound:g}, where no response "
                "of fit was: the model gives them a probability of 0, and their log density says "
                "nothing but that. Fit on rows with such responses, as by stratified folds"
                f"{other if always else ''}"
            )
            tell(text)


def tell_about(fit: Fit) -> None:
    """Warn of everything that a fit has to say about itself, and of levels of one row."""
    for factor in fit.layout.grouping_factors:
        confounded = infer.confounded_with_rows(fit.family, fit.layout)
        if factor.n_levels == fit.n_samples and confounded is not None:
            text = (
                f"every row is a level of {factor.name!r} of its own ({fit.n_samples} rows): "
                f"{confounded}. Group the rows by something that several of them share"
            )
            tell(text)
    for note in infer.notes(fit):
        tell(note.text, _CATEGORIES[note.kind])
