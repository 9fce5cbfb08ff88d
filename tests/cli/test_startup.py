"""What only lists, or refuses a text, starts no TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dcgan_kit.recipes.loading import load_recipe

HEAVY = ("tensorflow", "keras", "numpy", "PIL", "tensorboard", "h5py")
PAGES = ("matplotlib", "jinja2")
"""Imported by reports alone."""
EXTRAS = ("ray", "optuna")
"""Imported by studies that need them alone."""
CODE = """
import json, sys
from dcgan_kit.cli import cli
try:
    cli(sys.argv[1:], prog_name="dcgan-kit")
except SystemExit as exit:
    status = exit.code
heavy = sorted({module.partition(".")[0] for module in sys.modules} & set(%r))
print("\\n" + json.dumps([status or 0, heavy]))
""" % (HEAVY + PAGES + EXTRAS,)  # noqa: UP031


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["train", "--help"], 0),
        (["report", "--help"], 0),
        (["study", "run", "--help"], 0),
        (["--version"], 0),
        (["plugins", "list"], 0),
        (["plugins", "list", "--json"], 0),
        (["components", "list"], 0),
        (["components", "show", "transposed_conv"], 0),
        (["recipes", "list"], 0),
        (["recipes", "show", "lecture-fashion28", "--resolved"], 0),
        (["show", "lecture-fashion28", "--diff", "dcgan-kit-none"], 2),
        (["show", "lecture-fashion28", "--diff", "radford-faces64"], 0),
        (["schema"], 0),
        (["completion", "bash"], 0),
        (["check", "broken.yaml"], 2),
        (["train", "broken.yaml"], 2),
        (["train", "lecture-fashion28", "trainig.steps=3"], 2),
        (["check", "nothing-like-it"], 2),
        (["claims", "list"], 0),
        (["claims", "show", "beta1"], 0),
        (["claims", "run", "beta2"], 2),
        (["study", "tiny-fashion28"], 2),
        (["study", "tiny-fashion28", "--vary", "training.loss", "--read", "fd"], 2),
        (["study", "broken.yaml"], 2),
        (["study", "show", "nowhere"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_nothing_heavy_is_imported(arguments, status, tmp_path):
    (tmp_path / "broken.yaml").write_text("version: 1\nextends: [dcgan\n")
    done = subprocess.run([sys.executable, "-c", CODE, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [status, []]
    assert "Traceback" not in done.stderr


PLUGIN = """
import sys, warnings
import keras
warnings.warn("of the plugin")
print("said by the plugin")
print("reported by the plugin", file=sys.stderr)
from dcgan_kit import component, hookimpl

@component("activation")
def wavy():
    \"\"\"A wave.\"\"\"
    return keras.layers.Activation("relu")

@hookimpl
def dcgan_kit_components():
    return [wavy]
