"""The notebook runs, and the page about Python names every command and function."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dcgan_kit
from dcgan_kit.cli import cli

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOK = DOCS / "first-gan.ipynb"


def test_the_page_names_every_command_and_every_function():
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    table = text[text.index("## The commands and their functions") :]
    assert set(re.findall(r"`([a-z-]+)`", table)) >= set(cli.commands) - {"completion"}
    functions = {name for name in dcgan_kit.api.__all__ if name[0].islower()}
    assert {name for name in functions if name not in text} == set()


def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, object] = {}
    for number, cell in enumerate(cells()):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert (tmp_path / "runs" / "first" / "report.html").is_file()


@pytest.mark.parametrize("key", ["nbformat", "nbformat_minor", "metadata", "cells"])
def test_the_notebook_is_one(key):
    assert key in json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert [cell["outputs"] for cell in cells() if cell["cell_type"] == "code" and cell["outputs"]] == []
