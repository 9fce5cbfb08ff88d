"""The devices that share a training: the strategy of tf.distribute, and the workers of the cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import tensorflow as tf

from dcgan_kit.distributed.cluster import Cluster, cluster_of_environment, waiting
from dcgan_kit.errors import Problem, RecipeError, UserError, counted
from dcgan_kit.networks.keras_internals import switch_off_coordination_service
from dcgan_kit.recipes.resolved import ResolvedRecipe

_SHIFTS = (48, 32, 16, 0)


@dataclass(frozen=True)
class Devices:
    """Where training runs.

    Attributes:
        strategy: the strategy of tf.distribute.
        name: ``one_device``, ``mirrored``, ``multi_worker`` or ``tpu``.
        replicas: number of copies of the networks that share a batch.
        cluster: the workers, or None if there is only this process.
        kind: ``CPU``, ``GPU`` or ``TPU``.
    """

    strategy: Any
    name: str
    replicas: int
    cluster: Cluster | None
    kind: str

    @property
    def chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.cluster is None or self.cluster.index == 0

    @property
    def local_replicas(self) -> int:
        """Number of replicas of this process."""
        return self.replicas // (1 if self.cluster is None else len(self.cluster.addresses))

    @property
    def first_replica(self) -> int:
        """Index of this process' first replica among all replicas."""
        return 0 if self.cluster is None else self.cluster.index * self.local_replicas

    def __str__(self) -> str:
        if self.name == "one_device":
            return f"one {self.kind}"
        workers = "" if self.cluster is None else f", worker {self.cluster.index} of {len(self.cluster.addresses)}"
        return f"{self.name}: {self.replicas} {self.kind}s{workers}"

    def agree(self, *values: float) -> tuple[float, ...]:
        """Return the mean of each value over all workers, the same on every worker.

        All workers must call it; it waits for all of them.
        """
        if self.cluster is None:
            return values
        return tuple(float(mean) for mean in _means(self.strategy)(tf.constant(values, tf.float32)).numpy())

    def require_same(self, **facts: int) -> None:
        """Check that all workers have the same numbers, e.g. ``require_same(step=100, images=4000)``.

        Args:
            facts: whole numbers from 0 to 2⁶⁴ - 1; messages show underscores in a name as spaces.

        Raises:
            UserError: the workers differ; the message gives the fact's name and each worker's number.
        """
        if self.cluster is None:
            return
        count, index = len(self.cluster.addresses), self.cluster.index
        # A float32 mean is exact for a 16-bit number from one worker and zeros from the others.
        digits = [number >> shift & 0xFFFF for number in facts.values() for shift in _SHIFTS]
        own = [float(digit) if worker == index else 0.0 for worker in range(count) for digit in digits]
        all_digits = [round(mean * count) for mean in self.agree(*own)]
        numbers = [
            sum(digit << shift for digit, shift in zip(all_digits[i : i + len(_SHIFTS)], _SHIFTS, strict=True))
            for i in range(0, len(all_digits), len(_SHIFTS))
        ]
        for place, name in enumerate(facts):
            of_workers = numbers[place :: len(facts)]
            if len(set(of_workers)) > 1:
                values = ", ".join(f"{value} on worker {worker}" for worker, value in enumerate(of_workers))
                raise UserError(
                    f"workers differ in {name.replace('_', ' ')}: {values}. All "
                    "need the same command, the same data and a run folder that all of them can read"
                )

    def require_shares(self, recipe: ResolvedRecipe) -> None:
        """Check that all replicas get the same number of images of a batch.

        Raises:
            RecipeError: the batch size does not allow it.
        """
        parts = self.replicas * recipe.training.accumulate
        if recipe.training.batch_size % parts:
            message = (
                f"{counted(recipe.training.batch_size, 'image')} cannot be shared among {self.replicas} replicas"
                + (f" in {recipe.training.accumulate} parts each" if recipe.training.accumulate > 1 else "")
                + f"; choose a multiple of {parts}"
            )
            raise RecipeError([Problem(recipe.mark(("training", "batch_size")), "training.batch_size", message)])


@lru_cache(maxsize=1)
def _means(strategy: Any) -> Any:
    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def means(values: Any) -> Any:
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(tf.identity, args=(values,)), axis=None)

    return means