"""


def test_a_plugin_that_imports_keras_is_quiet_and_its_own_words_are_shown(tmp_path):
    """TensorFlow writes to the descriptor, past Python's streams: that needs a process."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "wave.py").write_text(PLUGIN)
    (tmp_path / "plugins" / "zbroken.py").write_text("import tensorflow\ntensorflow.no_such_thing\n")
    (tmp_path / "keras.json").write_text(
        '{"floatx": "float16", "image_data_format": "channels_first", "backend": "jax"}'
    )
    # It would be imported from the working directory otherwise.
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('of the working directory')")
    code = "import sys; from dcgan_kit.cli import main; sys.argv[0] = 'dcgan-kit'; main()"
    arguments = ["components", "list", "--kind", "activation", "--plugins-dir", "plugins"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=tmp_path, capture_output=True, text=True, env={**environment, "KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "wavy" in done.stdout
    assert "said by" not in done.stdout
    lines = [line for line in done.stderr.splitlines() if "of the plugin" not in line]
    assert [line for line in lines if "UserWarning" not in line and not line.startswith("  ")] == [
        "said by the plugin",
        "reported by the plugin",
        f"warning: plugin zbroken ({tmp_path}/plugins/zbroken.py) is broken: AttributeError: module 'tensorflow' has no "
        f"attribute 'no_such_thing' ({tmp_path}/plugins/zbroken.py:2)",
    ]
    assert "of the plugin" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "tiny-fashion28", "--run", "foreign"], "foreign: exists and is not a run folder"),
        (["train", "tiny-fashion28", "--run", "file"], "file: exists and is not a run folder"),
        (
            ["train", "tiny-fashion28", "training.seed=7", "--run", "begun"],
            "training.seed: 0 in the run, 7 in this recipe",
        ),
        (["launch", "tiny-fashion28", "--run", "foreign"], "foreign: exists and is not a run folder"),
        (
            ["train", "tiny-fashion28", "data={use: images, path: file}"],
            "file is not a folder: give a folder of images",
        ),
        (["train", "tiny-fashion28", "data={use: images, path: empty}"], "empty is empty: put images"),
        (["sample", "foreign"], "foreign: is not a run folder"),
        (["sample", "nowhere"], "nowhere: there is no such folder"),
        (["sample", "begun"], "begun: has no checkpoint yet"),
        (["sample", "begun", "--output", "grid.jpg"], "grid.jpg: samples go into a file that ends in one of .png"),
        (["sample", "begun", "--each", "file"], "file: is not a folder"),
        (["evaluate", "foreign"], "foreign: is not a run folder"),
        (
            ["evaluate", "begun", "--real", "foreign"],
            "write them by `dcgan-kit sample begun --each DIR`, and give --fake",
        ),
        (["evaluate", "begun", "--against", "nowhere"], "nowhere: there is no such file or folder"),
        (["evaluate", "begun"], "begun: has no checkpoint yet"),
        (["evaluate", "begun", "--scores", "nothing"], "unknown score 'nothing'"),
        (["evaluate", "--fake", "nowhere", "--real", "foreign"], "foreign"),
        (["evaluate", "--fake", "a.npz", "--real", "a.npz"], "a.npz: there is no such file"),
        (["evaluate", "--fake", "foreign", "--real", "foreign", "--size", "big"], "--size: height, width and"),
        (["evaluate", "--fake", "nowhere", "--real", "foreign", "--size", "8x8x1"], "nowhere"),
        (["probe", "foreign"], "foreign"),
        (["probe", "begun"], "begun: has no checkpoint yet"),
        (["report", "foreign"], "foreign"),
        (["report", "begun", "--output", "page.pdf"], "page.pdf: a report is a page"),
        (["verify-resume", "tiny-fashion28", "--run", "file"], "file: is not empty"),
        (["replay", "foreign"], "foreign: is no crash bundle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_needs_no_tensorflow_is_refused_before_it_starts(arguments, message, command, tmp_path, monkeypatch):
    from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun").mkdir()
    recipe = load_recipe("tiny-fashion28").recipe
    (tmp_path / "begun" / "recipe.yaml").write_text(as_yaml(as_data(recipe)))

    def fail():
        pytest.fail("TensorFlow was started")

    monkeypatch.setattr("dcgan_kit.process.tensorflow_startup.start_tensorflow", fail)
    monkeypatch.setattr("dcgan_kit.distributed.launcher._started", fail)
    assert message in command(*arguments, status=2).stderr


@pytest.mark.parametrize("content", ["[]", '{"epsilon": "x"}', '{"floatx": "float8"}', None])
def test_settings_that_keras_cannot_use_are_named(content, tmp_path):
    file = tmp_path / "keras.json"
    file.write_text(content) if content is not None else file.mkdir()
    code = "import sys; from dcgan_kit.cli import main; sys.argv[1:] = ['check', 'tiny-fashion28']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "KERAS_HOME": str(tmp_path)}
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file}: Keras cannot use it: ")
    assert done.stderr.rstrip().endswith("; correct the file or remove it")


def test_the_heavy_modules_are_those_that_training_imports():
    """Were one of them renamed, the test above would say nothing."""
    code = f"import dcgan_kit.training.loop, sys; print([m for m in {HEAVY!r} if m not in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    missing = done.stdout.strip().splitlines()[-1]
    assert missing in ("[]", "['tensorboard']")
