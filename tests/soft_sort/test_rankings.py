"""Tables of rankings: rebuilt ones have the sizes they say, files are read or refused with a line."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.datasets import load_wine

from paper_lessons.soft_sort.experiments import label_ranking
from paper_lessons.soft_sort.experiments.rankings import (
    TABLES,
    load_rankings,
    rank_columns,
    read_rankings,
)

SIZES = {
    "iris": (150, 4, 3, "A"),
    "wine": (178, 13, 3, "A"),
    "digits": (1797, 64, 10, "A"),
    "vehicle-like": (846, 18, 4, "A"),
    "wine-attributes": (178, 8, 5, "B"),
    "cancer-attributes": (569, 20, 10, "B"),
    "diabetes-attributes": (442, 4, 6, "B"),
    "friedman": (1000, 10, 5, "B"),
}


@pytest.mark.parametrize("name", TABLES)
def test_rebuilt_tables(name: str) -> None:
    table = load_rankings(name)
    samples, features, labels, kind = SIZES[name]
    assert table.X.shape == (samples, features)
    assert table.ranks.shape == (samples, labels)
    assert (len(table.labels), table.kind, table.name) == (labels, kind, name)
    np.testing.assert_array_equal(table.ranks, rankdata(table.ranks, axis=1))
    assert np.isfinite(table.X).all()
    np.testing.assert_array_equal(load_rankings(name).ranks, table.ranks)
    # Every label is best somewhere: a table with a label that never wins would be half a table.
    assert (table.ranks == 1).any(axis=0).all()


def test_type_b_ranks_standardised_columns_that_are_no_inputs() -> None:
    wine = load_wine()
    table = load_rankings("wine-attributes")
    columns = [list(wine.feature_names).index(label) for label in table.labels]
    standard = (wine.data - wine.data.mean(0)) / wine.data.std(0)
    np.testing.assert_array_equal(table.ranks[17], rankdata(-standard[17, columns]))
    for column in columns:
        assert not any((table.X[:, i] == wine.data[:, column]).all() for i in range(8))


def test_columns_that_tie_share_their_rank() -> None:
    table = rank_columns("tied", np.array([[0.0, 1, 1], [9, 2, 2]]), [1, 2], ["a", "b", "c"])
    np.testing.assert_array_equal(table.ranks, np.full((2, 2), 1.5))


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_reading_numbers_words_and_ties(tmp_path: Path) -> None:
    text = "A1,colour,ranking\n1.5,red,b>a>c\n-2e1,blue,c>ab\n\n0,red,a>b=c\n"
    table = read_rankings(write(tmp_path, text))
    np.testing.assert_array_equal(table.X, [[1.5, 0, 1], [-20, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(table.ranks, [[2, 1, 3], [2.5, 2.5, 1], [1, 2.5, 2.5]])
    assert table.labels == ("a", "b", "c")
    assert (table.name, table.kind) == ("table", "file")


def test_reading_labels_that_are_words(tmp_path: Path) -> None:
    text = "x,ranking\n1,tea > coffee > water\n2,water>tea=coffee\n"
    table = read_rankings(write(tmp_path, text))
    assert table.labels == ("coffee", "tea", "water")
    np.testing.assert_array_equal(table.ranks, [[2, 1, 3], [2.5, 2.5, 1]])


def test_reading_a_file_that_a_spreadsheet_wrote(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(b'\xef\xbb\xbfA1,Ranking\r\n"1.0",a>b\r\n2,b>a\r\n')
    np.testing.assert_array_equal(read_rankings(path).ranks, [[1, 2], [2, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv must begin with a header whose last column is 'ranking'"),
        ("A1,A2\n1,a>b\n", "must begin with a header"),
        ("ranking\na>b\nb>a\n", "an input column and two samples at least, got 0 and 2"),
        ("A1,ranking\n1,a>b\n", "got 1 and 1"),
        ("A1,ranking\n1,a>b\n2,3,a>b\n", "line 3: 3 cells, the header has 2"),
        ("A1,ranking\n1,a>b\n?,a>b\n", "line 3, column 'A1': no number, got '\\?'"),
        ("A1,ranking\n1,a>b\n,a>b\n", "line 3, column 'A1': no number, got ''"),
        ("A1,ranking\nnan,a>b\n2,a>b\n", "line 2, column 'A1': no number, got 'nan'"),
        ("A1,ranking\n1,a>b\n2,a\n", "line 3: a ranking must name each of a, b once, got 'a'"),
        ("A1,ranking\n1,a>b\n2,a>b>b\n", "line 3: a ranking must name each of a, b once"),
        ("A1,ranking\n1,a>b>c\n2,a>b\n", "line 3: a ranking must name each of a, b, c once"),
        ("A1,ranking\n1,a\n2,a\n", "a ranking needs two labels or more, got a"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_rankings(write(tmp_path, text))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"A1,ranking\n\xff\xfe,a>b\n")
    with pytest.raises(ValueError, match="must be a CSV file in UTF-8"):
        read_rankings(path)
    with pytest.raises(FileNotFoundError):
        read_rankings(tmp_path / "absent.csv")


# -- the KEBI benchmark, which stays outside the project

KEBI = {  # samples, inputs (words spread out), labels
    "algae": (316, 18, 7),
    "authorship": (841, 70, 4),
    "bodyfat": (252, 7, 7),
    "glass": (214, 9, 6),
    "housing": (506, 6, 6),
    "iris": (150, 4, 3),
    "segment": (2310, 18, 7),
    "stock": (950, 5, 5),
    "vehicle": (846, 18, 4),
    "vowel": (528, 10, 11),
    "wine": (178, 13, 3),
    "wisconsin": (194, 16, 16),
}
LARGE = {
    "calhousing": (20640, 4, 4),
    "cpu-small": (8192, 6, 5),
    "fried": (40768, 9, 5),
    "pendigits": (10992, 16, 10),
    "sushi": (5000, 124, 10),
    "sushi_one_hot": (5000, 125, 10),
}


@pytest.fixture(scope="module")
def kebi(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = test_data / "label_ranking" / "kebi_txt.tar.gz"
    if not archive.is_file():
        pytest.skip("the KEBI tables are absent")
    folder = tmp_path_factory.mktemp("kebi")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("name", KEBI)
def test_kebi_tables_are_read(kebi: Path, name: str) -> None:
    check_size(kebi, name, KEBI[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_kebi_tables_are_read(kebi: Path, name: str) -> None:
    check_size(kebi, name, LARGE[name])


def check_size(folder: Path, name: str, size: tuple[int, int, int]) -> None:
    table = read_rankings(folder / f"{name}.txt")
    assert (*table.X.shape, table.ranks.shape[1]) == size
    middle = (size[2] + 1) / 2
    np.testing.assert_allclose(table.ranks.mean(1), middle)
    assert (table.ranks != middle).any(axis=1).all()
    tied = (table.ranks % 1 != 0).any() or any(len(set(row)) < len(row) for row in table.ranks)
    assert tied == (name == "algae")


@pytest.mark.slow
def test_soft_ranks_on_kebi_tables(kebi: Path) -> None:
    tables = [read_rankings(kebi / f"{name}.txt") for name in ("vehicle", "stock")]
    options = {"repeats": 1, "inner_folds": 2, "samples": 250, "strengths": (0.3, 3.0)}
    found = label_ranking.run(tables, seed=0, **options)["tables"]
    for table in found.values():
        assert np.mean(table["models"]["no projection"]["scores"]) > 0.7
        assert table["gain"]["soft rank l2"]["mean"] > 0.01
        assert table["gain"]["soft rank kl"]["mean"] > 0.01
