"""One design for many responses: its columns are standardized and bound once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import Approximation
from skglmm.families import Family
from skglmm.fitting.data.measure import measured
from skglmm.fitting.data.standardize import Scales, learn_scales
from skglmm.fitting.fit import fit_bound
from skglmm.fitting.record import Fit
from skglmm.fitting.search.optimize import Options
from skglmm.fitting.search.start import first_constants
from skglmm.fitting.study import Study
from skglmm.parts import Here
from skglmm.priors import NO_PRIORS, Priors

__all__ = ["SharedDesign"]


@dataclass(frozen=True)
class SharedDesign:
    """The rows of many responses.

    Each response has its own units and starting values, so that its fit is the one that `fit`
    returns for it alone, whatever the other responses are. Estimates of another response would be
    no better a start: searches from these take as long.

    Parameters
    ----------
    family : Family
    design : Design
        With the columns of the user.
    weights : ndarray, shape (n,), or None
    approximation : Approximation or None
        As in `fit`.
    columns : Scales
        Of the columns, before any response is seen.
    priors : Priors
        As in `fit`; weak ones have the units of each response.
    study : Study
        The rows with one of the responses; others take its place.
    """

    family: Family
    design: Design
    weights: Floats | None
    approximation: Approximation | None
    columns: Scales
    priors: Priors
    study: Study

    @classmethod
    def of(
        cls,
        family: Family,
        design: Design,
        y: Floats,
        weights: Floats | None = None,
        approximation: Approximation | None = None,
        priors: Priors = NO_PRIORS,
    ) -> "SharedDesign":
        """Standardize and bind the rows of a design.

        Parameters
        ----------
        family, design, weights, approximation, priors
            See `fit`.
        y : ndarray, shape (n,)
            Any of the responses; nothing is learned from it.
        """
        columns = learn_scales(design.layout, Here([design]), Here([weights]), family.intercepts)
        how = (0.0, 1, approximation)
        study = Study.of(family, design, y, weights, *how, columns=columns, priors=priors)
        return cls(family, design, weights, approximation, columns, priors, study.condensed())

    def fits(
        self,
        responses: Floats,
        log_jacobians: Iterable[float],
        options: Options,
        *,
        inference: bool = True,
    ) -> Iterator[Fit | Exception]:
        """Fit the model to many responses; fits keep no posterior of the random effects.

        Parameters
        ----------
        responses : ndarray, shape (n, m)
            On the family's own scale, all of them possible.
        log_jacobians : iterable of float, length m
            Of each response, see `fit`.
        options : Options
            When the optimizer stops.
        inference : bool
            Whether to compute the covariances of the estimates.

        Yields
        ------
        Fit or Exception
            In the order of the responses: an error, where there is no fit.
        """
        for y, log_jacobian in zip(responses.T, log_jacobians, strict=True):
            try:
                study = self._study(y, log_jacobian)
                offsets, response = study.design.offsets, study.response
                first = first_constants(self.family, offsets, response, self.weights)
                yield fit_bound(
                    study.anonymous,
                    first,
                    options,
                    inference=inference,
                    effects=False,
                    model=study.model,
                )
            except (ArithmeticError, ValueError) as error:  # what is not finite, among others
                yield error

    def _study(self, y: Floats, log_jacobian: float) -> Study:
        """The rows with a response, in the units of this response."""
        rows = (Here([self.design]), Here([y]), Here([self.weights]))
        scales = measured(self.columns, self.design.layout, self.family, *rows)
        moves = _moves(scales, self.design) or _moves(self.study.scales, self.design)
        if moves or self.priors:
            return Study.of(
                self.family,
                self.design,
                y,
                self.weights,
                log_jacobian,
                approximation=self.approximation,
                columns=self.columns,
                priors=self.priors,
            ).condensed()
        return replace(self.study, scales=scales, log_jacobian=log_jacobian).with_response(y)


def _moves(scales: Scales, design: Design) -> bool:
    """Whether the columns that a fit works on depend on the units of the response."""
    if not scales.units.are_own:
        return False
    sizes = ({scales.units.size(k) for k in f.predictors} for f in design.layout.factors)
    moved = zip(design.offsets, scales.levels, strict=True)
    return any(len(each) > 1 for each in sizes) or any(
        offset is not None or level != 0.0 for offset, level in moved
    )
