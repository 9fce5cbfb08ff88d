"""Types of what the API returns, for annotations: ``from dcgan_kit.api.results import Evaluation``.

Importing this module loads nothing. A type is loaded when you import it; some load TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.contracts.probe import Readings
    from dcgan_kit.components.plugin import Plugin
    from dcgan_kit.evaluation.calibration import Calibration
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.networks.summary import Summary
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.training.nonfinite import Crash

__all__ = ["Calibration", "Component", "Crash", "Evaluation", "Examination", "Plugin", "Readings", "Summary"]

_MODULES = {
    "Calibration": "evaluation.calibration",
    "Component": "components.component",
    "Crash": "training.nonfinite",
    "Evaluation": "evaluation.results",
    "Examination": "probing.run_probes",
    "Plugin": "components.plugin",
    "Readings": "components.contracts.probe",
    "Summary": "networks.summary",
}


def __getattr__(name: str) -> Any:
    """Import a type when a program asks for it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dcgan_kit.{_MODULES[name]}"), name)
