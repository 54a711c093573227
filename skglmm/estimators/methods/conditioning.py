"""What a fitted estimator makes of new rows with their responses: densities, and new groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.estimators.reading.estimable import Nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind, build_rows, known_rows
from skglmm.estimators.reading.validation import check_kept, check_weights
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.estimators.runtime.warnings import tell, tell_unseen
from skglmm.fitting import Fit
from skglmm.response import ResponseScale

__all__ = ["Conditioning"]

_NO_MODE = (
    "no mode of the random effects was found given these rows: some are next to impossible under "
    "the model, as where a column lies far outside the range that fit has seen; look for other "
    "units and typing errors in X and y"
)
_CURVES = (
    "forget=True would forget the curves of the smooth terms, whose bends are effects of all rows; "
    "write forget=False, or fit again"
)


class Conditioning(SingleThreaded):
    """Densities of new responses, and effects updated by them, as methods."""

    fit_: Fit
    n_levels_: dict[str, int]
    predict_kind: str
    new_groups: str
    context: Mapping[str, Callable[..., Any]] | None
    _column: Callable[[Any], Any]
    _scale: ResponseScale
    _spec: DesignSpec

    def log_density(
        self,
        X: Any,
        y: Any,
        joint: bool = False,
        *,
        kind: Kind | None = None,
        sample_weight: Any = None,
    ) -> Floats:
        """Log predictive density of responses; the estimates count as known.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`; jointly, with the grouping columns for "marginal", too.
        y : array-like, shape (n_samples,)
            Responses, on the scale of the y of `fit`.
        joint : bool, default=False
            Whether rows are judged by themselves, or together with those that share their
            random effects: rows of one unseen group have the same unknown effect, and hang
            together through it. This is what tells random-effect structures apart when whole
            groups are held out.
        kind : str or set, default=None
            As in `predict`. Under "conditional" known groups have the effects that fit has
            predicted, with their uncertainty; unseen ones follow `new_groups`. Jointly,
            "marginal" treats all groups as unseen.
        sample_weight : array-like, shape (n_samples,), default=None
            Multiplies the log density of each row, given the random effects; a weight of 2 is
            the row twice.

        Returns
        -------
        ndarray, shape (n_samples,)
            In units of y. Jointly, rows whose random effects depend on each other share the log
            density of their block evenly (in proportion to their weights), so that the sum over
            all rows, or over those of an unseen group, is their joint log density.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; when responses are none that `fit` takes: outside the bounds, no
            counts, or of a class that it has not seen.

        Warns
        -----
        ConvergenceWarning
            When no mode of the random effects is found; all rows are NaN then.
        UserWarning
            When the data of fit do not determine a linear predictor of some rows, which are NaN
            and count for nothing, and when responses lie on a bound that no response of fit was on.

        Notes
        -----
        The joint density is an integral over the random effects, in the approximation of the fit
        (Laplace's, or quadrature): of normal effects of unseen groups, and of known ones as their
        rows have left them. With several grouping factors all known levels make one block.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> held_out = X["batch"].isin(["A", "B"]).to_numpy()
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100))
        >>> model = model.fit(X[~held_out], y[~held_out])
        >>> by_row = model.log_density(X[held_out], y[held_out])
        >>> together = model.log_density(X[held_out], y[held_out], joint=True)
        >>> print(f"{by_row.mean():.2f} {together.mean():.2f}")
        -4.47 -3.41
        """
        check_is_fitted(self)
        response, weights = self._response(X, y, sample_weight)
        frame = predict_frame(self, X)
        self._scale.refuse_rows(frame, response)
        kind = self.predict_kind if kind is None else kind
        check_kept(self.fit_, kind)
        mass = np.ones(len(response)) if weights is None else weights
        design, plan = build_rows(self._spec, frame, kind, self.new_groups, self.context)
        if joint:
            used = [self._spec.layout.factors[f].name for f in plan.conditioned + plan.integrated]
            grown = self._spec.extended(frame, used)
            together = grown.build(frame, used, context=self.context)
            found = self._jointly(together, plan, response, mass)
        else:
            by_row = infer.log_density(self.fit_, design, plan, response)
            found = np.where(mass > 0, mass * by_row, 0.0)  # as jointly
        rows = Nonestimable(self.fit_)
        rows.answered(design, plan, found[None])
        rows.tell(self._spec, frame)
        return np.asarray(found - mass * self._scale.log_jacobian(response))

    def condition(self, X: Any, y: Any, sample_weight: Any = None, *, forget: bool = False) -> Self:
        """Update the random effects by new rows; the parameters stay as they are.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows with all columns of the model, of unseen groups and of known ones; at unseen
            times and places, too, where the covariance of their effects tells of these.
        y : array-like, shape (n_samples,)
            Their responses, on the scale of the y of `fit`.
        sample_weight : array-like, shape (n_samples,), default=None
            As in `fit`.
        forget : bool, default=False
            Whether to forget what earlier rows have said of the groups: X holds all rows, old
            and new, or the new ones are to speak alone.

        Returns
        -------
        object
            A new estimator of the same class, which knows the groups of these rows. What belongs
            to the fit (`log_likelihood_`, `n_obs_`, tables of coefficients) is unchanged.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `log_density`; when no mode of the random effects is found, when the data of
            fit do not determine a linear predictor of some rows, and when curves of smooth terms
            would be forgotten.

        Notes
        -----
        The effects are those that the mode finder gives on old and new rows together, exactly for
        groups that are new, with a single grouping factor. The rows of the fit are gone: to
        groups that it has seen, and to new ones that share rows with them through another
        factor, they count as the normal approximation of their likelihood at the fit. Pass all
        rows with ``forget=True`` for effects that are exact there, too. Rows that the fit has
        already seen would count twice without it. What predictions of kind "posterior" average
        over is updated in the same way, and stays as it is for groups without new rows. Standard
        errors of known groups leave out how the spread of their effects given the earlier rows
        depends on the parameters. Tables of the new estimator list all its groups; what counts
        rows speaks of those of `fit`. Bends of smooth terms are effects of all rows: they, too,
        learn from the new ones, and move a little.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> new = (X["batch"] == "J").to_numpy()
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X[~new], y[~new])
        >>> updated = model.condition(X[new].head(2), y[new][:2])
        >>> last = X[new].tail(1)
        >>> model.predict(last).round(1), updated.predict(last).round(1), y[new].tail(1).item()
        (array([39.6]), array([20.3]), 18.0)
        """
        check_is_fitted(self)
        if forget and self.fit_.layout.smooth_factors:
            raise ValueError(_CURVES)
        frame, column, weights, _ = known_rows(self, X, y, sample_weight)
        response = self._read(column)
        spec = self._spec.extended(frame)
        design = spec.build(frame, context=self.context)
        rows = Nonestimable(self.fit_)
        rows.see(design)
        rows.refuse(spec, frame, "these rows cannot update the random effects")
        found = infer.update(self.fit_, design, response, weights, forget=bool(forget))
        if found is None:
            raise ValueError(_NO_MODE)
        updated = copy(self)
        updated._spec, updated.fit_ = spec, infer.condition(self.fit_, design, found)
        updated.n_levels_ = spec.layout.n_levels
        return updated

    def _response(self, X: Any, y: Any, sample_weight: Any) -> tuple[Floats, Floats | None]:
        """Return responses as the family takes them, and weights or None."""
        column = self._column(y)
        check_consistent_length(X, column)
        return self._read(column), check_weights(sample_weight, len(column))

    def _read(self, column: Any) -> Floats:
        response: Floats = self._scale.read(column)
        tell_unseen(self._scale, response, self.fit_.family)
        return response

    def _jointly(self, design: Design, plan: infer.Plan, response: Floats, mass: Floats) -> Floats:
        found, kept = np.zeros(len(mass)), mass > 0
        weights = None if np.all(mass == 1.0) else mass[kept]
        shares = infer.joint_log_density(
            self.fit_, design.take(kept), plan, response[kept], weights
        )
        if shares is None:
            tell(_NO_MODE, ConvergenceWarning)
        found[kept] = np.nan if shares is None else shares
        return found
