"""Keras callbacks from plugins; an error in one names its plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from dcgan_kit.components.guard import guarded
from dcgan_kit.components.plugin import LoadedPlugins, Plugin
from dcgan_kit.errors import ComponentError
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Callbacks:
    """The callbacks of a run, each with its plugin, in the order of the plugins."""

    offered: tuple[tuple[Plugin, Any], ...]

    @staticmethod
    def of(plugins: LoadedPlugins, recipe: ResolvedRecipe, run: RunFolder, generator: Any) -> Callbacks:
        """Collect the callbacks of all plugins; ``generator`` becomes the callbacks' model.

        Raises:
            ComponentError: a hook raised, or returned something other than Keras callbacks.
        """
        offered = []
        for plugin in plugins.plugins:
            if plugin.callbacks is None:
                continue
            with guarded(plugin, "dcgan_kit_callbacks", passing=()):
                found = [callback for result in plugin.callbacks(recipe=recipe, run=run) for callback in result]
            for callback in found:
                if not isinstance(callback, keras.callbacks.Callback):
                    message = f"dcgan_kit_callbacks must return Keras callbacks, and returned {callback!r:.100}"
                    raise ComponentError(f"{plugin.label}: {message}")
                callback.set_model(generator)
                generator.stop_training = False
                offered.append((plugin, callback))
        return Callbacks(tuple(offered))

    @property
    def stopped_by(self) -> str:
        """The plugin whose callback set ``model.stop_training``; empty if none did."""
        return next((str(plugin) for plugin, callback in self.offered if callback.model.stop_training), "")

    def call(self, event: str, *step: int | Mapping[str, float]) -> None:
        """Call a method of every callback, e.g. ``call("on_train_batch_end", 100, metrics)``.

        Raises:
            ComponentError: a callback raised.
        """
        for plugin, callback in self.offered:
            with guarded(plugin, f"callback {type(callback).__name__}.{event}", passing=()):
                getattr(callback, event)(*(dict(item) if isinstance(item, Mapping) else item for item in step))
