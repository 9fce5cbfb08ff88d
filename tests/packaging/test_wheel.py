"""The wheel and the source distribution: built, compared, and used from a fresh environment in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "dcgan_kit_command.py", "dcgan_kit", "plugins", "recipes")
"""What the distributions are made of."""
INSTALLED = {"plugins": "dcgan_kit_plugins", "recipes": "dcgan_kit_recipes"}
"""Folders that have another name where they are installed."""
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, f"build_{sys.argv[1]}")(sys.argv[2]))
"""

pytestmark = pytest.mark.slow


def built(kind, tree, out):
    """Build a distribution of a tree with the build backend that pyproject.toml names; return its file."""
    ended = subprocess.run(
        [sys.executable, "-c", BUILD, kind, str(out)],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return out / ended.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources: a build writes beside them."""
    tree = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, tree / name)
    return tree


@pytest.fixture(scope="module")
def sdist(tree, tmp_path_factory):
    return built("sdist", tree, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return built("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The programs of a fresh environment with the wheel.

    It takes the dependencies from the environment of the tests, by a path file: to install TensorFlow again would take
    minutes. Python reads no path files of that folder, so the editable installation of dcgan-kit stays hidden.
    """
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True, timeout=120,
    )  # fmt: skip
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def names_in(wheel):
    """The files of a wheel, without the list of itself."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_the_wheel_has_every_file_of_the_packages(wheel):
    there = names_in(wheel)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SOURCES[3:]]
    tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, check=False).stdout
    files = [Path(name) for name in tracked.decode().split("\0") if name]
    if not files:
        pytest.skip("needs a clone: git says which files belong to the project")
    wanted = {Path(INSTALLED.get(file.parts[0], file.parts[0]), *file.parts[1:]).as_posix() for file in files}
    assert sorted(wanted - there.keys()) == []
    extra = {name for name in there.keys() - wanted if ".dist-info/" not in name}
    assert extra == set()


def test_the_source_distribution_makes_the_same_wheel(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as archive:
        # Python has filters from 3.11.4 on. We made this archive.
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = tmp_path.iterdir()
    again = built("wheel", unpacked, tmp_path)
    assert again.name == wheel.name
    assert names_in(again) == names_in(wheel)


@pytest.fixture
def run(environment, tmp_path):
    """Return a function (*arguments) -> what the installed command prints, in an empty folder."""

    def run(*arguments, program="dcgan-kit"):
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ended = subprocess.run(
            [environment / program, *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_what_is_installed_is_what_runs(run, environment):
    code = "import dcgan_kit, dcgan_kit_plugins, dcgan_kit_recipes as r; print(dcgan_kit.__file__, r.__file__)"
    files = run("-c", code, program="python").split()
    assert all(file.startswith(str(environment.parent)) for file in files), files


def test_the_commands_work_in_an_empty_folder(run, tmp_path):
    assert run("--version").startswith("dcgan-kit, version ")
    assert "lecture-fashion28" in run("recipes", "list")
    assert "stage1_upsample" in run("show", "tiny-fashion28")
    assert "20  45" in run("explain", "max_pool")
    run("train", "tiny-fashion28", "training.steps=2")
    assert (tmp_path / "runs" / "tiny-fashion28" / "generator.keras").is_file()
    run("sample", "lecture-fashion28", "--count", "4", "--seed", "1", "--output", "samples.png")
    assert (tmp_path / "samples.png").is_file()
    run("report", "runs/tiny-fashion28", "--quick")
    assert (tmp_path / "runs" / "tiny-fashion28" / "report.html").is_file()
