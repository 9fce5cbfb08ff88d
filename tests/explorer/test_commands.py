"""The commands ``explore`` and ``invert``."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dcgan_kit as kit
from dcgan_kit.api.explorer_page import source_names
from dcgan_kit.cli import cli


@pytest.fixture(scope="module")
def picture(shipped, tmp_path_factory):
    """A picture that the shipped generator made, in another size."""
    file = tmp_path_factory.mktemp("pictures") / "dress.png"
    Image.fromarray(shipped.sample(1, seed=77)[0, :, :, 0]).resize((280, 280)).save(file)
    return file


def invoke(*arguments, status):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def test_invert_writes_the_pair_and_the_latent_vector(picture, shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("invert", "lecture-fashion28", picture, "--steps", 60, status=0)
    said = [float(text) for text in re.findall(r"(\d+\.\d)", result.stderr)]
    assert said[0] < said[1] < said[2]
    with np.load("dress-inverted.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["images", "latent", "targets"]
        np.testing.assert_array_equal(shipped.images(arrays["latent"]), arrays["images"])
        assert np.abs(arrays["targets"][0].astype(int) - shipped.sample(1, seed=77)[0]).mean() < 10
    with Image.open("dress-inverted.png") as pair:
        assert pair.size == (448, 224)
    again = invoke("invert", "lecture-fashion28", picture, "--steps", 1, status=2)
    assert "dress-inverted.png: exists already. Name the file to write with --output" in again.stderr


def test_invert_in_a_class(classed_run, picture, tmp_path):
    output = tmp_path / "found.npz"
    result = invoke(
        "invert", classed_run.path, picture, "--class", 1, "--steps", 5, "--output", output, "--json", status=0
    )
    said = json.loads(result.stdout)
    assert (said["class"], said["files"]) == (1, [str(output)])
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["labels"].tolist() == [1]


def test_invert_refuses(classed_run, picture, tmp_path):
    assert ".png or .npz" in invoke("invert", classed_run.path, picture, "--output", "a.gif", status=2).stderr
    assert "nothing.png" in invoke("invert", classed_run.path, tmp_path / "nothing.png", status=2).stderr
    assert "classes 0 to 2" in invoke("invert", classed_run.path, picture, "--class", 3, status=2).stderr


@pytest.mark.parametrize("way", ["itself", "link", "other name"])
def test_invert_never_replaces_the_picture(way, classed_run, picture, tmp_path, monkeypatch):
    own = tmp_path / "own.png"
    own.write_bytes(picture.read_bytes())
    output = own if way == "itself" else tmp_path / "other.png"
    if way == "link":
        output.symlink_to(own)
    elif way == "other name":
        output.hardlink_to(own)
    refused = invoke("invert", classed_run.path, own, "--steps", 1, "--output", output, status=2)
    assert f"{output}: is what is read, and would be replaced" in refused.stderr
    assert own.read_bytes() == picture.read_bytes()


@pytest.mark.parametrize("command", [("sample", "--count", 1), ("invert", "{picture}", "--steps", 1)])
def test_no_output_replaces_what_is_read(command, classed_run, shipped, picture, tmp_path):
    file, run = tmp_path / "generator.npz", classed_run.path
    file.write_bytes(shipped.path.read_bytes())
    name, *more = (picture if word == "{picture}" else word for word in command)
    checkpoint = next((run / "checkpoints").glob("*.npz"))
    for source, output, said in (
        (file, file, "is what is read"), (run, checkpoint, "is a file of the training"),
    ):  # fmt: skip
        before = output.read_bytes()
        assert said in invoke(name, source, *more, "--output", output, status=2).stderr
        assert output.read_bytes() == before


def test_explore_refuses(tmp_path):
    assert "there is no such folder" in invoke("explore", tmp_path / "nothing", status=2).stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("explore", "lecture-fashion28", "--port", port, status=2)
    assert f"port {port}: " in result.stderr
    assert "choose another" in result.stderr


def test_sources_are_called_what_they_were_given_as(classed_run):
    given = ["lecture-fashion28", classed_run.path]
    opened = [kit.open_generator(source) for source in given]
    assert [*source_names(given, opened)] == ["lecture-fashion28", classed_run.path.name]
    twice = source_names([given[0], given[0]], [opened[0], opened[0]])
    assert len(set(twice)) == 2


def test_explore_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'dcgan-kit[explore]'" in invoke("explore", "lecture-fashion28", status=2).stderr


def test_the_browser_opens_the_address(monkeypatch):
    import webbrowser

    from dcgan_kit.explorer import server

    opened, said = [], []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(server, "serve", lambda sources, found, ready: ready("http://127.0.0.1:1/?token=t"))
    kit.explore("lecture-fashion28", browser=True, ready=said.append)
    assert opened == said == ["http://127.0.0.1:1/?token=t"]


def test_explore_serves_until_it_is_stopped(dcgan_kit):
    command = [dcgan_kit, "explore", "lecture-fashion28"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stderr.readline())[0]
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert "Explore" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.partition("?")[0], timeout=30)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(30) == 130
    assert "Traceback" not in rest
    assert rest.splitlines()[-1] == "the page is closed (SIGINT)"
