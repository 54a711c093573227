"""Independent terms may overlap as long as their variances can be told apart."""

from contextlib import nullcontext
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.exceptions import DesignError
from skglmm.fitting.data.standardize import learn_scales
from skglmm.parts import Here

N_LEVELS = 150
G = np.repeat(np.arange(N_LEVELS), 6)
ONE, X = np.ones(len(G)), np.random.default_rng(8).normal(size=len(G))
WITHIN = np.tile([0.0, 0.0, 1.0, 1.0, 2.0, 2.0], N_LEVELS)  # a factor that varies within levels
BETWEEN = G % 3.0
SOMETIMES = np.where(G < 140, BETWEEN, WITHIN)  # within the last levels only
SINGLE = Unstructured(1)


def dummies(codes):
    return tuple((codes == k).astype(float) for k in range(3))


def crossed_rows(seed, labels, sds, *, n_levels=24):
    """Rows of subjects under several conditions, and responses."""
    rng = np.random.default_rng(seed)
    pairs = [(f"s{i}", label) for i in range(n_levels) for label in labels for _ in range(4)]
    frame = pd.DataFrame(pairs, columns=["s", "f"])
    s, f = frame["s"].str[1:].astype(int).to_numpy(), pd.factorize(frame["f"])[0]
    frame["x"] = rng.normal(size=len(frame))
    own = rng.normal(0, sds[1:], (n_levels, len(labels)))
    eta = rng.normal(0, sds[0], n_levels)[s] + own[s, f] + 0.3 * (f == 1)
    mean = expit(eta + (0.2 + rng.normal(0, 0.3, n_levels)[s]) * frame["x"].to_numpy())
    return frame, rng.beta(9 * mean, 9 * (1 - mean))


# glmmTMB 1.1.5 on these rows, y ~ f + x + (1 | s) + diag(0 + f | s) and the like: log
# likelihoods, and standard deviations of Intercept, a, b, c and x
OVERLAPS = {
    (1, "(1 | s) + (0 + f || s)"): (85.97478, [0.5619, 0, 0.3161, 0.7441]),
    (1, "(1 | s) + (0 + f || s) + (0 + x | s)"): (93.36200, [0.5876, 0, 0.4196, 0.7011, 0.2908]),
    (1, "(x | s) + (0 + f || s)"): (93.39054, [0.5893, 0.2930, 0, 0.4207, 0.6964]),
    (5, "(1 | s) + (0 + f || s)"): (107.59826, [0.1373, 0.4803, 0.0809, 0]),
    (5, "(1 | s) + (0 + f || s) + (0 + x | s)"): (111.71945, [0.1193, 0.511, 0.1319, 0, 0.211]),
}


@pytest.mark.parametrize(("seed", "terms"), OVERLAPS)
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
def test_an_intercept_beside_an_effect_of_each_category_is_that_of_glmmtmb(seed, terms):
    sds = (0.6, 0.2, 0.5, 0.8) if seed == 1 else (0.0, 0.5, 0.3, 0.0)
    model = BetaGLMMRegressor(f"f + x + {terms}").fit(*crossed_rows(seed, "abc", sds))
    log_likelihood, expected = OVERLAPS[seed, terms]
    assert model.converged_
    assert_allclose(model.log_likelihood_, log_likelihood, atol=1e-5)
    assert_allclose(model.variance_components()["sd"], expected, atol=1e-3)


@pytest.fixture(scope="module")
def two_conditions():
    """Means and precisions that vary over subjects, in part with the condition."""
    rng = np.random.default_rng(22)
    frame = pd.DataFrame(
        [(f"s{i}", label) for i in range(40) for label in "ab" for _ in range(12)],
        columns=["s", "f"],
    )
    s, f = frame["s"].str[1:].astype(int).to_numpy(), pd.factorize(frame["f"])[0]
    common, own = rng.normal(0, 0.7, (2, 40)), rng.normal(0, [0.4, 0.6], (2, 40, 2))
    mean = expit(0.2 + common[0][s] + own[0][s, f])
    precision = np.exp(2.5 + common[1][s] + own[1][s, f])
    return frame, rng.beta(precision * mean, precision * (1 - mean))


