"""A fitted mixed model, with the steps before it and the name of what it predicts."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skglmm.arrays import Floats
from skglmm.estimators.base.inside import Inside, unwrap
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import name_of
from skglmm.formula import parse, variables

__all__ = ["Fitted", "name_in_model"]

# What one unit of a linear predictor is called, where it has a name of its own.
SCALES = {
    "logit": "log odds",
    "probit": "probit",
    "log": "log mean",
    "identity": "mean",
    "sqrt": "square root of the mean",
}


@dataclass(frozen=True, eq=False)
class Fitted(Inside):
    """A mixed model, and the steps of a pipeline that its rows pass before.

    Parameters
    ----------
    model : MixedModel
        Fitted.
    steps : tuple
        Fitted transformers.
    """

    model: MixedModel

    @classmethod
    def of(cls, model: Any) -> Self:
        """Find the model in an estimator: itself, the end of a pipeline, the best of a search.

        Raises
        ------
        TypeError
            When there is none.
        NotFittedError
            When `fit` was not called.
        """
        unwrap(model, "the estimator")
        return super().of(model)

    @property
    def scale(self) -> str:
        """Name of the scale of the mean's linear predictor, such as "log odds"."""
        return SCALES.get(self.model.link, f"{self.model.link} scale")

    def columns(self, *, effects: bool, response: bool) -> set[str]:
        """Return the columns that the mean depends on, as the model calls them.

        Parameters
        ----------
        effects : bool
            Whether those of random effects count.
        response : bool
            Whether those of all linear predictors count, as they do for a new response.
        """
        model, allowed = self.model, tuple(self.model.context or ())
        layout, family = model.fit_.layout, model.fit_.family
        every = family.estimated if response else family.mean_predictors
        moving = [layout.predictors[k] for k in every]
        formulas = [parse(model.formulas_[name], allowed) for name in moving]
        texts = [formula.unpenalized for formula in formulas]
        if effects:
            texts += [bar.effects for bar in model.random_terms_ if bar.predictor in moving]
            texts += [each.bends for formula in formulas for each in formula.smooths]
        offset = set() if model.offset is None else {str(model.offset)}
        for k in (*family.known, *every):  # an exposure is an offset of the mean
            offset |= set(model._spec.offset_parts[k].columns)
        return offset | {name for text in texts for name in variables(text, allowed)}

    def numbers(self, y: Any) -> Floats:
        """Return responses, (n,), as numbers of the scale that means are on."""
        numbers: Floats = self.model._scale.numbers(self.model._column(y))
        return numbers

    def means(self, rows: Any, kind: Any) -> Floats:
        """Return the means, (n,), of rows as the model gets them."""
        return np.asarray(self.model._means(predict_frame(self.model, rows), kind))

    def target(self, y: Any) -> str:
        """Return what responses are called: named by y, by the formula, or just "y"."""
        formula = self.model.formula
        label = (
            None if formula is None else parse(formula, tuple(self.model.context or ())).response
        )
        return name_of(y) or label or "y"

    def link_name(self, y: Any) -> str:
        """Return what linear predictors of means are called, as in "log odds of y = yes"."""
        name = self.mean_name(y) or ""
        of = name.removeprefix("P(").removesuffix(")") if name.startswith("P(") else self.target(y)
        return f"{self.scale} of {of}"

    def mean_name(self, y: Any) -> str | None:
        """Return what means are called, as in "P(y = yes)"; None where they are means of y."""
        name: str | None = self.model._scale.mean_of(self.target(y))
        return name


def name_in_model(model: MixedModel, table: Any, name: Any) -> str:
    """Return what formulas call a column of a table; those without names are numbered."""
    if hasattr(model, "feature_names_in_"):
        return str(name)
    return f"x{list(table.columns).index(name)}"
