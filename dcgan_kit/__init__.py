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
from dcgan_kit.components.probing import Finding, Place, Probe, Readings, SecondLook, Subject
from dcgan_kit.components.results import AdversarialLoss, Augmentation, Images, ImageSpec, Noise, Penalty, Schedule
from dcgan_kit.components.saved_layers import register_with_keras as _register_with_keras
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
from dcgan_kit.files import open_regular
from dcgan_kit.networks.evenness import overlap_factor, stack_evenness

__version__ = "0.1.0"

_register_with_keras()

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
    "Finding",
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
    "Place",
    "PluginError",
    "PoolSize",
    "Probe",
    "Readings",
    "RecipeError",
    "RunError",
    "Schedule",
    "Score",
    "SecondLook",
    "Sides",
    "Site",
    "Slot",
    "Stride",
    "Subject",
    "Summary",
    "UserError",
    "cache_folder",
    "component",
    "hookimpl",
    "open_regular",
    "overlap_factor",
    "pair",
    "report_progress",
    "stack_evenness",
]
