r"""Score tests of effects that a model leaves out, each with its size on the link's scale.

An effect d of the location's linear predictor moves the quantile residual of a row by about
:math:`s d`, with s the root of the expected information. So sums of :math:`x s r` over the rows of
a level are scores of effects that vary between levels [1]_, and in a true model, given drawn random
effects, they are independent normal numbers whose variances are known.

References
----------
.. [1] le Cessie, S. & van Houwelingen, H. C. (1995). Testing the fit of a regression model via
   score tests in random effects models. Biometrics, 51(2), 600-614.
"""

import numpy as np
from scipy.special import chdtrc

from skglmm.arrays import Floats, Ints
from skglmm.inference.residuals.distribution_tests import ResidualTest
from skglmm.inference.residuals.drawn import Drawn

__all__ = ["effect_test", "link_test", "slope_test"]

ALIAS = 1e-6  # of a curve: what the fixed columns leave of it
ROUNDING = 1e-12  # of the largest variance of a score: less is no information


def effect_test(rows: Drawn, codes: Ints, group: str) -> ResidualTest:
    """Test whether rows of the same level are alike: a missing effect of a grouping factor.

    Parameters
    ----------
    rows : Drawn, n rows
    codes : ndarray of intp, shape (n,)
        Level of each row.
    group : str
        Name of the factor.
    """
    weight = rows.steepness**2
    sd, p_value = _spread(_sums(codes, rows.score), _sums(codes, weight))
    sentence = (
        f"between levels of {group!r} the linear predictor varies by a standard deviation of "
        f"about {sd:.2g} beyond what the model has"
    )
    return ResidualTest("missing effect", group, sd, p_value, sentence)


def slope_test(rows: Drawn, codes: Ints, group: str, x: Floats, name: str) -> ResidualTest:
    """Test whether the slopes of a column vary between levels.

    Parameters
    ----------
    rows : Drawn, n rows
    codes : ndarray of intp, shape (n,)
        Level of each row.
    group, name : str
        Names of the factor and of the column.
    x : ndarray, shape (n,)
        The column, of unit standard deviation.
    """
    weight = rows.steepness**2
    masses = _sums(codes, weight)
    means = _sums(codes, weight * x) / np.where(masses > 0.0, masses, 1.0)
    within = x - means[codes]
    sd, p_value = _spread(
        _sums(codes, within * rows.score),
        _sums(codes, within**2 * weight),
    )
    sentence = (
        f"between levels of {group!r} the slope of {name!r} varies by a standard deviation of "
        f"about {sd:.2g} (on the scale of the link, for one standard deviation of {name!r}) beyond "
        "what the model has"
    )
    return ResidualTest("missing slope", f"{name} | {group}", sd, p_value, sentence)


def _spread(scores: Floats, variances: Floats) -> tuple[float, float]:
    r"""Standard deviation of the effects behind scores of levels, and the p-value of zero.

    Without effects the scores are normal with these variances S, and the common effect is taken
    out of them. The sum of their squares is compared with a :math:`\chi^2` of the same mean and
    variance.
    """
    informed = variances > ROUNDING * variances.max(initial=0.0)
    scores, variances = scores[informed], variances[informed]
    total = float(variances.sum())
    if len(variances) < 2 or total == 0.0:
        return 0.0, 1.0
    shares = variances / total
    rest = _others(shares)
    centered = scores * rest - shares * _others(scores)
    mean = float(shares @ rest)  # these three in units of the total
    square = float((shares * rest) @ (shares * rest) + shares**2 @ _others(shares**2))
    found = float(centered @ centered) / total
    if square == 0.0:
        return 0.0, 1.0
    excess = max(0.0, found - mean) / square / total
    return float(np.sqrt(excess)), float(chdtrc(mean**2 / square, found * mean / square))


def _others(parts: Floats) -> Floats:
    """Sums of all other parts: of the largest without a difference, which would cancel."""
    largest = int(np.argmax(np.abs(parts)))
    sums = parts.sum() - parts
    sums[largest] = np.delete(parts, largest).sum()
    return np.asarray(sums)


def link_test(rows: Drawn, link: str) -> ResidualTest:
    """Test whether the mean bends away from its linear predictor: a wrong link, or curves in x.

    Parameters
    ----------
    rows : Drawn, n rows
    link : str
        Name of the link of the mean.
    """
    bend, p_value = _bend(rows) if np.any(rows.steepness**2 > 0.0) else (0.0, 1.0)
    sentence = (
        f"the mean bends away from the {link} link by about {bend:.2g} on the scale of the link"
    )
    return ResidualTest("link", link, bend, p_value, sentence)


def _bend(rows: Drawn) -> tuple[float, float]:
    """Size of curves in the linear predictor, and the p-value of none."""
    eta, weight = rows.location, rows.steepness**2
    center = np.average(eta, weights=weight)
    scale = float(np.sqrt(np.average((eta - center) ** 2, weights=weight)))
    powers = np.stack([((eta - center) / (scale or 1.0)) ** power for power in (2, 3)], axis=1)
    columns = np.column_stack([np.ones_like(eta), rows.fixed, (eta - center) / (scale or 1.0)])
    curves = _beyond(rows.steepness[:, None] * powers, rows.steepness[:, None] * columns)
    fitted = curves @ (curves.T @ rows.scaled)
    bend = float(np.sqrt(fitted @ fitted / weight.sum()))
    p_value = float(chdtrc(curves.shape[1], fitted @ fitted)) if curves.shape[1] else 1.0
    return bend, p_value


def _beyond(curves: Floats, columns: Floats) -> Floats:
    """Orthonormal columns that span what other columns leave of curves, (n, m)."""
    base = np.linalg.svd(columns, full_matrices=False)
    kept = base.U[:, ALIAS * base.S[0] < base.S]
    left = curves - kept @ (kept.T @ curves)
    found = np.linalg.svd(left, full_matrices=False)
    size = np.sqrt(np.sum(curves**2, axis=0)).max()
    return np.asarray(found.U[:, ALIAS * size < found.S])


def _sums(codes: Ints, values: Floats) -> Floats:
    return np.asarray(np.bincount(codes, values), dtype=np.float64)
