"""The commands ``study report`` and ``study export``, on folders of studies in which nothing is trained."""

from __future__ import annotations

import csv
import sys

import pandas
import pytest
from studies_by_hand import study_folder


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A study with a failed run and a missing one."""
    return study_folder(tmp_path_factory.mktemp("made") / "study", failed=[(1, 0)], missing=[(3, 1)])


@pytest.fixture
def folder(plan):
    """Its folder."""
    return plan.folder.path


def test_a_page_goes_into_the_folder(folder, command):
    result = command("study", "report", folder, "--quick")
    assert f"{folder}/study.html: 0.1 MiB about 7 of 8 runs" in result.stderr
    html = (folder / "study.html").read_text()
    assert html.startswith("<!DOCTYPE html>")
    assert "training diverged at step 7" in html
    assert "6 of 8 finished, 1 failed, 1 missing" in html


def test_a_page_goes_where_it_is_wanted(folder, command, tmp_path):
    command("study", "report", folder, "--quick", "--output", tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").exists()
    assert (
        "is a page; give a name that ends in .html"
        in command("study", "report", folder, "--output", "x.pdf", status=2).stderr
    )


def test_runs_that_cannot_be_sampled_are_told(folder, command, tmp_path):
    command("study", "report", folder, "--all-seeds", "--output", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "transposed_conv, 16, seed 0: no samples: runs/" in html
    assert "transposed_conv, 16, seed 1: no samples: runs/" in html
    assert str(folder) not in html


def test_a_broken_run_folder_counts_as_missing_and_is_told(command, tmp_path):
    plan = study_folder(tmp_path / "study")
    (plan.folder.run(plan.runs[0].identity) / "readings.json").write_text("{broken")
    result = command("study", "report", plan.folder.path, "--quick")
    assert "about 7 of 8 runs" in result.stderr
    html = plan.folder.page.read_text()
    assert "7 of 8 finished, 0 failed, 1 missing" in html
    assert "transposed_conv, 16, seed 0: left out: runs/" in html
    exported = command("study", "export", plan.folder.path, tmp_path / "numbers.csv")
    assert f"transposed_conv, 16, seed 0: left out: {plan.folder.runs}/" in exported.stderr
    assert "14 rows of 7 finished runs" in exported.stderr


def test_numbers_are_exported_as_csv_and_parquet(folder, command, tmp_path):
    for name in ("numbers.csv", "numbers.parquet"):
        assert "12 rows of 6 finished runs" in command("study", "export", folder, tmp_path / name).stderr
    with (tmp_path / "numbers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    frame = pandas.read_parquet(tmp_path / "numbers.parquet")
    assert [float(row["value"]) for row in rows] == list(frame["value"])
    assert {row["number"] for row in rows} == {"fd", "checkerboard_2"}


def test_mistakes_are_told(folder, command, tmp_path, monkeypatch):
    assert "a table is a file *.csv or *.parquet" in command("study", "export", folder, "x.xls", status=2).stderr
    for arguments in (("report",), ("export", tmp_path / "x.csv")):
        name, *rest = arguments
        assert "holds no study" in command("study", name, tmp_path, *rest, status=2).stderr
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    told = command("study", "export", folder, tmp_path / "x.parquet", status=2).stderr
    assert "pip install 'dcgan-kit[parquet]'" in told
    assert not (tmp_path / "x.parquet").exists()
