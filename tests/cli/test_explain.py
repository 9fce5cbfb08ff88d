"""``dcgan-kit explain``: what it prints, as text and as JSON, and what it refuses."""

import json

import pytest


def test_the_steps_of_the_lecture_are_printed(command):
    done = command("explain", "transposed_conv", "stride=1", "padding=valid", "--input", "[[1,4],[0,2]]",
                   "--kernel", "[[2,2],[1,1]]")  # fmt: skip
    assert "output\n  2  10  8\n  1   9  8\n  0   2  2\n" in done.stdout
    assert "1. input (0, 0) = 1 adds [[2, 2], [1, 1]] from (0, 0)" in done.stdout
    assert "It has 4 weights to learn here." in done.stdout


def test_another_component_beside_it_and_a_picture(command, tmp_path):
    file = tmp_path / "both.svg"
    done = command("explain", "relu", "--beside", "{use: leaky_relu, negative_slope: 0.2}", "--output", file)
    assert "It is flat below 0" in done.stdout
    assert "It is flat nowhere" in done.stdout
    assert f"drawn: {file}" in done.stderr
    assert file.stat().st_size > 1000


def test_its_numbers_as_json(command):
    found = json.loads(command("explain", "max_pool", "--json").stdout)
    assert found["output"] == [[20, 45], [10, 43]]
    both = json.loads(command("explain", "max_pool", "--beside", "average_pool", "--json").stdout)
    assert [one["name"] for one in both] == ["max_pool", "average_pool"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["max_pool", "--input", "[[1,"], "--input:1:"),
        (["max_pool", "--input", "seven"], "input: must be rows of numbers"),
        (["max_pool", "pool_size=-1"], "pool_size"),
        (["max_pool", "--beside", "{use: relu}"], "relu"),
        (["max_pool", "--output", "a.pdf"], "ends in one of"),
        (["no_such"], "unknown component 'no_such'"),
    ],
)
def test_a_mistake_is_answered_without_a_traceback(arguments, message, command):
    done = command("explain", *arguments, status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_says_that_there_are_pictures(command, tmp_path):
    assert "the example has pictures too: --output FILE.png draws them" in command("explain", "dropout").stderr
    assert "pictures too" not in command("explain", "relu").stderr
