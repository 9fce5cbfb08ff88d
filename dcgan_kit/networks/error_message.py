"""Whose fault an error of TensorFlow is: XLA's, or the machine's."""

from __future__ import annotations

from dcgan_kit.components.error_reason import reason

_XLA = ("tf2xla conversion failed", "XLA_CPU_JIT", "XLA_GPU_JIT", "XLA_TPU_JIT", "deterministic XLA implementation")
_MACHINE = ("DNN library", "cuDNN", "CUDNN_STATUS", "CUBLAS_STATUS", "CUDA_ERROR", "libdevice", "ptxas", "hipError")
"""What TensorFlow's errors name where a library or a device is at fault, and no recipe."""


def refused_by_xla(error: BaseException) -> bool:
    """Whether XLA cannot compile what TensorFlow can run without it."""
    return any(sign in str(error) for sign in _XLA)


def fault_of_the_machine(error: BaseException) -> str:
    """Return what to tell of an error that a device or its libraries caused; empty for any other."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return f"out of memory: {reason(error)}. Smaller batches (training.batch_size) or fewer --samples need less"
    ours = type(error).__module__.startswith("tensorflow.")
    if ours and any(sign in str(error) for sign in _MACHINE):
        return (
            f"TensorFlow cannot use this device: {name}: {reason(error)}. Mend its libraries, or train on the CPU with "
            "CUDA_VISIBLE_DEVICES=-1"
        )
    return ""
