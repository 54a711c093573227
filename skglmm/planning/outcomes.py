"""Studies that are simulated and analyzed, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from skglmm.arrays import Bools, Floats
from skglmm.estimators.runtime.warnings import untold
from skglmm.exceptions import DesignError, FormulaError
from skglmm.planning.questions import StudyQuestion
from skglmm.planning.study import PlannedStudy

__all__ = ["Analysis", "StudyOutcome"]

PILOTS = 5  # of which one must have an answer
PILOT_SEED = 20_231_107


class StudyOutcome(NamedTuple):
    """What is kept of the analysis of one study.

    Parameters
    ----------
    p_value : float
        NaN where there is none.
    shown : bool
        Whether the study shows what it is for.
    contrasts : ndarray, shape (m,)
        Estimates of the constraints.
    values : ndarray, shape (n_params,)
        Estimates of all parameters.
    held : ndarray, shape (n_params,)
        Whether intervals hold the assumed values: 1, 0, or NaN where there are none.
    converged, singular : bool
    error : str
        What went wrong, where there is no answer; else empty.
    """

    p_value: float
    shown: bool
    contrasts: Floats
    values: Floats
    held: Floats
    converged: bool
    singular: bool
    error: str = ""


@dataclass(frozen=True)
class Analysis:
    """How studies are analyzed.

    Parameters
    ----------
    study : PlannedStudy
    question : StudyQuestion
    alpha : float
        Studies with such a p-value, or a smaller one, show what they are for.
    df : str
        Of intervals.
    names : tuple of str
        Parameters of the model.
    assumed : ndarray, shape (n_params,)
    n_contrasts : int
    """

    study: PlannedStudy
    question: StudyQuestion
    alpha: float
    df: str
    names: tuple[str, ...]
    assumed: Floats
    n_contrasts: int = 0

    @property
    def model(self) -> Any:
        """The estimator that is fitted to each study."""
        model = clone(self.study.model).set_params(verbose=0, n_jobs=None)
        return self.question.of_fitted(model)

    def tried(self) -> Floats:
        """Return what contrasts are of, (m,), by an analysis that must succeed.

        Raises
        ------
        ValueError
            When a hypothesis cannot be read, or no study has an answer.
        """
        seeds = np.random.SeedSequence(PILOT_SEED).spawn(PILOTS)
        for place, seed in enumerate(seeds):
            y = self.study.draw(1, np.random.default_rng(seed))[:, 0]
            try:
                with untold():
                    model = self.model.fit(self.study.X, y)
                    self.question.ask(model, self.study.X, y)
            except (FormulaError, DesignError):  # of any study
                raise
            except (ArithmeticError, ValueError) as error:
                if place == PILOTS - 1:
                    error.add_note(
                        f"No study of {PILOTS} has an answer; this is why the last has none"
                    )
                    raise
            else:
                break
        return self.question.assumed(model, np.concatenate(self.study.fit.beta))

    def outcomes(self, seeds: Sequence[np.random.SeedSequence]) -> list[StudyOutcome]:
        """Simulate and analyze a study for each seed."""
        with untold():  # it is counted
            return [self._outcome(np.random.default_rng(seed)) for seed in seeds]

    def _outcome(self, rng: np.random.Generator) -> StudyOutcome:
        X, y = self.study.X, self.study.draw(1, rng)[:, 0]
        try:
            model = self.model.fit(X, y)
        except (ArithmeticError, ValueError) as error:
            return self._failed(error, converged=False)
        converged, singular = bool(model.converged_), bool(model.is_singular_)
        values, held = self._estimates(model)
        try:
            found = self.question.ask(model, X, y)
        except (ArithmeticError, ValueError) as error:
            kept = self._failed(error, converged=converged)
            return kept._replace(values=values, held=held, singular=singular)
        yes = found.p_value <= self.alpha if found.shown is None else found.shown
        shown = bool(yes) and converged
        return StudyOutcome(found.p_value, shown, found.estimate, values, held, converged, singular)

    def _failed(self, error: Exception, *, converged: bool) -> StudyOutcome:
        none, contrasts = np.full(len(self.names), np.nan), np.full(self.n_contrasts, np.nan)
        text = f"{type(error).__name__}: {error}"
        state = {"converged": converged, "singular": False, "error": text}
        return StudyOutcome(np.nan, False, contrasts, none, none, **state)  # type: ignore[arg-type]

    def _estimates(self, model: Any) -> tuple[Floats, Floats]:
        """Estimates, and whether intervals hold what they are of."""
        if model.fit_.uncertainty is None:
            rows = dict.fromkeys(self.names, (np.nan,) * 3)
        else:
            frame = model.confint(level=1.0 - self.alpha, df=self.df)
            rows = dict(zip(frame.index, frame.to_numpy(dtype=float), strict=True))
        every = [rows.get(name, (np.nan,) * 3) for name in self.names]
        value, low, high = np.array(every, dtype=float).reshape(-1, 3).T
        held: Bools = (low <= self.assumed) & (self.assumed <= high)
        return value, np.where(np.isnan(low) | np.isnan(high), np.nan, held.astype(float))
