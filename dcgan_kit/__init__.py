"""dcgan-kit: build, train, compare and understand deep convolutional GANs.

These names are public: what plugins and programs may import. Importing this module starts no TensorFlow.
"""

from typing import TYPE_CHECKING, Any

from dcgan_kit.components.component import Component, component
from dcgan_kit.components.contracts.probe import Finding, LayerSlot, Probe, ProbeContext, Readings, SecondReading
from dcgan_kit.components.contracts.score import (
    Accumulator,
    Extractor,
    Features,
    Gathering,
    Score,
    ScoreInputs,
    Summary,
)
from dcgan_kit.components.contracts.stored import StoredImage, StoredImages
from dcgan_kit.components.contracts.training import (
    AdversarialLoss,
    Augmentation,
    ClassLoss,
    Images,
    ImageSpec,
    Penalty,
    RandomStream,
    Schedule,
)
from dcgan_kit.components.hooks import hookimpl
from dcgan_kit.components.option_types import (
    Bias,
    ConvPadding,
    Dilation,
    Groups,
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
from dcgan_kit.components.saved_layers import register_with_keras as _register_with_keras
from dcgan_kit.components.site import Site
from dcgan_kit.data.array_header import ArrayHeader, array_header
from dcgan_kit.data.cache import cache_folder
from dcgan_kit.data.classes import class_folders
from dcgan_kit.data.content import require_ordinary_files, require_path
from dcgan_kit.data.fitted_image import fitted_image
from dcgan_kit.data.image_file import decoded_image, unreadable_reason
from dcgan_kit.data.image_files import ImageFiles, image_archive, image_folder, open_image_file
from dcgan_kit.data.power_spectrum import checkerboard_fits, checkerboard_index, power_spectrum, radial_power
from dcgan_kit.data.progress import report_progress
from dcgan_kit.data.resized_pixels import resized_pixels
from dcgan_kit.data.threads import in_threads
from dcgan_kit.errors import (
    ComponentError,
    DataError,
    DcganKitError,
    PluginError,
    RecipeError,
    RunError,
    TrainingDiverged,
    TrainingStopped,
    UserError,
    WorkerFailed,
)
from dcgan_kit.files import open_regular, replacing
from dcgan_kit.lazy_names import lazy_names as _lazy_names
from dcgan_kit.networks.kernel_overlap import graph_evenness, overlap_factor, stack_evenness
from dcgan_kit.recipes.run_folders import run_folder_between
from dcgan_kit.version import __version__ as __version__

if TYPE_CHECKING:
    from dcgan_kit.api import (
        Generator,
        PluginSettings,
        Quiet,
        Recipe,
        Run,
        add_seeds,
        calibrate,
        check_plugin,
        claims_report,
        copy_recipe,
        draw_explanation,
        estimate,
        evaluate_images,
        explain,
        explore,
        export_study,
        find_claim,
        find_components,
        find_plugin,
        inspect_data,
        launch,
        list_claims,
        list_components,
        list_generators,
        list_plugins,
        list_recipes,
        load_recipe,
        new_plugin,
        new_recipe,
        open_generator,
        open_run,
        open_study,
        recipe_schema,
        recipe_text,
        replay,
        report,
        run_claim,
        study,
        study_report,
        train,
        verify_resume,
        write_recipe_schema,
    )
    from dcgan_kit.networks.kernels import Kernel
    from dcgan_kit.networks.reparametrization import Reparametrization

_KERAS_NAMES = {
    "Kernel": "dcgan_kit.networks.kernels",
    "Reparametrization": "dcgan_kit.networks.reparametrization",
}
"""Names for modules of plugins that import Keras."""
_keras_name = _lazy_names(__name__, _KERAS_NAMES)


def __getattr__(name: str) -> Any:
    """Import the API when a program asks for it: plugins import this module too, and need none of it."""
    if name in _KERAS_NAMES:
        # Keras registers our layers as it is imported, and they need these names: first Keras, then the names.
        import keras  # noqa: F401

        return _keras_name(name)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dcgan_kit import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """Name the API too, for completion in a shell or a notebook."""
    return sorted({*globals(), *__all__})


__all__ = [
    "Accumulator",
    "AdversarialLoss",
    "ArrayHeader",
    "Augmentation",
    "Bias",
    "ClassLoss",
    "Component",
    "ComponentError",
    "ConvPadding",
    "DataError",
    "DcganKitError",
    "Dilation",
    "Extractor",
    "Features",
    "Finding",
    "Gathering",
    "Generator",
    "Groups",
    "ImageFiles",
    "ImageSpec",
    "Images",
    "Initializer",
    "InitializerFactory",
    "Kernel",
    "KernelSize",
    "LayerSlot",
    "MapSize",
    "Padding",
    "Penalty",
    "PluginError",
    "PluginSettings",
    "PoolSize",
    "Probe",
    "ProbeContext",
    "Quiet",
    "RandomStream",
    "Readings",
    "Recipe",
    "RecipeError",
    "Reparametrization",
    "Run",
    "RunError",
    "Schedule",
    "Score",
    "ScoreInputs",
    "SecondReading",
    "Site",
    "Slot",
    "StoredImage",
    "StoredImages",
    "Stride",
    "Summary",
    "TrainingDiverged",
    "TrainingStopped",
    "UserError",
    "WorkerFailed",
    "add_seeds",
    "array_header",
    "cache_folder",
    "calibrate",
    "check_plugin",
    "checkerboard_fits",
    "checkerboard_index",
    "claims_report",
    "class_folders",
    "component",
    "copy_recipe",
    "decoded_image",
    "draw_explanation",
    "estimate",
    "evaluate_images",
    "explain",
    "explore",
    "export_study",
    "find_claim",
    "find_components",
    "find_plugin",
    "fitted_image",
    "graph_evenness",
    "hookimpl",
    "image_archive",
    "image_folder",
    "in_threads",
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
    "open_image_file",
    "open_regular",
    "open_run",
    "open_study",
    "overlap_factor",
    "pair",
    "power_spectrum",
    "radial_power",
    "recipe_schema",
    "recipe_text",
    "replacing",
    "replay",
    "report",
    "report_progress",
    "require_ordinary_files",
    "require_path",
    "resized_pixels",
    "run_claim",
    "run_folder_between",
    "stack_evenness",
    "study",
    "study_report",
    "train",
    "unreadable_reason",
    "verify_resume",
    "write_recipe_schema",
]

# The layers import names from this module, so they come last.
_register_with_keras()
