"""Means and standard deviations of new rows: conditional, fixed, marginal, and between."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from skglmm import BetaGLMMRegressor, DesignError
from skglmm.families import LINKS
from skglmm.inference import Plan
from skglmm.inference.prediction import averages as shift_module
from skglmm.inference.prediction import predict as predict_module
from skglmm.inference.prediction.quadrature import rule


def crossed(seed=0):
    """Rows of 12 batches crossed with 5 sites, with a slope for each batch."""
    rng = np.random.default_rng(seed)
    batch, site = (part.ravel() for part in np.mgrid[:12, :5])
    batch, site = np.repeat(batch, 6), np.repeat(site, 6)
    x = rng.normal(size=batch.size)
    eta = 0.4 + 0.6 * x + rng.normal(0, 0.8, 12)[batch] + rng.normal(0, 0.4, 12)[batch] * x
    eta += rng.normal(0, 0.5, 5)[site]
    y = rng.beta(10 * expit(eta), 10 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    labels = {"batch": [f"b{i}" for i in batch], "site": np.array(list("pqrst"))[site]}
    return pd.DataFrame({"x": x, **labels}), y


@pytest.fixture(scope="module")
def model():
    frame, y = crossed()
    return BetaGLMMRegressor("x + (1 + x | batch) + (1 | site)").fit(frame, y)


@pytest.fixture
def frame():
    return crossed()[0]


def fixed_eta(model, x):
    return model.intercept_ + model.coef_[0] * np.asarray(x)


def mode(model, group, level, effect="Intercept"):
    table = model.random_effects().set_index(["group", "level", "effect"])
    return table.loc[(group, level, effect), "mode"]


def shift_sd(model, x, groups):
    """Standard deviation of what the effects of some groups add to the linear predictor."""
    by_name = {
        factor.name: root @ root.T
        for factor, root in zip(model.fit_.layout.factors, model.fit_.lambdas, strict=True)
    }
    variance = 0.0
    if "batch" in groups:
        z = np.array([1.0, x])
        variance += z @ by_name["batch"] @ z
    if "site" in groups:
        variance += by_name["site"][0, 0]
    return np.sqrt(variance)


def averaged(function, eta, sd):
    return quad(lambda t: function(eta + sd * t) * norm.pdf(t), -12, 12, epsabs=1e-12)[0]


# --- the kinds ------------------------------------------------------------------------------------


def test_conditional_means_use_the_modes_of_the_row(model, frame):
    row = frame.iloc[[77]]
    x, batch, site = row[["x", "batch", "site"]].iloc[0]
    eta = fixed_eta(model, x) + mode(model, "batch", batch) + mode(model, "site", site)
    eta += mode(model, "batch", batch, "x") * x
    assert_allclose(model.predict(row), expit(eta))


def test_fixed_means_are_of_a_typical_group_and_need_no_groups(model, frame):
    expected = expit(fixed_eta(model, frame["x"]))
    assert_allclose(model.predict(frame[["x"]], kind="fixed"), expected)


def test_marginal_means_are_averages_over_groups_and_need_no_groups(model, frame):
    means = model.predict(frame[["x"]].iloc[:5], kind="marginal")
    for x, mean in zip(frame["x"].iloc[:5], means, strict=True):
        sd = shift_sd(model, x, {"batch", "site"})
        assert_allclose(mean, averaged(expit, fixed_eta(model, x), sd), rtol=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_marginal_means_agree_with_monte_carlo_for_every_link(link):
    frame, y = crossed()
    model = BetaGLMMRegressor("x + (1 + x | batch) + (1 | site)", link=link).fit(frame, y)
    x, rng, n = 0.7, np.random.default_rng(0), 200_000
    effects = rng.normal(size=(n, 2)) @ model.fit_.lambdas[0].T @ [1.0, x]
    effects += model.fit_.lambdas[1][0, 0] * rng.normal(size=n)
    draws = model.fit_.family.mean([fixed_eta(model, x) + effects, model.fit_.beta[1]])
    mean = model.predict(pd.DataFrame({"x": [x]}), kind="marginal")[0]
    assert abs(mean - draws.mean()) < 4 * draws.std() / np.sqrt(n)


def test_a_set_of_factors_is_conditioned_on_and_the_others_are_zero(model, frame):
    row = frame.iloc[[40]]
    x, site = row["x"].iloc[0], row["site"].iloc[0]
    expected = expit(fixed_eta(model, x) + mode(model, "site", site))
    assert_allclose(model.predict(row[["x", "site"]], kind={"site"}), expected)
    assert_allclose(model.predict(row, kind=["site"]), expected)
    assert_allclose(model.predict(row, kind={"batch", "site"}), model.predict(row))
    assert_allclose(model.predict(row[["x"]], kind=set()), model.predict(row, kind="fixed"))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("named", ["batch", "site", "batch site"])
def test_conditioning_on_factors_is_setting_the_modes_of_the_others_to_zero(link, named):
    (frame, y), known = crossed(), set(named.split())
    model = BetaGLMMRegressor("x + (1 + x | batch) + (1 | site)", link=link).fit(frame, y)
    modes = model.random_effects().set_index(["group", "level", "effect"])["mode"]
    modes = modes.where(modes.index.get_level_values("group").isin(known), 0.0)
    eta = fixed_eta(model, frame["x"]) + modes.loc["site"].loc[frame["site"]].to_numpy()
    effects = modes.loc["batch"].unstack().loc[frame["batch"]]
    eta = eta + effects["Intercept"].to_numpy() + effects["x"].to_numpy() * frame["x"]
    expected = model.fit_.family.mean([eta.to_numpy(), model.precision_coef_])
    assert_allclose(model.predict(frame, kind=known), expected, rtol=1e-12)


def test_a_combined_factor_may_be_named_in_either_order(frame):
    _, y = crossed()
    model = BetaGLMMRegressor("x + (1 | batch) + (1 | batch:site)").fit(frame, y)
    means = model.predict(frame, kind={"batch:site"})
    assert_array_equal(model.predict(frame, kind={"site:batch"}), means)
    assert_array_equal(model.predict(frame, kind=["site:batch", "batch"]), model.predict(frame))
    with pytest.raises(ValueError, match="'site'; the model has"):
        model.predict(frame, kind={"site"})


def test_the_constructor_sets_the_kind_that_score_uses(frame):
    _, y = crossed()
    model = BetaGLMMRegressor("x + (1 + x | batch)", predict_kind="fixed").fit(frame, y)
    assert_array_equal(model.predict(frame), model.predict(frame, kind="fixed"))
    typical = model.score(frame, y)
    model.set_params(predict_kind="conditional")
    assert model.score(frame, y) > typical


# --- levels that fit has not seen -----------------------------------------------------------------


def test_unseen_levels_are_averaged_over_and_the_seen_ones_kept(model):
    rows = pd.DataFrame({"x": [0.3, 0.3, 0.3], "batch": ["b1", "new", "new"], "site": list("pp?")})
    means = model.predict(rows)
    eta = fixed_eta(model, 0.3)
    at_site = eta + mode(model, "site", "p")
    assert_allclose(means[1], averaged(expit, at_site, shift_sd(model, 0.3, {"batch"})))
    assert_allclose(means[2], averaged(expit, eta, shift_sd(model, 0.3, {"batch", "site"})))
    assert_allclose(means[2], model.predict(rows[["x"]], kind="marginal")[2])


@pytest.mark.parametrize("new_groups", ["fixed", "nan", "error"])
def test_unseen_levels_follow_new_groups(new_groups):
    frame, y = crossed()
    model = BetaGLMMRegressor("x + (1 | batch) + (1 | site)", new_groups=new_groups).fit(frame, y)
    rows = pd.DataFrame({"x": [0.3, 0.3], "batch": ["b1", "new"], "site": ["p", "p"]})
    if new_groups == "error":
        with pytest.raises(ValueError, match=r"1 of 2 rows .* of 'batch'.*'new'"):
            model.predict(rows)
        assert model.predict(rows, kind={"site"}).shape == (2,)
        return
    mean, std = model.predict(rows, return_std=True)
    if new_groups == "nan":
        assert_array_equal(np.isnan(mean), [False, True])
        assert_array_equal(np.isnan(std), [False, True])
    else:
        eta = fixed_eta(model, 0.3) + mode(model, "site", "p")
        assert_allclose(mean[1], expit(eta))


def test_a_nested_level_is_unseen_where_its_combination_is():
    frame, y = crossed()
    frame = frame.assign(site=frame["site"].where(frame["batch"] != "b0", "only"))
    model = BetaGLMMRegressor("x + (1 | batch:site)", new_groups="nan").fit(frame, y)
    rows = pd.DataFrame({"x": 0.0, "batch": ["b0", "b0", "b1"], "site": ["only", "p", "only"]})
    assert_array_equal(np.isnan(model.predict(rows)), [False, True, True])


# --- standard deviations --------------------------------------------------------------------------


def test_conditional_standard_deviations_are_the_family_s(model, frame):
    mean, std = model.predict(frame, return_std=True)
    phi = np.exp(model.precision_coef_[0])
    assert_allclose(std, np.sqrt(mean * (1 - mean) / (1 + phi)))
    assert_allclose(mean, model.predict(frame))


def test_marginal_standard_deviations_have_both_parts(model):
    x = 0.4
    mean, std = model.predict(pd.DataFrame({"x": [x]}), kind="marginal", return_std=True)
    phi, eta = np.exp(model.precision_coef_[0]), fixed_eta(model, x)
    sd = shift_sd(model, x, {"batch", "site"})
    within = averaged(lambda e: expit(e) * expit(-e) / (1 + phi), eta, sd)
    between = averaged(lambda e: (expit(e) - mean[0]) ** 2, eta, sd)
    assert_allclose(std[0] ** 2, within + between, rtol=1e-8)


def test_standard_deviations_match_simulated_responses(model):
    rng, n, x = np.random.default_rng(5), 100_000, -0.5
    effects = rng.normal(size=(n, 2)) @ model.fit_.lambdas[0].T @ [1.0, x]
    effects += model.fit_.lambdas[1][0, 0] * rng.normal(size=n)
    eta = [fixed_eta(model, x) + effects, np.full(n, model.precision_coef_[0])]
    draws = model.fit_.family.sample(eta, rng)
    mean, std = model.predict(pd.DataFrame({"x": [x]}), kind="marginal", return_std=True)
    assert_allclose(mean[0], draws.mean(), atol=4 * std[0] / np.sqrt(n))
    assert_allclose(std[0], draws.std(), rtol=0.01)


# --- the rows -------------------------------------------------------------------------------------


def test_rows_are_predicted_one_by_one(model, frame):
    rows = frame.assign(batch=frame["batch"].where(frame.index % 3 > 0, "new"))
    together = model.predict(rows)
    for i in (0, 1, 17):
        assert_allclose(model.predict(rows.iloc[[i]]), together[i], rtol=1e-12)


def test_chunks_change_nothing(model, frame, monkeypatch):
    whole = model.predict(frame, kind="marginal", return_std=True)
    monkeypatch.setattr(predict_module, "CHUNK", 7)
    monkeypatch.setattr(shift_module, "CELLS", 50)
    assert_allclose(model.predict(frame, kind="marginal", return_std=True), whole, rtol=1e-12)


def test_frames_need_only_the_columns_of_the_model_in_any_order(model, frame):
    other = frame[["site", "batch", "x"]].assign(more="text")
    assert_array_equal(model.predict(other), model.predict(frame))


def test_polars_frames_are_predicted_like_pandas_frames(model, frame):
    other = pl.DataFrame({name: frame[name].to_list() for name in frame})
    assert_allclose(model.predict(other), model.predict(frame))


def test_arrays_are_predicted_by_position_with_a_warning_of_scikit_learn(model, frame):
    with pytest.warns(UserWarning, match="valid feature names"):
        means = model.predict(frame.to_numpy(dtype=object))
    assert_allclose(means, model.predict(frame))


@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_the_storage_of_labels_does_not_matter(model, frame, dtype):
    assert_allclose(model.predict(frame.astype({"batch": dtype})), model.predict(frame))


def test_predicting_changes_nothing_in_the_model(model, frame):
    before = dict(vars(model))
    model.predict(frame, kind="marginal", return_std=True)
    assert all(vars(model)[name] is value for name, value in before.items())


def test_an_offset_is_needed_and_added(frame):
    _, y = crossed()
    rows = frame.assign(o=0.25)
    model = BetaGLMMRegressor("x + (1 | batch)", offset="o").fit(rows, y)
    eta = fixed_eta(model, rows["x"]) + 1.5
    assert_allclose(model.predict(rows.assign(o=1.5), kind="fixed"), expit(eta))
    with pytest.raises(DesignError, match="unknown column 'o'"):
        model.predict(frame)


def test_rows_without_a_grouping_column_are_told_which_kinds_need_none(model, frame):
    bare = frame.drop(columns="site")
    with pytest.raises(
        DesignError, match=r"column 'site'.*kind='fixed' and kind='marginal' need none"
    ):
        model.predict(bare)
    for kind in ("fixed", "marginal", {"batch"}):
        assert_array_equal(model.predict(bare, kind=kind), model.predict(frame, kind=kind))
    typo = frame.rename(columns={"site": "sites"})
    with pytest.raises(DesignError, match=r"did you mean 'sites'.*need none"):
        model.predict(typo)


# --- what predict refuses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fragments"),
    [
        (lambda f: f.drop(columns="x"), ["unknown column 'x'"]),
        (lambda f: f.drop(columns="site"), ["unknown column 'site'"]),
        (lambda f: f.assign(x=f["x"].mask(f.index == 4)), ["'x' has 1 missing", "row 4"]),
        (lambda f: f.assign(site=f["site"].mask(f.index < 2)), ["'site' has 2 missing"]),
        (lambda f: f.assign(x=np.inf), ["'x'", "inf"]),
        (lambda f: f.assign(x="1"), ["'x' was number in fit and is text now"]),
        (lambda f: f.assign(site=1), ["'site' was text in fit and is number now"]),
        (lambda f: f.iloc[:0], ["0 sample(s)"]),
        (lambda f: f[[]], ["0 feature(s)"]),
    ],
)
def test_rows_that_do_not_fit_the_model_are_refused(model, frame, change, fragments):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the fragments are the match)
        model.predict(change(frame))
    for fragment in fragments:
        assert fragment in str(error.value)


def test_unseen_levels_of_a_fixed_effect_are_refused():
    frame, y = crossed()
    model = BetaGLMMRegressor("site + (1 | batch)").fit(frame, y)
    with pytest.raises(DesignError, match="'site' has levels that fit did not see, 'new'"):
        model.predict(frame.assign(site="new"))


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("conditonal", ValueError, "expected one of 'conditional', 'posterior', 'fixed'"),
        ("batch", ValueError, "write kind={'batch'}"),
        ({"city"}, ValueError, "'city'; the model has ['batch', 'site']"),
        (3, TypeError, "expected a text or a set of texts"),
        ({"batch": 1}, TypeError, "of type dict, expected a text or a set of texts"),
    ],
)
def test_unknown_kinds_are_refused(model, frame, kind, error, message):
    with pytest.raises(error) as caught:
        model.predict(frame, kind=kind)
    assert message in str(caught.value)


@pytest.mark.parametrize("new_groups", ["Marginal", "zero", None])
def test_new_groups_that_were_set_wrong_after_fit_are_refused(new_groups):
    frame, y = crossed()
    model = BetaGLMMRegressor("x + (1 | batch)").fit(frame, y).set_params(new_groups=new_groups)
    for rows in (frame, frame.assign(batch="new")):
        with pytest.raises(ValueError, match=rf"new_groups={new_groups!r} is unknown"):
            model.predict(rows)


@pytest.mark.parametrize(
    ("kind", "unseen"), [("conditional", "error"), ("fixed", "zero"), ("mean", "nan")]
)
def test_a_plan_that_nothing_follows_is_refused(model, kind, unseen):
    with pytest.raises(ValueError, match=r"is unknown, expected one of '(conditional|marginal)'"):
        Plan.of(model.fit_.layout, kind, unseen)


# --- the quadrature -------------------------------------------------------------------------------


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("sd", [0.1, 1.0, 2.0, 4.0, 8.0])
def test_averages_are_exact_for_every_link(link, sd):
    nodes, weights = rule(sd)
    grid, fine = np.linspace(-12, 12, 40_001), np.linspace(-4, 4, 9)
    density = norm.pdf(grid) / norm.pdf(grid).sum()
    exact = np.array([LINKS[link].inverse(eta + sd * grid).value @ density for eta in fine])
    found = np.array([LINKS[link].inverse(eta + sd * nodes).value @ weights for eta in fine])
    assert_allclose(found, exact, atol=1e-5 if link == "cauchit" and sd > 2 else 1e-6)


def test_the_rule_has_the_moments_of_the_normal():
    nodes, weights = rule(1.0)
    assert_allclose([weights.sum(), weights @ nodes, weights @ nodes**2], [1, 0, 1], atol=1e-12)
