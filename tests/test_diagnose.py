"""The diagnosis of a fit: it finds what is planted, and is silent about healthy models."""

import warnings
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skglmm import BetaGLMMRegressor, LMMRegressor, ZeroInflatedBetaGLMMRegressor
from skglmm.engine import bind
from skglmm.estimators.reading.study_rows import study_rows
from skglmm.exceptions import ImplicitNestingWarning, SingularFitWarning
from skglmm.families import LINKS
from skglmm.fitting import Local, fit, local
from skglmm.inference import Diagnosis, Finding, drawn, heaps
from skglmm.inference.diagnosis.influence import influences
from skglmm.inference.diagnosis.optimum import convergence, curvature, near_separation
from skglmm.inference.parameters.names import parameter_names


def make_study(seed, n_levels=24, n_rows=20, sd=0.7, slope_sd=0.0, link="logit", slope=0.5):
    rng = np.random.default_rng([11, seed])
    group = np.repeat(np.arange(n_levels), n_rows)
    x = rng.normal(size=len(group))
    slopes = slope + rng.normal(0, slope_sd, n_levels)
    eta = 0.3 + slopes[group] * x + rng.normal(0, sd, n_levels)[group]
    mu = np.clip(LINKS[link].inverse(eta).value, 1e-6, 1 - 1e-6)
    y = np.clip(rng.beta(8 * mu, 8 * (1 - mu)), 1e-9, 1 - 1e-9)
    return pd.DataFrame({"x": x, "g": group}), y


def diagnosed(X, y, formula="x + (1 | g)", ignore=None, **params):
    model = BetaGLMMRegressor(formula, **params)
    with warnings.catch_warnings():
        if ignore is not None:
            warnings.simplefilter("ignore", ignore)
        model.fit(X, y)
    return model.diagnose(X, y)


def only(diagnosis, kind):
    found = [each for each in diagnosis.findings if each.kind == kind]
    assert len(found) == 1, diagnosis
    return found[0]


def test_a_healthy_model_is_not_talked_about():
    found = diagnosed(*make_study(0))
    assert found.findings == ()
    assert str(found).startswith("Diagnosis of 1 + x + (1 | g): nothing found")
    assert "Nothing to say about: convergence, curvature" in str(found)
    assert found.to_frame().shape == (0, 6)
    assert found.warnings == found.notes == ()


def test_the_record_prints_shows_and_is_frozen():
    findings = [
        Finding("levels", "note", "g", 5.0, "'g' has 5 levels", "Take care"),
        Finding("boundary", "warning", "sd", 0.0, "a < b & c", "Do this"),
    ]
    found = Diagnosis.of("1 + (1 | g)", findings, ("boundary", "levels", "scales"), ("x; why",))
    assert repr(found) == (
        "Diagnosis of 1 + (1 | g): 1 warning and 1 note\n\n"
        "Warning: a < b & c.\n  Do this.\n\n"
        "Note: 'g' has 5 levels.\n  Take care.\n\n"
        "Nothing to say about: scales.\n\n"
        "Not checked: x; why."
    )
    assert "a &lt; b &amp; c" in found._repr_html_()
    frame = found.to_frame()
    assert list(frame.columns) == ["kind", "severity", "subject", "value", "finding", "advice"]
    assert list(frame["kind"]) == ["boundary", "levels"]  # warnings first
    with pytest.raises(FrozenInstanceError):
        found.formula = ""


def test_diagnose_does_not_need_inference_and_repeats_itself():
    X, y = make_study(1, n_levels=5)
    model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
    first = model.diagnose(X, y)
    assert first.findings
    assert str(first) == str(model.diagnose(X, y))
    assert str(first) == str(diagnosed(X, y))


