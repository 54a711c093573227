"""Checks of the residuals of a fit: their distribution, and what the model leaves out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.engine import Mode
from skglmm.fitting import Study
from skglmm.inference.report.frames import Frame, record_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table
from skglmm.inference.residuals.count_tests import count_tests
from skglmm.inference.residuals.distribution_tests import (
    ResidualTest,
    boundary_test,
    distribution_tests,
)
from skglmm.inference.residuals.drawn import Drawn, drawn
from skglmm.inference.residuals.misfit import effect_test, link_test, slope_test

__all__ = ["ResidualChecks", "residual_checks"]

FEWEST = 2  # levels with slopes of their own, or there is nothing to compare


@dataclass(frozen=True, repr=False)
class ResidualChecks(Printed):
    """Tests of residuals given random effects drawn from their distribution given the data.

    Parameters
    ----------
    tests : tuple of ResidualTest
        An effect size, a p-value and a sentence each.
    residual : ndarray, shape (n,)
        The quantile residuals, standard normal in a true model, in the order of the rows.
    eta : ndarray, shape (n,)
        The linear predictor of the location, with the drawn effects.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import check_residuals
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> checks = check_residuals(model, X, y, random_state=0)
    >>> print(f"{checks['dispersion'].effect:.2f} {checks['dispersion'].p_value:.2f}")
    0.95 0.90
    """

    tests: tuple[ResidualTest, ...]
    residual: Floats
    eta: Floats

    def __getitem__(self, name: str) -> ResidualTest:
        """Return the test of a name, of several the one with the smallest p-value."""
        found = [test for test in self.tests if test.name == name]
        if not found:
            msg = f"there is no test {name!r}; there are {sorted({t.name for t in self.tests})}"
            raise KeyError(msg)
        return min(found, key=lambda test: test.p_value)

    def to_frame(self) -> Frame:
        """Return one row for each test: name, subject, effect, p_value, sentence."""
        return record_frame(ResidualTest, self.tests)

    def _page(self) -> Page:
        return Page((self._table(),), notes=tuple(self._sentences()))

    def _table(self) -> Table:
        rows = tuple(
            (test.name, test.subject, f"{test.effect:.3g}", f"{test.p_value:.2g}")
            for test in self.tests
        )
        title = f"Quantile residuals of {len(self.residual)} rows"
        return Table(title, ("test", "about", "effect", "p"), rows, 2)

    def _sentences(self) -> Iterator[str]:
        for test in self.tests:
            about = f" ({test.subject})" if test.subject else ""
            yield f"{test.name}{about}: {test.sentence}"


def residual_checks(
    study: Study,
    mode: Mode,
    rng: np.random.Generator,
    *,
    candidates: Mapping[str, Ints] | None = None,
    bounds: tuple[float, float] | None = None,
) -> ResidualChecks:
    """Test the residuals of a fit.

    Parameters
    ----------
    study : Study
        Rows of the fit.
    mode : Mode
        Of the study at the estimates.
    rng : Generator
        Draws the random effects, and counts.
    candidates : mapping of str to ndarray of intp, shape (n,)
        Levels of grouping factors that the model does not have.
    bounds : tuple of float, default=None
        Where responses on the lower and the upper bound of the scale are, if there may be such.
    """
    rows, family = drawn(study, mode, rng), study.problem.family
    # Causes before their symptoms: counts that vary too much have outliers, too.
    tests = [*count_tests(rows, rng), *distribution_tests(rows), *_boundary_tests(rows, bounds)]
    if len(family.locations) > 1:  # residuals are no scores of these
        return ResidualChecks(tuple(tests), rows.residual, np.full(len(rows.y), np.nan))
    tests.append(link_test(rows, family.links[family.location].name))
    tests += _slope_tests(rows, study)
    for group, codes in (candidates or {}).items():
        tests.append(effect_test(rows, codes, group))
    return ResidualChecks(tuple(tests), rows.residual, rows.location)


def _boundary_tests(rows: Drawn, bounds: tuple[float, float] | None) -> Iterator[ResidualTest]:
    for at, low in () if bounds is None else ((bounds[0], True), (bounds[1], False)):
        test = boundary_test(rows, at, low=low)
        if test is not None:
            yield test


def _slope_tests(rows: Drawn, study: Study) -> Iterator[ResidualTest]:
    """Test the fixed columns whose slopes do not vary, for each grouping factor."""
    design = study.design
    names = _kept_names(study)
    every = zip(design.layout.factors, design.codes, strict=True)
    for factor, codes in ((one, codes) for one, codes in every if one.are_groups):
        for name, x in zip(names, rows.fixed.T, strict=True):
            known = name in factor.columns
            if not known and np.count_nonzero(_varies_within(x, codes)) >= FEWEST:
                yield slope_test(rows, codes, factor.name, x, name)


def _kept_names(study: Study) -> list[str]:
    location = study.problem.family.location
    names, aliased = study.design.layout.coefficients[location], study.scales.aliased[location]
    return [name for j, name in enumerate(names) if j not in aliased]


def _varies_within(x: Floats, codes: Ints) -> Bools:
    """Whether a column varies within each level, (L,)."""
    counts = np.maximum(np.bincount(codes), 1)
    means = np.bincount(codes, x) / counts
    return np.asarray(np.bincount(codes, (x - means[codes]) ** 2) / counts > 1e-12)
