"""A model with its rows, for many responses: how each is read, fitted and told of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skglmm import inference as infer
from skglmm.arrays import Bools, Floats
from skglmm.design import Design, DesignSpec
from skglmm.engine import Approximation
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import MIN_SAMPLES
from skglmm.estimators.reading.validation import check_weights
from skglmm.families import Family
from skglmm.fitting import Fit, Options, SharedDesign
from skglmm.priors import Priors
from skglmm.response import ResponseScale

__all__ = ["SharedModel"]

Item = tuple[NDArray[Any], Bools]  # a response, (n,), and where it has a value


class _Read(NamedTuple):
    """One response as the family takes it, in the rows that have it."""

    place: int
    given: NDArray[Any]
    read: Floats
    log_jacobian: float
    scale: ResponseScale


@dataclass(frozen=True)
class SharedModel:
    """All that fits to many responses need, but for these.

    Parameters
    ----------
    family : Family
    design : Design
    weights : ndarray, shape (n,), or None
        Positive.
    approximation : Approximation
    priors : Priors
    scale : ResponseScale
        Draft of what a response is.
    vet : callable
        Takes a name and the responses of some rows, and returns these as a column, or raises.
    name : str
        Of the estimator, for what `vet` says.
    options : Options
    inference : bool
    settle : callable
        Takes the family and what was learned of a response, and returns the family that knows it.
    """

    family: Family
    design: Design
    weights: Floats | None
    approximation: Approximation
    priors: Priors
    scale: ResponseScale
    vet: Callable[[str, Any], Any]
    name: str
    options: Options
    inference: bool
    settle: Callable[[Family, ResponseScale], Family]

    @classmethod
    def of(
        cls,
        model: MixedModel,
        family: Family,
        spec: DesignSpec,
        design: Design,
        weights: Floats | None,
    ) -> "SharedModel":
        """Take from an estimator what its fits need."""
        if model.solver == "iterative":
            msg = (
                "fits of many responses factorize what they share, and solver='iterative' asks for "
                "iterations; leave solver='auto', or fit the estimator to each response"
            )
            raise ValueError(msg)
        return cls(
            family,
            design,
            weights,
            model._likelihood(family),
            model._priors(spec),
            model._make_scale(family),
            model._vet,
            type(model).__name__,
            Options(model.tol, int(model.max_iter)),
            bool(model.inference),
            model._settled,
        )

    def fits(self, items: Sequence[Item], df: str = "auto") -> list[infer.FitNumbers]:
        """Fit the model to some of the responses, each to the rows that have it.

        Parameters
        ----------
        items : sequence of (ndarray, ndarray)
        df : str
            Degrees of freedom of the fixed effects, see `reference`.
        """
        found: list[Any] = [None] * len(items)
        by_rows: dict[bytes, list[_Read]] = {}
        for place, (y, seen) in enumerate(items):
            try:
                response = self._read(place, y, seen)
            except (ValueError, TypeError) as error:
                found[place] = infer.no_numbers(int(seen.sum()), str(error))
            else:
                by_rows.setdefault(seen.tobytes(), []).append(response)
        is_labeled = False
        for responses in by_rows.values():
            fits = self._fitted(responses, items[responses[0].place][1])
            for response, fit in zip(responses, fits, strict=True):
                found[response.place] = _numbers(response, fit, df, labeled=not is_labeled)
                is_labeled = is_labeled or isinstance(fit, Fit)
        return found

    def _read(self, place: int, y: NDArray[Any], seen: Bools) -> _Read:
        given = y[seen]
        if len(given) < MIN_SAMPLES:
            msg = f"it has {len(given)} values, expected at least {MIN_SAMPLES}"
            raise ValueError(msg)
        if not (given.dtype.kind == "f" and np.isfinite(given).all()):
            given = self.vet(self.name, given)
        if np.all(given == given[0]):
            value = given.tolist()[0]
            shown = f"{value:g}" if isinstance(value, float) else repr(value)
            msg = f"all its {len(given)} values equal {shown}: there is nothing to tell"
            raise ValueError(msg)
        scale = self.scale.learn(given)
        if self.settle(self.family, scale) != self.family:
            msg = (
                f"it is about {scale.described}, and another response is not: what all fits share "
                "depends on the classes; fit it alone"
            )
            raise ValueError(msg)
        read = scale.read(given)
        self._refuse_larger(read, seen)
        weights = self._weights(seen)
        return _Read(place, given, read, scale.total_log_jacobian(read, weights), scale)

    def _refuse_larger(self, read: Floats, seen: Bools) -> None:
        """Refuse responses that are larger than what they are a part of."""
        for k in self.family.known:
            sizes = self.design.offsets[k]
            assert sizes is not None  # which is what known predictors are
            above = read > sizes[seen]
            if above.any():
                name = self.design.layout.predictors[k]
                msg = f"{np.count_nonzero(above)} of its {len(above)} values exceed the {name}"
                raise ValueError(msg)

    def _weights(self, seen: Bools) -> Floats | None:
        if self.weights is None or seen.all():
            return self.weights
        return check_weights(self.weights[seen], int(seen.sum()))

    def _fitted(self, responses: Sequence[_Read], seen: Bools) -> Iterator[Fit | Exception]:
        """Fit all responses that have their values in the same rows."""
        design = self.design if seen.all() else self.design.take(seen)
        first, weights = responses[0].read, self._weights(seen)
        try:
            rows = SharedDesign.of(
                self.family, design, first, weights, self.approximation, self.priors
            )
        except (ArithmeticError, ValueError) as error:  # of rows that are too few for the model
            yield from [error] * len(responses)
            return
        matrix = np.array([each.read for each in responses]).T
        jacobians = [each.log_jacobian for each in responses]
        yield from rows.fits(matrix, jacobians, self.options, inference=self.inference)


def _numbers(response: _Read, fit: Fit | Exception, df: str, *, labeled: bool) -> infer.FitNumbers:
    if not isinstance(fit, Fit):
        return infer.no_numbers(len(response.given), str(fit))
    found = infer.fit_numbers(fit, labeled=labeled, df=df)
    doubts = response.scale.doubts(response.given)
    missing = response.scale.knowing(fit.vanishing).missing
    texts = [*doubts, *missing, found.message]
    return found._replace(message="; ".join(text for text in texts if text))
