"""The callback writes the losses of each step."""

import json

from my_plugin.callbacks import LossFile


def test_lines(tmp_path):
    callback = LossFile(tmp_path / "losses.jsonl")
    callback.on_train_batch_end(5, {"generator_loss": 0.75, "images_per_second": 100.0})
    callback.on_train_batch_end(10, {"generator_loss": 0.5})
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert lines == [{"step": 5, "generator_loss": 0.75}, {"step": 10, "generator_loss": 0.5}]