@pytest.mark.filterwarnings("ignore:sd.precision.*limits of Wald")  # of one, hardly known
@pytest.mark.parametrize("of_precision", [False, True])
def test_two_categories_beside_an_intercept_are_a_correlation_in_other_words(
    two_conditions, of_precision
):
    def fitted(terms):
        parts = ("(0 + f | s)", f"f + {terms}") if of_precision else (f"f + {terms}", "1")
        return BetaGLMMRegressor(parts[0], precision=parts[1]).fit(*two_conditions)

    apart, joint = fitted("(1 | s) + (0 + f || s)"), fitted("(0 + f | s)")
    assert_allclose(apart.log_likelihood_, joint.log_likelihood_, atol=1e-6)
    common, first, second = apart.variance_components()["variance"].to_numpy()[-3:]
    root = joint.fit_.lambdas[0][-2:]
    expected = [[common + first, common], [common, common + second]]
    assert_allclose(root @ root.T, expected, rtol=1e-3)
    assert np.isfinite(apart.confint().to_numpy()).all()


@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
def test_terms_with_a_key_may_overlap_with_others(two_conditions):
    texts = [f"f + (1 |{key} s) + (0 + f || s)" for key in ("", "p|")]
    plain, keyed = (BetaGLMMRegressor(t, precision=t).fit(*two_conditions) for t in texts)
    assert keyed.converged_
    assert keyed.n_params_ == plain.n_params_ + 1
    assert keyed.log_likelihood_ > plain.log_likelihood_


def scales_of(covariance, columns, predictors=None, n_parts=1):
    term = Term("g", G, columns, covariance, predictors=predictors or (0,) * len(columns))
    whole = design(([ONE], [ONE]), term)
    pieces = np.array_split(np.arange(len(G)), n_parts)
    designs = Here([whole.take(piece) for piece in pieces])
    return learn_scales(whole.layout, designs, Here([None] * n_parts))


SEPARABLE = {
    "an intercept and each category": (Diagonal(4), (ONE, *dummies(WITHIN)), None),
    "one term after the other": (
        BlockDiagonal((SINGLE, Unstructured(2), Diagonal(3))),
        (ONE, X, X**2, *dummies(WITHIN)),
        None,
    ),
    "a slope and its slopes within categories": (
        Diagonal(4),
        (X, *(X * each for each in dummies(WITHIN))),
        None,
    ),
    "categories that vary within a few levels": (Diagonal(4), (ONE, *dummies(SOMETIMES)), None),
    "the same in two predictors": (Diagonal(2), (ONE, ONE), (0, 1)),
    "correlated over predictors": (
        BlockDiagonal((Unstructured(2), Diagonal(3))),
        (ONE, ONE, *dummies(WITHIN)),
        (0, 1, 1, 1, 1),
    ),
    "an intercept and seconds of this century": (Diagonal(2), (ONE, 1.7e9 + 1e5 * X), None),
    "categories between levels": (Unstructured(3), dummies(BETWEEN), None),
}


@pytest.mark.parametrize("n_parts", [1, 3])
@pytest.mark.parametrize("case", SEPARABLE)
def test_variances_that_the_rows_tell_apart_are_accepted(case, n_parts):
    scales_of(*SEPARABLE[case], n_parts=n_parts)


