"""A callback that lets no file grow past a size from a given step on: what a full disk does to a run."""

import os
import resource

from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_callbacks(recipe, run):
    step_and_size = os.environ.get("SAMPLE_PLUGIN_FULL_DISK")
    if not step_and_size:
        return []
    import keras

    full_from, size = map(int, step_and_size.split(","))

    class FullDisk(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch >= full_from:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return [FullDisk()]