def choose_devices(recipe: ResolvedRecipe, report: Callable[[str], None] | None = None) -> Devices:
    """Set up the devices that the recipe asks for; call this before any other use of TensorFlow.

    Args:
        recipe: the recipe to train.
        report: receives messages about workers that are missing.

    Raises:
        RecipeError: the machine does not have these devices.
        UserError: TF_CONFIG or the variables of SLURM are not valid, or TensorFlow was already in use.
    """
    plan = recipe.distribute
    if plan.strategy == "tpu" or (plan.strategy == "auto" and _has_tpu()):
        return _tpu(recipe)
    cluster = cluster_of_environment() if plan.strategy in ("auto", "multi_worker") else None
    if plan.strategy == "multi_worker" and cluster is None:
        raise _refused(
            recipe,
            "needs TF_CONFIG in the environment, or srun of SLURM; `dcgan-kit launch` starts workers on this machine",
        )
    if cluster is not None and (len(cluster.addresses) > 1 or plan.strategy == "multi_worker"):
        return _multi_worker(cluster, report or (lambda _: None))
    if plan.cpu_devices > 1:
        _split_processor(plan.cpu_devices)
    if recipe.training.xla == "auto":
        _share_gpu(plan.strategy == "one_device")
    gpus = tf.config.list_logical_devices("GPU")
    several = len(gpus) > 1 if gpus else plan.cpu_devices > 1
    if plan.strategy == "mirrored" or (plan.strategy == "auto" and several):
        kind, names = ("GPU", gpus) if gpus else ("CPU", tf.config.list_logical_devices("CPU"))
        strategy = tf.distribute.MirroredStrategy([device.name for device in names])
        return Devices(strategy, "mirrored", strategy.num_replicas_in_sync, None, kind)
    return Devices(tf.distribute.get_strategy(), "one_device", 1, None, "GPU" if gpus else "CPU")


def _has_tpu() -> bool:
    return bool(os.environ.get("TPU_NAME")) or bool(tf.config.list_physical_devices("TPU"))


def _tpu(recipe: ResolvedRecipe) -> Devices:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=recipe.distribute.tpu or "")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        strategy = tf.distribute.TPUStrategy(resolver)
    except (ValueError, tf.errors.OpError, RuntimeError) as error:
        text = str(error).partition("\n")[0][:300]
        raise _refused(recipe, f"is not possible: no TPU answers ({type(error).__name__}: {text})") from error
    return Devices(strategy, "tpu", strategy.num_replicas_in_sync, None, "TPU")


def _multi_worker(cluster: Cluster, report: Callable[[str], None]) -> Devices:
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.AUTO
    )
    resolver = cluster.resolver()
    # TensorFlow's coordination service would catch SIGTERM as soon as it waits for the other workers, and report it to
    # nobody. Without the service, ``watching`` finds lost workers, and TensorFlow's health check finds workers that
    # hang; with the service, TensorFlow leaves out that check.
    switch_off_coordination_service()
    with waiting(cluster, report):
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy(
                cluster_resolver=resolver, communication_options=options
            )
        except RuntimeError as error:
            raise UserError(
                f"several workers must be set up before anything else of TensorFlow runs: {error}"
            ) from error
        except tf.errors.OpError as error:
            text = str(error).partition("\n")[0][:300]
            raise UserError(f"{cluster.name(cluster.index)}, this one, cannot join the others: {text}") from error
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return Devices(strategy, "multi_worker", strategy.num_replicas_in_sync, cluster, kind)


def _share_gpu(one: bool) -> None:
    """Let TensorFlow take memory of a single GPU as it needs it: a process that tries XLA needs some of it too."""
    gpus = tf.config.list_physical_devices("GPU")
    # TensorFlow wants the same setting for all GPUs that it sees.
    for device in gpus if one or len(gpus) == 1 else ():
        # TensorFlow may already run in this process, or the user may have divided the GPU.
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(device, True)


def _split_processor(count: int) -> None:
    processor = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise UserError(f"distribute.cpu_devices: TensorFlow already runs in this process: {error}") from error


def _refused(recipe: ResolvedRecipe, message: str) -> RecipeError:
    path = ("distribute", "strategy")
    return RecipeError([Problem(recipe.mark(path), "distribute.strategy", f"{recipe.distribute.strategy} {message}")])
