"""The place of a component in a network: facts and layers that the builder supplies to a factory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dcgan_kit.components.option_types import InitializerFactory, pair

if TYPE_CHECKING:
    import keras

Side = int | tuple[int, int]


@dataclass(frozen=True)
class Site:
    """A place in a network that a factory builds layers for.

    Attributes:
        role: ``"generator"`` or ``"discriminator"``.
        block: ``"input"``, ``"stage1"``, …, ``"output"``.
        slot: the slot of the block, such as ``"upsample"``.
        input_shape: shape of the input without the batch dimension: ``(H, W, C)`` or ``(N,)``.
        filters: number of channels that the block must return.
        bias: whether the block's convolutions and dense layers learn a bias.
        initializer: seed → initializer for the block's kernels.
        run_seed: the recipe's seed.
    """

    role: Literal["generator", "discriminator"]
    block: str
    slot: str
    input_shape: tuple[int, ...]
    filters: int
    bias: bool
    initializer: InitializerFactory
    run_seed: int = 0

    def seed(self, purpose: str = "") -> int:
        """Return a seed that depends only on the recipe's seed, this place and the purpose.

        So a layer's initial weights stay the same when another layer of the recipe changes.
        """
        name = f"{self.run_seed}/{self.role}/{self.block}/{self.slot}/{purpose}"
        return zlib.crc32(name.encode()) & 0x7FFFFFFF

    def conv(
        self,
        filters: int | None = None,
        kernel_size: Side = 3,
        *,
        stride: Side = 1,
        padding: str = "same",
        dilation: Side = 1,
        groups: int = 1,
        input_shape: tuple[int, int, int] | None = None,
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "conv",
    ) -> keras.layers.Conv2D:
        """Return a convolution with the block's bias and initializer.  (H, W, C) → (H', W', filters).

        Args:
            filters: number of filters; None: those of the site.
            kernel_size: side of the kernel in pixels, or (height, width).
            stride: step in pixels, or (vertical, horizontal).
            padding: ``"same"`` or ``"valid"``.
            dilation: spacing of the taps in pixels, or (vertical, horizontal).
            groups: number of groups of channels, each convolved to its own share of the filters.
            input_shape: shape of the convolution's input, if it is not the site's because other layers come first.
            bias: whether to learn a bias; None: as the block does.
            initializer: seed → initializer of the kernel; None: the block's.
            name: name of the layer; the seed depends on it.

        Raises:
            ValueError: groups does not divide the channels of the input or the filters.
        """
        from keras import layers

        shape = self.input_shape if input_shape is None else input_shape
        filters = self.filters if filters is None else filters
        _require_divided(groups, shape[-1], filters)
        return layers.Conv2D(
            filters=filters,
            kernel_size=pair(kernel_size),
            strides=pair(stride),
            padding=padding,
            dilation_rate=pair(dilation),
            groups=groups,
            use_bias=self.bias if bias is None else bias,
            kernel_initializer=(initializer or self.initializer)(self.seed(name)),
            name=name,
        )

    def transposed_conv(
        self,
        filters: int | None = None,
        kernel_size: Side = 4,
        *,
        stride: Side = 2,
        padding: str = "same",
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "transposed_conv",
    ) -> keras.layers.Conv2DTranspose:
        """Return a transposed convolution with the block's bias and initializer.  (H, W, C) → (H', W', filters)."""
        from keras import layers

        return layers.Conv2DTranspose(
            filters=self.filters if filters is None else filters,
            kernel_size=pair(kernel_size),
            strides=pair(stride),
            padding=padding,
            use_bias=self.bias if bias is None else bias,
            kernel_initializer=(initializer or self.initializer)(self.seed(name)),
            name=name,
        )

    def dense(
        self,
        units: int,
        *,
        bias: bool | None = None,
        initializer: InitializerFactory | None = None,
        name: str = "dense",
    ) -> Any:
        """Return a dense layer with the block's bias and initializer.  (N,) → (units,)."""
        from keras import layers

        return layers.Dense(
            units,
            use_bias=self.bias if bias is None else bias,
            kernel_initializer=(initializer or self.initializer)(self.seed(name)),
            name=name,
        )


def _require_divided(groups: int, channels: int, filters: int) -> None:
    if channels % groups or filters % groups:
        raise ValueError(
            f"groups must divide the channels of the input and the filters. Received: groups={groups}, "
            f"{channels} channels, {filters} filters"
        )
