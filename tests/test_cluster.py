"""Rows that stay in parts give the fit of rows in memory: here, and on the workers of dask."""

import os

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.special import expit
from sklearn.base import clone

from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    DesignError,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    ZeroInflatedBetaGLMMRegressor,
)
from skglmm.engine import Shard
from skglmm.estimators.base import mixed_model as _base
from skglmm.estimators.cluster.cluster import learned
from skglmm.estimators.cluster.rows import VettedRows, check_partitions
from skglmm.estimators.reading.frames import fit_frame
from skglmm.fitting import fit_bound
from skglmm.parts import Here
from skglmm.parts.dask import Remote
from skglmm.parts.fused import Deferred, Source, program_of, run

N = 1_500


def simulated(n=N, n_groups=60, seed=0):
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, n_groups, n), rng.normal(50, 9, n)
    kind = np.array(list("abc"))[rng.integers(0, 3, n)]
    frame = pd.DataFrame(
        {
            "x": x,
            "kind": kind,
            "g": [f"g{each:03d}" for each in g],
            "area": [f"r{each % 15:02d}" for each in g],
            "k": rng.integers(10, 16, n),
            "more": rng.normal(0, 0.1, n),
            "count": rng.integers(0, 3, n).astype(float),
        }
    )
    eta = 0.3 + 0.05 * (x - 50) * (1 + 0.5 * rng.normal(size=n_groups)[g]) + (kind == "b") * 0.3
    eta += 0.6 * rng.normal(size=n_groups)[g] + 0.4 * rng.normal(size=15)[g % 15]
    eta += 0.3 * rng.normal(size=20)[frame["k"]] + frame["more"]
    mean = 1 / (1 + np.exp(-eta))
    y = pd.Series(rng.beta(8 * mean, 8 * (1 - mean)).clip(1e-6, 1 - 1e-6), name="y")
    return frame, y


@pytest.fixture(scope="module")
def rows():
    return simulated()


@pytest.fixture
def in_parts(monkeypatch):
    """Fit rows cut into parts of this process, as if they were elsewhere."""

    def fit(model, X, y, weights=None, n_parts=5):
        def cluster_rows(estimator, X, y, sample_weight, family, draft):
            meta = fit_frame(estimator, X.head(2))
            cuts = np.array_split(np.arange(len(X)), n_parts)
            mass = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
            parts = [
                VettedRows(X.iloc[c], y.to_numpy()[c], None if mass is None else mass[c])
                for c in cuts
            ]
            kept = [
                part
                if part.weights is None
                else VettedRows(*(each[part.weights > 0] for each in part))
                for part in parts
            ]
            return learned(Here(kept), meta, y.name, estimator, family, draft)

        monkeypatch.setattr(_base, "is_dask", lambda data: True)
        monkeypatch.setattr(_base.cluster, "cluster_rows", cluster_rows)
        try:
            return model.fit(X, y, weights)
        finally:
            monkeypatch.undo()

    return fit


def assert_same(one, other, atol=1e-8):
    assert_allclose(one.log_likelihood_, other.log_likelihood_, rtol=1e-11)
    assert one.fit_.spaces.groups == other.fit_.spaces.groups
    for mine, theirs in zip(one.fit_.spaces.fixed, other.fit_.spaces.fixed, strict=True):
        assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max(initial=0.0))
    for mine, theirs in zip(
        (*one.fit_.beta, *one.fit_.theta, *one.fit_.u),
        (*other.fit_.beta, *other.fit_.theta, *other.fit_.u),
        strict=True,
    ):
        assert_allclose(mine, theirs, atol=atol)
    assert_allclose(one.fit_.covariance, other.fit_.covariance, rtol=1e-4, atol=1e-9)
    assert one.fit_.data_digest == other.fit_.data_digest
    assert one._row_digest == other._row_digest
    names = ("formulas_", "n_levels_", "coef_names_", "n_obs_")
    for name in (*names, "n_boundary_") if hasattr(other, "n_boundary_") else names:
        assert getattr(one, name) == getattr(other, name)
    assert list(one.feature_names_in_) == list(other.feature_names_in_)


