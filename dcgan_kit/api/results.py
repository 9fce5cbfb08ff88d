"""Types of what the API returns, for annotations: ``from dcgan_kit.api.results import Evaluation``.

Importing this module loads nothing. A type is loaded when you import it; some load TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcgan_kit.lazy_names import lazy_names

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.contracts.probe import Readings
    from dcgan_kit.components.plugin import Plugin
    from dcgan_kit.evaluation.calibration import Calibration
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.explanations.explanation import Explanation
    from dcgan_kit.inspection.inspection import Inspection
    from dcgan_kit.networks.summary import Summary
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.studies.results import StudyResult
    from dcgan_kit.studies.search_results import SearchResult
    from dcgan_kit.studies.verdicts import ClaimResult
    from dcgan_kit.testing.plugin_check import PluginCheck
    from dcgan_kit.training.estimate import Estimate
    from dcgan_kit.training.nonfinite import Crash

__all__ = [
    "Calibration", "ClaimResult", "Component", "Crash", "Estimate", "Evaluation", "Examination", "Explanation",
    "Inspection", "Plugin", "PluginCheck", "Readings", "SearchResult", "StudyResult", "Summary",
]  # fmt: skip

_MODULES = {
    "Calibration": "dcgan_kit.evaluation.calibration",
    "ClaimResult": "dcgan_kit.studies.verdicts",
    "Component": "dcgan_kit.components.component",
    "Crash": "dcgan_kit.training.nonfinite",
    "Estimate": "dcgan_kit.training.estimate",
    "Evaluation": "dcgan_kit.evaluation.results",
    "Examination": "dcgan_kit.probing.run_probes",
    "Explanation": "dcgan_kit.explanations.explanation",
    "Inspection": "dcgan_kit.inspection.inspection",
    "Plugin": "dcgan_kit.components.plugin",
    "PluginCheck": "dcgan_kit.testing.plugin_check",
    "Readings": "dcgan_kit.components.contracts.probe",
    "SearchResult": "dcgan_kit.studies.search_results",
    "StudyResult": "dcgan_kit.studies.results",
    "Summary": "dcgan_kit.networks.summary",
}

__getattr__ = lazy_names(__name__, _MODULES)
