"""dcgan-kit: build, train, compare and understand deep convolutional GANs.

These names are public: what plugins and scripts may import.
"""

from dcgan_kit.components.declaration import Component, component
from dcgan_kit.components.hooks import hookimpl
from dcgan_kit.components.options import (
    Bias,
    Dilation,
    Initializer,
    InitializerFactory,
    KernelSize,
    MapSize,
    Padding,
    PoolSize,
    Slot,
    Stride,
    pair,
)
from dcgan_kit.components.results import AdversarialLoss, Augmentation, Images, ImageSpec, Noise, Penalty, Schedule
from dcgan_kit.components.scoring import (
    Accumulator,
    Description,
    Extractor,
    Gathering,
    Score,
    Sides,
    Summary,
)
from dcgan_kit.components.site import Site
from dcgan_kit.data.cache import cache_folder
from dcgan_kit.data.progress import report_progress
from dcgan_kit.errors import (
    ComponentError,
    DataError,
    DcganKitError,
    PluginError,
    RecipeError,
    RunError,
    UserError,
)

__version__ = "0.1.0"

__all__ = [
    "Accumulator",
    "AdversarialLoss",
    "Augmentation",
    "Bias",
    "Component",
    "ComponentError",
    "DataError",
    "DcganKitError",
    "Description",
    "Dilation",
    "Extractor",
    "Gathering",
    "ImageSpec",
    "Images",
    "Initializer",
    "InitializerFactory",
    "KernelSize",
    "MapSize",
    "Noise",
    "Padding",
    "Penalty",
    "PluginError",
    "PoolSize",
    "RecipeError",
    "RunError",
    "Schedule",
    "Score",
    "Sides",
    "Site",
    "Slot",
    "Stride",
    "Summary",
    "UserError",
    "cache_folder",
    "component",
    "hookimpl",
    "pair",
    "report_progress",
]