FORMULAS = {
    "slopes, crossed with integers": "x * kind + (x | g) + (1 | k)",
    "implicitly nested": "x + (1 | g) + (x | area)",
    "explicitly nested": "x + kind + (1 | area/g)",
    "functions and codings": "log(x) + C(count) + (1 | g)",
    "no random effects": "x + kind",
    "overlapping terms": "x + kind + (1 | g) + (0 + kind || g)",
    "precision": "x + (1 | g)",
}


@pytest.mark.parametrize("weights", [None, "k"])
def test_priors_of_rows_in_parts_are_those_of_all_rows(rows, in_parts, weights):
    X, y = rows[0], 1e3 * rows[1]
    weights = None if weights is None else X[weights] / X[weights].mean()
    model = LMMRegressor("x + kind + (x | g)", reml=False, priors="weak")
    whole, parts = model.fit(X, y, weights), in_parts(clone(model), X, y, weights)
    assert_same(parts, whole, atol=1e-6)
    pairs = zip(parts.fit_.priors.entries, whole.fit_.priors.entries, strict=True)
    for (mine, density), (theirs, other) in pairs:
        assert mine == theirs
        assert_allclose(density.arguments, other.arguments, rtol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
def test_rows_in_parts_give_the_fit_of_all_rows(rows, in_parts, name, monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 10)  # area has 15 levels
    options = {"formula": FORMULAS[name], "precision": "kind" if name == "precision" else "1"}
    whole = BetaGLMMRegressor(**options).fit(*rows)
    parts = in_parts(BetaGLMMRegressor(**options), *rows)
    assert_same(parts, whole)
    new = rows[0].head(20)
    assert_allclose(parts.predict(new), whole.predict(new), atol=1e-8)
    assert_frame_equal(parts.predict_frame(new), whole.predict_frame(new), rtol=1e-4)
    if parts.n_levels_:
        mine, theirs = (model.random_effects() for model in (parts, whole))
        assert_frame_equal(mine, theirs, rtol=1e-4, atol=1e-7)


STRUCTURES = {
    "times": "x + ar1(0 + count | g)",
    "times beside others": "x + (1 | area) + ou(0 + count | g)",
    "places": "x + exp(0 + k + count | 1)",
    "individuals": "x + known(1 | area, A)",
}


SLOW = {"times beside others", "places"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in STRUCTURES]
)
@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
def test_structures_of_rows_in_parts_are_those_of_all_rows(rows, in_parts, name):
    X, y = rows[0].iloc[:600], rows[1].iloc[:600]
    rng = np.random.default_rng(4)
    moved = rng.normal(0, 0.7, (60, 3))[X["g"].str[1:].astype(int), X["count"].astype(int)]
    moved += np.sin(X["k"] + X["count"])
    y = pd.Series(expit(np.log(y / (1 - y)) + moved), X.index, name="y")
    names = [f"r{j:02d}" for j in range(16)]  # the last has no rows
    related = pd.DataFrame(0.7 ** np.abs(np.subtract.outer(range(16), range(16))), names, names)
    how = {"formula": STRUCTURES[name], "relationships": {"A": related}}
    for kind in (LMMRegressor, BetaGLMMRegressor):
        whole, parts = kind(**how).fit(X, y), in_parts(kind(**how), X, y)
        assert_same(parts, whole, atol=1e-5)
        assert_allclose(parts.predict(X.head(20)), whole.predict(X.head(20)), atol=1e-6)


@pytest.mark.parametrize("trials", ["n", 12])
def test_successes_in_parts_have_the_trials_of_their_rows(rows, in_parts, trials):
    frame, share = rows
    X = frame.assign(n=np.arange(len(frame)) % 12 + 1)
    y = (share * X["n"]).round().rename("y")
    options = {"formula": "x + (1 | g)", "trials": trials}
    whole = BetaBinomialGLMMRegressor(**options).fit(X, y)
    assert_same(in_parts(BetaBinomialGLMMRegressor(**options), X, y), whole, atol=1e-6)
    for wrong, message in ((X.assign(n=0), "no trial at all"), (X.assign(n=1), "are above")):
        with pytest.raises(ValueError, match=message):
            in_parts(BinomialGLMMRegressor("x", trials="n"), wrong, y)


