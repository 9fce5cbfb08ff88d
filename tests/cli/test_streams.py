"""Standard streams that are closed, full, small or left by their reader keep no command from its work."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import warnings
from contextlib import ExitStack

import pytest

from dcgan_kit.cli import main, streams

PLAIN = (
    ["components", "list"],
    ["recipes", "list"],
    ["recipes", "show", "dcgan"],
    ["schema"],
    ["train", "--help"],
    ["--version"],
)
"""Commands whose work is what they print."""
REDIRECTED = {
    "full": (">/dev/full", 74),
    "closed output": (">&-", 0),
    "closed errors": ("2>&-", 0),
    "all closed": ("<&- >&- 2>&-", 0),
}


@pytest.fixture
def run_main(monkeypatch):
    """Return a function (arguments, stdout, stderr) -> exit status of the whole command in this process."""

    def run_main(arguments, stdout, stderr):
        monkeypatch.setattr(sys, "argv", ["dcgan-kit", *arguments])
        for name, stream in (("stdout", stdout), ("stderr", stderr)):
            monkeypatch.setattr(sys, name, stream)
            monkeypatch.setattr(sys, f"__{name}__", stream)
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        return ended.value.code

    return run_main


@pytest.fixture
def opened():
    """Return a function (path or descriptor, encoding) -> a stream, closed at the end."""
    with ExitStack() as held:
        yield lambda path, encoding="utf-8": held.enter_context(open(path, "w", encoding=encoding))


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_a_full_disk_is_told(arguments, run_main, opened, tmp_path):
    assert run_main(arguments, opened("/dev/full"), opened(tmp_path / "errors")) == 74
    assert (tmp_path / "errors").read_text() == "standard output cannot be written: No space left on device\n"
    assert run_main(arguments, opened("/dev/full"), opened("/dev/full")) == 74


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_a_reader_that_has_enough_is_nobodys_fault(arguments, run_main, opened, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    assert run_main(arguments, opened(writing), opened(tmp_path / "errors")) == 0
    assert (tmp_path / "errors").read_text() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "shift_jis", "utf-8"])
@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_any_encoding_will_do(arguments, encoding, run_main, opened, tmp_path):
    assert run_main(arguments, opened(tmp_path / "reported", encoding), opened(tmp_path / "errors", encoding)) == 0
    # What click prints where an encoding is ASCII is UTF-8, as Python has it for such a locale.
    assert len((tmp_path / "reported").read_bytes()) > 10
    assert (tmp_path / "errors").read_bytes() == b""


@pytest.mark.parametrize("name", REDIRECTED)
def test_streams_of_a_process(name, tmp_path):
    """The shell's redirections, in one process each: Python itself begins otherwise with closed streams."""
    redirection, status = REDIRECTED[name]
    code = "import sys; from dcgan_kit.cli import main; sys.argv[0] = 'dcgan-kit'; main()"
    command = f'set -o pipefail; "{sys.executable}" -c "{code}" components list {redirection}'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr


def test_a_training_goes_on_when_its_reader_leaves(run_main, opened, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["train", "tiny-fashion28", "training.steps=2", "training.batch_size=4", "training.log_every=1"]
    arguments += ["training.sample_grid=[2, 2]", "--run", str(tmp_path / "run")]
    stream = opened(writing)
    assert run_main(arguments, stream, stream) == 0
    assert (tmp_path / "run" / "generator.keras").is_file()
    # What was drawn needs no reader either.
    assert run_main(["sample", str(tmp_path / "run"), "--count", "1", "--seed", "1"], stream, stream) == 0
    assert (tmp_path / "run" / "sample-1.png").is_file()


def test_a_reader_that_is_slow_is_waited_for():
    """Of a pipe that fails instead of waiting, nothing is lost."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = b"0123456789" * 100_000
    raw = streams._Raw(writing)
    sender = threading.Thread(target=lambda: (raw.write(text), os.close(writing)))
    sender.start()
    with open(reading, "rb") as stream:
        assert stream.read() == text
    sender.join()
    assert raw.lost is None


def test_what_is_closed_while_it_is_in_use_is_dropped(tmp_path):
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    raw = streams._Raw(descriptor)
    os.close(descriptor)
    assert raw.write(b"abc") == 3
    assert raw.lost.errno == errno.EBADF
    text = streams._Text(streams._Raw(os.open(tmp_path / "file", os.O_RDWR)), encoding="utf-8", write_through=True)
    text.close()
    # As a plugin may, to be rid of what others print.
    print("more", file=text)
    assert (tmp_path / "file").read_text() == "more\n"
