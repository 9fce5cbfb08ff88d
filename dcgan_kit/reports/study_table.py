"""The numbers of a study as a tidy table: CSV, or Parquet with the package ``pyarrow``."""

from __future__ import annotations

import csv
import io
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.studies.results import StudyResult

FIXED = ("seed", "number", "value", "floor", "identity")
"""Columns that every study has, after those of its axes."""
AXIS = "axis."
"""Comes before the key of an axis that has the name of a fixed column."""
INSTALL = "pip install 'dcgan-kit[parquet]'"


def table(result: StudyResult) -> dict[str, list[Any]]:
    """Return the columns of the table, with one row for each number of each run.

    First comes a column for each axis with the short names of its values, then ``seed`` (int), ``number`` (text),
    ``value`` (float), ``floor`` (float or None) and ``identity`` (text). An axis that has the name of another column
    gets ``axis.`` before it.
    """
    keys = [key for key, _ in result.variants[0].settings]
    columns: dict[str, list[Any]] = {name: [] for name in (*_axis_names(keys), *FIXED)}
    axes = list(columns)[: len(keys)]
    for run in result.runs:
        for number, reading in run.readings.items():
            for name, cell in zip(axes, result.variants[run.variant].names, strict=True):
                columns[name].append(cell)
            fixed = (run.seed, number, reading.value, reading.floor, run.identity)
            for name, value in zip(FIXED, fixed, strict=True):
                columns[name].append(value)
    return columns


def as_csv(result: StudyResult) -> bytes:
    """Return the table as CSV text in UTF-8. Floors that do not exist are empty."""
    columns = table(result)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue().encode()


def as_parquet(result: StudyResult) -> bytes:
    """Return the table as Parquet.

    Raises:
        UserError: the package ``pyarrow`` is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(f"Parquet needs the package pyarrow: {INSTALL}; or give a name that ends in .csv") from error
    types = {"seed": pyarrow.int64(), "value": pyarrow.float64(), "floor": pyarrow.float64()}
    columns = table(result)
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in columns])
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, schema=schema), stream)
    return stream.getvalue()


def _axis_names(keys: list[str]) -> list[str]:
    """Return names of columns for axes: their keys, changed where another column has the name."""
    names: list[str] = []
    for key in keys:
        name = key
        while name in FIXED or name in names or (name != key and name in keys):
            name = f"{AXIS}{name}"
        names.append(name)
    return names