def test_a_chain_of_nested_factors_stays_one_in_parts(rows, in_parts, monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 10)
    model = in_parts(BetaGLMMRegressor("x + (1 | g) + (1 | area)"), *rows)
    assert len(model.fit_.posterior.own) == 2


@pytest.mark.filterwarnings("ignore:dropped from the mean:UserWarning")
def test_rows_that_the_parts_do_not_determine_are_nan(rows, in_parts):
    frame, y = rows
    X = frame.assign(twice=2 * frame["x"])
    model = in_parts(BetaGLMMRegressor("x + twice + (1 | g)"), X, y)
    assert np.isfinite(model.predict(X)).all()
    with pytest.warns(UserWarning, match=r"'twice' is 2 \* x"):
        found = model.predict(X.head(2).assign(twice=[X["twice"].iloc[0], 9.0]))
    assert_array_equal(np.isnan(found), [False, True])


def test_weights_and_an_offset(rows, in_parts):
    frame, y = rows
    weights = np.where(np.arange(N) < 400, 0.0, np.random.default_rng(1).uniform(0.5, 2, N))
    options = {"formula": "x + (1 | g)", "offset": "more", "bounds": (-1, 3), "n_jobs": 1}
    whole = BetaGLMMRegressor(**options).fit(frame, y, weights)
    assert_same(in_parts(BetaGLMMRegressor(**options), frame, y, weights), whole)
    whole = BetaGLMMRegressor(**options).fit(frame, y)
    assert_same(in_parts(BetaGLMMRegressor(**options), frame, y, np.ones(N)), whole)


def test_offsets_of_formulas(rows, in_parts):
    frame, y = rows
    texts = {"formula": "x + offset(0.5 * more) + (1 | g)", "precision": "offset(more)"}
    options = {**texts, "bounds": (-1, 3), "n_jobs": 1}
    whole = BetaGLMMRegressor(**options).fit(frame, y)
    assert_same(in_parts(BetaGLMMRegressor(**options), frame, y), whole)
    with pytest.raises(DesignError, match="learns from all rows"):
        in_parts(BetaGLMMRegressor("offset(scale(x)) + (1 | g)"), frame, y)


@pytest.mark.parametrize("boundary", ["squeeze", 1e-4])
def test_responses_on_the_bounds(rows, in_parts, boundary):
    frame, y = rows
    y = y.where(np.arange(N) > 20, 0.0)  # all of them in the first part
    options = {"formula": "x + (1 | g)", "boundary": boundary}
    whole = BetaGLMMRegressor(**options).fit(frame, y)
    assert_same(in_parts(BetaGLMMRegressor(**options), frame, y), whole)
    assert whole.n_boundary_ == (N if boundary == "squeeze" else 21)


def test_zeros_in_one_part_only(rows, in_parts):
    frame, y = rows
    y = y.where(np.arange(N) > 100, 0.0)
    whole = ZeroInflatedBetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    assert_same(in_parts(ZeroInflatedBetaGLMMRegressor("x + (1 | g)"), frame, y), whole)
    with pytest.warns(UserWarning, match="no response equals the bound 0"):
        in_parts(ZeroInflatedBetaGLMMRegressor("x + (1 | g)"), frame, rows[1])


def test_parts_that_hold_whole_levels_stay_as_they_are(rows, in_parts, monkeypatch):
    frame, y = rows
    order = np.argsort(frame["g"].to_numpy(), kind="stable")
    frame, y = frame.iloc[order], y.iloc[order]
    ends = np.flatnonzero(np.diff(pd.factorize(frame["g"])[0]))[[10, 30, 40]] + 1
    monkeypatch.setattr(np, "array_split", lambda places, n: np.split(places, ends))
    monkeypatch.setattr(Here, "exchange", None)
    model = in_parts(BetaGLMMRegressor("x + (1 | g)"), frame, y)
    assert_same(model, BetaGLMMRegressor("x + (1 | g)").fit(frame, y))


