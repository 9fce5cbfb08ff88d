"""What only lists, or refuses a text, starts no TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "numpy", "PIL", "tensorboard", "h5py")
PAGES = ("matplotlib", "jinja2")
"""Imported by reports alone."""
CODE = """
import json, sys
from dcgan_kit.cli import cli
try:
    cli(sys.argv[1:], prog_name="dcgan-kit")
except SystemExit as exit:
    status = exit.code
heavy = sorted({module.partition(".")[0] for module in sys.modules} & set(%r))
print("\\n" + json.dumps([status or 0, heavy]))
""" % (HEAVY + PAGES,)  # noqa: UP031


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["train", "--help"], 0),
        (["report", "--help"], 0),
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
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_nothing_heavy_is_imported(arguments, status, tmp_path):
    (tmp_path / "broken.yaml").write_text("version: 1\nextends: [dcgan\n")
    done = subprocess.run([sys.executable, "-c", CODE, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [status, []]
    assert "Traceback" not in done.stderr


def test_the_heavy_modules_are_those_that_training_imports():
    """Were one of them renamed, the test above would say nothing."""
    code = f"import dcgan_kit.training.loop, sys; print([m for m in {HEAVY!r} if m not in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    missing = done.stdout.strip().splitlines()[-1]
    assert missing in ("[]", "['tensorboard']")
