"""``dcgan-kit launch``: real workers, and only those that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dcgan_kit.distributed import launcher as launching
from dcgan_kit.distributed.launcher import Worker

PLENTY = ["training.steps=100000", "training.log_every=2", "training.checkpoint_every=100000"]


@pytest.fixture
def launch(dcgan_kit, tmp_path):
    """Return a function (*arguments) -> process of the command; its workers end with the test."""
    started = []

    def launch(*arguments):
        command = [dcgan_kit, "launch", "tiny-fashion28", *arguments, "--run", "run"]
        output = (tmp_path / "reported.txt").open("w+")
        process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT)
        started.append((process, output))
        return process

    yield launch
    for process, output in started:
        for child in children(process):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()
        output.close()


def children(process):
    """The processes that a process started and that still run."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []


def wait_for_training(process, folder):
    until = time.monotonic() + 600
    file = folder / "run" / "metrics.jsonl"
    while not (file.exists() and file.stat().st_size):
        assert process.poll() is None, (folder / "reported.txt").read_text()
        assert time.monotonic() < until, (folder / "reported.txt").read_text()
        time.sleep(0.05)


def is_running(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_workers_train_into_one_folder(launch, tmp_path, sample_plugins):
    assert launch("generator.activation=bent", "--plugins-dir", str(sample_plugins / "folder")).wait(600) == 0
    reported = (tmp_path / "reported.txt").read_text()
    assert re.search(r"^worker 0 \| on multi_worker: 2 [CG]PUs, worker 0 of 2, ", reported, re.MULTILINE)
    assert re.search(r"^worker 1 \| on multi_worker: 2 [CG]PUs, worker 1 of 2, ", reported, re.MULTILINE)
    assert "worker 0 | step 20 of 20" in reported
    assert "worker 1 | step" not in reported, "progress is the chief's"
    assert reported.count("done: run") == 1
    assert (tmp_path / "run" / "generator.keras").exists()


@pytest.mark.slow
def test_a_signal_reaches_all_workers(launch, tmp_path):
    process = launch(*PLENTY)
    wait_for_training(process, tmp_path)
    workers = children(process)
    assert len(workers) == 2
    process.send_signal(signal.SIGINT)
    assert process.wait(300) == 130
    assert not any(map(is_running, workers))
    reported = (tmp_path / "reported.txt").read_text()
    assert len(re.findall(r"stopped after step \d+, saved in run; the same command goes on from there", reported)) == 1
    assert "Traceback" not in reported


@pytest.mark.slow
def test_a_signal_reaches_workers_that_still_start(launch, tmp_path):
    """However far they are: some wait for each other, where TensorFlow lets them do no more than die."""
    for delay in (0.0, 1.5, 4.0):
        process = launch(*PLENTY)
        until = time.monotonic() + 600
        while len(workers := children(process)) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 75
        assert not any(map(is_running, workers))
        reported = (tmp_path / "reported.txt").read_text()
        assert "Traceback" not in reported
        assert "was killed" not in reported


@pytest.mark.parametrize("passed", [[signal.SIGTERM], []], ids=["after a signal", "while it stands still"])
def test_a_worker_that_waits_in_vain_is_not_waited_for(passed, monkeypatch, capsys):
    monkeypatch.setattr(launching, "STOPPED_SECONDS", 0.2)
    codes = ("pass", "import time; time.sleep(60)")
    processes = [subprocess.Popen([sys.executable, "-c", code]) for code in codes]
    workers = [Worker(index, "127.0.0.1:1", process) for index, process in enumerate(processes)]
    begun = time.monotonic()
    try:
        assert launching._wait(workers, passed) == 128 + signal.SIGKILL
        assert time.monotonic() - begun < 30
        assert re.search(r"worker 1 at .* has not ended 0 s after another one, and is killed", capsys.readouterr().err)
    finally:
        processes[1].kill()
        processes[1].wait()


@pytest.mark.slow
def test_a_worker_that_dies_is_named_and_the_others_end(launch, tmp_path):
    process = launch(*PLENTY)
    wait_for_training(process, tmp_path)
    workers = children(process)
    os.kill(workers[1], signal.SIGKILL)
    assert process.wait(300) == 128 + signal.SIGKILL
    assert not any(map(is_running, workers))
    reported = (tmp_path / "reported.txt").read_text()
    assert re.search(
        rf"^worker \d at 127.0.0.1:\d+, process {workers[1]}, was killed by SIGKILL; the other workers end too$",
        reported,
        re.M,
    )
    assert "Traceback" not in reported


@pytest.mark.slow
def test_workers_of_a_launcher_that_was_killed_save_and_end(launch, tmp_path):
    process = launch(*PLENTY)
    wait_for_training(process, tmp_path)
    workers = children(process)
    process.kill()
    process.wait()
    until = time.monotonic() + 600
    while any(map(is_running, workers)):
        assert time.monotonic() < until
        time.sleep(0.05)
    newest = max((tmp_path / "run" / "checkpoints").glob("*.npz")).stem
    assert int(newest.removeprefix("step-")) > 0, "what was trained is saved"
    assert "Traceback" not in (tmp_path / "reported.txt").read_text()


def test_a_worker_without_a_launcher_stops_as_at_sigterm():
    """Also where nobody reads what it says any more."""
    code = (
        "import sys, time, types, signal\n"
        "cli = types.ModuleType('dcgan_kit.cli')\n"
        "sys.modules['dcgan_kit'], sys.modules['dcgan_kit.cli'] = types.ModuleType('dcgan_kit'), cli\n"
        "def main():\n"
        "    print('ready', flush=True)\n"
        "    signal.signal(signal.SIGTERM, lambda *_: (print('x' * 100_000, flush=True), sys.exit(75)))\n"
        "    time.sleep(60)\n"
        "cli.main = main\n"
        "from dcgan_kit_command import main\n"
        "main(launcher=0)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    process.stdin.close()
    assert process.wait(300) == 75


@pytest.mark.slow
def test_what_only_workers_can_find_is_told_once(launch, tmp_path):
    assert launch("training.batch_size=15").wait(120) == 2
    reported = (tmp_path / "reported.txt").read_text()
    assert reported.count("15 images cannot be shared among 2 replicas; choose a multiple of 2") == 1
    assert "Traceback" not in reported


@pytest.mark.parametrize(("arguments", "reported"), [
    (["nothing-like-it"], "nothing-like-it"),
    (["trainig.steps=3"], "override:1:1: trainig: unknown key"),
    (["tiny-fashion28", "distribute.cpu_devices=65"], "distribute.cpu_devices: "),
    (["tiny-fashion28", "--workers", "0"], "--workers"),
    (["tiny-fashion28", "distribute.strategy=mirrored"], "distribute.strategy: launch starts workers, and mirrored has none"),
    (["tiny-fashion28", "distribute.strategy=one_device"], "choose auto or multi_worker, or use the command train"),
])  # fmt: skip
def test_a_wrong_recipe_starts_nobody(arguments, reported, command):
    result = command("launch", *arguments, status=2)
    assert reported in result.stderr
    assert "worker 0 |" not in result.stderr


def test_the_launcher_itself_starts_no_tensorflow(tmp_path):
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen = lambda *a, **k: sys.exit('tensorflow' in sys.modules)\n"
        "from dcgan_kit.cli import cli\n"
        "cli(['launch', 'tiny-fashion28'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_parameter_servers_are_refused_with_the_reason(command):
    result = command("check", "tiny-fashion28", "distribute.strategy=parameter_server", status=2)
    assert "distribute.strategy: parameter servers train each worker on outdated weights" in result.stderr
    assert result.stderr.count("parameter servers") == 1


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_told_with_its_place(dcgan_kit, tmp_path):
    command = [dcgan_kit, "train", "tiny-fashion28", "--strategy", "mirrored", "distribute.cpu_devices=3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "training.batch_size: 16 images cannot be shared among 3 replicas; choose a multiple of 3" in done.stderr
    assert "Traceback" not in done.stderr