def test_diagnose_refuses_other_rows():
    X, y = make_study(0)
    model = BetaGLMMRegressor("x + (1 | g)")
    with pytest.raises(NotFittedError):
        model.diagnose(X, y)
    model.fit(X, y)
    with pytest.raises(ValueError, match="those of fit"):
        model.diagnose(X, y[::-1] * 0.9)
    with pytest.raises(ValueError, match="not that of fit"):
        model.diagnose(X.assign(x=1 - X["x"]), y)


def test_weights_of_fit_are_those_of_the_diagnosis():
    X, y = make_study(0)
    weights = np.where(np.arange(len(y)) % 7 == 0, 2.0, 1.0)
    weights[:20] = 0.0
    model = BetaGLMMRegressor("x + (1 | g)").fit(X, y, sample_weight=weights)
    assert model.diagnose(X, y, weights).warnings == ()


# The optimum


def test_an_optimizer_that_was_stopped_is_named_with_its_parameters():
    X, y = make_study(2, slope_sd=0.5)
    X = X.assign(x=50 * X["x"] + 1000)
    found = diagnosed(X, y, "x + (x | g)", ConvergenceWarning, max_iter=1, inference=False)
    finding = only(found, "convergence")
    assert finding.severity == "warning"
    assert "did not converge" in finding.finding
    assert finding.subject in {"sd(Intercept | g)", "sd(x | g)", "corr(Intercept, x | g)"}
    assert finding.value > 1e-3


def test_columns_that_can_hardly_be_told_apart_are_named_as_a_direction():
    X, y = make_study(3)
    noise = np.random.default_rng(0).normal(size=len(y))
    near = only(diagnosed(X.assign(z=X["x"] + 0.02 * noise), y, "x + z + (1 | g)"), "curvature")
    assert near.severity == "note"
    assert {"x", "z"} == {near.subject.split()[1], near.subject.split()[3]}
    flat = diagnosed(X.assign(z=X["x"] + 1e-4 * noise), y, "x + z + (1 | g)", UserWarning)
    assert only(flat, "curvature").severity == "warning"


def test_what_the_data_do_not_determine_is_named_in_the_user_s_units():
    rng = np.random.default_rng(7)
    X = pd.DataFrame({"soil": np.tile(["clay", "lead", "sand"], 70), "x": rng.normal(size=210)})
    y = np.where(rng.random(210) < 0.3, 0.0, rng.beta(3.0, 3.0, 210))
    y[X["soil"] == "lead"] = 0.0  # so nothing is known of its mean, precision and slope
    model = ZeroInflatedBetaGLMMRegressor("soil * x", zero="soil", precision="soil")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.fit(X, y)
    found = [each for each in model.diagnose(X, y).findings if each.kind == "curvature"]
    names = {"soil[T.lead]", "soil[T.lead]:x", "precision(soil[T.lead])"}
    assert {each.subject for each in found} == names
    assert len(found) == 3
    assert all("does not change with" in each.finding for each in found)


def test_the_hessian_is_the_inverse_of_the_covariance():
    X, y = make_study(4, slope_sd=0.3)
    model = BetaGLMMRegressor("x + (x | g)", precision="x").fit(X, y)
    rows = study_rows(model, X, y)
    around = local(rows.study, model.fit_, rows.here)
    back = rows.study.scales.from_user
    n = sum(len(part) for part in model.fit_.beta)
    transform = np.eye(len(around.vector))
    transform[: len(back[0]), : len(back[0])] = back[0]
    transform[len(back[0]) : n, len(back[0]) : n] = back[1]
    expected = transform @ model.fit_.covariance @ transform.T
    assert_allclose(around.covariance, expected, rtol=5e-3, atol=5e-3 * np.abs(expected).min())
    assert np.abs(around.scaled[0]).max() < 1e-3


