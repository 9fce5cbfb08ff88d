"""The path of a variable in its network, which is the same in every process."""

from __future__ import annotations

import re
from typing import Any


def path_of(variable: Any) -> str:
    """Return the path of a Keras variable, such as ``stage1_upsample/kernel``."""
    # Keras appends a number that counts through the whole process to default names.
    return re.sub(r"_\d+(?=[/_]|$)", "", variable.path)
