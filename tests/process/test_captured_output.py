"""What libraries write is captured, on whatever way, and the streams are as before afterwards."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import pytest

from dcgan_kit.process.captured_output import captured_output


def speak(word):
    print(f"{word} print")
    print(f"{word} error", file=sys.stderr)
    os.write(1, f"{word} descriptor 1\n".encode())
    os.write(2, f"{word} descriptor 2\n".encode())
    logging.error("%s logged", word)


def test_every_way_is_captured_and_nothing_else_changes(capfd):
    handlers = list(logging.getLogger().handlers)
    with captured_output() as output:
        speak("inside")
        warnings.warn("hidden", UserWarning, stacklevel=1)
    print("after")
    ways = {"inside print", "inside error", "inside descriptor 1", "inside descriptor 2", "inside logged"}
    assert set(output.text.splitlines()) == ways
    found = capfd.readouterr()
    assert (found.out, found.err) == ("after\n", "")
    assert logging.getLogger().handlers == handlers


def test_the_text_is_there_after_an_error():
    def fail():
        print("said")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), captured_output() as output:
        fail()
    assert output.text == "said"


def test_a_program_that_logs_afterwards_is_not_disturbed():
    code = (
        "import logging\nfrom dcgan_kit.process.captured_output import captured_output\n"
        "with captured_output():\n    logging.error('inside')\nlogging.error('afterwards')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == ("", "ERROR:root:afterwards\n")


def test_closed_streams_stay_closed():
    code = (
        "import os\nfrom dcgan_kit.process.captured_output import captured_output\nos.close(1)\n"
        "with captured_output() as output:\n    os.write(2, b'said')\nassert output.text == 'said'"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("missing", ["sys.stdout = None", "sys.stdout.close()"])
def test_a_process_without_standard_output_is_captured_too(missing):
    """Python has no stream for a descriptor that was closed when it started."""
    code = (
        f"import os, sys\nfrom dcgan_kit.process.captured_output import captured_output\n{missing}\n"
        "with captured_output() as output:\n    print('said')\n    os.write(2, b'so\\n')\n"
        "assert output.text == 'so\\nsaid', output.text"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
