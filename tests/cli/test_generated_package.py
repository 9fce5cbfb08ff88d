"""A stranger's way: a package from ``plugins new``, built as a wheel, installed, explained, trained and studied."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from chromium import CHROMIUM, Browser

PIP = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder in which the stranger works."""
    return tmp_path_factory.mktemp("stranger")


@pytest.fixture(scope="module")
def environment(place):
    """The environment in which the package is installed."""
    return {**os.environ, "PYTHONPATH": str(place / "site")}


@pytest.fixture(scope="module")
def command(dcgan_kit, place, environment):
    """Return a function (*arguments) -> standard output of the command, with the package installed from its wheel."""

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


@pytest.fixture(scope="module")
def trained(command, place):
    """The folder of a run of its recipe."""
    command("train", "dcgan-cats-activation", "training.steps=2", "--run", "trained")
    return place / "trained"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "savedmodel", "onnx", "litert", "npz"])
def test_its_generator_is_exported_and_loaded_in_a_fresh_process(form, command, trained):
    found = json.loads(command("export", trained, "--format", form, "--json"))
    assert found["images"] == 16
    assert found["greatest_difference"] <= 1


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")
def test_its_generator_is_explored_in_a_browser(dcgan_kit, command, trained, place, environment):
    arguments = [dcgan_kit, "explore", str(trained)]
    server = subprocess.Popen(
        arguments, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    browser = Browser(place / "profile")
    try:
        address = next(line.split()[1] for line in server.stdout if line.startswith("open "))
        browser.do("Page.navigate", url=address)
        ends = time.monotonic() + 120
        while not browser.evaluate("document.body?.dataset.ready === 'yes'"):
            assert time.monotonic() < ends, browser.evaluate("document.body?.innerText")
            time.sleep(0.1)
        assert browser.evaluate("document.querySelector('#picture').width") == 28
    finally:
        browser.close()
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
