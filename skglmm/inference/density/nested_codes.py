"""Levels of factors that a density leaves out, which keep the others nested in each other."""

from dataclasses import replace

import numpy as np

from skglmm.arrays import Ints
from skglmm.design import Design
from skglmm.fitting import Fit
from skglmm.inference.prediction.predict import Plan

__all__ = ["with_nested_codes"]


def with_nested_codes(fit: Fit, design: Design, plan: Plan) -> Design:
    """Return a design in which factors that the plan does not use have levels, too.

    Their effects are 0 in these rows, so that any level will do; for quadrature it is one that
    belongs to the others of the row: those of the factors above and below it.
    """
    used = {*plan.conditioned, *plan.integrated}
    codes = [np.maximum(part, 0) for part in design.codes]
    sizes = [factor.n_levels for factor in design.layout.factors]
    if not fit.approximation.needs_chain or len(used) == len(codes):
        return replace(design, codes=tuple(codes))
    outer_first = sorted(range(len(codes)), key=lambda f: sizes[f])
    for place, f in enumerate(outer_first):
        if f not in used:
            below = [g for g in outer_first[place + 1 :] if g in used]
            codes[f] = _level(fit, f, codes, below[:1], outer_first[:place][-1:])
            sizes[f] = max(sizes[f], int(codes[f].max(initial=-1)) + 1)
    factors = [
        replace(factor, labels=np.resize(factor.labels, size))
        for factor, size in zip(design.layout.factors, sizes, strict=True)
    ]
    layout = replace(design.layout, factors=tuple(factors))
    return replace(design, codes=tuple(codes), layout=layout)


def _level(fit: Fit, f: int, codes: list[Ints], below: list[int], above: list[int]) -> Ints:
    """Return a level of a factor for each row, (n,): that of a level below, or one that is above.

    Levels above that the fit has not seen have levels of their own, beyond all others.
    """
    found = np.full(len(codes[f]), -1)
    for g in below:
        pairs, parent = fit.row_information.between(g, f), np.full(codes[g].max() + 1, -1)
        inside = pairs.left < len(parent)
        parent[pairs.left[inside]] = pairs.right[inside]
        found = parent[codes[g]]
    for g in above:
        pairs, child = fit.row_information.between(f, g), np.full(codes[g].max() + 1, -1)
        inside = pairs.right < len(child)
        child[pairs.right[inside]] = pairs.left[inside]
        own = child[codes[g]]
        own = np.where(own < 0, fit.u[f].shape[-1] + codes[g], own)
        found = np.where(found < 0, own, found)
    return np.asarray(np.maximum(found, 0), dtype=np.intp)
