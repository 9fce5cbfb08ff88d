"""The Python interface of dcgan-kit. Each command of the command line calls one of these functions.

The import does not load TensorFlow. A function that needs TensorFlow loads it when you call the function.
A name loads its module when a program first uses it, so that short commands and completion in a shell load only
what they need.
"""

from typing import TYPE_CHECKING

from dcgan_kit.lazy_names import lazy_names

if TYPE_CHECKING:
    from dcgan_kit.api.catalogue import (
        copy_recipe,
        find_components,
        find_plugin,
        list_components,
        list_plugins,
        list_recipes,
        recipe_schema,
        recipe_text,
        write_recipe_schema,
    )
    from dcgan_kit.api.claims import claims_report, find_claim, list_claims, run_claim
    from dcgan_kit.api.data_inspection import inspect_data
    from dcgan_kit.api.evaluate import calibrate, evaluate_images
    from dcgan_kit.api.explorer_page import explore
    from dcgan_kit.api.fitting_recipe import new_recipe
    from dcgan_kit.api.generators import Generator, list_generators, open_generator
    from dcgan_kit.api.plugin_check import check_plugin
    from dcgan_kit.api.plugin_package import new_plugin
    from dcgan_kit.api.recipe import Recipe, load_recipe
    from dcgan_kit.api.report_page import report
    from dcgan_kit.api.run import Run, open_run
    from dcgan_kit.api.study_page import export_study, study_report
    from dcgan_kit.api.study_runs import add_seeds, open_study, study
    from dcgan_kit.api.trainer import train
    from dcgan_kit.api.training_estimate import estimate
    from dcgan_kit.api.verify import replay, verify_resume
    from dcgan_kit.api.worked_examples import draw_explanation, explain
    from dcgan_kit.api.workers import launch
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.terminal.progress import Quiet

_MODULES = {
    "Generator": "dcgan_kit.api.generators",
    "PluginSettings": "dcgan_kit.components.plugin",
    "Quiet": "dcgan_kit.terminal.progress",
    "Recipe": "dcgan_kit.api.recipe",
    "Run": "dcgan_kit.api.run",
    "add_seeds": "dcgan_kit.api.study_runs",
    "calibrate": "dcgan_kit.api.evaluate",
    "check_plugin": "dcgan_kit.api.plugin_check",
    "claims_report": "dcgan_kit.api.claims",
    "copy_recipe": "dcgan_kit.api.catalogue",
    "draw_explanation": "dcgan_kit.api.worked_examples",
    "estimate": "dcgan_kit.api.training_estimate",
    "evaluate_images": "dcgan_kit.api.evaluate",
    "explain": "dcgan_kit.api.worked_examples",
    "explore": "dcgan_kit.api.explorer_page",
    "export_study": "dcgan_kit.api.study_page",
    "find_claim": "dcgan_kit.api.claims",
    "find_components": "dcgan_kit.api.catalogue",
    "find_plugin": "dcgan_kit.api.catalogue",
    "inspect_data": "dcgan_kit.api.data_inspection",
    "launch": "dcgan_kit.api.workers",
    "list_claims": "dcgan_kit.api.claims",
    "list_components": "dcgan_kit.api.catalogue",
    "list_generators": "dcgan_kit.api.generators",
    "list_plugins": "dcgan_kit.api.catalogue",
    "list_recipes": "dcgan_kit.api.catalogue",
    "load_recipe": "dcgan_kit.api.recipe",
    "new_plugin": "dcgan_kit.api.plugin_package",
    "new_recipe": "dcgan_kit.api.fitting_recipe",
    "open_generator": "dcgan_kit.api.generators",
    "open_run": "dcgan_kit.api.run",
    "open_study": "dcgan_kit.api.study_runs",
    "recipe_schema": "dcgan_kit.api.catalogue",
    "recipe_text": "dcgan_kit.api.catalogue",
    "replay": "dcgan_kit.api.verify",
    "report": "dcgan_kit.api.report_page",
    "run_claim": "dcgan_kit.api.claims",
    "study": "dcgan_kit.api.study_runs",
    "study_report": "dcgan_kit.api.study_page",
    "train": "dcgan_kit.api.trainer",
    "verify_resume": "dcgan_kit.api.verify",
    "write_recipe_schema": "dcgan_kit.api.catalogue",
}
"""The module that declares each name."""

__getattr__ = lazy_names(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Generator",
    "PluginSettings",
    "Quiet",
    "Recipe",
    "Run",
    "add_seeds",
    "calibrate",
    "check_plugin",
    "claims_report",
    "copy_recipe",
    "draw_explanation",
    "estimate",
    "evaluate_images",
    "explain",
    "explore",
    "export_study",
    "find_claim",
    "find_components",
    "find_plugin",
    "inspect_data",
    "launch",
    "list_claims",
    "list_components",
    "list_generators",
    "list_plugins",
    "list_recipes",
    "load_recipe",
    "new_plugin",
    "new_recipe",
    "open_generator",
    "open_run",
    "open_study",
    "recipe_schema",
    "recipe_text",
    "replay",
    "report",
    "run_claim",
    "study",
    "study_report",
    "train",
    "verify_resume",
    "write_recipe_schema",
]
