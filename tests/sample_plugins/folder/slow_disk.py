"""A disk so slow that a process is nearly always about to rename a file: where a kill hurts most."""

import os
import time
from pathlib import Path

from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_callbacks(recipe, run):
    seconds = os.environ.get("SAMPLE_PLUGIN_SLOW_DISK")
    if seconds:
        replace = Path.replace

        def slowly(self, target):
            time.sleep(float(seconds) / 2)
            done = replace(self, target)
            time.sleep(float(seconds) / 2)
            return done

        Path.replace = slowly
    return []
