r"""Kenward and Roger's tests of the fixed effects of linear mixed models.

With :math:`G_r` the derivatives of V in variances and covariances,
:math:`\Phi = (X^T V^{-1} X)^{-1}` and

.. math::
   P_r = -X^T V^{-1} G_r V^{-1} X, \quad Q_{rs} = X^T V^{-1} G_r V^{-1} G_s V^{-1} X, \quad
   K_{rs} = tr(V^{-1} G_r V^{-1} G_s),

the covariance of the variances is estimated by W, twice the inverse of
:math:`K_{rs} - 2\,tr(\Phi Q_{rs}) + tr(\Phi P_r \Phi P_s)`, and that of the fixed effects, which
does not know that variances are estimated, is corrected to

.. math:: \Phi_A = \Phi + 2 \Phi \Big[\sum_{rs} W_{rs} (Q_{rs} - P_r \Phi P_s)\Big] \Phi

[1]_. A Wald statistic with :math:`\Phi_A` has a multiple of an F distribution, with the degrees of
freedom and the multiple of [2]_; these are the numbers of pbkrtest.

All of it comes from sums over levels: with :math:`U = Z^T V^{-1} X`, :math:`M = Z^T V^{-1} Z` and
:math:`G_r = Z D_r Z^T`, :math:`P_r = -U^T D_r U`, :math:`Q_{rs} = U^T D_r M D_s U` and
:math:`K_{rs} = tr(D_r M D_s M)`; those of the residual variance are what is left of V.

The parameters are the entries of :math:`\Sigma` where these are free, so that variances of zero are
ordinary points. Where a covariance is another function of its parameters, such as one correlation
of all pairs, :math:`D_r` are its derivatives and the second ones are left out (SAS calls this
``DDFM=KR(FIRSTORDER)``): it does not depend on how the parameters are chosen.

References
----------
.. [1] Kenward, M. G. & Roger, J. H. (1997). Small sample inference for fixed effects from
   restricted maximum likelihood. Biometrics, 53(3), 983-997.
.. [2] Halekoh, U. & Hojsgaard, S. (2014). A Kenward-Roger approximation and parametric bootstrap
   methods for tests in linear mixed models - the R package pbkrtest. Journal of Statistical
   Software, 59(9), 1-32.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance import Covariance
from skglmm.inference.degrees_of_freedom.large_blocks import (
    Direction,
    LargeBlocks,
    are_large,
    large_blocks,
)
from skglmm.inference.degrees_of_freedom.marginal import MarginalModel
from skglmm.inference.degrees_of_freedom.pair_sums import PairSums, pair_sums
from skglmm.inference.degrees_of_freedom.reference import Denominator, Reference

__all__ = ["KenwardRoger"]

SINGULAR = 1e-10  # of the largest eigenvalue: information that is none
NOTHING = 1e-14  # beside one
NEAR_TWO = 1e-2  # degrees of freedom at which the mean of an F variable is infinite

Sums = PairSums | LargeBlocks


@dataclass(frozen=True)
class KenwardRoger(Reference):
    """Student's t and F distributions with Kenward and Roger's degrees of freedom."""

    @property
    def title(self) -> str:
        return "Kenward-Roger"

    @cached_property
    def model(self) -> MarginalModel:
        """Where the covariance comes from."""
        return MarginalModel(self.fit.original)

    @cached_property
    def location_covariance(self) -> Floats:
        """Covariance of the fixed effects of the location, corrected, (p, p)."""
        phi, (first, second, weights) = self.model.covariance, self._terms
        middle = np.einsum("rs,rspq->pq", weights, second)
        middle -= np.einsum("rs,rpi,ij,sjq->pq", weights, first, phi, first, optimize=True)
        corrected = phi + phi @ (middle + middle.T) @ phi
        to_user = self.model.to_user
        return np.asarray(to_user @ corrected @ to_user.T)

    @cached_property
    def _terms(self) -> tuple[Floats, Floats, Floats]:
        """P_r, (m, p, p); Q_rs, (m, m, p, p); W, (m, m)."""
        first, second, traces = _derivatives(self.model)
        phi = self.model.covariance
        half = np.einsum("ij,rjk->rik", phi, first)
        information = traces - 2.0 * np.einsum("ij,rsji->rs", phi, second)
        information += np.einsum("rij,sji->rs", half, half)
        return first, second, 2.0 * _inverse(0.5 * (information + information.T))

    def estimated_df(self, contrasts: Floats) -> Floats:
        found = np.full(len(contrasts), np.inf)
        alone = self.concerns_location(contrasts)
        own = self.fit.shape.beta(self.fit.family.location)
        found[alone] = self._df(contrasts[alone][:, own] @ self.model.to_user)
        return found

    def _df(self, contrasts: Floats) -> Floats:
        """Degrees of freedom of single contrasts, (m, p), to which those of `_matched` reduce."""
        phi, (first, _, weights) = self.model.covariance, self._terms
        left = contrasts @ phi
        variance = np.einsum("mp,mp->m", left, contrasts)
        shares = np.einsum("mp,rpq,mq->mr", left, first, left, optimize=True) / variance[:, None]
        with np.errstate(divide="ignore"):  # variances that are known: infinite
            return np.asarray(2.0 / np.einsum("mr,rs,ms->m", shares, weights, shares))

    def estimated_denominator(self, contrasts: Floats) -> Denominator:
        if not self.concerns_location(contrasts).all():
            return Denominator(np.inf)
        own = contrasts[:, self.fit.shape.beta(self.fit.family.location)] @ self.model.to_user
        phi, (first, _, weights) = self.model.covariance, self._terms
        theta = own.T @ np.linalg.solve(own @ phi @ own.T, own)
        moved = theta @ phi @ first @ phi
        traces = np.trace(moved, axis1=1, axis2=2)
        one = float(traces @ weights @ traces)
        two = float(np.einsum("rs,rij,sji->", weights, moved, moved, optimize=True))
        return _matched(one, two, len(own))


def _matched(one: float, two: float, q: int) -> Denominator:
    """Match the moments of the statistic of q contrasts with those of an F variable."""
    if two == 0.0:  # nothing about the variances is estimated
        return Denominator(np.inf)
    b = (one + 6.0 * two) / (2.0 * q)
    g = ((q + 1.0) * one - (q + 4.0) * two) / ((q + 2.0) * two)
    common = 3.0 * q + 2.0 * (1.0 - g)
    above, near = 1.0 + g / common * b, 1.0 - (q - g) / common * b
    below, mean = 1.0 - (q + 2.0 - g) / common * b, 1.0 - two / q
    above = 0.0 if abs(above) < SINGULAR else above
    share = 1.0 if max(abs(mean), abs(near)) < NOTHING else mean / near
    rho = share**2 * above / below / q
    df = 4.0 + (q + 2.0) / (q * rho - 1.0)
    scaling = 1.0 if abs(df - 2.0) < NEAR_TWO else df * mean / (df - 2.0)
    return Denominator(df, scaling)


def _derivatives(model: MarginalModel) -> tuple[Floats, Floats, Floats]:
    """P_r, Q_rs and K_rs of all derivatives of V, that in a residual variance last."""
    pairs = list(_directions(model))
    if not model.has_scale:
        return _without_residuals(model, pairs)
    whole = list(enumerate(model.sigmas))  # V itself, less the part of the residual variance
    columns = _columns(model, [*pairs, *whole])
    sums: Sums = PairSums({}, {}, columns)
    if whole:
        sums = (large_blocks if are_large(model) else pair_sums)(model, columns)
    shape = (len(columns), len(pairs) + len(whole), len(model.covariance))
    met = np.tensordot(columns.reshape(shape), sums.products.reshape(shape), (0, 0))
    met = np.swapaxes(met, 1, 2)  # (m + F, m + F, p, p)
    return _with_residuals(model, sums, pairs, whole, met)


def _without_residuals(
    model: MarginalModel, pairs: list[Direction]
) -> tuple[Floats, Floats, Floats]:
    """The same where all of V that is estimated are covariances of random effects."""
    columns = _columns(model, pairs)
    sums: Sums = (large_blocks if are_large(model) else pair_sums)(model, columns)
    shape = (len(columns), len(pairs), len(model.covariance))
    second = np.tensordot(columns.reshape(shape), sums.products.reshape(shape), (0, 0))
    first = np.array([-model.explained(f, change) for f, change in pairs])
    return first, np.swapaxes(second, 1, 2), sums.traces(pairs)


def _with_residuals(
    model: MarginalModel,
    sums: Sums,
    pairs: list[Direction],
    whole: list[Direction],
    met: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Add the direction of the residual variance: what others leave of V."""
    p, m = len(model.covariance), len(pairs)
    first, second = np.zeros((m + 1, p, p)), np.zeros((m + 1, m + 1, p, p))
    traces, pairwise = np.zeros((m + 1, m + 1)), sums.traces([*pairs, *whole])
    traces[:m, :m] = pairwise[:m, :m]
    for r, (f, change) in enumerate(pairs):
        first[r] = -model.explained(f, change)
    first[m] = -model.by_residuals
    second[:m, :m] = met[:m, :m]
    second[:m, m] = -first[:m] - met[:m, m:].sum(axis=1)
    second[m, :m] = np.swapaxes(second[:m, m], 1, 2)
    explained = model.information - model.by_residuals
    second[m, m] = model.by_residuals - explained + met[m:, m:].sum(axis=(0, 1))
    own = np.array([_own_trace(sums, one) for one in (*pairs, *whole)])
    traces[m, :m] = traces[:m, m] = own[:m] - pairwise[:m, m:].sum(axis=1)
    traces[m, m] = model.equations.weight - 2.0 * own[m:].sum() + pairwise[m:, m:].sum()
    return first, second, traces


