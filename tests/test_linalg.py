"""The arrowhead algebra equals dense algebra."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import block_diag

from skglmm.linalg import (
    Blocks,
    Chain,
    Elimination,
    Grouping,
    Pattern,
    block_diagonal,
    cholesky,
    factorize,
    grouped,
    inverse,
    solve_lower,
    solve_upper,
)
from skglmm.linalg.split import Split
from skglmm.parts import Here


def spd(rng, size, n_matrices):
    a = rng.normal(size=(n_matrices, size, size))
    return np.moveaxis(a @ np.swapaxes(a, 1, 2) + size * np.eye(size), 0, -1)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_batched_algebra_equals_dense_algebra(size):
    rng = np.random.default_rng(size)
    a, b = spd(rng, size, 7), rng.normal(size=(size, 3, 7))
    lower = cholesky(a)
    for i in range(7):
        assert_allclose(lower[:, :, i], np.linalg.cholesky(a[:, :, i]), rtol=1e-12)
        half = np.linalg.solve(lower[:, :, i], b[:, :, i])
        assert_allclose(solve_lower(lower, b)[:, :, i], half, rtol=1e-10)
        upper = np.linalg.solve(lower[:, :, i].T, b[:, :, i])
        assert_allclose(solve_upper(lower, b)[:, :, i], upper, rtol=1e-10)
        assert_allclose(inverse(lower)[:, :, i], np.linalg.inv(a[:, :, i]), rtol=1e-10, atol=1e-12)


def test_an_indefinite_or_undefined_matrix_has_no_factor():
    a = spd(np.random.default_rng(0), 2, 3)
    for bad in (-1.0, np.nan, np.inf):
        broken = a.copy()
        broken[1, 1, 2] = bad
        assert cholesky(broken) is None


def arrowhead(rng, size, n_levels, n_crossed, density):
    """Pieces with random patterns, and the dense matrix in the order pieces, rest."""
    pieces, dense = [], np.zeros((0, 0))
    corner = 50.0 * np.eye(n_crossed)
    couplings = []
    for n in n_levels:
        levels, columns = np.nonzero(rng.uniform(size=(n, n_crossed)) < density)
        order = rng.permutation(len(levels))
        pattern = Pattern(levels[order], columns[order], n, n_crossed)
        blocks, coupling = spd(rng, size, n), rng.normal(size=(size, len(levels)))
        chain = Chain.of({}, [pattern])
        pieces.append(Elimination.of(chain, Blocks([blocks.copy()], {}, [coupling])))
        full = np.zeros((size, n, n_crossed))
        full[:, pattern.levels, pattern.columns] = coupling
        couplings.append(full.reshape(size * n, n_crossed))
        own = np.zeros((size, n, size, n))
        every = np.arange(n)
        own[:, every, :, every] = np.moveaxis(blocks, -1, 0)
        own = own.reshape(size * n, size * n)
        dense = np.block(
            [
                [dense, np.zeros((len(dense), len(own)))],
                [np.zeros((len(own), len(dense))), own],
            ]
        )
    coupling = np.vstack(couplings)
    return Here(pieces), np.block([[dense, coupling], [coupling.T, corner]]), corner


CASES = {  # columns of a level, levels of each piece, columns of the rest, density
    "one factor": (2, (4, 3), 0, 0.0),
    "sparse": (2, (40, 30), 25, 0.04),
    "full": (3, (6, 5), 9, 1.0),
    "no random effects": (0, (0,), 0, 0.0),
}


@pytest.mark.parametrize("chunk", [10**6, 40])
@pytest.mark.parametrize("case", CASES)
def test_an_arrowhead_equals_its_dense_matrix(case, chunk, monkeypatch):
    monkeypatch.setattr("skglmm.linalg.pattern.DENSE_CHUNK", chunk)  # 40: several slices
    rng = np.random.default_rng(1)
    size, n_levels, n_crossed, density = CASES[case]
    pieces, dense, corner = arrowhead(rng, size, n_levels, n_crossed, density)
    system = factorize(pieces, corner)
    assert_allclose(system.half_logdet, 0.5 * np.linalg.slogdet(dense)[1], rtol=1e-12, atol=1e-14)

    nested = [rng.normal(size=(size, n)) for n in n_levels]
    crossed = rng.normal(size=n_crossed)
    right = np.concatenate([*(each.ravel() for each in nested), crossed])
    solved, end = system.solve(Here([(each,) for each in nested]), crossed)
    solution = np.concatenate([*(each.ravel() for (each,) in solved), end])
    assert_allclose(solution, np.linalg.solve(dense, right), rtol=1e-9, atol=1e-12)

    found, whole, start = system.inverse(), np.linalg.inv(dense), 0
    for piece, inner in zip(pieces, found.pieces, strict=True):
        (block,), (cross,), (pattern,) = inner.own, inner.crossed, piece.chain.patterns
        n = pattern.n_levels
        own = whole[start : start + size * n, start : start + size * n].reshape(size, n, size, n)
        for i in range(n):
            assert_allclose(block[:, :, i], own[:, i, :, i], rtol=1e-9, atol=1e-12)
        side = whole[start : start + size * n, len(whole) - n_crossed :].reshape(size, n, n_crossed)
        expected = side[:, pattern.levels, pattern.columns]
        assert_allclose(cross, expected, rtol=1e-8, atol=1e-12)
        start += size * n
    assert_allclose(found.crossed, whole[start:, start:], rtol=1e-9, atol=1e-12)


def _places(size, n_levels):
    """Places of the effects of each level in the dense matrix, (n, size) for each piece."""
    start = 0
    for n in n_levels:
        yield start + n * np.arange(size) + np.arange(n)[:, None]
        start += size * n


@pytest.mark.parametrize("is_costly", [False, True])
@pytest.mark.parametrize("chunk", [10**6, 7])
@pytest.mark.parametrize("case", CASES)
def test_the_inverse_between_any_two_levels_equals_dense_algebra(
    case, chunk, is_costly, monkeypatch
):
    monkeypatch.setattr("skglmm.linalg.direct.posterior.CHUNK", chunk)
    monkeypatch.setattr("skglmm.linalg.direct.posterior.LEVELS", chunk)
    monkeypatch.setattr(Elimination, "has_costly_inverse", lambda self: is_costly)
    size, n_levels, n_crossed, density = CASES[case]
    pieces, dense, corner = arrowhead(np.random.default_rng(1), size, n_levels, n_crossed, density)
    ends = np.cumsum(n_levels)
    levels = Here([(np.arange(b - n, b),) for n, b in zip(n_levels, ends, strict=True)])
    sizes = [(size, sum(n_levels)), (1, n_crossed)]
    found = factorize(pieces, corner).posterior(levels, sizes)
    whole, start = np.linalg.inv(dense), 0
    side = []
    for n in n_levels:
        rows = whole[start : start + size * n, len(whole) - n_crossed :]
        side.append(rows.reshape(size, n, n_crossed))
        start += size * n
    side = np.concatenate(side, axis=1)
    level, column = np.nonzero(np.ones((sum(n_levels), n_crossed)))
    every = np.arange(sum(n_levels))
    places = np.concatenate([np.zeros((0, size), dtype=int), *_places(size, n_levels)])
    own = found.between(0, 0, every, every)
    assert_allclose(np.moveaxis(own, -1, 0), whole[places[:, :, None], places[:, None]], atol=1e-12)
    blocks = found.between(0, 1, level, column)
    assert_allclose(blocks[:, 0], side[:, level, column], rtol=1e-8, atol=1e-12)
    assert_allclose(found.crossed, whole[start:, start:], rtol=1e-9, atol=1e-12)


def test_the_cases_cover_lists_of_meetings_and_dense_products():
    rng = np.random.default_rng(1)
    kinds = {}
    for case, arguments in CASES.items():
        pieces, _, _ = arrowhead(rng, *arguments)
        kinds[case] = pieces[0].chain.patterns[0].is_dense
    assert kinds["full"]
    assert not kinds["sparse"]


LISTS = {"SYRK": 1e9, "GEMM": 1e9, "MEETINGS_FEW": np.inf}
WAYS = {  # thresholds of the ways to multiply entries
    "lists": {**LISTS, "LISTED": 0.0},
    "lists with heavy columns": {**LISTS, "LISTED": 1e9, "ACROSS": 0.0, "SYRK": 1.0},
    "dense": {"SYRK": 0.0, "GEMM": 0.0},
    "sparse": {"SYRK": 1e9, "SPARSE": 0.0, "MEETINGS_FEW": -1.0},
    "sparse with heavy columns": {"SYRK": 1.0, "ACROSS": 0.0, "FILLED": 0.0, "MEETINGS_FEW": -1.0},
}


@pytest.mark.parametrize("density", [0.25, 1.0], ids=["some", "all"])
@pytest.mark.parametrize("way", WAYS)
def test_entries_are_multiplied_as_dense_matrices(way, density, monkeypatch):
    rng, n_levels, n_crossed = np.random.default_rng(2), 30, 12
    for name, value in WAYS[way].items():
        monkeypatch.setattr(f"skglmm.linalg.pattern.{name}", value)
    columns, levels = np.nonzero(rng.uniform(size=(n_crossed, n_levels)) < density)
    pattern = Pattern(levels, columns, n_levels, n_crossed, is_lasting=False)
    assert pattern.is_full == (density == 1.0)
    values = rng.normal(size=(2, len(levels)))
    full = np.zeros((2, n_levels, n_crossed))
    full[:, levels, columns] = values
    crossed = rng.normal(size=(n_crossed, n_crossed))
    crossed = crossed + crossed.T
    left = np.zeros((n_crossed, n_crossed))
    pattern.subtract_gram(values, left)
    assert_allclose(np.triu(left), -np.triu(np.einsum("kli,klj->ij", full, full)), atol=1e-12)
    found, products = pattern.times(values, crossed), full @ crossed
    assert_allclose(found, products[:, levels, columns], atol=1e-12)
    squares = np.einsum("kli,mli->km", products, full)
    assert_allclose(pattern.sums_of_squares(values, crossed), squares, atol=1e-11)
    assert_allclose(pattern.by_level(values), full.sum(axis=2), atol=1e-12)
    assert_allclose(pattern.by_column(values[0]), full[0].sum(axis=0), atol=1e-12)


PATTERNS = {  # whether each of 30 levels meets each of 12 columns, of uniform numbers
    "ragged": lambda u: u < np.linspace(0.02, 0.9, 12),
    "levels seen once": lambda u: u == u.max(axis=1, keepdims=True),
    "one level": lambda u: (u < 0.6) & (np.arange(30) == 4)[:, None],
    "some": lambda u: u < 0.3,
    "all": lambda u: u < 2.0,
    "none": lambda u: u < 0.0,
}


@pytest.mark.parametrize("heavy", [[], [2, 5, 11], range(12)], ids=["light", "both", "heavy"])
@pytest.mark.parametrize("limits", [(10**6, 32), (40, 0)], ids=["whole", "slices"])
@pytest.mark.parametrize("name", PATTERNS)
def test_heavy_and_light_columns_give_the_numbers_of_dense_algebra(
    name, limits, heavy, monkeypatch
):
    for limit, value in zip(("CHUNK", "FEW"), limits, strict=True):
        monkeypatch.setattr(f"skglmm.linalg.split.{limit}", value)
    rng = np.random.default_rng(3)
    levels, columns = np.nonzero(PATTERNS[name](rng.uniform(size=(30, 12))))
    order = rng.permutation(len(levels))
    levels, columns = levels[order], columns[order]
    split = Split(levels, columns, (30, 12), np.array(heavy, dtype=np.intp))
    values = rng.normal(size=(2, len(levels)))
    full = np.zeros((2, 30, 12))
    full[:, levels, columns] = values
    crossed = rng.normal(size=(12, 12))
    crossed = crossed + crossed.T
    gram = np.triu(np.einsum("kli,klj->ij", full, full))
    for subtract in (split.subtract_gram, split.subtract_products):
        left = np.zeros((12, 12))
        subtract(values, left)
        assert_allclose(np.triu(left), -gram, rtol=1e-10, atol=1e-13)
    products = full @ crossed
    found = split.times(values, crossed)
    assert_allclose(found, products[:, levels, columns], rtol=1e-10, atol=1e-12)
    squares = np.einsum("kli,mli->km", products, full)
    found = split.sums_of_squares(values, crossed)
    assert_allclose(found, squares, rtol=1e-10, atol=1e-11)


def test_an_indefinite_arrowhead_is_refused():
    rng = np.random.default_rng(1)
    pieces, _, corner = arrowhead(rng, 2, (4,), 3, 1.0)
    assert factorize(pieces, corner - 100 * np.eye(3)) is None
    assert factorize(Here([None]), corner) is None


@pytest.mark.parametrize(
    "codes", [[0, 0, 1, 2, 2], [2, 0, 1, 0, 2], [0, 0, 2, 2, 2], [1, 1, 2, 2, 2], [0, 0, 1, 1, 1]]
)
def test_sums_by_group_equal_a_loop(codes):
    codes, values = np.array(codes), np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    grouping = Grouping(codes, 3)
    assert_array_equal(grouping.sum(values), [values[codes == g].sum() for g in range(3)])
    assert_array_equal(grouping.spread(np.array([5.0, 6.0, 7.0])), codes + 5.0)


@pytest.mark.parametrize("size", [1, 50, 500, 3_000])  # repeated, summed by segments, counted
def test_many_rows_are_summed_and_spread_by_group(size):
    rng = np.random.default_rng(7)
    codes = np.sort(np.concatenate([np.arange(size), rng.integers(0, size, 6_000 - size)]))
    values, expected = rng.normal(size=(2, 6_000)), np.zeros((2, size))
    for row, sums in zip(values, expected, strict=True):
        np.add.at(sums, codes, row)
    grouping = Grouping(codes, size)
    assert_allclose(grouping.sum(values), expected, atol=1e-12)
    assert_array_equal(grouping.spread(expected), expected[:, codes])


@pytest.mark.parametrize("sizes", [(5,), (300,), (4, 300), (7, 3, 50)])
def test_rows_are_put_in_the_order_of_several_keys(sizes):
    rng = np.random.default_rng(0)
    keys = [rng.integers(0, size, 1000) for size in sizes]
    order = np.lexsort(keys)
    assert_array_equal(grouped(keys, sizes), order)
    assert grouped([key[order] for key in keys], sizes) is None


def test_keys_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="keys from -1 to 3"):
        grouped([np.array([3, -1, 2])], [4])


def test_matrices_are_put_along_the_diagonal():
    blocks = [np.ones((2, 3)), np.full((1, 1), 4.0), np.zeros((2, 0))]
    assert_array_equal(block_diagonal(*blocks), block_diag(*blocks))
