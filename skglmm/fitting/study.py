"""The rows of a fit, standardized and bound once for any number of fits to them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skglmm import engine
from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import (
    Approximation,
    LinearModel,
    Objective,
    Problem,
    Solver,
    bind,
    linear_model,
)
from skglmm.families import Family
from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.digest import digest
from skglmm.fitting.data.measure import measured
from skglmm.fitting.data.priors import known_priors, penalty_of
from skglmm.fitting.data.standardize import Scales, learn_scales
from skglmm.fitting.data.units import Units
from skglmm.fitting.record import Fit
from skglmm.fitting.search.bound import Bound, Held, masses_in
from skglmm.fitting.search.optimize import DIRECT
from skglmm.fitting.search.restricted import restricted
from skglmm.parts import Here
from skglmm.priors import NO_PRIORS, Priors

__all__ = ["Study"]


@dataclass(frozen=True)
class Study:
    """Rows, ready to be fitted.

    Parameters
    ----------
    design : Design
        With standardized columns, without those that are linear combinations of earlier ones.
    scales : Scales
        From the user's columns to these.
    problem : Problem
        On the standardized columns, in the units of the fit.
    y : ndarray, shape (n,)
        Response on the family's own scale, in the order of the design; in the user's units.
    weights : ndarray, shape (n,), or None
    log_jacobian : float
        Subtracted from the log likelihood in the user's units, see `fit`.
    caps : tuple of (Cap, dict)
        Rows that are held below a ceiling, see `Bound`.
    model : LinearModel or None
        Cross-products of the rows, see `condensed`.
    priors : Priors
        Of single parameters, in the user's units.
    """

    design: Design
    scales: Scales
    problem: Problem
    y: Floats
    weights: Floats | None
    log_jacobian: float
    caps: Held = ()
    model: LinearModel | None = None
    priors: Priors = NO_PRIORS

    @classmethod
    def of(  # noqa: PLR0913 -- data and what their likelihood is
        cls,
        family: Family,
        design: Design,
        y: Floats,
        weights: Floats | None = None,
        log_jacobian: float = 0.0,
        n_threads: int = 1,
        approximation: Approximation | None = None,
        *,
        columns: Scales | None = None,
        whole: bool = False,
        priors: Priors = NO_PRIORS,
        solver: Solver = DIRECT,
    ) -> "Study":
        """Standardize and bind the rows of a design; see `fit`.

        The scales of the columns are learned where they are not known. Whether nested factors are
        a `whole` chain is a matter of the approximation, and of what else needs one.
        """
        rows = (Here([design]), Here([y]), Here([weights]))
        scales = columns or learn_scales(design.layout, rows[0], rows[2], family.intercepts)
        scales = measured(scales, design.layout, family, *rows)
        standard, response = scales.apply(design), scales.units.response(y)
        whole = whole or (approximation is not None and approximation.needs_chain)
        problem = bind(
            standard,
            response,
            weights,
            family,
            n_threads=n_threads,
            whole=whole,
            dense=True,
            solver=solver,
        )
        if approximation is not None:
            problem = problem.approximated(approximation, design.layout)
        study = cls(standard, scales, problem, y, weights, log_jacobian)
        return study.given(known_priors(priors, problem, design.layout, scales, *rows))

    def given(self, priors: Priors) -> "Study":
        """Return the study with priors of single parameters."""
        penalty = penalty_of(priors, self.design.layout, self.scales, self.problem.family)
        return replace(self, problem=replace(self.problem, penalty=penalty), priors=priors)

    def holding(self, caps: Iterable[Cap]) -> "Study":
        """Return the study in which the linear predictors of some rows are coefficients."""
        study = self
        for cap in caps:
            held, design = study.bound.holding(cap), study.design
            for k, _, turn in study.bound.exchanges(cap):
                design = _turned(design, k, turn)
            study = replace(
                study, design=design, scales=held.scales, problem=held.problem, caps=held.caps
            )
        return study

    def with_response(self, y: Floats) -> "Study":
        """Return the study with another response, shape (n,), for the same rows."""
        problem = self.problem.with_response(self.units.response(y))
        model = None if self.model is None else self.model.with_response(problem)
        return replace(self, problem=problem, y=y, model=model)

    def condensed(self) -> "Study":
        """Return the study with the cross-products of a linear mixed model; of others, itself."""
        if self.model is not None or self.caps:
            return self
        return replace(self, model=linear_model(self.problem))

    @property
    def units(self) -> Units:
        """Of the responses and predictors of the problem."""
        return self.scales.units

    @property
    def response(self) -> Floats:
        """Responses in the units of the problem, (n,)."""
        return self.units.response(self.y)

    @property
    def bound(self) -> Bound:
        """The problem, and the way back to the user's units."""
        return replace(self.anonymous, data_digest=self.data_digest)

    @property
    def anonymous(self) -> Bound:
        """The same without the fingerprint of the rows, for fits that are not compared."""
        masses = self.problem.family.masses
        return Bound(
            problem=self.problem,
            scales=self.scales,
            layout=self.design.layout,
            n_samples=len(self.y),
            data_digest="",
            log_jacobian=self.log_jacobian + self.units.log_jacobian(self.y, self.weights, masses),
            masses=masses_in(self.y, masses),
            caps=self.caps,
            priors=self.priors,
        )

    @cached_property
    def data_digest(self) -> str:
        """Fingerprint of responses and weights, whatever the order of the rows."""
        return str(digest(self.y, self.weights, self.log_jacobian))

    @property
    def upper(self) -> Floats:
        """Upper bounds of the parameters, (n_params,): ceilings of the predictors' mean levels."""
        return self.anonymous.upper

    @property
    def signs(self) -> Floats:
        """Signs of the parameters of the problem in those of the user, (n_params,); see `Limit`."""
        pairs = zip(self.problem.family.limits, self.problem.shape.n_coefficients, strict=True)
        n_theta = self.problem.shape.n_params - self.problem.shape.n_beta
        return np.concatenate([*(np.full(n, limit.sign) for limit, n in pairs), np.ones(n_theta)])

    def vector(self, fit: Fit) -> Floats:
        """Return the parameters of a fit to these rows on the standardized columns."""
        return self.anonymous.vector(fit)

    def at(self, fit: Fit) -> Objective | None:
        """Evaluate the objective at a fit to these rows, from the modes that it has found.

        From zero the search for modes may not come to them, or to others. None where the
        objective is not finite.
        """
        modes = tuple(fit.u[f] for f in self.problem.order)
        here = self.problem.evaluate(self.vector(fit), self.problem.split(modes))
        plan = self.problem.plan
        if here is None or plan is None or plan.space is not None:
            return here
        mode = replace(here.mode, system=engine.sharpened(here.mode.system))
        return replace(here, mode=mode)

    def around(self, fit: Fit) -> Bound:
        """Return the rows as a search beside the estimates of a fit to them takes them.

        By the approximation of the fit: without the fixed effects that it integrates out.
        """
        bound = self.like(fit).anonymous
        bound = restricted(bound, bound.vector(fit))
        if fit.plan is None or self.problem.plan is None:
            return bound
        plan = fit.plan.on(bound.problem.n_crossed)
        return replace(bound, problem=replace(bound.problem, plan=plan))

    def planned(self, fit: Fit) -> "Study":
        """Return the study whose systems are solved as those of a fit to its rows were."""
        if fit.plan is None:
            return self
        plan = fit.plan.on(self.problem.n_crossed)
        return replace(self, problem=replace(self.problem, plan=plan))

    def like(self, fit: Fit) -> "Study":
        """Return the study with the approximation and the priors of a fit."""
        if self.problem.approximation == fit.approximation and self.priors == fit.priors:
            return self
        problem = self.problem.approximated(fit.approximation, fit.layout)
        return replace(self, problem=problem, model=None).given(fit.priors)


def _turned(design: Design, k: int, turn: Floats) -> Design:
    """The design with other fixed columns of predictor k, multiplied by a matrix."""
    fixed = list(design.fixed)
    fixed[k] = np.asfortranarray(fixed[k] @ turn)
    return replace(design, fixed=tuple(fixed))
