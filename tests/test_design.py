"""Designs: the matrices and codes of a data frame, and what is refused with which words."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.design import Term, learn
from skglmm.exceptions import DesignError

N = 24
BY_G = Term("1", ("g",))


def make_frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "z": rng.normal(size=N),
            "k": np.tile([1, 2, 3], 8),
            "b": np.tile([True, False], 12),
            "s": np.tile(list("cab"), 8),
            "g": np.repeat(list("feabcd"), 4),
            "h": np.tile([10, 30, 20, 40], 6),
            "unused": np.nan,
        }
    )


def learn_mean(frame, text="1 + x", terms=(BY_G,), **options):
    return learn(frame, {"mean": text, "precision": "1"}, terms, **options)


def fixed(frame, text, **options):
    """Return the fixed columns of the mean, by name."""
    spec, design = learn_mean(frame, text, **options)
    return dict(zip(spec.layout.coefficients[0], design.fixed[0].T, strict=True))


def assert_same_design(one, other):
    for name in ("fixed", "offsets", "codes", "columns"):
        for left, right in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_array_equal(left, right)


def test_a_design_holds_each_predictor_and_factor():
    frame = make_frame()
    terms = [Term("1 + s", ("g",)), Term("0 + z", ("h",))]
    spec, design = learn(frame, {"mean": "1 + x + s", "precision": "1 + z"}, terms)
    layout = spec.layout
    assert layout.predictors == ("mean", "precision")
    assert layout.coefficients == (("Intercept", "x", "s[T.b]", "s[T.c]"), ("Intercept", "z"))
    assert [factor.name for factor in layout.factors] == ["g", "h"]
    assert layout.factors[0].columns == ("Intercept", "s[T.b]", "s[T.c]")
    dummies = [np.ones(N), frame["s"] == "b", frame["s"] == "c"]
    assert_array_equal(design.columns[0], np.column_stack(dummies))
    assert_array_equal(design.fixed[1], np.column_stack([np.ones(N), frame["z"]]))
    assert_array_equal(design.columns[1], frame[["z"]])
    assert design.offsets == (None, None)
    assert design.n_samples == N
    assert design.layout is layout


def test_codes_point_to_sorted_labels():
    frame = make_frame()
    spec, design = learn_mean(frame, terms=[BY_G, Term("1", ("h",))])
    for factor, codes, name in zip(spec.layout.factors, design.codes, ["g", "h"], strict=True):
        assert_array_equal(factor.labels[codes], frame[name].astype(str))
        assert factor.labels.tolist() == sorted(frame[name].astype(str).unique())
        assert codes.dtype == np.intp


@pytest.mark.parametrize("columns", [("g", "h"), ("g", "h", "s"), ("s", "k", "b", "h")])
def test_combined_columns_have_the_levels_that_occur(columns):
    frame = make_frame()
    spec, design = learn_mean(frame, terms=[Term("1", columns)])
    (factor,) = spec.layout.factors
    texts = frame[list(columns)].astype(str).agg(":".join, axis=1)
    assert factor.name == ":".join(columns)
    assert_array_equal(factor.labels[design.codes[0]], texts)
    assert factor.n_levels == texts.nunique()
    new = frame.iloc[::-1].assign(h=frame["h"].to_numpy())
    texts = new[list(columns)].astype(str).agg(":".join, axis=1)
    known = pd.Index(factor.labels).get_indexer(texts)
    assert_array_equal(spec.build(new).codes[0], known)


def test_an_unseen_level_has_code_minus_one():
    frame = make_frame()
    spec, _ = learn_mean(frame, terms=[BY_G, Term("1", ("g", "k"))])
    new = frame.head(5).assign(g=["zz", "a", "f", "f", "zz"], k=[1, 99, 1, 99, 99])
    codes = spec.build(new).codes
    assert codes[0].tolist() == [-1, 0, 5, 5, -1]
    assert codes[1].tolist() == [
        -1,
        -1,
        spec.layout.factors[1].labels.tolist().index("f:1"),
        -1,
        -1,
    ]


def test_terms_on_one_factor_are_merged_in_their_order():
    frame = make_frame()
    terms = [Term("0 + z", ("g", "h")), BY_G, Term("1 + s", ("h", "g"), "diag")]
    spec, design = learn_mean(frame, terms=terms)
    merged, single = spec.layout.factors
    assert merged.name == "g:h"
    assert merged.columns == ("z", "Intercept", "s[T.b]", "s[T.c]")
    assert merged.terms == (1, 3)
    assert merged.covariance == BlockDiagonal((Unstructured(1), Diagonal(3)))
    assert single.covariance == Unstructured(1)
    assert_array_equal(design.columns[0][:, :2], np.column_stack([frame["z"], np.ones(N)]))
    assert design.columns[0].flags.f_contiguous


@pytest.mark.parametrize(
    ("term", "covariance"),
    [
        (Term("1 + x", ("g",)), Unstructured(2)),
        (Term("1 + x", ("g",), "diag"), Diagonal(2)),
        (Term("0 + x", ("g",), "diag"), Unstructured(1)),
    ],
)
def test_one_term_has_the_covariance_of_its_bar(term, covariance):
    spec, _ = learn_mean(make_frame(), terms=[term])
    assert spec.layout.factors[0].covariance == covariance


def test_effects_may_feed_any_predictor():
    spec, _ = learn_mean(make_frame(), terms=[BY_G, Term("1 + x", ("g",), predictor="precision")])
    (factor,) = spec.layout.factors
    assert factor.predictors == (0, 1, 1)


def test_the_offset_is_added_to_the_first_predictor():
    frame = make_frame()
    spec, design = learn_mean(frame, offset="k")
    assert_array_equal(design.offsets[0], frame["k"])
    assert design.offsets[1] is None
    assert spec.variables == ("x", "k")


TEXTS = [
    "1",
    "0",
    "0 + s",
    "1 + x*s + z:s",
    "1 + poly(x, 2) + scale(z)",
    "1 + bs(x, df=4) + cr(z, df=3)",
    "1 + C(k) + C(s, contr.sum) + C(g, Treatment('b'))",
    "1 + k + C(k)",
    "1 + b + C(b)",
    "1 + I(x > 0) + {s == 'a'} + sqrt(k) + expit(x) + log1p(k) + abs(x)",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_spec_builds_the_same_design_again(text):
    frame = make_frame()
    spec, design = learn_mean(frame, text, [Term(text, ("g",)) if text != "0" else BY_G])
    assert_same_design(spec.build(frame), design)
    assert all(matrix.flags.f_contiguous for matrix in design.fixed + design.columns)
    assert all(matrix.dtype == np.float64 for matrix in design.fixed + design.columns)


@pytest.mark.parametrize("text", TEXTS)
def test_rows_are_built_one_by_one_as_all_together(text):
    frame = make_frame()
    spec, design = learn_mean(frame, text)
    for row in (0, 5, 23):
        assert_same_design(spec.build(frame.iloc[[row]]), design.take(np.array([row])))


def test_other_columns_orders_and_indices_change_nothing():
    frame = make_frame()
    spec, design = learn_mean(frame, "1 + x + s", [Term("1 + z", ("g", "h"))])
    other = frame[["h", "g", "s", "z", "x"]].set_index(np.zeros(N))
    assert_same_design(spec.build(other), design)


def test_the_order_of_rows_changes_nothing():
    frame = make_frame()
    rows = np.random.default_rng(1).permutation(N)
    terms = [Term("1 + s", ("g", "h")), Term("1", ("k",))]
    _, design = learn_mean(frame, "1 + x + s + C(k)", terms)
    spec, permuted = learn_mean(frame.iloc[rows], "1 + x + s + C(k)", terms)
    assert_same_design(permuted, design.take(rows))
    assert spec.layout.factors[0].labels.tolist() == design.layout.factors[0].labels.tolist()


def test_rows_can_be_taken_by_position_mask_and_slice():
    _, design = learn_mean(make_frame(), offset="k")
    mask = np.arange(N) % 3 == 0
    assert_same_design(design.take(mask), design.take(np.flatnonzero(mask)))
    assert_same_design(design.take(slice(0, N, 3)), design.take(mask))
    assert design.take(mask).n_samples == 8
    assert design.take(mask).fixed[0].flags.f_contiguous


def test_a_spec_is_small_and_survives_pickling():
    frame = make_frame()
    many = pd.concat([frame] * 500, ignore_index=True)
    text, terms = "1 + poly(x, 2) + s + bs(z, df=4)", [Term("1 + x", ("g", "h"))]
    spec, design = learn_mean(frame, text, terms)
    large, _ = learn_mean(many, text, terms)
    assert abs(len(pickle.dumps(large)) - len(pickle.dumps(spec))) < 100
    assert_same_design(pickle.loads(pickle.dumps(spec)).build(frame), design)


def test_functions_are_given_to_learn_and_build_and_kept_by_neither():
    frame = make_frame()
    context = {"square": lambda values: values**2, "K": 2.0}
    spec, design = learn_mean(frame, "1 + square(x) + {K * x}", context=context)
    assert_array_equal(design.fixed[0][:, 1], frame["x"] ** 2)
    assert_array_equal(design.fixed[0][:, 2], 2 * frame["x"])
    copy = pickle.loads(pickle.dumps(spec))
    assert_same_design(copy.build(frame, context=context), design)
    with pytest.raises(DesignError, match="context must be given again"):
        copy.build(frame)


def test_columns_that_are_not_needed_may_be_absent():
    frame = make_frame()
    terms = [Term("1 + z", ("g",)), Term("1 + k", ("h",))]
    spec, design = learn_mean(frame, "1 + x", terms)
    assert spec.variables == ("x",)
    assert spec.group_variables == (("g",), ("h",))
    assert spec.effect_variables == (("z",), ("k",))

    only_fixed = spec.build(frame[["x"]], factors=())
    assert_array_equal(only_fixed.fixed[0], design.fixed[0])
    assert only_fixed.codes[0].tolist() == [-1] * N
    assert_array_equal(only_fixed.columns[0], np.zeros((N, 2)))

    one = spec.build(frame[["x", "z", "g"]], factors=["g"])
    assert_array_equal(one.codes[0], design.codes[0])
    assert_array_equal(one.columns[0], design.columns[0])
    assert one.codes[1].tolist() == [-1] * N

    marginal = spec.build(frame[["x", "z", "k"]], factors=(), effects=["g", "h"])
    assert marginal.codes[0].tolist() == [-1] * N
    assert_array_equal(marginal.columns[1], design.columns[1])
    with pytest.raises(DesignError, match="unknown grouping factor 'site'"):
        spec.build(frame, factors=["site"])


# A column of text can be stored in many ways; all of them give the same matrices.
TEXT_TYPES = ["object", "str", "string", "category"]


@pytest.mark.parametrize("then", TEXT_TYPES)
@pytest.mark.parametrize("first", TEXT_TYPES)
def test_every_storage_of_text_is_the_same(first, then):
    frame = make_frame()
    _, design = learn_mean(frame, "1 + s*x")
    as_first = frame.assign(s=frame["s"].astype(first), g=frame["g"].astype(first))
    as_then = frame.assign(s=frame["s"].astype(then), g=frame["g"].astype(then))
    spec, same = learn_mean(as_first, "1 + s*x")
    assert_same_design(same, design)
    assert_same_design(spec.build(as_then), design)


def test_nullable_and_small_types_are_the_same():
    frame = make_frame()
    _, design = learn_mean(frame, "1 + x + s + k + b", [Term("1", ("h",))])
    spec, same = learn_mean(frame.convert_dtypes(), "1 + x + s + k + b", [Term("1", ("h",))])
    assert_same_design(same, design)
    small = frame.astype({"k": "int8", "h": "int16", "b": "object"})
    assert_same_design(spec.build(small), design)


def test_polars_frames_convert_to_the_same():
    polars = pytest.importorskip("polars")
    frame = make_frame()
    columns = {name: frame[name].to_numpy() for name in ("x", "k", "b", "h")}
    texts = {name: frame[name].tolist() for name in ("s", "g")}
    other = polars.DataFrame({**columns, **texts})
    converted = pd.DataFrame({name: other[name].to_list() for name in other.columns})
    _, design = learn_mean(frame, "1 + x + s + k + b")
    assert_same_design(learn_mean(converted, "1 + x + s + k + b")[1], design)


def test_products_of_small_integers_do_not_overflow():
    frame = make_frame().assign(p=np.int8(100), q=np.int8(100))
    assert fixed(frame, "1 + p:q")["p:q"].tolist() == [10_000.0] * N


def test_a_category_keeps_its_order_and_loses_unused_levels():
    frame = make_frame()
    frame["s"] = pd.Categorical(frame["s"], categories=list("zcba"))
    frame["g"] = pd.Categorical(frame["g"], categories=list("zfedcbay"))
    spec, design = learn_mean(frame, "1 + s")
    assert spec.layout.coefficients[0] == ("Intercept", "s[T.b]", "s[T.a]")
    assert spec.layout.factors[0].labels.tolist() == list("abcdef")
    plain = frame.astype({"s": str, "g": str})
    assert_same_design(spec.build(plain), design)


def test_categories_of_numbers_take_plain_numbers():
    frame = make_frame()
    spec, design = learn_mean(frame.assign(k=pd.Categorical(frame["k"])), "1 + k")
    assert spec.layout.coefficients[0] == ("Intercept", "k[T.2]", "k[T.3]")
    assert_same_design(spec.build(frame), design)
    assert_same_design(spec.build(frame.assign(k=frame["k"].astype(float))), design)


def test_a_column_named_like_a_function_that_is_not_used_as_a_column_does_no_harm():
    frame = make_frame().assign(log=1.0, np=2.0, C=3.0)
    assert_array_equal(fixed(frame, "1 + log(k) + np.log(k)")["log(k)"], np.log(frame["k"]))
    assert fixed(frame, "1 + log")["log"].tolist() == [1.0] * N


def test_odd_names_work_everywhere():
    names = {"x": "a|b", "z": "my col", "g": "p/q", "k": "a.b", "h": "in (1)", "s": "sex"}
    frame = make_frame().rename(columns=names)
    text = "1 + `a|b` + log(abs(`my col`)) + C(`a.b`) + Q('a|b'):sex"
    spec, design = learn_mean(frame, text, [Term("1 + `in (1)`", ("p/q", "in (1)"))])
    assert spec.layout.factors[0].name == "p/q:in (1)"
    assert set(spec.variables) == {"a|b", "my col", "a.b", "sex"}
    assert_same_design(spec.build(frame), design)


LABELS = {
    "text": np.repeat(list("bcadef"), 4),
    "integers with gaps": np.repeat([3, -7, 10**17, 2, 5, 10**9], 4),
    "booleans": np.tile([True, False], 12),
    "dates": pd.date_range("2020-01-01", periods=6).repeat(4),
    "times with a zone": pd.date_range("2020-01-01", periods=6, tz="UTC").repeat(4),
    "periods": pd.period_range("2020-01", periods=6, freq="M").repeat(4),
    "intervals": pd.cut(np.arange(N), 6),
    "nullable integers": pd.array(np.repeat([3, 1, 2], 8), dtype="Int64"),
    "objects": np.array(np.repeat([3, 1, 2], 8), dtype=object),
    "category of floats": pd.Categorical(np.repeat([0.5, 1.5, 0.25], 8)),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_one_kind_are_groups(name):
    frame = make_frame().assign(g=LABELS[name])
    spec, design = learn_mean(frame)
    (factor,) = spec.layout.factors
    assert_array_equal(factor.labels[design.codes[0]], [str(label) for label in frame["g"]])
    assert_array_equal(pickle.loads(pickle.dumps(spec)).build(frame).codes[0], design.codes[0])
    assert factor.size == factor.n_columns * factor.n_levels


def test_floats_are_groups_only_where_allowed():
    frame = make_frame().assign(g=np.repeat([2.5, -1.0, 0.0], 8))
    with pytest.raises(DesignError, match="floating-point numbers"):
        learn_mean(frame)
    spec, design = learn_mean(frame, float_groups=True)
    assert spec.layout.factors[0].labels.tolist() == ["-1.0", "0.0", "2.5"]
    assert_array_equal(spec.build(frame).codes[0], design.codes[0])


def replaced(name, value, rows=slice(None)):
    frame = make_frame().astype({name: object})
    frame.loc[frame.index[rows], name] = value
    return frame.infer_objects()


NAN_3 = slice(2, 5)

# columns that replace those of the frame, fixed text, what the message says
BAD_FITS = [
    ({"x": replaced("x", np.nan, NAN_3)["x"]}, "1 + x", r"'x' has 3 missing \(NaN\) values in 24"),
    ({"x": replaced("x", np.nan, [7])["x"]}, "1 + x", r"1 missing \(NaN\) value in .* row 7"),
    ({"x": np.nan}, "1 + x", "'x' has 24 missing"),
    ({"x": None}, "1 + x", "'x' has 24 missing"),
    ({"x": pd.array([None] * N, dtype="Float64")}, "1 + x", "'x' has 24 missing"),
    ({"s": replaced("s", None, NAN_3)["s"]}, "1 + s", "'s' has 3 missing"),
    ({"x": replaced("x", np.inf, NAN_3)["x"]}, "1 + x", r"'x' has 3 infinite \(inf\) values"),
    ({"g": replaced("g", None, NAN_3)["g"]}, "1 + x", "grouping column 'g' has 3 missing"),
    ({"g": replaced("h", np.nan, NAN_3)["h"]}, "1 + x", "grouping column 'g' has 3 missing"),
    ({"g": np.array([np.inf, 1.0] * 12)}, "1 + x", "grouping column 'g' has 12 infinite"),
    ({"g": "only"}, "1 + x", "'g' has one level, 'only'"),
    ({"g": np.linspace(0, 1, N)}, "1 + x", "floating-point numbers; .*astype"),
    ({"g": [1, "a"] * 12}, "1 + x", "grouping column 'g' holds mixed values"),
    ({"g": [b"a", b"b"] * 12}, "1 + x", "grouping column 'g' holds bytes values"),
    ({"g": np.arange(N) * 1j}, "1 + x", "grouping column 'g' holds complex values"),
    ({"g": pd.to_timedelta(np.arange(N), "D")}, "1 + x", "holds timedelta values"),
    ({"x": [1, "a"] * 12}, "1 + x", "column 'x' holds mixed values, expected numbers"),
    ({"x": pd.date_range("2020", periods=N)}, "1 + x", "holds datetime values.* subtract"),
    ({"x": pd.to_timedelta(np.arange(N), "D")}, "1 + x", "holds timedelta values.* divide"),
    ({"x": np.arange(N) * 1j}, "1 + x", "Complex data not supported"),
    ({"x": pd.period_range("2020", periods=N, freq="D")}, "1 + x", "holds period values"),
    ({}, "1 + y", "unknown column 'y'. The data have 'x', 'z'"),
    ({}, "1 + X", "unknown column 'X'; did you mean 'x'"),
    ({}, "1 + log(`\U0001d431`)", "unknown column '\U0001d431'; did you mean 'x'"),
    ({}, "1 + log(Unusd)", "unknown column 'Unusd'; did you mean 'unused'"),
    ({}, "1 + Q('my')", "unknown column 'my'"),
    ({}, "1 + x.y", "unknown column 'x.y'"),
    ({}, "1 + I(open > 1)", "unknown column 'open'"),
    ({}, "1 + log(x)", "NaN, perhaps the logarithm"),
    ({"x": 0.0}, "1 + log(x)", r"'log\(x\)' is not finite \(inf or NaN\) in 24 of 24 rows"),
    ({"x": 1.0}, "1 + scale(x)", "the column 'x' is constant"),
    ({}, "1 + I(s + 1)", "cannot be evaluated.* types of its columns"),
    ({}, "1 + I(s > 1)", "cannot be evaluated"),
]


@pytest.mark.parametrize(("columns", "text", "message"), BAD_FITS)
def test_data_that_give_no_design_are_refused(columns, text, message):
    with pytest.raises(DesignError, match="(?s)" + message):
        learn_mean(make_frame().assign(**columns), text)


def test_containers_in_a_column_are_refused_as_numpy_does():
    cells = [{}] + [1.0] * (N - 1)
    for name in ("x", "g"):
        with pytest.raises(TypeError, match="argument must be a string or a real number"):
            learn_mean(make_frame().assign(**{name: cells}), float_groups=True)


@pytest.mark.parametrize("value", ["a", np.nan, np.inf, None])
def test_an_offset_must_hold_finite_numbers(value):
    with pytest.raises(DesignError, match="offset column 'z'"):
        learn_mean(make_frame().assign(z=value), offset="z")
    with pytest.raises(DesignError, match="unknown column 'zz'; did you mean 'z'"):
        learn_mean(make_frame(), offset="zz")


def test_frames_that_name_no_column_are_refused():
    frame = make_frame()
    spec, _ = learn_mean(frame)
    with pytest.raises(DesignError, match="0 rows"):
        learn_mean(frame.head(0))
    with pytest.raises(DesignError, match="0 rows"):
        spec.build(frame.head(0))
    with pytest.raises(DesignError, match="'x' occurs 2 times"):
        learn_mean(pd.concat([frame, frame[["x"]]], axis=1))
    with pytest.raises(DesignError, match="unknown column 'g'"):
        spec.build(frame.drop(columns="g"))
    with pytest.raises(DesignError, match="unknown column 'x'"):
        spec.build(frame.rename(columns={"x": 0}))


# fixed text, columns of the new rows, what the message says
BAD_ROWS = [
    ("1 + s", {"s": "zz"}, "column 's' has levels that fit did not see, 'zz'; known are 'a'"),
    ("1 + s:x", {"s": list("cabd") * 6}, "fit did not see, 'd'"),
    ("1 + s", {"s": pd.Categorical(["zz"] * N)}, "fit did not see, 'zz'"),
    ("1 + s", {"s": 5}, "'s' was text in fit and is number now"),
    ("1 + s", {"s": np.nan}, "'s' has 24 missing"),
    ("1 + C(k)", {"k": 7}, "fit did not see, 7; known are 1, 2, 3"),
    ("1 + C(k)", {"k": "1"}, "'k' was number in fit and is text now"),
    ("1 + C(k) + k", {"k": 7}, "'k' has levels that fit did not see, 7"),
    ("1 + C(k) + k", {"k": "1"}, "'k' was number in fit and is text now"),
    ("1 + C(I(k * 2))", {"k": 7}, r"C\(\) gives levels that fit did not see"),
    ("1 + b", {"b": "yes"}, "'b' was number in fit and is text now"),
    ("1 + x", {"x": "1.5"}, "'x' was number in fit and is text now"),
    ("1 + x", {"x": pd.Categorical(["a"] * N)}, "'x' was number in fit and is text now"),
    ("1 + x", {"x": pd.date_range("2020", periods=N)}, "is datetime now"),
    ("1 + x", {"x": replaced("x", np.nan, NAN_3)["x"]}, "'x' has 3 missing"),
    ("1 + x", {"x": -np.inf}, "'x' has 24 infinite"),
    ("1 + log(k)", {"k": 0}, "is not finite"),
    ("1 + bs(x, df=4)", {"x": 99.0}, r"bs\(\) cannot leave .* cr\(\) .*extrapolation"),
    ("1", {"g": 1}, "grouping column 'g' was text in fit and is number now"),
    ("1", {"g": replaced("g", None, NAN_3)["g"]}, "grouping column 'g' has 3 missing"),
    ("1", {"h": "10"}, "grouping column 'h' was number in fit and is text now"),
    ("1", {"h": True}, "grouping column 'h' was number in fit and is boolean now"),
    ("1", {"h": pd.Categorical(["10"] * N)}, "grouping column 'h' was number in fit"),
]


@pytest.mark.parametrize(("text", "columns", "message"), BAD_ROWS)
def test_rows_unlike_those_of_the_fit_are_refused(text, columns, message):
    frame = make_frame()
    spec, _ = learn_mean(frame, text, [BY_G, Term("1", ("g", "h"))])
    with pytest.raises(DesignError, match="(?s)" + message):
        spec.build(frame.assign(**columns))


def test_a_column_may_be_a_number_in_one_text_and_coded_in_another():
    frame = make_frame()
    spec, design = learn_mean(frame, "1 + C(k)", [Term("0 + k", ("g",))])
    assert spec.layout.coefficients[0] == ("Intercept", "C(k)[T.2]", "C(k)[T.3]")
    assert spec.layout.factors[0].columns == ("k",)
    assert_array_equal(design.columns[0][:, 0], frame["k"])


def test_natural_splines_and_polynomials_leave_the_range_of_the_fit():
    frame = make_frame()
    spec, _ = learn_mean(frame, "1 + cr(x, df=4) + poly(z, 2)")
    far = spec.build(frame.assign(x=9.0, z=-9.0))
    assert np.isfinite(far.fixed[0]).all()


def test_stateful_transforms_remember_the_fit():
    frame = make_frame()
    spec, _ = learn_mean(frame, "1 + center(x)", [Term("1 + scale(x)", ("g",))])
    new = spec.build(frame.head(2).assign(x=1.0))
    mean, sd = frame["x"].mean(), frame["x"].std()
    np.testing.assert_allclose(new.fixed[0][:, 1], 1.0 - mean)
    np.testing.assert_allclose(new.columns[0][:, 1], (1.0 - mean) / sd)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("step", [1, 7])
def test_whole_numbers_have_the_codes_of_their_order(dtype, step):
    frame = make_frame()
    low = 0 if np.dtype(dtype).kind == "u" else -17
    labels = (low + step * np.random.default_rng(2).integers(0, 9, N)).astype(dtype)
    spec, design = learn(frame.assign(g=labels), {"mean": "1"}, [BY_G])
    values, codes = np.unique(labels, return_inverse=True)
    assert_array_equal(design.codes[0], codes)
    assert_array_equal(spec.levels[0].labels[0].values, values)
    assert spec.levels[0].labels[0].values.dtype == dtype


@pytest.mark.parametrize("rows", [np.array([3, 0, 0, 5]), np.arange(N) % 3 == 0, slice(2, 9)])
def test_constant_columns_are_taken_with_their_own_values(rows):
    frame = make_frame().assign(three=3.0, zero=0.0)
    _, design = learn(frame, {"mean": "1 + three + x + zero", "other": "0 + three"}, [BY_G])
    taken = design.take(rows)
    for matrix, whole in zip(taken.fixed, design.fixed, strict=True):
        assert_array_equal(matrix, whole[rows])
        assert matrix.flags.f_contiguous
