"""The data sets: their facts, and the download from a server on this machine."""

import gzip
import http.server
import pickle
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy import stats

from skglmm.datasets import fetch_dragons, load_petrol, make_dragons
from skglmm.datasets.rdata import read_frame

RDATA = Path(__file__).parent / "reference" / "rdata"

# --- make_dragons ---------------------------------------------------------------------------------


def test_dragons_come_from_sites_whose_labels_are_reused_in_every_range():
    dragons = make_dragons(random_state=0)
    assert list(dragons.columns) == ["testScore", "bodyLength", "mountainRange", "site"]
    assert dragons.shape == (480, 4)
    sizes = dragons.groupby(["mountainRange", "site"]).size()
    assert len(sizes) == 24
    assert set(sizes) == {20}
    assert set(dragons["site"]) == {"a", "b", "c"}


@pytest.mark.parametrize("seed", range(10))
def test_a_few_scores_are_exactly_zero_or_a_hundred(seed):
    score = make_dragons(random_state=seed)["testScore"]
    assert score.between(0, 100).all()
    assert (score == 0).sum() == (score == 100).sum() == 5


@pytest.mark.parametrize("seed", range(10))
def test_the_naive_regression_misleads(seed):
    dragons = make_dragons(random_state=seed)
    columns = ["testScore", "bodyLength"]
    within = dragons[columns] - dragons.groupby("mountainRange")[columns].transform("mean")
    naive = stats.linregress(dragons["bodyLength"], dragons["testScore"])
    inside = stats.linregress(within["bodyLength"], within["testScore"])
    assert naive.slope > 0
    assert naive.pvalue < 1e-3
    assert inside.slope < naive.slope / 2


def test_body_lengths_are_about_two_hundred():
    length = make_dragons(random_state=1)["bodyLength"]
    assert 190 < length.mean() < 210
    assert 150 < length.min() < length.max() < 250


def test_a_seed_gives_the_same_dragons_and_no_seed_gives_others():
    assert_frame_equal(make_dragons(random_state=3), make_dragons(random_state=3))
    generator = np.random.RandomState(3)
    assert_frame_equal(make_dragons(random_state=3), make_dragons(random_state=generator))
    assert not make_dragons().equals(make_dragons())


def test_the_scores_of_dragons_can_be_returned_apart():
    frame = make_dragons(random_state=0)
    X, y = make_dragons(random_state=0, return_X_y=True)
    assert_frame_equal(X, frame[["bodyLength", "mountainRange", "site"]])
    assert_series_equal(y, frame["testScore"])


