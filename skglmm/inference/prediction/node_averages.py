r"""Averages over the nodes of the posterior of the effects of known levels of nested factors.

At the modes of its effects the mean of a small group is too close to the ends of its range; the
average over what its responses say of the effects is calibrated,

.. math:: E[g(\eta)] = \sum_q \omega_{lq}\, g(x^T\beta + z^T \Lambda u_{lq}) ,

with the nodes of adaptive quadrature and their probabilities.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.design import Design, effect_slots
from skglmm.engine import PosteriorNodes
from skglmm.exceptions import DesignError
from skglmm.fitting import Fit
from skglmm.inference.prediction.averages import NormalShift, averages

__all__ = ["node_averages"]

NEGLIGIBLE = 1e-14  # share of a node that no average shows

Of = Callable[[list[Floats], Ints], Floats]


@dataclass(frozen=True)
class _NodeRows:
    """Rows, and where their levels have nodes.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    nodes : PosteriorNodes
    known : tuple of ndarray of bool, each of shape (n,)
        Whether a row's level of each factor of the nodes has them.
    shift : NormalShift, n rows
        Of levels that have none.
    """

    fit: Fit
    design: Design
    nodes: PosteriorNodes
    known: tuple[Bools, ...]
    shift: NormalShift

    def over(self, of: Of, i: int, eta: Sequence[Floats], mass: Floats, above: int) -> Floats:
        """Sum over the nodes of factor i, and of those below, at a node of what is above."""
        if i < 0:
            return mass * averages(of, eta, self.shift)
        codes, known = self.design.codes[self.nodes.order[i]], self.known[i]
        points, shares = self.nodes.points[i], self.nodes.shares[i][above]
        total: Floats | None = None
        for q, z in enumerate(points):
            share = mass * np.where(known, shares[q, codes], float(q == 0))
            if np.max(share, initial=0.0) > NEGLIGIBLE or total is None:
                moved = self._moved(i, eta, z)
                found = self.over(of, i - 1, moved, share, above * len(points) + q)
                total = found if total is None else total + found
        assert total is not None  # there are nodes
        return total

    def _moved(self, i: int, eta: Sequence[Floats], z: Floats) -> list[Floats]:
        """Linear predictors at a node of factor i, which moves the effects below, too."""
        moved = list(eta)
        for e, f in enumerate(self.nodes.order[: i + 1]):
            step = np.einsum("abl,b->al", self.nodes.reach[e][i - e], z)
            effects, codes = self.fit.lambdas[f] @ step, self.design.codes[f]
            slots = effect_slots(self.design.columns[f], self.fit.layout.factors[f].predictors)
            for c, column, k in slots:
                moved[k] = moved[k] + np.where(self.known[e], column * effects[c, codes], 0.0)
        return moved


def node_averages(
    of: Of, fit: Fit, design: Design, eta: Sequence[Floats], shift: NormalShift
) -> Floats:
    """Average functions of the linear predictors over the nodes of each row's levels.

    Parameters
    ----------
    of : callable
        See `averages`.
    fit : Fit
        That keeps nodes.
    design : Design, n rows
    eta : sequence of ndarray, each of shape (n,)
        Linear predictors at the modes.
    shift : NormalShift, n rows
        Of levels that fit has not seen.

    Returns
    -------
    ndarray, shape (k, n)

    Raises
    ------
    DesignError
        Where a level belongs to another level of the next factor than it did.
    """
    nodes = fit.effect_posterior
    assert isinstance(nodes, PosteriorNodes)
    known = [design.codes[f] >= 0 for f in nodes.order]
    for i, parent in enumerate(nodes.parents):
        below, above = nodes.order[i], nodes.order[i + 1]
        moved = known[i] & (design.codes[above] != parent[design.codes[below]])
        if moved.any():
            _refuse_moved(fit, design, (below, above), int(np.argmax(moved)), int(moved.sum()))
    rows = _NodeRows(fit, design, nodes, tuple(known), shift)
    return rows.over(of, len(nodes.order) - 1, eta, np.ones(design.n_samples), 0)


def _refuse_moved(fit: Fit, design: Design, pair: tuple[int, int], first: int, count: int) -> None:
    below, above = (fit.layout.factors[f] for f in pair)
    label = below.labels[design.codes[pair[0]][first]]
    msg = (
        f"{count} of {design.n_samples} rows have a level of {below.name!r}, the first is "
        f"{label!r}, that fit knows from another level of {above.name!r}: the two have no common "
        "posterior; kind='conditional' takes the modes of both, and levels that have moved may "
        "have new names"
    )
    raise DesignError(msg)
