"""The Python interface of dcgan-kit. Each command of the command line calls one of these functions.

The import does not load TensorFlow. A function that needs TensorFlow loads it when you call the function.
"""

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
from dcgan_kit.api.evaluate import calibrate, evaluate_images
from dcgan_kit.api.recipe import Recipe, load_recipe
from dcgan_kit.api.report_page import report
from dcgan_kit.api.run import Run, open_run
from dcgan_kit.api.trainer import train
from dcgan_kit.api.verify import replay, verify_resume
from dcgan_kit.api.workers import launch
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.terminal.progress import Quiet

__all__ = [
    "PluginSettings",
    "Quiet",
    "Recipe",
    "Run",
    "calibrate",
    "copy_recipe",
    "evaluate_images",
    "find_components",
    "find_plugin",
    "launch",
    "list_components",
    "list_plugins",
    "list_recipes",
    "load_recipe",
    "open_run",
    "recipe_schema",
    "recipe_text",
    "replay",
    "report",
    "train",
    "verify_resume",
    "write_recipe_schema",
]