def _directions(model: MarginalModel) -> Iterator[Direction]:
    """Derivatives of the covariances in their parameters."""
    for f, theta in enumerate(model.fit.theta):
        factor, start, effect = model.fit.layout.factors[f], 0, 0
        for part in factor.covariance.blocks:
            stop, last = start + part.n_params, effect + part.size
            for change in _changes(part, theta[start:stop]):
                whole = np.zeros_like(model.sigmas[f])
                whole[effect:last, effect:last] = change
                yield f, whole
            start, effect = stop, last


def _changes(covariance: Covariance, theta: Floats) -> Iterator[Floats]:
    """Derivatives of a covariance: in its entries, if these are free, or in its parameters."""
    rows, columns = np.nonzero(np.triu(covariance.pairs))
    if len(rows) == covariance.n_params:
        for i, j in zip(rows, columns, strict=True):
            change = np.zeros((covariance.size, covariance.size))
            change[i, j] = change[j, i] = 1.0
            yield change
        return
    factor = covariance.factor(theta)
    for move in covariance.moves(theta):
        half = move @ factor.T
        yield half + half.T


def _columns(model: MarginalModel, directions: list[Direction]) -> Floats:
    """Vectors D U of each direction and fixed effect, ordered as `EffectInformation.matrix`."""
    p = len(model.covariance)
    sizes = [part.shape[0] * part.shape[2] for part in model.projections]
    starts = np.cumsum([0, *sizes])
    found = np.zeros((starts[-1], len(directions), p))
    for r, (f, change) in enumerate(directions):
        moved = np.einsum("ab,bpl->alp", change, model.projections[f])
        found[starts[f] : starts[f + 1], r] = moved.reshape(-1, p)
    return found.reshape(starts[-1], len(directions) * p)


def _own_trace(sums: Sums, one: Direction) -> float:
    """Trace of D M."""
    f, change = one
    return float(np.vdot(change, sums.own[f]))


def _inverse(information: Floats) -> Floats:
    """Inverse, or that of what is information: parameters may be on the boundary."""
    size = np.sqrt(np.diag(information))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0.0)
    scaled = information * scale * scale[:, None]
    inverse = np.linalg.pinv(scaled, rcond=SINGULAR, hermitian=True)
    return np.asarray(inverse * scale * scale[:, None])
