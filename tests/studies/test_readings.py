"""Numbers by name: which there are, where they come from, and the file that keeps them."""

import json

import pytest

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.studies.readings import (
    FILE,
    Cost,
    Reading,
    Readings,
    View,
    expanded,
    feature_space,
    matching,
    mean_reading,
    read_readings,
    wanted,
)

REGISTRY = load_builtins().registry


def test_scores_stand_for_all_of_their_numbers():
    assert expanded(["fd", "precision_recall"], REGISTRY) == ("fd", "precision", "recall")
    assert expanded(["precision_recall@random_convolution"], REGISTRY) == (
        "precision@random_convolution", "recall@random_convolution",
    )  # fmt: skip
    assert expanded([" fd ", "frechet", "generator/drift"], REGISTRY) == ("fd", "generator/drift")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fid", "fid: there is no such number or score"),
        ("precisio", "Did you mean 'precision'"),
        ("fd@random_convolutio", "no extractor 'random_convolutio'. Did you mean 'random_convolution'"),
        ("fd@", "there is no extractor ''"),
        ("fd@28x28", "there is no extractor '28x28'"),
        ("fd@28x28x1@random_convolution", "there is no extractor '28x28x1@random_convolution'"),
        ("x\x1b[2J/y", "holds characters that cannot be printed"),
        ("/dead", "PLACE/NAME"),
        ("generator/", "PLACE/NAME"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(UserError) as raised:
        expanded([name], REGISTRY)
    assert message in str(raised.value)


def test_what_must_be_computed():
    need = wanted(["fd", "kid", "fd@random_convolution", "generator/drift"], REGISTRY)
    assert need.scores == {View(): ("frechet", "kid"), View("random_convolution"): ("frechet",)}
    assert need.probes
    need = wanted(["fd@random_convolution@28x28x1", "spectrum_db@28x28x1"], REGISTRY)
    assert need.scores == {View("random_convolution", "28x28x1"): ("frechet",), View(None, "28x28x1"): ("spectrum",)}
    assert not wanted(["fd"], REGISTRY).probes


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("fd", "usual"), ("fd@random_convolution", "random_convolution"), ("checkerboard_2", "pixels"),
        ("fd@28x28x1", "usual"), ("fd@random_convolution@28x28x1", "random_convolution"),
        ("spectrum_db", "pixels"), ("generator/drift", ""),
    ],
)  # fmt: skip
def test_numbers_see_images_in_different_features(name, space):
    assert feature_space(name, REGISTRY, "usual") == space


def test_a_pattern_means_the_mean_of_all_that_match():
    readings = {
        "generator.stage1.activation/dead": 0.5,
        "generator.stage2.activation/dead": 0.0,
        "generator/drift": 9.0,
    }
    assert mean_reading("generator.*.activation/dead", readings) == 0.25
    assert mean_reading("generator.stage1.activation/dead", readings) == 0.5
    assert matching("discriminator.*", readings) == []


def test_readings_are_read_as_they_were_written(tmp_path):
    numbers = {"fd": Reading(1.25, 0.5, "lower"), "generator/drift": Reading(0.1)}
    written = Readings(numbers, Cost(10, 6, 1e9, 2.5), ("a finding",))
    (tmp_path / FILE).write_bytes(written.as_json())
    assert read_readings(tmp_path) == written
    assert read_readings(tmp_path / "other") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["numbers"]["fd"].update(value="1"),
        lambda data: data["numbers"]["fd"].update(better="best"),
        lambda data: data["cost"].update(seconds=-1),
        lambda data: data.pop("cost"),
        lambda data: data.update(numbers=[]),
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path, change):
    data = json.loads(Readings({"fd": Reading(1.0)}, Cost(1, 1, 1.0, 1.0)).as_json())
    change(data)
    (tmp_path / FILE).write_text(json.dumps(data))
    with pytest.raises(RunError, match=r"is not a file of readings: .*Delete it to read again"):
        read_readings(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b'{"version": NaN}'])
def test_a_file_that_is_no_json_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RunError, match="is not a file of readings"):
        read_readings(tmp_path)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "real").write_bytes(Readings({}, Cost(1, 1, 1.0, 1.0)).as_json())
    (tmp_path / FILE).symlink_to(tmp_path / "real")
    with pytest.raises(RunError, match="is a link"):
        read_readings(tmp_path)
