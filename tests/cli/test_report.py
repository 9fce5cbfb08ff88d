"""The command ``report``."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def run(tmp_path, load):
    """A run folder that holds a recipe and nothing else."""
    from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

    folder = tmp_path / "runs" / "new"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(as_yaml(as_data(load("tiny-fashion28").recipe)))
    return folder


def test_a_quick_page_goes_into_the_run_folder(run, command):
    result = command("report", "--quick", run)
    assert f"{run}/report.html: 0.0 MiB about new" in result.stderr
    assert (run / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_page_about_several_goes_beside_the_first(run, command):
    other = run.parent / "other"
    other.mkdir()
    (other / "recipe.yaml").write_text((run / "recipe.yaml").read_text())
    command("report", "--quick", run, other)
    assert "All recipes are the same" in (run.parent / "report.html").read_text()
    everything = sorted(run.parent.iterdir())
    assert run.parent / "report.html" in everything
    assert "about new, other" in command("report", "--quick", *everything).stderr


def test_a_page_goes_where_it_is_wanted(run, command, tmp_path):
    command("report", "--quick", run, "--output", tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").exists()
    assert not (run / "report.html").exists()


def test_mistakes_are_told(run, command, tmp_path):
    assert "has no recipe.yaml" in command("report", tmp_path, status=2).stderr
    assert "there is no such folder" in command("report", tmp_path / "none", status=2).stderr
    assert "is a page; give a name that ends in .html" in command("report", run, "--output", "x.pdf", status=2).stderr
    assert f"{run}: this run is named twice; name each once" in command("report", run, run, status=2).stderr
    (tmp_path / "link").symlink_to(run)
    reported = command("report", run, tmp_path / "link", status=2).stderr
    assert f"{tmp_path}/link: this run is named twice, as {run} too" in reported


def test_a_generator_without_its_runtime_says_what_to_install(run, command, tmp_path):
    result = command("report", run, "--generator", tmp_path / "nothing", status=2)
    assert "holds no onnxruntime-web; `npm install 'onnxruntime-web@^1.24'` puts it into the folder" in result.stderr


def test_quick_starts_no_tensorflow(run):
    code = (
        "import sys\nfrom dcgan_kit.cli import cli\n"
        f"try:\n    cli(['report', '--quick', {str(run)!r}])\n"
        "except SystemExit as exit:\n    assert not exit.code\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
