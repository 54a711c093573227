"""Advice where rows that share two factors are alike: other subjects, or their own responses."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from skglmm import BetaGLMMRegressor, ImplicitNestingWarning
from skglmm.estimators.reading.nesting import _Cells, _Labeled


def repeated(seed=0, n_subjects=20, n_rows=6, sd=0.5, conditions=("calm", "noise", "music")):
    """Every subject in every condition, to which each responds in its own way."""
    rng = np.random.default_rng(seed)
    subject, condition, _ = (part.ravel() for part in np.mgrid[:n_subjects, :3, :n_rows])
    own = (
        rng.normal(0, 0.8, n_subjects)[subject]
        + rng.normal(0, sd, (n_subjects, 3))[subject, condition]
    )
    mu = expit(own + 0.3 * (condition == 1))
    X = pd.DataFrame(
        {"person": [f"p{k:02d}" for k in subject], "room": np.array(conditions)[condition]}
    )
    return X, rng.beta(12 * mu, 12 * (1 - mu)).clip(1e-9, 1 - 1e-9)


def advice(formula, X, y):
    """The one warning of a fit, or None."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = BetaGLMMRegressor(formula, inference=False).fit(X, y)
    texts = [str(each.message) for each in told if each.category is ImplicitNestingWarning]
    assert len(texts) <= 1
    return texts[0] if texts else None, model


def test_subjects_in_several_conditions_are_not_told_to_be_others_in_each():
    X, y = repeated()
    text, model = advice("room + (1 | person)", X, y)
    assert "(room | person) in place of (1 | person), or (1 | person) + (1 | person:room)" in text
    assert "Only if it is another one in each, write (1 | room:person)" in text
    assert "room/person" not in text  # room is a fixed effect already
    first, second, last = (
        advice(f"room + {terms}", X, y)[1].aic_
        for terms in ("(room | person)", "(1 | person) + (1 | person:room)", "(1 | room:person)")
    )
    assert max(first, second) < min(last, model.aic_)
    found = [each for each in model.diagnose(X, y).findings if each.kind == "nesting"]
    assert [f"{each.finding}. {each.advice}" for each in found] == [text]


def test_slopes_that_a_term_has_are_kept_by_the_advice():
    X, y = repeated(seed=2)
    X["dose"] = np.random.default_rng(3).normal(size=len(X))
    text, model = advice("room + dose + (dose | person)", X, y)
    assert "(… + room | person) in place of (… | person), or (… | person) + (1 | perso" in text
    grown, apart = (
        advice(f"room + dose + {terms}", X, y)[1].aic_
        for terms in ("(dose + room | person)", "(dose | person) + (1 | person:room)")
    )
    assert max(grown, apart) < model.aic_
    text, _ = advice("(dose | person) + (1 | room)", X, y)
    assert "(… | room:person) in place of (… | person). If it" in text  # no short form
    text, _ = advice("(1 | person) + (dose | room)", X, y)
    assert "(1 | room:person) in place of (1 | person), in short (1 | room/person)." in text


@pytest.mark.parametrize("formula", ["room + (room | person)", "room + (room || person)"])
def test_an_effect_that_varies_already_is_no_cause_for_a_warning(formula):
    X, y = repeated(seed=1)
    assert advice(formula, X, y)[0] is None


@pytest.mark.parametrize(
    ("room", "formula", "words"),
    [
        ((0, 1, 2), "C(room) + (1 | person)", "(C(room) | person)"),
        ((0, 1, 1), "room + (1 | person)", "(room | person)"),
        ((False, True, True), "room + (1 | person)", "(room | person)"),
    ],
)
def test_conditions_that_are_numbers_are_seen_and_written_as_formulas_need_them(
    room, formula, words
):
    X, y = repeated(seed=2, conditions=room, sd=0.8)
    text, _ = advice(formula, X, y)
    assert words in text
    assert advice(formula.replace("(1 | person)", words), X, y)[0] is None


def test_names_that_are_no_words_are_quoted():
    X, y = repeated(seed=3)
    X = X.rename(columns={"person": "the person", "room": "their room"})
    text, _ = advice("`their room` + (1 | `the person`)", X, y)
    assert "(`their room` | `the person`)" in text
    assert "(1 | `the person`:`their room`)" in text


def test_some_who_stay_away_do_not_hide_the_others():
    X, y = repeated(seed=4)
    kept = ~(X["person"].isin(["p00", "p01", "p02"]) & (X["room"] != "calm")).to_numpy()
    text, _ = advice("room + (1 | person)", X[kept], y[kept])
    assert "such as 'p03'" in text


def test_two_random_factors_are_offered_both_readings():
    X, y = repeated(seed=5)
    text, _ = advice("(1 | room) + (1 | person)", X, y)
    inner, outer = re.search(r"levels of '(\w+)'.* under several levels of '(\w+)'", text).groups()
    assert f"(1 | {outer}/{inner})" in text
    assert f"If it is the same in each, add (1 | {outer}:{inner})" in text
    assert advice(f"(1 | room) + (1 | person) + (1 | {outer}:{inner})", X, y)[0] is None


@pytest.mark.parametrize("seed", range(4))
def test_subjects_who_all_respond_alike_are_no_cause_for_a_warning(seed):
    X, y = repeated(seed=seed, sd=0.0)
    assert advice("room + (1 | person)", X, y)[0] is None
    numbered = X.assign(room=(X["room"] == "noise").astype(float))
    assert advice("room + (1 | person)", numbered, y)[0] is None


def test_subjects_of_one_condition_each_are_no_cause_for_a_warning():
    X, y = repeated(seed=6)
    X["person"] += X["room"]
    assert advice("room + (1 | person)", X, y)[0] is None


@pytest.mark.parametrize("n_levels", [5, 60])  # few pairs are counted, many are sorted
def test_rows_of_a_pair_have_its_number(n_levels):
    rng = np.random.default_rng(1)
    inner, outer = rng.integers(0, n_levels, (2, 300))
    levels = range(n_levels + 1)
    found = _Cells.of(_Labeled(inner, levels), _Labeled(outer, levels)).codes
    pairs = np.unique(np.stack([inner, outer]), axis=1, return_inverse=True)[1]
    np.testing.assert_array_equal(found, pairs.ravel())