@pytest.mark.parametrize(
    ("formula", "change", "message"),
    [
        ("center(x) + (1 | g)", {}, r"'center\(x\)' learns from all rows.*X\.assign"),
        ("x + (1 | g)", {"g": None}, "grouping column 'g' has .* missing"),
        ("x + (1 | g)", {"x": np.nan}, "column 'x' has .* missing"),
        ("x + hight + (1 | g)", {}, "unknown column 'hight'"),
        ("x + (1 | one)", {"one": "a"}, "one level"),
    ],
)
def test_what_cannot_be_fitted_is_refused(rows, in_parts, formula, change, message):
    frame, y = rows
    frame = frame.copy()
    for name, value in change.items():
        frame[name] = frame[name].mask(np.arange(N) % 7 == 3, value) if name in frame else value
    with pytest.raises(ValueError, match=message):
        in_parts(BetaGLMMRegressor(formula), frame, y)


def test_responses_outside_the_bounds_and_parts_without_rows_are_refused(rows, in_parts):
    frame, y = rows
    with pytest.raises(ValueError, match="between the bounds 0 and 1"):
        in_parts(BetaGLMMRegressor("x + (1 | g)"), frame, 3.0 * y)
    with pytest.raises(ValueError, match="lie exactly on a bound"):
        in_parts(BetaGLMMRegressor("x + (1 | g)"), frame, y.where(y > 0.1, 0.0))
    with pytest.raises(ValueError, match="0 rows of positive weight"):
        in_parts(BetaGLMMRegressor("x + (1 | g)"), frame, y, np.zeros(N))


def test_y_in_memory_is_refused(rows):
    with pytest.raises(TypeError, match=r"must be a dask Series .* not Series"):
        check_partitions(rows[0], rows[1], None)


@pytest.mark.parametrize("formula", ["x * kind + (x | g) + (1 | k)", "x * kind + (1 | area/g)"])
def test_parts_give_the_tests_of_rows_in_memory(rows, in_parts, formula):
    X, y = rows
    here = LMMRegressor(formula).fit(X, y)
    there = in_parts(LMMRegressor(formula), X, y)
    for df in ("satterthwaite", "kenward-roger", "between-within"):
        one, other = (model.anova(df=df).to_frame() for model in (here, there))
        assert_allclose(other.to_numpy(), one.to_numpy(), rtol=1e-4, atol=1e-12)


