"""The import of TensorFlow and Keras."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import gc, json, sys
from dcgan_kit.process.tensorflow_startup import start_tensorflow
found = []
gc.callbacks.append(lambda phase, facts: found.append(phase))
gc.collect()
before = len(found)
start_tensorflow()
print(json.dumps([gc.isenabled(), len(found) - before, gc.get_freeze_count()]))
"""


def test_what_the_import_made_is_never_searched_for_garbage():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    enabled, searches, frozen = json.loads(done.stdout)
    assert enabled
    # The package's own modules are imported before; a search calls back twice.
    assert searches < 20
    assert frozen > 100_000
