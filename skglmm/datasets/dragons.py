"""A simulated study of dragons, in which the naive regression misleads."""

from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

__all__ = ["make_dragons"]

RANGES = (
    "Bavarian",
    "Central",
    "Emmental",
    "Julian",
    "Ligurian",
    "Maritime",
    "Sarntal",
    "Southern",
)

# Lengths: the ranges differ far more than the dragons of one range.
TYPICAL_LENGTH = 200.0
RANGE_LENGTHS = (180.0, 220.0)  # the ranges' means are spread evenly between them
SITE_LENGTH_SD = 3.0
DRAGON_LENGTH_SD = 7.0

# Scores, on the logit scale at TYPICAL_LENGTH. Ranges of longer dragons have better scores, but
# within a range length tells nothing on average.
BETWEEN_SLOPE = 0.05
RANGE_SD = 0.4
RANGE_SLOPE_SD = 0.025
SITE_SD = 0.3
PRECISION = 8.0
CUT = 0.01  # this fraction of the scores at either end counts as 0 or 100


def make_dragons(
    n_dragons: int = 20,
    *,
    n_ranges: int = 8,
    n_sites: int = 3,
    return_X_y: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    r"""Simulate test scores of dragons from several sites in several mountain ranges.

    The data have the shape of a well-known mixed-model tutorial [1]_. Ranges of longer dragons
    have better scores, so a plain regression finds a clear effect of body length. But within a
    range a longer dragon does not do better on average: with the range's intercept :math:`a_r`,
    its slope :math:`b_r` and the site's intercept :math:`c_s` a score of a dragon of length
    :math:`l` is, before cutting, 100 times a Beta variable of precision 8 with mean

    .. math:: \operatorname{expit}(a_r + b_r (l - 200) + c_s),

    where the expected :math:`a_r` is 0.05 for each unit by which the mean length of the range
    exceeds 200, its standard deviation around that is 0.4, and :math:`b_r` and :math:`c_s` have
    mean 0 and standard deviations 0.025 and 0.3. Last, 1 % of the scores (at least one) at
    either end count as exactly 0 or 100.

    Parameters
    ----------
    n_dragons : int, default=20
        Dragons in each site.

    n_ranges : int, default=8
        Mountain ranges, at least 2.

    n_sites : int, default=3
        Sites in each range, at most 26. The labels ``a``, ``b``, ``c`` are used again in every
        range: site ``a`` of one range has nothing to do with site ``a`` of another.

    return_X_y : bool, default=False
        Return the scores apart from the other columns.

    random_state : int, RandomState instance or None, default=None
        Determines the simulated numbers. An int gives the same data at each call.

    Returns
    -------
    frame : DataFrame of shape (n_ranges * n_sites * n_dragons, 4)
        Columns ``testScore`` (0 to 100), ``bodyLength`` (made-up units, about 200),
        ``mountainRange`` and ``site`` (text).

    (X, y) : tuple of DataFrame and Series
        The columns without the scores, and the scores, if ``return_X_y`` is True.

    Raises
    ------
    ValueError
        If a number of dragons, ranges or sites is out of its limits.

    See Also
    --------
    fetch_dragons : The data of the tutorial.

    References
    ----------
    .. [1] Hajduk, G. K. (2017). Introduction to linear mixed models. Coding Club.
       https://ourcodingclub.github.io/tutorials/mixed-models/

    Examples
    --------
    >>> from skglmm.datasets import make_dragons
    >>> dragons = make_dragons(random_state=0)
    >>> dragons.shape
    (480, 4)
    >>> dragons.groupby("mountainRange")["site"].unique()["Julian"].tolist()
    ['a', 'b', 'c']
    """
    _check_size("n_dragons", n_dragons, 1, None)
    _check_size("n_ranges", n_ranges, 2, None)
    _check_size("n_sites", n_sites, 1, len(ascii_lowercase))
    rng = check_random_state(random_state)
    in_range = np.repeat(np.arange(n_ranges), n_sites * n_dragons)
    in_site = np.repeat(np.arange(n_ranges * n_sites), n_dragons)

    range_length = rng.permutation(np.linspace(*RANGE_LENGTHS, n_ranges))
    length = range_length[in_range]
    length = length + rng.normal(0, SITE_LENGTH_SD, n_ranges * n_sites)[in_site]
    length = length + rng.normal(0, DRAGON_LENGTH_SD, len(length))

    intercept = BETWEEN_SLOPE * (range_length - TYPICAL_LENGTH) + rng.normal(0, RANGE_SD, n_ranges)
    slope = rng.normal(0, RANGE_SLOPE_SD, n_ranges)
    eta = intercept[in_range] + slope[in_range] * (length - TYPICAL_LENGTH)
    eta = eta + rng.normal(0, SITE_SD, n_ranges * n_sites)[in_site]
    mean = 1 / (1 + np.exp(-eta))
    score = 100 * rng.beta(PRECISION * mean, PRECISION * (1 - mean))

    names = np.array([*RANGES, *(f"Range {k + 1}" for k in range(len(RANGES), n_ranges))])
    frame = pd.DataFrame(
        {
            "testScore": _cut(score),
            "bodyLength": length,
            "mountainRange": names[in_range],
            "site": np.array(list(ascii_lowercase))[in_site % n_sites],
        }
    )
    return (frame.drop(columns="testScore"), frame["testScore"]) if return_X_y else frame


def _check_size(name: str, value: int, low: int, high: int | None) -> None:
    """Refuse a number of things that cannot be simulated."""
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        msg = f"expected {name} {limits}, got {value}"
        raise ValueError(msg)


def _cut(score: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Count the lowest scores as 0 and the highest as 100."""
    order = np.argsort(score)
    n_cut = max(1, round(CUT * len(score)))
    cut = score.copy()
    cut[order[:n_cut]], cut[order[-n_cut:]] = 0.0, 100.0
    return cut
