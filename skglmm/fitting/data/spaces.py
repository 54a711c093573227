r"""What the columns of a fit span, kept in a few numbers, so that fits can be compared later.

Each row gets signs that depend on its response (or, where rows are at hand, on its place) alone,
and each column is kept as m sums over all rows with these signs, :math:`S^T X`. A column that is a
combination of others is the same combination of them in these sums; one that is none is none of
them there, but for chance, as long as there are more sums than columns [1]_. Neither the order of
the rows nor that of the columns matters. How a factor groups the rows is kept as one number,
whatever its levels are called.

References
----------
.. [1] Woodruff, D. P. (2014). Sketching as a tool for numerical linear algebra. Foundations and
   Trends in Theoretical Computer Science, 10(1-2), 1-157.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from skglmm.arrays import Floats, Ints, slices
from skglmm.design import Design, OneHot
from skglmm.fitting.data.digest import CACHE_ROWS, Words, row_words, scattered
from skglmm.fitting.data.standardize import Scales, learn_scales
from skglmm.parts import Here

__all__ = ["Spaces", "Sums", "of_rows", "signed_sums", "spaces"]

N_SUMS = 64  # that a fit keeps: the bits of one word
BUCKETS = 4096  # rows are first summed in so many, by their words
SPARE = 64  # sums beyond the number of columns, where rows are at hand


@dataclass(frozen=True)
class Spaces:
    """Signed sums of standardized columns.

    Parameters
    ----------
    fixed : tuple of ndarray, each of shape (m, p_k kept)
        Of the fixed columns of each predictor, without those that were left out.
    offsets : tuple of ndarray, each of shape (m,)
        Of what is added to each predictor, on its own scale.
    effects : tuple of ndarray, each of shape (m, k)
        Of the effects of each factor, in the order of the layout.
    groups : tuple of int
        A fingerprint of how each factor groups the rows.
    """

    fixed: tuple[Floats, ...]
    offsets: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    groups: tuple[int, ...]

    @property
    def n_sums(self) -> int:
        """Number of sums, m."""
        return len(self.offsets[0])


@dataclass(frozen=True)
class Sums:
    """Signed sums of the user's columns over some rows; those of two parts add up.

    Parameters
    ----------
    columns : ndarray, shape (m, n_columns)
        All of a design: fixed columns, offsets, effects.
    used : ndarray of int, shape (2 * BUCKETS,)
        Number of rows with each vector of signs.
    levels : tuple of ndarray of uint64, each of shape (n_levels,)
        Sums of the words of the rows in each level of each factor.
    """

    columns: Floats
    used: Ints
    levels: tuple[Words, ...]

    def __add__(self, other: "Sums") -> "Sums":
        levels = (one + two for one, two in zip(self.levels, other.levels, strict=True))
        return Sums(self.columns + other.columns, self.used + other.used, tuple(levels))


def signed_sums(design: Design, y: Floats, weights: Floats | None) -> Sums:
    """Sum the columns of some rows with signs that depend on their responses and weights.

    Parameters
    ----------
    design : Design
        In the user's units.
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    """
    return _summed(design, row_words(y, weights), N_SUMS)


def spaces(sums: Sums, scales: Scales) -> Spaces:
    """Return what a fit keeps of the sums over all its rows.

    There are fewer sums than half the rows, so that no row can be recovered, and no more than
    rows with different signs.

    Parameters
    ----------
    sums : Sums
    scales : Scales
        To the standardized columns.
    """
    n_rows, n_different = int(sums.used.sum()), int(np.count_nonzero(sums.used))
    return _standardized(sums, scales, min(len(sums.columns), n_rows // 2, n_different))


def of_rows(design: Design) -> Spaces:
    """Return the spaces of rows that are at hand, for designs of the same rows in one order.

    Parameters
    ----------
    design : Design
        In the user's units.
    """
    n_columns = sum(x.shape[1] for x in (*design.fixed, *design.columns))
    places = scattered(np.arange(design.n_samples, dtype=np.uint64))
    sums = _summed(design, places, n_columns + SPARE)
    n_sums = min(len(sums.columns), int(np.count_nonzero(sums.used)))
    scales = learn_scales(design.layout, Here([design]), Here([None]))
    return _standardized(sums, scales, n_sums)


def _summed(design: Design, words: Words, n_sums: int) -> Sums:
    columns = _columns(design)
    plain = [x is not None and _is_one(x) for x in columns]
    one_hot = _one_hot(design)
    table, used = np.zeros((BUCKETS, len(columns))), np.zeros(2 * BUCKETS, dtype=np.intp)
    levels = tuple(np.zeros(f.n_levels, dtype=np.uint64) for f in design.layout.factors)
    for part in slices(len(words), CACHE_ROWS):
        bucket = (words[part] >> np.uint64(52)).astype(np.intp)  # the first twelve bits
        negative = ((words[part] >> np.uint64(51)) & np.uint64(1)).astype(np.intp)
        sign = 1.0 - 2.0 * negative
        used += np.bincount(2 * bucket + negative, minlength=2 * BUCKETS)
        for x, is_one, sums in zip(columns, plain, table.T, strict=True):
            if x is not None and not is_one:
                np.add.at(sums, bucket, sign * x[part])
        for start, z in one_hot:
            np.add.at(table, (bucket, start + z.index[part]), sign * z.entries[part])
        for total, codes in zip(levels, design.codes, strict=True):
            np.add.at(total, codes[part], words[part])
    table[:, plain] = (used[::2] - used[1::2])[:, None]  # sums of signs alone
    signs = _signs(n_sums)
    if len(words) < BUCKETS:  # of which most are empty
        some = np.flatnonzero(used[::2] + used[1::2])
        signs, table = signs[:, some], table[some]
    return Sums(np.asarray(signs @ table), used, levels)


def _columns(design: Design) -> list[Floats | None]:
    """All columns of a design, of which those that are one-hot, or not there, are None."""
    found: list[Floats | None] = [column for x in design.fixed for column in x.T]
    for z in design.columns:
        found.extend([None] * z.size if isinstance(z, OneHot) else z.T)
    return [*found, *design.offsets]


def _one_hot(design: Design) -> list[tuple[int, OneHot]]:
    """One-hot columns, and the place of the first among all."""
    start, found = sum(x.shape[1] for x in design.fixed), []
    for z in design.columns:
        if isinstance(z, OneHot):
            found.append((start, z))
        start += z.shape[1]
    return found


def _is_one(column: Floats) -> bool:
    return bool(column[0] == 1.0 and np.all(column == 1.0))


@lru_cache(maxsize=1)
def _signs(n_sums: int) -> Floats:
    """Signs of the buckets in each sum, (n_sums, BUCKETS): the bits of scattered numbers."""
    n_words = -(-n_sums // 64)
    words = scattered(np.arange(1, n_words * BUCKETS + 1, dtype=np.uint64))
    places = np.arange(64, dtype=np.uint64)
    bits = (words.reshape(n_words, 1, BUCKETS) >> places[None, :, None]) & np.uint64(1)
    signs = 1.0 - 2.0 * bits.reshape(-1, BUCKETS)[:n_sums].astype(np.float64)
    signs.flags.writeable = False
    return signs


def _standardized(sums: Sums, scales: Scales, n_sums: int) -> Spaces:
    sizes = [len(turn) for turn in (*scales.to_user, *scales.bases)]
    *parts, offsets = np.split(sums.columns[:n_sums], np.cumsum(sizes), axis=1)
    n_predictors = len(scales.to_user)
    fixed = zip(parts[:n_predictors], scales.to_user, strict=True)
    effects = zip(parts[n_predictors:], scales.bases, strict=True)
    return Spaces(
        tuple(part @ turn for part, turn in fixed),
        tuple(offsets.T),
        tuple(part @ turn for part, turn in effects),
        tuple(int(scattered(level).sum(dtype=np.uint64)) for level in sums.levels),
    )
