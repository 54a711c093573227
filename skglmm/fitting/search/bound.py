"""A likelihood problem on standardized columns, with the way back to the user's units."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Layout
from skglmm.engine import Params, Problem
from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.spaces import Spaces
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.record import Fit
from skglmm.fitting.search.subsample import off_boundary
from skglmm.priors import NO_PRIORS, Priors

__all__ = ["Bound", "Held", "masses_in"]

Held = tuple[tuple[Cap, Mapping[int, int]], ...]


class Exchange(NamedTuple):
    """Coefficient j of predictor k becomes a linear predictor when columns are turned."""

    k: int
    j: int
    turn: Floats  # (p_k kept, p_k kept)

    @classmethod
    def of(cls, k: int, j: int, row: Floats, move: Floats) -> "Exchange":
        """Return the exchange that leaves all other rows alone that `move` leaves alone."""
        turn = np.eye(len(row)) - np.outer(move, row)
        turn[:, j] = move
        return cls(k, j, turn)


@dataclass(frozen=True)
class Bound:
    """A problem on standardized columns, ready to be fitted, with the way back to the user's units.

    Parameters
    ----------
    problem : Problem
    scales : Scales
        From the user's columns to those of the problem.
    layout : Layout
        Names of the user's columns and levels.
    n_samples : int
    data_digest : str
        Fingerprint of responses and weights, see `digest`.
    log_jacobian : float
        Subtracted from the log likelihood, see `fit`.
    masses : frozenset of float
        Those of the family that occur among the responses.
    spaces : Spaces or None
        What the columns span; None for what is not to be compared, such as simulated responses.
    caps : tuple of (Cap, dict)
        Rows that are held below a ceiling, with the place of the coefficient of each predictor
        that is theirs.
    whole : Bound or None
        The same rows with all fixed effects as parameters, where some of them are integrated out.
    log_volume : float
        What the integral over these adds to the log likelihood, in the units of their columns.
    priors : Priors
        Of single parameters, in the user's units; the problem has them as its penalty.
    """

    problem: Problem
    scales: Scales
    layout: Layout
    n_samples: int
    data_digest: str
    log_jacobian: float
    masses: frozenset[float]
    spaces: Spaces | None = None
    caps: Held = ()
    whole: "Bound | None" = None
    log_volume: float = 0.0
    priors: Priors = NO_PRIORS

    @property
    def endless(self) -> Mapping[int, float]:
        """Linear predictors that describe masses that do not occur, and where they go."""
        return self.problem.family.endless_predictors(self.masses)

    @property
    def upper(self) -> Floats:
        """Upper bounds of the parameters, (n_params,): limits of mean levels and of rows."""
        upper = np.full(self.problem.shape.n_params, np.inf)
        pairs = zip(self.scales.constant, self.problem.family.limits, strict=True)
        limits = [np.where(constant, limit.value, np.inf) for constant, limit in pairs]
        upper[: self.problem.shape.n_beta] = np.concatenate(limits)
        return upper

    @property
    def entire(self) -> "Bound":
        """The same rows, held alike, with all fixed effects as parameters."""
        found = self if self.whole is None else self.whole
        for cap, _ in () if self.whole is None else self.caps:
            found = found.holding(cap)
        return found

    def has_room(self, k: int) -> bool:
        """Return whether some coefficient of a predictor is none of a row that is held."""
        return len(self._taken(k)) < self.problem.shape.n_coefficients[k]

    def exchanges(self, cap: Cap) -> list[Exchange]:
        """Return which coefficients the predictors of a row will take.

        Those without a ceiling take part for the sake of the digits: rows that are held tell
        their mean very much better than others do, and so it is to be one coefficient.
        """
        found = []
        maps = zip(self.scales.to_user, self.scales.from_user, strict=True)
        for k, (to_user, from_user) in enumerate(maps):
            move = from_user @ cap.moves[k]
            sizes = np.abs(move)
            sizes[self._taken(k)] = 0.0
            limit = self.problem.family.limits[k]
            if len(sizes) > 1 and (k == cap.predictor or not limit.is_finite) and sizes.any():
                row, move = limit.sign * (cap.rows[k] @ to_user), limit.sign * move
                found.append(Exchange.of(k, int(np.argmax(sizes)), row, move))
        return found

    def holding(self, cap: Cap) -> "Bound":
        """Return the problem in which the linear predictors of some rows are coefficients."""
        problem, scales, exchanges = self.problem, self.scales, self.exchanges(cap)
        for k, j, turn in exchanges:
            problem, scales = problem.with_turned(k, turn), scales.exchanged(k, j, turn)
        places = {k: j for k, j, _ in exchanges}
        return replace(self, problem=problem, scales=scales, caps=(*self.caps, (cap, places)))

    def _taken(self, k: int) -> list[int]:
        return [places[k] for _, places in self.caps if k in places]

    def vector(self, fit: Fit) -> Floats:
        """Return the parameters of a fit to these rows on the standardized columns."""
        if self.whole is not None:  # integrated effects carry others where columns are centered
            entire = self.entire
            return entire.vector(fit)[entire.problem.searched]
        return Params(self.scales.standard_coefficients(fit.beta), fit.theta).pack()

    def off_boundary(self, vector: Floats) -> Floats:
        """Return parameters off the boundary: at a variance of zero an optimizer would stay."""
        return off_boundary(self.problem, vector)


def masses_in(y: Floats, masses: Collection[float]) -> frozenset[float]:
    """Return those of a family's masses that occur among responses on its own scale."""
    return frozenset(mass for mass in masses if np.any(y == mass))
