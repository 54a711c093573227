"""Which derivatives a family keeps, and in which rows."""

from itertools import combinations

import pytest

from skglmm.families import Packing, packed, packed_rows


def cut_points(n):
    """A location and n cut points in a row, of which neighbors meet."""
    pairs = combinations(range(1, n + 1), 2)
    return Packing.sparse(n + 1, range(1, n + 1), {(j, k) for j, k in pairs if k > j + 1})


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_full_packing_is_that_of_a_log_density(size):
    full = Packing.full(size)
    assert (full.pairs, full.triples) == (packed_rows(size, 2), packed_rows(size, 3))
    assert full.row(size - 1, 0, 0) == packed(size, 0, 0, size - 1)


def test_rows_grow_with_the_number_of_cut_points_not_with_its_cube():
    few, many = cut_points(9), cut_points(18)
    assert (len(few.pairs), len(few.triples)) == (27, 27)
    assert (len(many.pairs), len(many.triples)) == (54, 54)


def test_a_sparse_packing_has_no_row_of_what_is_zero_or_never_asked_for():
    packing = cut_points(3)
    assert packing.row(3, 1) is None
    assert packing.row(1, 2, 2) is None
    assert sorted(packing.triples.values()) == list(range(len(packing.triples)))
