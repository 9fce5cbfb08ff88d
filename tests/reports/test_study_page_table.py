"""The numbers of a study as a table: what other programs read back."""

from __future__ import annotations

import io
import sys

import pandas
import pytest
from studies_by_hand import study_result

from dcgan_kit.errors import UserError
from dcgan_kit.reports.study_table import as_csv, as_parquet, table

COLUMNS = ["generator.upsample", "training.batch_size", "seed", "number", "value", "floor", "identity"]


def frames(result):
    text = {"generator.upsample": str, "training.batch_size": str, "identity": str}
    return (
        pandas.read_csv(io.BytesIO(as_csv(result)), dtype=text),
        pandas.read_parquet(io.BytesIO(as_parquet(result))),
    )


def test_both_formats_hold_the_same():
    result = study_result(failed=[(0, 0)], missing=[(3, 1)])
    for frame in frames(result):
        assert list(frame.columns) == COLUMNS
        assert len(frame) == 2 * 10
        assert frame["seed"].dtype == "int64"
        assert frame["value"].dtype == frame["floor"].dtype == "float64"
        fd = frame[frame["number"] == "fd"].set_index("identity")["value"]
        assert dict(fd) == {run.identity: run.readings["fd"].value for run in result.runs if run.readings}
        assert frame[frame["number"] != "fd"]["floor"].isna().all()
        assert set(frame["training.batch_size"]) == {"16", "32"}


def test_pyarrow_reads_types():
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_table(io.BytesIO(as_parquet(study_result()))).schema
    assert {name: str(schema.field(name).type) for name in COLUMNS} == {
        "generator.upsample": "string",
        "training.batch_size": "string",
        "seed": "int64",
        "number": "string",
        "value": "double",
        "floor": "double",
        "identity": "string",
    }


def test_a_study_without_finished_runs_is_a_table_without_rows():
    result = study_result({"training.loss": ["a", "b"]}, 1, missing=[(0, 0), (1, 0)])
    assert as_csv(result) == b"training.loss,seed,number,value,floor,identity\n"
    frame = pandas.read_parquet(io.BytesIO(as_parquet(result)))
    assert (len(frame), list(frame.columns)) == (0, ["training.loss", *COLUMNS[2:]])


def test_values_of_axes_are_names_without_quotes():
    assert table(study_result())["generator.upsample"][::6] == ["transposed_conv"] * 2 + ["resize_conv"] * 2


def test_axes_never_take_the_name_of_another_column():
    result = study_result({"seed": ["a", "b"], "axis.seed": ["c", "d"]}, 1)
    columns = table(result)
    assert list(columns) == ["axis.axis.seed", "axis.seed", *COLUMNS[2:]]
    assert len({len(values) for values in columns.values()}) == 1
    assert columns["seed"] == [0] * 8
    assert columns["axis.axis.seed"][::4] == ["a", "b"]


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'dcgan-kit\[parquet\]'"):
        as_parquet(study_result())