LINEAR = {
    "one factor": {"formula": "x + kind + (1 | g)"},
    "slopes, crossed": {"formula": "x * kind + (x | g) + (1 | k)"},
    "nested": {"formula": "x + kind + (1 | area/g)"},
    "a chain": {"formula": "x + (x | g) + (1 | area) + (1 | k)"},
    "no random effects": {"formula": "x + kind"},
    "offset of the scale": {"formula": "x + (1 | g)", "scale": "offset(more)"},
    "offset of the mean": {"formula": "x + offset(more) + (1 | g)"},
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.filterwarnings("ignore::skglmm.exceptions.SingularFitWarning")
def test_parts_give_the_linear_mixed_model_of_rows_in_memory(
    rows, in_parts, name, reml, monkeypatch
):
    monkeypatch.setattr("skglmm.engine.binding.CHAIN_FROM", 10)  # area has 15 levels
    options = {**LINEAR[name], "reml": reml}
    whole = LMMRegressor(**options).fit(*rows)
    assert_same(in_parts(LMMRegressor(**options), *rows), whole)
    weights = np.where(np.arange(N) < 400, 0.0, np.random.default_rng(1).uniform(0.5, 2, N))
    whole = LMMRegressor(**options).fit(*rows, weights)
    assert_same(in_parts(LMMRegressor(**options), *rows, weights), whole)


@pytest.mark.parametrize("formula", ["x + kind", "x * kind + (x | g) + (1 | k)"])
def test_a_linear_mixed_model_passes_over_rows_once(rows, in_parts, formula, monkeypatch):
    passes, plain = [], Here.map

    def counted(self, function, *others, **common):
        if any(isinstance(part, Shard) and part.n_rows for part in self):
            passes.append(function.__name__)
        return plain(self, function, *others, **common)

    monkeypatch.setattr(Here, "map", counted)
    model = in_parts(LMMRegressor(formula), *rows)
    model.anova(df="kenward-roger")
    assert passes == ["condense"]


# --- on the workers of dask -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("dask.dataframe")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def on_dask(rows, n_parts=4):
    import dask.dataframe as dd  # noqa: PLC0415

    frame, y = rows
    both = dd.from_pandas(frame.assign(y=y), npartitions=n_parts, sort=False)
    return both.drop(columns="y"), both["y"]


@pytest.mark.slow
def test_without_a_cluster_the_error_says_how_to_start_one(rows):
    pytest.importorskip("distributed")
    pytest.importorskip("dask.dataframe")
    with pytest.raises(ValueError, match=r"Client\(\)"):
        BetaGLMMRegressor("x + (1 | g)").fit(*on_dask(rows))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_the_fit_of_rows_in_memory(rows, cluster):
    formula = "x + kind + (x | g) + (1 | k)"
    model = BetaGLMMRegressor(formula).fit(*on_dask(rows))
    assert_same(model, BetaGLMMRegressor(formula).fit(*rows))


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_workers_pass_over_the_rows_of_a_linear_mixed_model_once(rows, cluster, name, monkeypatch):
    maps, plain = [], Remote.map
    whole = LMMRegressor(**LINEAR[name]).fit(*rows)

    def counted(self, function, *others, **common):
        maps.append(function.__name__)
        return plain(self, function, *others, **common)

    def fitted(*args, **kwargs):
        maps.clear()
        found = fit_bound(*args, **kwargs)
        assert maps == ["condense"]
        return found

    monkeypatch.setattr(Remote, "map", counted)
    monkeypatch.setattr(_base, "fit_bound", fitted)
    assert_same(LMMRegressor(**LINEAR[name]).fit(*on_dask(rows)), whole)


@pytest.mark.slow
def test_large_records_are_sent_once_to_all_tasks(cluster):
    parts, labels = Remote(cluster, cluster.map(int, range(3))), Here([list(range(100_000))])
    assert isinstance(parts._shared({"few": Here([[1, 2]])}), dict)
    assert not isinstance(parts._shared({"many": labels}), dict)
    assert sum(parts.map(lambda part, many: part + len(many[0]), many=labels)) == 300_003


def double(part):
    return 2 * part


def add(part, other, more=0):
    return part + other + more


def test_functions_that_wait_are_one_program():
    ones, tens = Source([None, None]), Source([None, None], double)
    twice = Deferred(double, [ones], {})
    both = Deferred(add, [twice, tens], {"more": 5})
    program, sources = program_of([both, twice])
    assert sources == [ones, tens]
    assert [function for function, *_ in program.steps] == [double, add]
    assert run(program._asdict(), 1, 10) == (27, 2)
    assert run(program_of([both])[0]._asdict(), 1, 10) == 27


@pytest.mark.slow
def test_one_task_for_each_part_applies_all_that_wait(cluster, monkeypatch):
    submitted, plain = [], type(cluster).map

    def counted(self, *args, **kwargs):
        found = plain(self, *args, **kwargs)
        submitted.append(len(found))
        return found

    parts = Remote(cluster, cluster.map(int, range(3)))
    monkeypatch.setattr(type(cluster), "map", counted)
    kept = parts.map(double).map(add, parts, more=1)  # 1, 4, 7
    assert kept.map(double).total() == 24
    assert submitted == [3, 3]  # what is kept goes with what is asked for, which is taken out
    assert list(kept) == [1, 4, 7]
    assert submitted == [3, 3, 3]
    shown = kept.lazily(double)
    assert shown.map(add, kept).total() == 36
    assert list(shown.some([2, 0]).kept()) == [14, 2]
    assert list(shown.map(add, parts.map(double))) == [2, 10, 18]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:dropped from the mean:UserWarning")
def test_workers_find_what_their_rows_leave_open(rows, cluster):
    X = rows[0].assign(twice=2 * rows[0]["x"])
    model = BetaGLMMRegressor("x + twice").fit(*on_dask((X, rows[1])))
    (there, _), (here, _) = (
        each.fit_.null_spaces for each in (model, BetaGLMMRegressor("x + twice").fit(X, rows[1]))
    )
    assert there.columns == here.columns == (2,)
    assert_allclose(there.basis, here.basis, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_rows_never_come_to_the_client(cluster, monkeypatch):
    from dask.sizeof import sizeof  # noqa: PLC0415

    many = simulated(40_000, n_groups=40)
    fetched, result = [], type(cluster.submit(int)).result

    def noted(self, *args, **kwargs):
        found = result(self, *args, **kwargs)
        fetched.append(sizeof(found))
        return found

    monkeypatch.setattr(type(cluster.submit(int)), "result", noted)
    monkeypatch.setattr(type(cluster), "gather", None)
    model = BetaGLMMRegressor("x + (1 | g)").fit(*on_dask(many))
    assert model.converged_
    assert max(fetched) < 40_000  # one byte a row
    assert sizeof(many[0]) > 2_000_000


async def leave():
    os._exit(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_worker_may_be_lost(rows, cluster, monkeypatch):
    whole = BetaGLMMRegressor("x + (1 | g)").fit(*rows)
    rounds, lost, plain = [], [], Remote.map

    def counted(self, *args, **kwargs):
        rounds.append(len(lost))
        if len(rounds) == 150:  # of more than 500
            workers = list(cluster.scheduler_info()["workers"])
            lost.append(workers[0])
            cluster.run(leave, workers=lost, wait=False)
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(Remote, "map", counted)
    model = BetaGLMMRegressor("x + (1 | g)").fit(*on_dask(rows))
    assert lost[0] not in cluster.scheduler_info()["workers"]
    assert len(rounds) > 300  # it went on without the worker
    assert_same(model, whole)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask_errors(rows, cluster):
    X, y = on_dask(rows)
    with pytest.raises(TypeError, match="expected X to be a dask DataFrame, got a dask Array"):
        BetaGLMMRegressor().fit(X[["x", "more"]].to_dask_array(lengths=True), y)
    with pytest.raises(ValueError, match="4 partitions and y has 2"):
        BetaGLMMRegressor("x + (1 | g)").fit(X, y.repartition(npartitions=2))
    with pytest.raises(TypeError, match="y must be a dask Series"):
        BetaGLMMRegressor("x + (1 | g)").fit(X, rows[1])
    with pytest.raises(ValueError, match="between the bounds"):
        BetaGLMMRegressor("x + (1 | g)").fit(X, 3 * y)


def test_parts_agree_on_classes_without_an_order(rows, in_parts):
    X, y = rows
    ways = pd.Series(np.array(["a", "b", "c"])[np.digitize(y, [0.3, 0.7])], name="way")
    ways = ways.sort_values()
    X, model = X.loc[ways.index], MultinomialGLMMClassifier("more + (1 |p| g)", reference="b")
    cut, whole = in_parts(clone(model), X, ways), model.fit(X, ways)
    assert cut.predictors_ == whole.predictors_ == ["a", "c"]
    assert_allclose(cut.coef_, whole.coef_, atol=1e-6)


def test_parts_agree_on_the_classes_of_all(rows, in_parts):
    X, y = rows
    ratings = pd.Series(np.digitize(y, [0.2, 0.5, 0.9]), name="rating").sort_values()
    X, model = X.loc[ratings.index], OrdinalGLMMClassifier("more + (1 | g)", scale="kind")
    whole = model.fit(X, ratings)
    cut = in_parts(OrdinalGLMMClassifier("more + (1 | g)", scale="kind"), X, ratings)
    assert cut.threshold_names_ == whole.threshold_names_
    assert_allclose(cut.thresholds_, whole.thresholds_, atol=1e-6)
    assert_allclose(cut.predict_proba(X.head()), whole.predict_proba(X.head()), atol=1e-6)


def test_rows_in_parts_do_not_have_the_remarks_of_an_earlier_fit(in_parts):
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=150), "g": np.arange(150) // 5})
    y = pd.Series(rng.random(150) < expit(rng.normal(size=30))[X["g"]], name="y")
    model = BinomialGLMMClassifier("x + (1 | g)")
    with pytest.warns(UserWarning, match="all responses are equal"):
        model.fit(X, pd.Series(rng.random(30) < 0.5).loc[X["g"]].to_numpy())
    assert "all responses are equal" in str(model.summary())
    assert "all responses are equal" not in str(in_parts(model, X, y).summary())
