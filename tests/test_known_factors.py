"""Whose own curves are drawn: columns that are levels alone, or only together with others."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from skglmm import BetaGLMMRegressor
from skglmm.inspection import PredictionDisplay


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def forest(seed=3):
    """Four sites of four plots; labels of plots are reused, `tag` numbers them all."""
    rng = np.random.default_rng(seed)
    tag = np.repeat(np.arange(16), 8)
    X = pd.DataFrame(
        {
            "site": tag // 4 + 1,
            "plot": np.array(list("abcd"))[tag % 4],
            "tag": tag + 1,
            "year": np.tile(np.arange(8), 16),
        }
    )
    site, plot = rng.normal(0, 0.8, 4)[tag // 4], rng.normal(0, 0.6, 16)[tag]
    day = rng.normal(0, 0.3, 8)[X["year"]]
    mu = expit(0.1 * X["year"] + site + plot + day).to_numpy()
    return X, rng.beta(15 * mu, 15 * (1 - mu))


@pytest.fixture(scope="module")
def woods():
    X, y = forest()
    nested = {
        label: BetaGLMMRegressor(f"year + (1 | site/{label})").fit(X, y)
        for label in ("plot", "tag")
    }
    return nested, X, y


def with_cells(y, *columns):
    """Responses that differ between the cells of some columns."""
    cell = pd.factorize(pd.Series(list(zip(*columns, strict=True))))[0]
    effect = np.random.default_rng(7).normal(0, 0.7, cell.max() + 1)[cell]
    return expit(logit(y) + effect)


def own_means(display, model, X):
    """Distances of the curves from the fitted means of their rows."""
    far = []
    for curve in display.curves:
        here = np.ones(len(X), dtype=bool)
        for name, label in zip(display.by, curve.group, strict=True):
            here &= (X[name].astype(str) == label).to_numpy()
        rows = X[here]
        far.append(np.abs(np.interp(rows["year"], curve.x, curve.mean) - model.predict(rows)).max())
    return np.array(far)


def test_plots_that_name_their_site_have_their_own_curves(woods):
    nested, X, y = woods
    display = PredictionDisplay.from_estimator(nested["tag"], X, y, feature="year", by="tag")
    assert display.by == ["tag"]
    assert display.kind == "conditional"
    assert len(display.curves) == 16
    assert_allclose(own_means(display, nested["tag"], X), 0, atol=1e-4)


def test_labels_that_every_site_uses_again_are_curves_of_site_and_plot(woods):
    nested, X, y = woods
    model = nested["plot"]
    display = PredictionDisplay.from_estimator(model, X, y, feature="year", by="plot")
    both = PredictionDisplay.from_estimator(model, X, y, feature="year", by=["site", "plot"])
    assert display.by == both.by == ["site", "plot"]
    assert len(display.curves) == len(both.curves) == 16
    assert_allclose(own_means(display, model, X), 0, atol=1e-4)
    assert "16 groups of\nsite, plot" in [t.get_text() for t in display.legend_.get_texts()]


def test_a_panel_for_each_reused_label_has_the_sites_as_colors(woods):
    nested, X, y = woods
    display = PredictionDisplay.from_estimator(
        nested["plot"], X, y, feature="year", by="plot", facet="plot"
    )
    assert [axis.get_title() for axis in display.axes_] == list("abcd")
    assert display.legend_.get_title().get_text() == "site"


def test_the_outer_factor_alone_is_its_own_curve(woods):
    nested, X, _ = woods
    display = PredictionDisplay.from_estimator(
        nested["plot"], X, feature="year", by="site", n_points=2
    )
    assert display.by == ["site"]
    rows = pd.DataFrame({"site": np.repeat([1, 2, 3, 4], 2), "year": [0.0, 7.0] * 4})
    means = np.concatenate([curve.mean for curve in display.curves])
    assert_allclose(means, nested["plot"].predict(rows, kind={"site"}), rtol=1e-12)


def test_labels_of_a_finer_column_are_curves_of_the_level_that_they_belong_to(woods):
    _, X, y = woods
    model = BetaGLMMRegressor("year + (1 | site)").fit(X, y)
    display = PredictionDisplay.from_estimator(model, X, y, feature="year", by="tag")
    assert len({curve.mean[0] for curve in display.curves}) == 4
    assert_allclose(own_means(display, model, X), 0, atol=1e-4)


def test_a_crossed_factor_has_its_own_curves_and_no_others(woods):
    _, X, y = woods
    X = X.assign(time=X["year"], wave=X["year"] % 4)
    y = with_cells(with_cells(y, X["tag"], X["wave"]), X["wave"])
    model = BetaGLMMRegressor("time + (1 | tag) + (1 | wave) + (1 | tag:wave)").fit(X, y)
    display = PredictionDisplay.from_estimator(model, X, feature="time", by="wave", n_points=2)
    assert display.by == ["wave"]
    rows = pd.DataFrame({"wave": np.repeat(range(4), 2), "time": [0.0, 4, 1, 5, 2, 6, 3, 7]})
    means = np.concatenate([curve.mean for curve in display.curves])
    assert_allclose(means, model.predict(rows, kind={"wave"}), rtol=1e-12)


def test_a_fixed_factor_that_others_combine_with_stays_what_it_is(woods):
    _, X, y = woods
    X = X.assign(burnt=np.where(X["year"] % 2, "yes", "no"))
    model = BetaGLMMRegressor("year + burnt + (1 | tag) + (1 | tag:burnt)", inference=False)
    model.fit(X, with_cells(y, X["tag"], X["burnt"]))
    display = PredictionDisplay.from_estimator(
        model, X, feature="year", by="burnt", interval=None, n_points=2
    )
    assert display.by == ["burnt"]
    assert display.kind == "marginal"


def test_a_chosen_kind_keeps_the_columns_that_were_named(woods):
    nested, X, _ = woods
    display = PredictionDisplay.from_estimator(
        nested["plot"], X, feature="year", by="plot", kind="fixed", interval=None
    )
    assert display.by == ["plot"]
    with pytest.raises(ValueError, match="needs the columns of a grouping factor in by"):
        PredictionDisplay.from_estimator(
            nested["plot"], X, feature="year", by="plot", kind={"site:plot"}
        )
