"""What a fitted estimator finds when it looks at its rows once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any
from zlib import crc32

import numpy as np

from skglmm import inference as infer
from skglmm.arrays import Ints
from skglmm.estimators.reading.model import titled
from skglmm.estimators.reading.nesting import reused_labels
from skglmm.estimators.reading.study_rows import StudyRows, study_rows
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit, Options, unpenalized

__all__ = ["Diagnosing"]

SHOWN = 3  # cells of a table that are named


class Diagnosing(SingleThreaded):
    """The diagnosis of a fitted mixed model, as a method."""

    fit_: Fit
    formulas_: dict[str, str]

    def diagnose(
        self, X: Any, y: Any, sample_weight: Any = None, *, random_state: Any = 0
    ) -> infer.Diagnosis:
        """Look for what may be wrong with the fit, in plain words.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of `fit`. Columns of labels that the model does not use are tried as missing
            grouping factors.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of `fit`.
        random_state : int, RandomState, Generator or None, default=0
            Draws random effects for the checks of residuals.

        Returns
        -------
        Diagnosis
            Findings with a severity, the numbers, and a sentence of advice each; prints as text,
            has ``to_frame()``. A "warning" casts doubt on numbers of the fit, a "note" is worth a
            look. The checks: convergence and curvature, with the names of the parameters;
            variances and correlations on the boundary; columns that were dropped, combinations of
            categories without rows, and a precision or a scale at its limit; coefficients that
            grow without end; how far the approximation of the likelihood is off, and the estimates
            that this moves; columns on wild scales; few levels, coefficients whose normal tests
            reject too often with so few, and levels of one row; single levels that move the
            estimates (a Newton step without each, no refit); labels that are reused within another
            factor; weights that count each row many times; and residuals: their distribution, the
            link, missing slopes, missing grouping factors. Between bounds also responses that
            `boundary` moved, or that look as if somebody had moved them before the fit, being equal
            and next to a bound, with the estimates that follow if they are moved to 1e-3, 1e-4 or
            1e-5 of the width (three refits); and bounds with a probability and no response. Of a
            fit with priors, what has no finite estimate without them (a refit).

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When these are not the rows of the fit.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.diagnose(X[["EP", "batch"]], y)
        Diagnosis of 1 + EP + (1 | batch): nothing found
        <BLANKLINE>
        Nothing to say about: convergence, curvature, ...
        """
        rows = study_rows(self, X, y, sample_weight)  # refuses what was not fitted
        checks = rows.residual_checks(None, self._source(random_state))
        others = [
            *_separated_findings(rows),
            *_nesting_findings(rows),
            *self._response_findings(rows, generator(random_state)),
            *_empty_findings(rows),
        ]
        return infer.diagnose(
            self.fit_,
            rows.study,
            rows.here,
            titled(self),
            checks,
            others,
            takes_points=hasattr(self, "n_quadrature"),
        )

    def _source(self, random_state: Any) -> np.random.Generator:
        """Return random numbers, which differ between data sets of whole numbers.

        Residuals of these are drawn for the most part: with the same draws every data set of one
        size would have the same outliers.
        """
        if isinstance(random_state, Integral) and self.fit_.family.support.is_discrete:
            mark = crc32(self.fit_.data_digest.encode())
            return np.random.default_rng([int(random_state), mark])
        return generator(random_state)

    def _response_findings(
        self, rows: StudyRows, rng: np.random.Generator
    ) -> Sequence[infer.Finding]:
        """Look at what was done to the responses, where something may be done."""
        del rows, rng
        return ()


def _separated_findings(rows: StudyRows) -> list[infer.Finding]:
    model, labels = rows.model, rows.labels()
    if not model.fit_.priors:
        return list(infer.separated_findings(model.fit_, rows.study, labels))
    options = Options(model.tol, int(model.max_iter))
    try:
        plain = unpenalized(rows.study, model.fit_, options)
    except (ArithmeticError, ValueError) as error:  # of a likelihood that is nowhere finite
        text = f"without priors there is no fit: {error}"
        return [infer.Finding("separation", "note", "", np.nan, text, "All rests on the priors")]
    return list(infer.prior_findings(model.fit_, plain, rows.study, labels))


def _nesting_findings(rows: StudyRows) -> list[infer.Finding]:
    model = rows.model
    design = model._spec.build(rows.frame, context=model.context)
    findings = []
    for reuse in reused_labels(model.fit_, model._spec, design, rows.frame, rows.study.y):
        text, _, advice = reuse.sentence.partition(". ")
        subject = f"{reuse.inner} in {reuse.outer}"
        findings.append(infer.Finding("nesting", "warning", subject, reuse.alike, text, advice))
    return findings


def _empty_findings(rows: StudyRows) -> Iterator[infer.Finding]:
    """Find the cells without rows that columns of interactions were dropped for."""
    spec, labels = rows.model._spec, rows.labels()
    for k, (columns, terms) in enumerate(
        zip(rows.model.fit_.aliased, spec.fixed_terms, strict=True)
    ):
        for factors, places in terms.items():
            names = [name for name in spec.variables_of(k, places) if name in labels]
            if len(names) == len(factors) > 1 and not set(columns).isdisjoint(places):
                yield from _empty_cells(factors, names, [labels[name] for name in names])


def _empty_cells(
    factors: Sequence[str], names: Sequence[str], labels: Sequence[tuple[Ints, list[str]]]
) -> Iterator[infer.Finding]:
    shape = [len(texts) for _, texts in labels]
    filled = np.zeros(shape, dtype=np.bool_)
    filled[tuple(codes for codes, _ in labels)] = True
    empty = np.argwhere(~filled)
    cells = [
        ", ".join(f"{name}={labels[i][1][cell[i]]!r}" for i, name in enumerate(names))
        for cell in empty[:SHOWN]
    ]
    if not cells:
        return
    more = f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
    verb = "has" if len(empty) == 1 else "have"
    text = (
        f"{len(empty)} of {filled.size} cells of {':'.join(factors)} {verb} no rows: "
        f"{'; '.join(cells)}"
    )
    advice = (
        "All other cells keep their means, while these are not determined, and predicted as "
        f"NaN; {' + '.join(factors)} in place of {' * '.join(factors)} predicts them, without the "
        "interaction"
    )
    yield infer.Finding(
        "determination", "note", ":".join(factors), len(empty), f"{text}{more}", advice
    )
