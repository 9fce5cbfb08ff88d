"""Keras callbacks of a run. dcgan-kit calls ``on_train_begin``, ``on_train_batch_end`` and ``on_train_end``."""

import json

import keras


class LossFile(keras.callbacks.Callback):
    """Write the losses of each logged step to a file, one line of JSON each."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        losses = {name: value for name, value in (logs or {}).items() if name.endswith("_loss")}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": batch, **losses}) + "\n")
