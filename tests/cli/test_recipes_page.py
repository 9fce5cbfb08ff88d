"""The section of docs/recipes.md about branches: its recipes give what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
HEADING = "## Own options, branches and repeats\n"


def section():
    """The text from its heading to the next one."""
    return PAGE.read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", section(), re.DOTALL | re.MULTILINE)


def examples():
    """Yield each command of the section with the lines that it prints there."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, [line for line in lines if not line.lstrip().startswith("layer ")]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write every recipe of the section into the working folder, under the name that the text gives it."""
    named = re.findall(r"this\s`([a-z]+\.yaml)`", section())
    recipes = blocks("yaml")
    assert len(named) == len(recipes) >= 4
    for name, text in zip(named, recipes, strict=True):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


def test_it_prints_what_it_says(written, command):
    for line, expected in examples():
        _, *arguments = shlex.split(line)
        done = command(*arguments, status=2 if arguments[0] == "check" else 0)
        printed = [" ".join(one.split()) for one in f"{done.stdout}\n{done.stderr}".splitlines()]
        assert expected
        assert [" ".join(one.split()) for one in expected if " ".join(one.split()) not in printed] == [], line