def test_parameters_are_called_as_in_tables():
    X, y = make_study(5)
    X = X.assign(h=np.tile(np.arange(6), 80), z=np.random.default_rng(0).normal(size=480))
    model = BetaGLMMRegressor("x + (x + z | g) + (x || h)", precision="z", inference=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        model.fit(X, y)
    assert parameter_names(study_rows(model, X, y).study) == (
        *("Intercept", "x", "precision(Intercept)", "precision(z)"),
        *("sd(Intercept | g)", "corr(Intercept, x | g)", "sd(x | g)"),
        *("corr(Intercept, z | g)", "corr(x, z | g)", "sd(z | g)"),
        *("sd(Intercept | h)", "sd(x | h)"),
    )


def hand_made(hessian, gradient=None):
    """A study of two coefficients, and a hand-made neighborhood of its estimates."""
    X, y = make_study(6)
    model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
    rows = study_rows(model, X, y)
    size = len(rows.study.vector(model.fit_))
    whole = np.eye(size)
    whole[:2, :2] = hessian
    slope = np.zeros(size) if gradient is None else gradient
    vector, free = rows.study.vector(model.fit_), np.ones(size, dtype=bool)
    around = Local(vector, slope, whole, free, np.zeros(size))
    return model.fit_, rows, around


def test_negative_curvature_is_a_warning():
    _, rows, around = hand_made([[1.0, 1.2], [1.2, 1.0]])
    (finding,) = curvature(rows.study, around)
    assert "still rises along +0.71 Intercept -0.71 x" in finding.finding
    assert finding.severity == "warning"
    assert_allclose(finding.value, -0.2)


def test_a_gradient_is_told_in_units_of_standard_errors():
    fitted, rows, around = hand_made([[4.0, 0.0], [0.0, 25.0]], np.array([0.0, 1.0, 0.0, 0.0]))
    (finding,) = convergence(fitted, rows.study, around, rows.here)
    assert finding.subject == "x"
    assert_allclose(finding.value, 0.2)
    quiet = replace(around, gradient=around.gradient / 1000)
    assert list(convergence(fitted, rows.study, quiet, rows.here)) == []


def test_coefficients_that_grow_without_end_are_found():
    _, rows, around = hand_made([[1.0, 0.0], [0.0, 0.1]])
    assert list(near_separation(rows.study, around)) == []
    grown = replace(around, vector=np.array([0.0, -9.0, 0.0, 0.5]))
    (finding,) = near_separation(rows.study, grown)
    assert finding.subject == "x"
    width = np.ptp(rows.study.design.fixed[0][:, 1])
    assert_allclose(finding.value, 9 * width)
    certain = replace(grown, hessian=grown.hessian * 1e4)
    assert list(near_separation(rows.study, certain)) == []


# The boundary, and what the data do not determine


def tied(seed, n_levels=8):
    """Intercepts and slopes that are the same numbers."""
    rng = np.random.default_rng(seed)
    X, _ = make_study(7, n_levels=n_levels)
    b = rng.normal(0, 0.6, size=n_levels)[X["g"]]
    mu = expit(0.3 + b + 0.5 * (1 + b) * X["x"])
    return X, np.clip(rng.beta(8 * mu, 8 * (1 - mu)), 1e-9, 1 - 1e-9)


def test_a_correlation_of_one_is_named_with_its_term():
    found = only(diagnosed(*tied(0), "x + (x | g)", SingularFitWarning), "boundary")
    assert found.severity == "warning"
    assert "correlation of Intercept and x between levels of g is 1" in found.finding
    near = only(diagnosed(*tied(3), "x + (x | g)"), "boundary")
    assert (near.severity, near.subject) == ("note", "corr(Intercept, x | g)")
    assert 0.98 < near.value < 1


def test_columns_far_from_zero_make_no_boundary():
    X, y = make_study(2, slope_sd=0.5)
    model = BetaGLMMRegressor("x + (x | g)", inference=False).fit(X.assign(x=X["x"] + 50), y)
    assert model.variance_components()["corr"].abs().max() > 0.99  # in these units
    kinds = {each.kind for each in model.diagnose(X.assign(x=X["x"] + 50), y).findings}
    assert "boundary" not in kinds


def test_a_variance_of_zero_is_named_with_its_term():
    X, y = make_study(3, sd=0.0)
    found = only(diagnosed(X, y, "x + (1 | g)", SingularFitWarning), "boundary")
    assert found.severity == "warning"
    assert "standard deviation of Intercept between levels of g is 0" in found.finding


def test_columns_that_were_dropped_and_a_precision_at_its_cap_are_told():
    X, y = make_study(9)
    twice = X.assign(z=2 * X["x"] + 1)
    found = only(diagnosed(twice, y, "x + z + (1 | g)", UserWarning), "determination")
    assert "'z'" in found.finding
    exact = expit(0.3 + X["x"].to_numpy())
    capped = diagnosed(X, exact, "x", UserWarning)
    assert "precision stopped at its largest value" in only(capped, "determination").finding


# Columns and groups


@pytest.mark.parametrize(
    ("factor", "shift", "words"), [(1e6, 0.0, "deviation of 9.99e+05"), (1.0, 2e3, "away from 0")]
)
def test_wild_scales_are_notes(factor, shift, words):
    X, y = make_study(10)
    wild = X.assign(x=factor * X["x"] / X["x"].std() + shift)
    found = only(diagnosed(wild, y), "scales")
    assert (found.severity, found.subject) == ("note", "x")
    assert words in found.finding


@pytest.mark.parametrize(("n_levels", "severity"), [(4, "warning"), (5, "note")])
def test_few_levels_are_counted(n_levels, severity):
    found = diagnosed(*make_study(11, n_levels=n_levels, n_rows=100))
    finding = next(each for each in found.findings if each.kind == "levels")
    assert (finding.severity, finding.subject, finding.value) == (severity, "g", n_levels)
    if n_levels < 5:  # where every level is influential
        assert "influence" not in {each.kind for each in found.findings}


def between(n_levels, seed=11):
    """A study with a number and a category of the groups, which summaries test."""
    X, y = make_study(seed, n_levels=n_levels)
    return X.assign(z=np.sin(X["g"]), c=np.where(X["g"] % 2, "a", "b")), y


@pytest.mark.parametrize(("n_levels", "is_told"), [(8, True), (19, True), (20, False)])
def test_normal_tests_of_what_varies_between_few_groups_are_told_of(n_levels, is_told):
    X, y = between(n_levels)
    model = BetaGLMMRegressor("x + z * c + (1 | g)").fit(X, y)
    found = [each for each in model.diagnose(X, y).notes if "normal tests" in each.finding]
    told = f"'z', 'c[T.b]', 'z:c[T.b]' vary between the {n_levels} levels of 'g' only"
    assert [told in each.finding for each in found] == [True] * is_told
    assert [told in note for note in model.summary().notes] == [True] * is_told
    assert model.summary(df="between-within").notes == ()


@pytest.mark.filterwarnings("ignore:dropped from the mean")
def test_a_column_that_was_dropped_needs_no_such_note():
    X, y = between(8)
    model = BetaGLMMRegressor("x + z + twice + (1 | g)").fit(X.assign(twice=2 * X["z"]), y)
    assert "'twice'" not in model.summary().notes[-1]
    assert model.summary().notes[-1].startswith("'z' varies between the 8 levels of 'g' only")


def test_linear_mixed_models_have_degrees_of_freedom_and_need_no_such_note():
    X, y = between(8)
    model = LMMRegressor("x + z + (1 | g)").fit(X, y)
    assert "normal tests" not in str(model.diagnose(X, y))
    assert model.summary().notes == ()
    assert model.summary(df="normal").notes[0].endswith("see summary(df='satterthwaite')")


@pytest.mark.filterwarnings("ignore:the fit is singular")
def test_a_column_belongs_to_the_smallest_factor_within_which_it_is_constant():
    X, y = between(16)
    X["school"] = X["g"] // 4
    X["s"] = np.cos(X["school"])
    model = BetaGLMMRegressor("s + z + (1 | school / g)").fit(X, y)
    first, second = model.summary().notes[-2:]
    assert first.startswith("'s' varies between the 4 levels of 'school' only")
    assert second.startswith("'z' varies between the 16 levels of 'school:g' only")


def test_levels_of_one_row_are_counted():
    X, y = make_study(12)
    X.loc[:2, "g"] = [100, 101, 102]
    found = only(diagnosed(X, y), "levels")
    assert (found.severity, found.value) == ("note", 3.0)
    assert "3 of 27 levels of 'g', such as '100', have a single row" in found.finding
    every = diagnosed(X.assign(g=np.arange(len(X))), y, "x + (1 | g)", UserWarning)
    assert only(every, "levels").severity == "warning"


def test_reused_labels_are_told_as_fit_tells_them():
    rng = np.random.default_rng(1)
    mountain, site = np.repeat(list("ABCDEFGH"), 60), np.tile(np.repeat(list("abcdef"), 10), 8)
    cell = np.repeat(np.arange(48), 10)
    mu = expit(rng.normal(size=8)[np.repeat(np.arange(8), 60)] + rng.normal(size=48)[cell])
    X = pd.DataFrame({"mountain": [f"Mount {m}" for m in mountain], "site": site})
    y = np.clip(rng.beta(8 * mu, 8 * (1 - mu)), 1e-9, 1 - 1e-9)
    model = BetaGLMMRegressor("1 + (1 | mountain) + (1 | site)", inference=False)
    with pytest.warns() as told:
        model.fit(X, y)
    (sentence,) = [str(each.message) for each in told if each.category is ImplicitNestingWarning]
    finding = only(model.diagnose(X, y), "nesting")
    assert finding.severity == "warning"
    assert f"{finding.finding}. {finding.advice}" == sentence
    assert finding.subject == "site in mountain"


# Influence


def reversed_group(seed, **changes):
    """A study in which the level 3 has its responses in the wrong order of x."""
    X, y = make_study(seed, **changes)
    inside = np.flatnonzero(X["g"] == 3)
    ranks = np.argsort(np.argsort(-X["x"].to_numpy()[inside]))
    y[inside] = np.sort(y[inside])[ranks]
    return X, y


def test_an_influential_level_is_named_with_what_it_moves():
    found = diagnosed(*reversed_group(0, n_levels=10))
    finding = next(each for each in found.findings if each.kind == "influence")
    assert finding.severity == "warning"
    assert finding.subject == "g: 3"
    assert "level '3' of 'g'" in finding.finding


def in_parts(formula, seed, **changes):
    X, y = reversed_group(seed, **changes)
    X = X.assign(h=np.tile(np.arange(5), len(X) // 5))
    model = BetaGLMMRegressor(formula, inference=False).fit(X, y)
    rows = study_rows(model, X, y)
    return rows, local(rows.study, model.fit_, rows.here)


@pytest.mark.parametrize("formula", ["x + (1 | g)", "x + (1 | g) + (1 | h)"])
def test_the_step_without_a_level_is_near_the_refit_without_it(formula):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        rows, around = in_parts(formula, 1, n_levels=12)
    study, codes = rows.study, rows.study.design.codes[0]
    found = [each for each in influences(study, rows.here.mode, around) if each.group == "g"]
    assert [each.level for each in found] == [str(level) for level in range(12)]
    errors = np.sqrt(np.diag(around.covariance))
    steps, refits = [], []
    for level, each in enumerate(found):
        kept = np.flatnonzero(codes != level)
        again = fit(study.problem.family, study.design.take(kept), study.y[kept], inference=False)
        moved = np.concatenate([*again.beta, *again.theta]) - around.vector
        known = errors > 0
        refits.append((moved / np.where(known, errors, 1.0))[known])
        steps.append(each.shift[known])
    steps, refits = np.array(steps), np.array(refits)
    # a Newton step: most of the way, in the same direction
    assert np.corrcoef(steps.ravel(), refits.ravel())[0, 1] > 0.97
    assert 0.75 < (steps * refits).sum() / (refits**2).sum() < 1.15
    assert np.argmax(np.abs(steps[:, 1])) == 3


def test_clusters_and_rows_without_them_have_the_same_gradient():
    rows, around = in_parts("x + (1 | g)", 2)
    study, codes = rows.study, rows.study.design.codes[0]
    found = list(influences(study, rows.here.mode, around))
    for level in (0, 3):
        kept = np.flatnonzero(codes != level)
        family, design = study.problem.family, study.design
        rest = bind(design.take(kept), study.y[kept], None, family).evaluate(around.vector)
        shift = -around.covariance @ rest.gradient / (1 - 1 / 24)
        assert_allclose(found[level].shift, shift / np.sqrt(np.diag(around.covariance)), rtol=1e-4)


def test_of_many_levels_that_hang_together_the_ones_that_matter_are_looked_at():
    rows, around = in_parts("x + (1 | g) + (1 | h)", 3, n_levels=40, n_rows=25)
    found = [e for e in influences(rows.study, rows.here.mode, around) if e.group == "g"]
    assert 10 <= len(found) <= 20
    assert max(found, key=lambda each: each.distance).level == "3"


# Residuals


def test_a_missing_slope_a_missing_factor_and_a_wrong_link_are_notes():
    slope = only(diagnosed(*make_study(13, slope_sd=0.5)), "missing slope")
    assert (slope.severity, slope.subject) == ("note", "x | g")
    assert "(x | g)" in slope.advice
    factor = only(diagnosed(*make_study(14), "x"), "missing effect")
    assert (factor.severity, factor.subject) == ("note", "g")
    assert "(1 | g)" in factor.advice
    link = only(diagnosed(*make_study(15, link="cloglog", slope=1.0)), "link")
    assert (link.severity, link.subject) == ("note", "logit")


def test_advice_names_columns_as_formulas_have_them():
    X, y = make_study(14)
    X = X.rename(columns={"g": "mountain range"})
    factor = only(diagnosed(X, y, "x"), "missing effect")
    assert "Add (1 | `mountain range`)" in factor.advice
    X, y = make_study(13, slope_sd=0.8)
    coded = X.assign(k=np.where(X["x"] > 0, "high", "low"))
    found = diagnosed(coded, y, "k + (1 | g)", ImplicitNestingWarning)  # which is alike
    slope = only(found, "missing slope")
    assert "(k | g)" in slope.advice


# Simulated studies

HEALTHY = [
    ("x + (1 | g)", {}),
    ("x + (1 | g)", {"n_levels": 8, "n_rows": 60}),
    ("x + (1 | g)", {"n_levels": 100, "n_rows": 5}),
    ("x + (x | g)", {"slope_sd": 0.4}),
    ("x", {"sd": 0.0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("formula", "changes"), HEALTHY)
def test_healthy_models_get_no_warning(formula, changes):
    n, told = 100, Counter()
    for seed in range(n):
        found = diagnosed(*make_study(seed, **changes), formula, inference=False)
        told["warning"] += bool(found.warnings)
        told["note"] += bool(found.notes)
    assert told["warning"] <= 5
    assert told["note"] <= 20  # several checks, of 1 % each


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "formula", "changes"),
    [
        ("missing slope", "x + (1 | g)", {"slope_sd": 0.35}),
        ("missing effect", "x", {"sd": 0.35}),
        ("link", "x + (1 | g)", {"link": "cloglog", "slope": 1.0}),
    ],
)
def test_wrong_models_get_their_note(kind, formula, changes):
    n, found = 50, 0
    for seed in range(n):
        diagnosis = diagnosed(*make_study(seed, **changes), formula, inference=False)
        found += kind in {each.kind for each in diagnosis.findings}
    assert found >= 0.8 * n


# Responses that were moved by hand, and weights


def with_zeros(seed, share=0.06):
    """A study, and which of its responses were zeros."""
    X, y = make_study(seed)
    rng = np.random.default_rng([12, seed])
    return X, np.clip(y, 2e-3, 1.0 - 2e-3), rng.random(len(y)) < share


@pytest.mark.parametrize("place", [1e-6, 1e-4, 1e-3, 5e-3])
def test_zeros_moved_by_hand_are_found_wherever_they_were_moved(place):
    X, y, zero = with_zeros(30)
    found = only(diagnosed(X, np.where(zero, place, y)), "moved responses")
    assert found.severity == "warning"
    assert f"{zero.sum()} of 480 responses are exactly {place:g}" in found.finding
    assert "the lower bound 0" in found.finding
    assert "put them back on the bound" in found.advice


def test_responses_moved_by_hand_are_told_of_as_those_that_boundary_moved():
    X, y, zero = with_zeros(31)
    own = only(diagnosed(X, np.where(zero, 0.0, y), boundary=1e-4), "moved responses")
    by_hand = only(diagnosed(X, np.where(zero, 1e-4, y)), "moved responses")
    assert (own.severity, own.subject) == (by_hand.severity, by_hand.subject)
    assert_allclose(own.value, by_hand.value, rtol=1e-3)
    paths = [each.finding.partition("estimates are: ")[2] for each in (own, by_hand)]
    assert paths[0] == paths[1]
    without = diagnosed(X, np.where(zero, 1e-4, y), inference=False)
    assert only(without, "moved responses").finding == by_hand.finding


def test_heaps_are_found_on_the_scale_of_the_response_and_at_both_bounds():
    X, y, moved = with_zeros(32)
    low, high = moved & (X["x"] < 0), moved & (X["x"] >= 0)
    percent = 100 * np.where(low, 1e-3, np.where(high, 0.999, y))
    found = only(diagnosed(X, percent, bounds=(0, 100)), "moved responses")
    assert f"{low.sum()} of 480 responses are exactly 0.1, next to the lower" in found.finding
    assert f"{high.sum()} of 480 responses are exactly 99.9, next to the upper" in found.finding


def test_a_heap_is_found_beside_a_bound_that_has_a_probability():
    X, y, moved = with_zeros(33)
    y = np.where(moved & (X["x"] < 0), 0.0, np.where(moved, 0.999, y))
    model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    found = only(model.diagnose(X, y), "moved responses")
    assert "exactly 0.999, next to the upper bound 1" in found.finding


def test_zeros_moved_among_ratings_in_steps_are_found():
    X, y, zero = with_zeros(34)
    steps = np.clip(np.round(20 * y), 1, 19) / 20
    found = only(diagnosed(X, np.where(zero, 1e-3, steps)), "moved responses")
    assert "the next one is 0.05" in found.finding


@pytest.mark.parametrize("steps", [20, 100, 1000, 10_000])
@pytest.mark.parametrize("precision", [1.5, 8.0])
def test_recorded_digits_make_no_heaps(steps, precision):
    rng = np.random.default_rng([13, steps])
    X, _ = make_study(35)
    mu = expit(-1.5 + 0.5 * X["x"] + rng.normal(0, 0.5, 24)[X["g"]])
    y = rng.beta(precision * mu, precision * (1 - mu))
    y = (np.floor(steps * y) + 0.5) / steps
    model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
    assert "moved responses" not in {each.kind for each in model.diagnose(X, y).findings}


def test_repeated_rows_make_no_heap():
    X, y = make_study(36, n_rows=5)
    rows = np.repeat(np.arange(len(y)), 4)
    found = diagnosed(X.iloc[rows], y[rows])
    assert "moved responses" not in {each.kind for each in found.findings}


def test_weights_that_count_rows_many_times_are_one_finding():
    X, y = make_study(37)
    weights = 1000 * np.random.default_rng(37).uniform(0.5, 1.5, len(y))
    model = BetaGLMMRegressor("x + (1 | g)").fit(X, y, weights)
    diagnosis = model.diagnose(X, y, weights)
    found = only(diagnosis, "weights")
    assert_allclose(found.value, weights.mean())
    assert "standard errors are about 31 times too small" in found.finding
    assert "influence" not in {each.kind for each in diagnosis.findings}
    assert "Not checked: influence" in str(diagnosis)
    shares = weights / weights.mean() / 12
    small = BetaGLMMRegressor("x").fit(X, y, shares).diagnose(X, y, shares)
    assert "times too large" in only(small, "weights").finding
    fair = weights / weights.mean()
    fine = model.fit(X, y, fair).diagnose(X, y, fair)
    assert "weights" not in {each.kind for each in fine.findings}


@pytest.mark.slow
@pytest.mark.parametrize("steps", [None, 20, 100, 1000])
@pytest.mark.parametrize(("center", "precision"), [(-1.0, 6.0), (-3.0, 3.0), (0.0, 1.0)])
def test_healthy_responses_are_no_heaps(steps, center, precision):
    told = 0
    for seed in range(60):
        rng = np.random.default_rng([14, seed])
        X, _ = make_study(seed, n_rows=5)
        mu = expit(center + 0.5 * X["x"] + rng.normal(0, 0.5, 24)[X["g"]])
        y = np.clip(rng.beta(precision * mu, precision * (1 - mu)), 1e-300, 1 - 2**-53)
        y = y if steps is None else (np.floor(steps * y * (1 - 1e-12)) + 0.5) / steps
        model = BetaGLMMRegressor("x + (1 | g)", inference=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SingularFitWarning)
            model.fit(X, y)
        rows = study_rows(model, X, y)
        told += bool(list(heaps(drawn(rows.study, rows.here.mode, rng))))
    assert told <= 1


@pytest.mark.parametrize("empty", [[("b", 2)], [("a", 1), ("c", 3), ("b", 3), ("d", 1)]])
def test_cells_without_rows_are_named(empty):
    rng = np.random.default_rng(6)
    X = pd.DataFrame([(a, t) for a in "abcd" for t in (1, 2, 3)] * 10, columns=["arm", "time"])
    X = X[[cell not in empty for cell in zip(X["arm"], X["time"], strict=True)]]
    y = rng.beta(3, 4, len(X))
    with pytest.warns(UserWarning, match="as where a combination of categories has no rows"):
        model = BetaGLMMRegressor("arm * C(time)").fit(X, y)
    (found,) = [each for each in model.diagnose(X, y).notes if "cells" in each.finding]
    assert found.subject == "arm:C(time)"
    assert found.value == len(empty)
    assert f"{len(empty)} of 12 cells" in found.finding
    named = [f"arm={a!r}, time='{t}'" in found.finding for a, t in sorted(empty)]
    assert named == [True, True, True, False][: len(empty)]
    assert ("and 1 more" in found.finding) == (len(empty) == 4)
    assert "arm + C(time) in place of arm * C(time)" in found.advice


def test_columns_that_say_the_same_are_no_empty_cells():
    rng = np.random.default_rng(7)
    X = pd.DataFrame([(a, t) for a in "ab" for t in "xyz"] * 10, columns=["arm", "time"])
    X["one"], y = 1.0, rng.beta(3, 4, 60)
    with pytest.warns(UserWarning, match="before, so the data"):
        model = BetaGLMMRegressor("arm * time + one").fit(X, y)
    assert not any("cells of" in each.finding for each in model.diagnose(X, y).findings)
