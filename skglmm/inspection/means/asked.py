"""What is averaged: linear predictors, means or probabilities, of which groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from skglmm import inference as infer
from skglmm.design import Design
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import new_frame
from skglmm.estimators.reading.rows import Kind, build_rows
from skglmm.estimators.reading.validation import check_choice, check_inference, check_level
from skglmm.links import LogOdds

__all__ = ["Asked"]

SCALES = ("response", "link")
LOST = "NaN where the data do not determine what is averaged, or all of its weights are 0"


@dataclass(frozen=True, eq=False)
class Asked:
    """Which averages of which rows are wanted.

    Parameters
    ----------
    model : MixedModel
    kind : str or collection of str
        Whose means.
    scale : {"response", "link"}
    df : str
    level : float
    of_rows : bool
        Whether means are averaged, not linear predictors, where these two differ.
    """

    model: MixedModel
    kind: Kind
    scale: str
    df: str
    level: float
    of_rows: bool = False

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, SCALES)
        check_choice("df", self.df, infer.DF_METHODS)
        check_level(self.level)
        check_inference(self.model.fit_)
        family = self.model.fit_.family
        if self.scale == "link" and len(family.locations) > 1:
            msg = (
                "scale='link' needs one linear predictor, and classes without an order have one "
                "each; scale='response' has the probability of each class"
            )
            raise ValueError(msg)
        if self.scale == "link" and self.kind == "marginal" and self.are_classes:
            msg = (
                "scale='link' with kind='marginal' is the link of an average mean, and classes "
                "have none; take scale='response', or kind='fixed'"
            )
            raise ValueError(msg)

    @property
    def are_classes(self) -> bool:
        """Whether responses are classes, whose probabilities are averaged: no mean is one."""
        family = self.model.fit_.family
        has_mean = family.counts_something or family.mean_predictors == (family.location,)
        return bool(family.parts) and family.support.is_discrete and not has_mean

    @property
    def is_linear(self) -> bool:
        """Whether what is averaged is a linear predictor."""
        family = self.model.fit_.family
        own = family.location
        if infer.has_location_mean(self.model.fit_) and family.links[own].name == "identity":
            return True
        if self.of_rows or self.kind != "fixed":
            return False
        return self.scale == "link" or (family.mean_predictors == (own,) and not self.are_classes)

    def averages(
        self,
        rows: pd.DataFrame,
        weights: csr_array,
        names: tuple[str, ...],
        labels: tuple[tuple[Any, ...], ...],
        title: str,
        notes: tuple[str, ...] = (),
    ) -> infer.MarginalMeans:
        """Return weighted averages over rows.

        Parameters
        ----------
        rows : DataFrame
            As the model gets them.
        weights : csr_array, shape (m, n_rows)
        names, labels : tuple
            Columns that say what the m averages are of, and their values.
        title : str
        notes : tuple of str
        """
        against = infer.reference(self.model.fit_, self.df)
        found, working = self._found(against, rows, weights)
        on_link, within = self.scale == "link", tuple[str, ...]()
        if self.are_classes and not on_link:
            within = (infer.free("class", names),)
            names = (*within, *names)
            parts = self.model.fit_.family.parts
            labels = tuple((part, *label) for label in labels for part in parts)
        notes = (*self._told(), *notes)
        if np.isnan(found.estimate).any():
            notes = (*notes, LOST)
        name = f"{working.name} scale" if on_link and working.name else "scale of the response"
        return infer.MarginalMeans(
            f"{title}, {name}",
            names,
            labels,
            found,
            working,
            on_link,
            against,
            self.level,
            within,
            notes,
        )

    def slopes(
        self,
        rows: pd.DataFrame,
        weights: csr_array,
        names: tuple[str, ...],
        labels: tuple[tuple[Any, ...], ...],
        title: str,
        notes: tuple[str, ...] = (),
    ) -> infer.MarginalMeans:
        """Return weighted sums over rows that are differences, as they are."""
        against = infer.reference(self.model.fit_, self.df)
        fit = against.applied()
        width = 1.0 if self.are_classes else self.model._scale.width
        if self.is_linear or self.scale == "link":
            design, plan = self._design(rows, "fixed")
            found = infer.linear_sums(fit, design, plan, weights, fit.family.location)
            width = 1.0 if self.scale == "link" else width
        else:
            design, plan = self._design(rows, self.kind)
            found = infer.sums_over_rows(self.model.fit_, design, plan, weights, self._what())
            width *= fit.units.width if fit.units.are_own else 1.0
        if width != 1.0:
            found = found.moved(width * found.value, np.full(len(found.value), width))
        within: tuple[str, ...] = ()
        if self.are_classes and self.scale == "response":
            within = (infer.free("class", names),)
            names = (*within, *names)
            labels = tuple((part, *label) for label in labels for part in fit.family.parts)
        return infer.MarginalMeans(
            title,
            names,
            labels,
            found,
            infer.WorkingScale(),
            False,
            against,
            self.level,
            within,
            (*self._told(), *notes),
        )

    def _told(self) -> tuple[str, ...]:
        """Say of which of two classes means are probabilities, where labels are no numbers."""
        labels, name = getattr(self.model, "classes_", None), self.model._scale.mean_of("y")
        if labels is None or self.are_classes or np.asarray(labels).dtype.kind in "biuf":
            return ()
        return (f"of {name}",)

    def _what(self) -> infer.RowFunctions:
        fit = self.model.fit_
        return infer.parts_of_rows(fit) if self.are_classes else infer.mean_of_rows(fit)

    def _found(
        self, against: infer.Reference, rows: pd.DataFrame, weights: csr_array
    ) -> tuple[infer.EstimatedFunctions, infer.WorkingScale]:
        fit, scale = against.applied(), self.model._scale
        own = fit.family.location
        if self.is_linear:
            design, plan = self._design(rows, "fixed" if self.kind == "marginal" else self.kind)
            found = infer.linear_sums(fit, design, plan, weights, own)
            return found, infer.of_linear(fit, scale)
        design, plan = self._design(rows, self.kind)
        fit = self.model.fit_  # with the covariances of all parameters
        found = infer.sums_over_rows(fit, design, plan, weights, self._what())
        if self.are_classes:
            return infer.of_means(fit, found, LogOdds(), None)
        return infer.of_means(fit, found, fit.family.links[own], scale)

    def _design(self, rows: pd.DataFrame, kind: Kind) -> tuple[Design, infer.Plan]:
        model, frame = self.model, new_frame(self.model, rows)
        spec = model._spec
        sizes = [name for k in model.fit_.family.known for name in spec.offset_parts[k].columns]
        frame = frame.assign(**{name: 1.0 for name in sizes if name not in frame})
        design, plan = build_rows(spec, frame, kind, "error", model.context)
        return infer.of_one_trial(model.fit_, design), plan
