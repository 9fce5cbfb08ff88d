"""A stranger's way: a package from ``plugins new``, built as a wheel, installed, explained, trained and studied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

PIP = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def command(dcgan_kit, tmp_path_factory):
    """Return a function (*arguments) -> standard output of the command, with the package installed from its wheel."""
    place = tmp_path_factory.mktemp("stranger")
    environment = {**os.environ, "PYTHONPATH": str(place / "site")}

    def run(*arguments):
        done = subprocess.run(
            [*map(str, arguments)], cwd=place, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    run(dcgan_kit, "plugins", "new", "dcgan-cats")
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", *PIP, "--no-build-isolation", "--wheel-dir", "dist", "./dcgan-cats")
    (wheel,) = (place / "dist").iterdir()
    assert wheel.name == "dcgan_cats-0.1.0-py3-none-any.whl"
    run(*pip, "install", *PIP, "--target", "site", wheel)
    # Nothing may come from the sources.
    shutil.rmtree(place / "dcgan-cats")

    return lambda *arguments: run(dcgan_kit, *arguments)


@pytest.mark.slow
def test_it_is_listed_checked_and_explained(command):
    shown = json.loads(command("plugins", "show", "dcgan_cats", "--json"))
    assert (shown["distribution"], shown["status"]) == ("dcgan-cats 0.1.0", "loaded")
    assert shown["components"] == ["activation/snake"]
    assert command("plugins", "check", "dcgan-cats").splitlines() == [
        "ok         plugin dcgan_cats",
        "ok         activation dcgan_cats/snake",
        "ok         recipe dcgan-cats-activation",
        "ok         study dcgan-cats-activation-or-built-in",
    ]
    explained = command("explain", "dcgan_cats/snake", "frequency=2.0")
    # 1 + sin²(2) / 2
    assert "1.413" in explained


@pytest.mark.slow
def test_it_is_trained_and_studied_against_a_built_in(command):
    command("train", "dcgan-cats-activation", "training.steps=2", "--run", "run")
    sampled = json.loads(command("sample", "run", "--count", "2", "--seed", "1", "--json"))
    assert sampled["step"] == 2
    arguments = ("study", "dcgan-cats-activation-or-built-in", "training.steps=2", "--seeds", "2", "--json")
    found = json.loads(command(*arguments))
    assert [variant["title"] for variant in found["variants"]] == ["relu", "dcgan_cats/snake"]
    assert [run["failure"] for run in found["runs"]] == [""] * 4