INSEPARABLE = {
    "the same twice": (Diagonal(2), (X, -3.0 * X), None, "z1 can give .* covariance as z0;"),
    "an intercept within a block and another": (
        BlockDiagonal((Unstructured(2), SINGLE)),
        (ONE, X, 2.0 * ONE),
        None,
        "z2 can give .* covariance as z0;",
    ),
    "an intercept and correlated categories": (
        BlockDiagonal((SINGLE, Unstructured(3))),
        (ONE, *dummies(WITHIN)),
        None,
        "z1 and z2 and z3 can give .* as z0;",
    ),
    "an intercept and categories between levels": (
        Diagonal(4),
        (ONE, *dummies(BETWEEN)),
        None,
        "z3 can give .* as z0 and z1 and z2;",
    ),
    "a sign for each level": (Diagonal(2), (ONE, np.where(G % 2, 1.0, -1.0)), None, "z1 can give"),
    "an intercept of the second predictor twice": (
        BlockDiagonal((Unstructured(2), SINGLE)),
        (ONE, ONE, ONE),
        (0, 1, 1),
        "z2 can give .* as z1;",
    ),
    "collinear and correlated": (Unstructured(3), (ONE, X, 2 - X), None, "correlated with: z2;"),
    "nothing": (Diagonal(2), (ONE, 0 * X), None, "0 in all rows.* z1;"),
}


@pytest.mark.parametrize("n_parts", [1, 3])
@pytest.mark.parametrize("case", INSEPARABLE)
def test_variances_that_no_data_tell_apart_are_refused_with_their_names(case, n_parts):
    *structure, names = INSEPARABLE[case]
    with pytest.raises(DesignError, match=f"random effects of g .*{names}"):
        scales_of(*structure, n_parts=n_parts)


def over_predictors(columns, predictors, component):
    """Columns of some effects, zero for the linear predictor that they do not feed."""
    rows = np.zeros((len(component), 2, len(columns[0])))
    for row, c in zip(rows, component, strict=True):
        row[predictors[c]] = columns[c]
    return rows.reshape(len(component), -1)


def covariances(effects, codes):
    """What the (co)variances of some effects add to the covariance of all rows, each as a row."""
    same = np.tile(codes[:, None] == codes[None, :], (2, 2))
    pairs = combinations_with_replacement(effects, 2)
    return np.array([(same * (np.outer(a, b) + np.outer(b, a))).ravel() for a, b in pairs])


def are_separable(effects, codes):
    """The definition, by ranks of dense matrices."""
    parts = [covariances(each, codes) for each in effects]
    rank = np.linalg.matrix_rank
    independent = all(rank(each) == len(each) for each in effects)
    return independent and rank(np.vstack(parts)) == sum(map(rank, parts))


def test_decisions_are_those_of_dense_covariances():
    rng, codes, decisions = np.random.default_rng(9), np.repeat(np.arange(6), 4), []
    structures = [
        Diagonal(3),
        BlockDiagonal((Unstructured(2), SINGLE)),
        BlockDiagonal((Unstructured(2), Diagonal(2))),
        BlockDiagonal((Unstructured(2), Unstructured(2))),
    ]
    for _ in range(200):
        level, within = rng.integers(0, 2, 6)[codes], rng.integers(0, 2, 24)
        columns = [np.ones(24), level, 1 - level, within, 1 - within, 2 * level - 1, level * within]
        columns += [rng.normal(size=24), rng.normal(size=6)[codes]]
        covariance = structures[rng.integers(len(structures))]
        chosen = tuple(columns[j] for j in rng.choice(len(columns), covariance.size))
        predictors = tuple(np.sort(rng.integers(0, 2, covariance.size)).tolist())
        components = covariance.components
        effects = [over_predictors(chosen, predictors, each) for each in components]
        decisions.append(are_separable(effects, codes))
        term = Term("g", codes, chosen, covariance, predictors=predictors)
        whole = design(([np.ones(24)], [np.ones(24)]), term)
        refused = nullcontext() if decisions[-1] else pytest.raises(DesignError)
        with refused:
            learn_scales(whole.layout, Here([whole]), Here([None]))
    assert 50 < sum(decisions) < 150
