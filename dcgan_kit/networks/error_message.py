"""Find the cause of an error of TensorFlow: XLA, or the machine."""

from __future__ import annotations

from dcgan_kit.components.error_reason import reason

_XLA = ("tf2xla conversion failed", "XLA_CPU_JIT", "XLA_GPU_JIT", "XLA_TPU_JIT", "deterministic XLA implementation")
_MACHINE = ("DNN library", "cuDNN", "CUDNN_STATUS", "CUBLAS_STATUS", "CUDA_ERROR", "libdevice", "ptxas", "hipError")
"""Words in TensorFlow's errors that show that a library or a device failed, and not the recipe."""


def refused_by_xla(error: BaseException) -> bool:
    """Return whether the error says that XLA cannot compile an operation. TensorFlow may still run it without XLA."""
    return any(sign in str(error) for sign in _XLA)


def fault_of_the_machine(error: BaseException) -> str:
    """Return a message about an error that a device or its libraries caused; empty for any other error."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return f"out of memory: {reason(error)}. Smaller batches (training.batch_size) or fewer --samples need less"
    ours = type(error).__module__.startswith("tensorflow.")
    if ours and any(sign in str(error) for sign in _MACHINE):
        return (
            f"TensorFlow cannot use this device: {name}: {reason(error)}. Repair its libraries, or train on the CPU "
            "with CUDA_VISIBLE_DEVICES=-1"
        )
    return ""
