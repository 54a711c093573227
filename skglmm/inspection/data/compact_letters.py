"""Which means differ, from contrasts of pairs, as letters that means have in common."""

from dataclasses import dataclass
from string import ascii_letters
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Bools, Floats, Ints

__all__ = ["MeanPairs", "compact_letters"]


@dataclass(frozen=True, eq=False)
class MeanPairs:
    """Pairs of means that were compared.

    Parameters
    ----------
    first, second : ndarray of int, shape (m,)
        Places of the two means of each contrast.
    p_value : ndarray, shape (m,)
    n_means : int
    """

    first: Ints
    second: Ints
    p_value: Floats
    n_means: int

    @classmethod
    def of(cls, contrasts: Any) -> "MeanPairs":
        """Find the two means of each contrast.

        Raises
        ------
        ValueError
            When a contrast is of other than two means.
        """
        weights = np.asarray(contrasts.weights)
        single = np.count_nonzero(weights, axis=1) == 2
        if not (single & np.isclose(weights.sum(axis=1), 0.0)).all():
            place = int(np.argmin(single))
            msg = (
                "letters and brackets are about pairs of means, and the contrast "
                f"{contrasts.labels[place][-1]!r} is of {np.count_nonzero(weights[place])}; take "
                'means.contrasts("pairwise"), or marks=None'
            )
            raise ValueError(msg)
        ends = np.array([np.flatnonzero(row) for row in weights]).reshape(-1, 2)
        return cls(ends[:, 0], ends[:, 1], np.asarray(contrasts.p_value), weights.shape[1])

    def letters(self, estimate: Floats, alpha: float) -> list[str]:
        """Return letters of each mean, the greatest first: those without a common one differ.

        Means that were compared with each other have letters of their own; pairs with an unknown
        p-value are not said to differ, and means that were not compared have no letters.

        Parameters
        ----------
        estimate : ndarray, shape (n_means,)
            Means, whose order is that of the letters.
        alpha : float
            Pairs with a smaller p-value differ.

        Raises
        ------
        ValueError
            When not all pairs of some means were compared.
        """
        shape, ones = (self.n_means,) * 2, np.ones(len(self.first))
        graph = csr_array((ones, (self.first, self.second)), shape=shape)
        codes = connected_components(graph, directed=False)[1]
        found = [""] * self.n_means
        differ = np.zeros(shape, dtype=np.bool_)
        apart = self.p_value < alpha
        differ[self.first[apart], self.second[apart]] = True
        compared = np.bincount(codes[self.first], minlength=codes.max() + 1)
        for code, n_pairs in enumerate(compared):
            members = np.flatnonzero(codes == code)
            if n_pairs < len(members) * (len(members) - 1) // 2:
                msg = (
                    f"letters need all pairs of {len(members)} means, and {n_pairs} are compared; "
                    'take means.contrasts("pairwise"), or marks="brackets"'
                )
                raise ValueError(msg)
            if not n_pairs:
                continue
            ordered = members[np.argsort(-estimate[members], kind="stable")]
            block = (differ | differ.T)[np.ix_(ordered, ordered)]
            for place, text in zip(ordered, compact_letters(block), strict=True):
                found[place] = text
        return found


def compact_letters(differ: Bools) -> list[str]:
    """Return letters so that two means differ where they have none in common.

    By insertion and absorption: Piepho, H.-P. (2004). An algorithm for a letter-based
    representation of all-pairwise comparisons. Journal of Computational and Graphical Statistics,
    13(2), 456-466.

    Parameters
    ----------
    differ : ndarray of bool, shape (k, k)
        Symmetric.

    Returns
    -------
    list of str
        One for each mean, such as "a", "ab", "b".

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.inspection.data.compact_letters import compact_letters
    >>> differ = np.zeros((3, 3), dtype=bool)
    >>> differ[0, 2] = differ[2, 0] = True
    >>> compact_letters(differ)
    ['a', 'ab', 'b']
    """
    sets = [frozenset(range(len(differ)))]
    for i, j in np.argwhere(np.triu(differ)).tolist():
        split: set[frozenset[int]] = set()
        for each in sets:
            split |= {each - {i}, each - {j}} if {i, j} <= each else {each}
        sets = [each for each in split if not any(each < other for other in split)]
    ordered = sorted(sets, key=sorted)
    if len(ordered) > len(ascii_letters):
        msg = f"{len(ordered)} letters would be needed, of {len(ascii_letters)}; marks=None"
        raise ValueError(msg)
    letters = list(zip(ascii_letters, ordered, strict=False))
    return ["".join(name for name, each in letters if k in each) for k in range(len(differ))]