def test_a_study_can_be_of_another_size():
    dragons = make_dragons(2, n_ranges=10, n_sites=4, random_state=0)
    assert len(dragons) == 80
    assert dragons["mountainRange"].nunique() == 10
    assert dragons["site"].nunique() == 4
    assert (dragons["testScore"] == 0).sum() == 1


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_dragons": 0}, "expected n_dragons at least 1, got 0"),
        ({"n_ranges": 1}, "expected n_ranges at least 2, got 1"),
        ({"n_sites": 27}, "expected n_sites from 1 to 26, got 27"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        make_dragons(**sizes)


# --- load_petrol ----------------------------------------------------------------------------------


def test_petrol_is_praters_table():
    petrol = load_petrol()
    assert petrol.frame.shape == (32, 6)
    assert petrol.feature_names == ["batch", "SG", "VP", "V10", "EP"]
    assert petrol.target_name == "Y"
    assert_allclose(petrol.target.sum(), 629.1)
    assert_allclose(petrol.frame["EP"].sum(), 10627)
    assert petrol.frame["batch"].value_counts().sort_index().tolist() == [
        *(4, 3, 3, 4, 3, 3, 4, 3, 2, 3)
    ]
    assert "Prater" in petrol.DESCR


def test_properties_of_the_crude_are_constant_within_its_batch():
    frame = load_petrol().frame
    assert (frame.groupby("batch")[["SG", "VP", "V10"]].nunique() == 1).all(axis=None)


def test_petrol_comes_as_a_pair_and_as_arrays():
    X, y = load_petrol(return_X_y=True)
    assert isinstance(X, pd.DataFrame)
    assert isinstance(y, pd.Series)
    arrays = load_petrol(as_frame=False)
    assert arrays.frame is None
    assert arrays.data.shape == (32, 5)
    assert arrays.target.dtype == np.float64


# --- fetch_dragons: the files in reference/rdata hold made-up numbers -----------------------------


class Server:
    """What a test serves, and what it was asked for."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/dragons.RData"
        self.content = (RDATA / "dragons.RData").read_bytes()
        self.n_failures = 0
        self.n_requests = 0


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state.n_requests += 1
            self.send_response(503 if state.n_requests <= state.n_failures else 200)
            self.end_headers()
            self.wfile.write(state.content)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state = Server(httpd.server_port)
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield state
        httpd.shutdown()
        thread.join()


def test_dragons_are_downloaded_once_and_then_come_from_the_cache(server, tmp_path):
    expected = pd.read_csv(RDATA / "dragons.csv")
    first = fetch_dragons(tmp_path, url=server.url)
    again = fetch_dragons(tmp_path, url=server.url, download_if_missing=False)
    assert server.n_requests == 1
    assert_frame_equal(first.frame, expected)
    assert_frame_equal(again.frame, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["dragons.csv"]
    assert "CC BY-SA 4.0" in first.DESCR


def test_fetched_dragons_come_as_a_pair_and_as_arrays(server, tmp_path):
    X, y = fetch_dragons(tmp_path, url=server.url, return_X_y=True)
    assert list(X.columns) == ["bodyLength", "mountainRange", "site"]
    assert y.name == "testScore"
    arrays = fetch_dragons(tmp_path, as_frame=False)
    assert arrays.frame is None
    assert arrays.data.shape == (480, 3)


def test_a_failed_download_is_tried_again(server, tmp_path):
    server.n_failures = 1
    with pytest.warns(UserWarning, match="trying again: HTTP Error 503") as caught:
        fetch_dragons(tmp_path, url=server.url, delay=0.0)
    assert server.n_requests == 2
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]


def test_an_unreachable_host_is_an_error_that_says_what_to_do(server, tmp_path):
    server.n_failures = 10
    with pytest.raises(OSError, match=r"cannot download .* use make_dragons\(\)"):
        fetch_dragons(tmp_path, url=server.url, n_retries=0)
    assert list(tmp_path.iterdir()) == []


def test_without_leave_to_download_a_missing_cache_is_an_error(tmp_path):
    with pytest.raises(OSError, match="download_if_missing=True"):
        fetch_dragons(tmp_path, download_if_missing=False)


def test_a_negative_number_of_tries_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="n_retries of at least 0, got -1"):
        fetch_dragons(tmp_path, n_retries=-1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>sorry</html>", "expected an R data file .* it starts b'<html>s'"),
        ((RDATA / "dragons.RData").read_bytes()[:3000], "cannot be unpacked"),
        ((RDATA / "small_version3.RData").read_bytes(), r"'dragons' .* found \['other', 'small'\]"),
        (gzip.compress(bytes(10_000_001)), "at most 10000000 bytes"),
    ],
)
def test_what_is_not_the_data_is_refused_and_not_cached(server, tmp_path, content, message):
    server.content = content
    with pytest.raises(ValueError, match=message):
        fetch_dragons(tmp_path, url=server.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="site"), "columns testScore, .*, got testScore"),
        (lambda frame: frame.iloc[:-1], "480 complete rows, .* got 479 rows"),
        (lambda frame: frame.assign(site="a"), "24 sites, got 480 rows, 8 ranges, 8 sites"),
        (lambda frame: frame.mask(frame == "Range A"), "got 480 rows, 7 ranges"),
        (lambda frame: frame.assign(testScore=frame["testScore"] - 1), "scores from 0 to 100"),
        (lambda frame: frame.assign(bodyLength="long"), "numbers, with scores"),
    ],
)
def test_a_damaged_cache_is_refused(tmp_path, change, message):
    change(pd.read_csv(RDATA / "dragons.csv")).to_csv(tmp_path / "dragons.csv", index=False)
    with pytest.raises(ValueError, match=message):
        fetch_dragons(tmp_path)


# --- the reader of R's files ----------------------------------------------------------------------


def test_missing_values_logicals_texts_and_factors_are_read():
    frame = read_frame((RDATA / "small_version3.RData").read_bytes(), "small")
    assert list(frame.columns) == ["whole", "real", "yes", "text", "level"]
    assert_allclose(frame["whole"], [1, np.nan, 3])
    assert_allclose(frame["real"], [0.5, np.nan, -1e300])
    assert_allclose(frame["yes"], [1, 0, np.nan])
    assert frame["text"].fillna("-").tolist() == ["a", "-", "é"]
    assert frame["level"].fillna("-").tolist() == ["u", "-", "v"]


def test_any_damage_of_a_file_is_a_value_error_or_other_numbers():
    content = (RDATA / "small_version3.RData").read_bytes()
    rng = np.random.default_rng(0)
    n_errors = 0
    for _ in range(500):
        damaged = bytearray(content)
        damaged[rng.integers(7, len(content))] = rng.integers(0, 256)
        try:
            read_frame(bytes(damaged[: rng.integers(100, len(content) + 1)]), "small")
        except ValueError:
            n_errors += 1
    assert n_errors > 100


def test_a_list_or_a_nested_list_is_not_a_data_frame():
    content = (RDATA / "small_version3.RData").read_bytes()
    with pytest.raises(ValueError, match="'other' to be a plain data frame"):
        read_frame(content, "other")
    deep = b"RDX2\nX\n" + bytes(12) + (b"\x00\x00\x00\x13\x00\x00\x00\x01" * 60)
    with pytest.raises(ValueError, match="at most 50 deep"):
        read_frame(deep, "small")


def test_a_code_object_in_a_file_is_refused():
    content = b"RDX2\nX\n" + bytes(12) + b"\x00\x00\x00\x03"
    with pytest.raises(ValueError, match="found an object of type 3"):
        read_frame(content, "small")


def test_data_sets_survive_a_pickle():
    petrol = pickle.loads(pickle.dumps(load_petrol()))
    assert_frame_equal(petrol.frame, load_petrol().frame)
