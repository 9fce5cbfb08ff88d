"""The examples that log to MLflow and to Weights & Biases: with the real libraries, where they are installed."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "tracking"


@pytest.fixture
def run_files(monkeypatch):
    """The module that both examples import."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("_run_files")
    del sys.modules["_run_files"]


@pytest.fixture
def train(dcgan_kit, tmp_path):
    """Return a function (example, *arguments, status=0, **environment) -> messages of a training with that example."""

    def train(example, *arguments, status=0, **variables):
        folder = tmp_path / "plugins"
        folder.mkdir(exist_ok=True)
        for name in ("_run_files.py", example):
            shutil.copy(EXAMPLES / name, folder)
        done = subprocess.run(
            [dcgan_kit, "train", "tiny-fashion28", "--run", "run", "--plugins-dir", "plugins", *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=600, env={**os.environ, **variables},
        )  # fmt: skip
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        return done.stderr

    return train


def lines_of(path):
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def test_each_line_is_logged_once_also_after_a_stop(run_files, tmp_path):
    file, logged = tmp_path / "metrics.jsonl", []
    text = [json.dumps({"step": step, "loss": step / 10}) + "\n" for step in range(5)]

    def log(step, numbers):
        logged.append((step, numbers))

    first = run_files.RunFiles(tmp_path, "tracker.json")
    first.log_metrics(log)
    file.write_text("".join(text[:3]) + '{"step": 3, "lo')
    first.log_metrics(log)
    first.remember()
    assert [step for step, _ in logged] == [0, 1, 2]
    # The stopped run goes on from a checkpoint at step 1, and writes the line of step 2 again.
    again = run_files.RunFiles(tmp_path, "tracker.json")
    file.write_text("".join(text[:2]))
    again.log_metrics(log)
    file.write_text("".join(text))
    again.log_metrics(log)
    assert logged == [(step, {"loss": step / 10}) for step in range(5)]


def test_a_line_that_could_not_be_logged_is_logged_later(run_files, tmp_path, capsys):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n')
    files, guard, logged = run_files.RunFiles(tmp_path, "tracker.json"), run_files.OnlyWarning("Tracker"), []

    def unreachable(step, numbers):
        raise ConnectionError("no route\nto host")

    for _ in range(2):
        with guard:
            files.log_metrics(unreachable)
    assert capsys.readouterr().err == "warning: Tracker got nothing: ConnectionError: no route. Training goes on\n"
    files.log_metrics(lambda step, numbers: logged.append(step))
    assert logged == [1, 2]
    with pytest.raises(KeyboardInterrupt), guard:
        raise KeyboardInterrupt


def test_lines_after_a_recovery_are_logged(run_files, tmp_path):
    file, logged = tmp_path / "metrics.jsonl", []
    files = run_files.RunFiles(tmp_path, "tracker.json")
    lines = [f'{{"step": {step}, "loss": 0.5}}\n' for step in range(1, 5)]
    for text in (lines[:3], lines[:1], lines):
        file.write_text("".join(text))
        files.log_metrics(lambda step, numbers: logged.append(step))
    assert logged == [1, 2, 3, 2, 3, 4]


def test_a_recipe_by_dotted_keys(run_files, tmp_path):
    (tmp_path / "recipe.yaml").write_text("version: 1\ntraining: {steps: 20, scores: []}\nstages: [{filters: 8}]\n")
    assert run_files.flat_recipe(tmp_path) == {
        "version": 1, "training.steps": 20, "training.scores": [], "stages.0.filters": 8,
    }  # fmt: skip


@pytest.mark.slow
def test_mlflow_gets_a_run_that_goes_on(train, tmp_path):
    pytest.importorskip(
        "mlflow", reason="MLflow is no dependency of the tests: pip install mlflow-skinny sqlalchemy alembic"
    )
    store = f"sqlite:///{tmp_path}/mlflow.db"
    for steps in (10, 20):
        train(
            "mlflow_logging.py", f"training.steps={steps}", MLFLOW_TRACKING_URI=store, MLFLOW_EXPERIMENT_NAME="garments"
        )
    code = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
(run,) = client.search_runs([client.get_experiment_by_name("garments").experiment_id])
history = client.get_metric_history(run.info.run_id, "generator_loss")
artifacts = [f.path for folder in (None, "samples") for f in client.list_artifacts(run.info.run_id, folder)]
print(json.dumps([run.info.status, run.data.params, [[m.step, m.value] for m in history], sorted(artifacts)]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, store], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    status, params, history, artifacts = json.loads(done.stdout)
    assert status == "FINISHED"
    assert params["generator.activation.use" if "generator.activation.use" in params else "training.loss.use"]
    lines = lines_of(tmp_path / "run")
    assert history == [[line["step"], line["generator_loss"]] for line in lines if "generator_loss" in line]
    assert len(history) == 4
    assert artifacts == [
        "environment.json", "generator.keras", "recipe.yaml", "samples",
        "samples/step-000000.png", "samples/step-000010.png", "samples/step-000020.png",
    ]  # fmt: skip


@pytest.mark.slow
def test_an_mlflow_that_cannot_be_reached_ends_the_command_at_once(train, tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is no dependency of the tests")
    told = train(
        "mlflow_logging.py", status=2, MLFLOW_TRACKING_URI="http://127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    assert "plugin mlflow_logging" in told
    assert "callback MlflowLogging.on_train_begin failed: MlflowException" in told


@pytest.mark.slow
def test_weights_and_biases_gets_a_run_that_goes_on(train, tmp_path):
    pytest.importorskip("wandb", reason="Weights & Biases is no dependency of the tests: pip install wandb")
    for steps in (10, 20):
        train("wandb_logging.py", f"training.steps={steps}", WANDB_MODE="offline", WANDB_SILENT="true")
    parts = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert len(parts) == 2
    code = """
import json, pathlib, struct, sys
from wandb.proto import wandb_internal_pb2

def records(data):
    # The log of LevelDB: blocks of 32 KiB with pieces of records, each after a checksum, its size and its kind.
    at, record = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        record += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield record
            record = b""

ids, history = set(), []
for file in sys.argv[1:]:
    for data in records(pathlib.Path(file).read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            ids.add(record.run.run_id)
        if kind == "history":
            item = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
            if "generator_loss" in item:
                history.append([item["step"], item["generator_loss"]])
print(json.dumps([sorted(ids), history]))
"""
    files = [str(next(part.glob("*.wandb"))) for part in parts]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *files], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    ids, history = json.loads(done.stdout)
    assert ids == [json.loads((tmp_path / "run" / "wandb.json").read_text())["run_id"]]
    lines = lines_of(tmp_path / "run")
    assert history == [[line["step"], line["generator_loss"]] for line in lines if "generator_loss" in line]
