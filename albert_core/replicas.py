"""Where a step runs: one device, several of a machine, several machines, a TPU. The same numbers come out of each.

    one            this process, one device
    mirrored       this process, each of its devices takes a part of the batch
    multi-worker   a process per machine (TF_CONFIG names them), each reads the data streams that are its own
    tpu            the cores of a Cloud TPU, slice or pod

Every replica holds all variables. A step adds up gradients and counts over replicas (`add_up_replicas`); each then does the same update.
"""

import functools
import json
import os
import socket
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from albert_core.errors import AlbertError

TPU_PORT = 8470
SECONDS_TO_ANSWER = 20
STRATEGIES = ("auto", "one", "mirrored", "multi-worker", "tpu")
TF_CONFIG = "TF_CONFIG"
TF_CONFIG_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Replicas:
    """A `tf.distribute` strategy and this process's place in it. `host` reads the data streams ≡ host mod `num_hosts`; host 0 writes."""

    name: str
    strategy: tf.distribute.Strategy
    host: int = 0
    num_hosts: int = 1

    @property
    def count(self) -> int:
        """Replicas over all hosts."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def per_host(self) -> int:
        """Replicas that this process feeds."""
        return self.count // self.num_hosts

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the output."""
        return self.host == 0

    def check_batch(self, batch_size: int, parts: int) -> None:
        """Refuse a global batch that cannot be cut into equal parts, one a replica and accumulation step.

        Raises:
          AlbertError: the number of sequences is not divisible.
        """
        if batch_size % (self.count * parts):
            each = f" in {parts} parts each" if parts > 1 else ""
            multiple = -(-batch_size // (self.count * parts)) * self.count * parts
            raise AlbertError(
                f"--train-batch-size {batch_size} cannot be divided among {self.count} replicas{each}\ngive a multiple of "
                f"{self.count * parts}, such as {multiple}"
            )

    def spread(self, batch: Mapping[str, tf.Tensor], *, axis: int) -> Any:
        """This host's batch, [B / hosts] along `axis`, cut among its replicas."""
        if self.count == 1:
            return dict(batch)
        cut = {name: tf.split(value, self.per_host, axis=axis) for name, value in batch.items()}
        first = self.host * self.per_host

        def of_replica(context: tf.distribute.experimental.ValueContext) -> dict[str, tf.Tensor]:
            return {name: parts[context.replica_id_in_sync_group - first] for name, parts in cut.items()}

        return self.strategy.experimental_distribute_values_from_function(of_replica)

    def run(self, function: Callable[..., dict[str, tf.Tensor]], *arguments: Any) -> dict[str, tf.Tensor]:
        """`function` in every replica, inside a tf.function; it returns what is equal in all, of which one is given."""
        if self.count == 1 and self.name == "one":
            return function(*arguments)
        results = self.strategy.run(function, args=arguments)
        return {name: self.strategy.experimental_local_results(value)[0] for name, value in results.items()}

    def take_from_chief(self, variables: Mapping[str, tf.Variable]) -> None:
        """Set `variables` of all hosts to those of host 0, which alone may have read a checkpoint."""
        if self.num_hosts == 1:
            return
        names = list(variables)

        @tf.function
        def share() -> None:
            def on_replica() -> None:
                context = tf.distribute.get_replica_context()
                first = context.replica_id_in_sync_group == 0
                for name in names:  # 0 everywhere else, so that the sum is the chief's
                    value = tf.convert_to_tensor(variables[name])
                    variables[name].assign(context.all_reduce("SUM", tf.where(first, value, tf.zeros_like(value))))

            self.strategy.run(on_replica)

        share()

    def wait(self) -> None:
        """Come back when all hosts have asked: none leaves while another still needs it."""
        if self.num_hosts > 1:
            self.total(0)

    def total(self, value: int) -> int:
        """The sum of `value` over hosts."""
        if self.num_hosts == 1:
            return value
        share = tf.constant(value / self.per_host, tf.float64)  # exact to 2⁵³ steps; each replica of this host gives as much
        return round(float(self.strategy.experimental_local_results(self._add_up(share))[0]))

    @functools.cached_property
    def _add_up(self) -> Any:
        """Adds up a number of each replica. Kept, so that it is traced once."""

        @tf.function
        def add(given: tf.Tensor) -> Any:
            return self.strategy.run(lambda mine: add_up_replicas(tf.identity(mine)), args=(given,))  # a copy is on the replica's device

        return add


def add_up_replicas(values: Any) -> Any:
    """The sums of tensors over all replicas, inside one of them. With one replica the tensors themselves."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def replica_number() -> int | tf.Tensor:
    """Which replica this is, from 0; inside one."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context is not None and context.num_replicas_in_sync > 1 else 0


def choose_replicas(
    strategy: str = "auto", *, num_replicas: int | None = None, tpu: str | None = None, zone: str | None = None, project: str | None = None
) -> Replicas:
    """The strategy of this process. Call it before TensorFlow has used a device: devices are configured here.

    Args:
      strategy: one of STRATEGIES. auto: tpu where one is named; multi-worker where TF_CONFIG names several workers; mirrored with several
        GPUs or `num_replicas`; else one.
      num_replicas: devices of mirrored; on a machine without so many GPUs, virtual CPU devices. None: all GPUs.
      tpu: name of a Cloud TPU, "local" for the chips of this machine, or grpc://HOST:PORT.
      zone: of the TPU.
      project: Google Cloud project of the TPU.

    Raises:
      AlbertError: the strategy is unknown, TF_CONFIG does not say what it must, or there is no such TPU.
    """
    if strategy not in STRATEGIES:
        raise AlbertError(f"--strategy {strategy} is unknown\nknown: {', '.join(STRATEGIES)}")
    cluster = _read_cluster()
    if strategy == "auto":
        strategy = _guess(cluster, num_replicas, tpu)
    if strategy != "tpu" and tpu is not None:
        raise AlbertError(f"--tpu {tpu} does not go with --strategy {strategy}\nleave one of them out")
    if strategy != "mirrored" and num_replicas is not None:
        raise AlbertError(f"--num-replicas {num_replicas} does not go with --strategy {strategy}\nit is for mirrored")
    if strategy == "multi-worker":
        return _multi_worker(cluster)
    if strategy == "tpu":
        return Replicas("tpu", _connect_tpu(tpu, zone, project))
    if strategy == "mirrored":
        return Replicas("mirrored", tf.distribute.MirroredStrategy(_devices(num_replicas)))
    return Replicas("one", tf.distribute.get_strategy())


def _guess(cluster: dict[str, Any], num_replicas: int | None, tpu: str | None) -> str:
    if tpu is not None or os.environ.get("TPU_NAME"):
        return "tpu"
    if len(cluster.get("cluster", {}).get("worker", [])) > 1:
        return "multi-worker"
    return "mirrored" if num_replicas is not None or len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def _devices(count: int | None) -> list[str]:
    """`count` GPUs; without so many, virtual CPU devices, which are for tests and share the cores."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    if count is None or count <= gpus:
        return [f"GPU:{number}" for number in range(count or gpus)] or ["CPU:0"]
    if count < 1 or gpus:
        raise AlbertError(f"--num-replicas {count} cannot be: this machine has {gpus} GPUs\ngive a number from 1 to that, or leave it out")
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.list_logical_devices("CPU") if _started() else []) < count:
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        except RuntimeError as error:
            raise AlbertError(f"--num-replicas {count}: {error}\nTensorFlow had been used before: choose the strategy first") from error
    return [f"CPU:{number}" for number in range(count)]


def _started() -> bool:
    """Whether TensorFlow has begun to use its devices; they cannot be configured then."""
    from tensorflow.python.eager import context  # no public name tells

    return context.context()._initialized


def _read_cluster() -> dict[str, Any]:
    text = os.environ.get(TF_CONFIG)
    if not text:
        return {}
    try:
        cluster = json.loads(text)
        workers, task = cluster["cluster"]["worker"], cluster["task"]
        if not (isinstance(workers, list) and task["type"] == "worker" and 0 <= int(task["index"]) < len(workers)):
            raise ValueError("the task is none of the workers")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise AlbertError(f"{TF_CONFIG} cannot be used: {reason}\nit must be like {TF_CONFIG_EXAMPLE}") from error
    return cluster


def _multi_worker(cluster: dict[str, Any]) -> Replicas:
    if not cluster:
        raise AlbertError(
            f"--strategy multi-worker needs {TF_CONFIG}, which is not set\nset it for each process: {TF_CONFIG}='{TF_CONFIG_EXAMPLE}'"
        )
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise AlbertError(f"--strategy multi-worker: {error}\nTensorFlow had been used before: choose the strategy first") from error
    return Replicas("multi-worker", strategy, int(cluster["task"]["index"]), len(cluster["cluster"]["worker"]))


def _knock(name: str) -> None:
    """OSError if nobody listens at grpc://HOST:PORT, where TensorFlow would ask for ever."""
    address = urllib.parse.urlsplit(name)
    if address.scheme == "grpc":
        with socket.create_connection((address.hostname or "", address.port or TPU_PORT), timeout=SECONDS_TO_ANSWER):
            pass


def _connect_tpu(tpu: str | None, zone: str | None, project: str | None) -> tf.distribute.Strategy:
    """A strategy over all cores of a TPU. TensorFlow's many errors for "it is not there" are said as one."""
    name = tpu or os.environ.get("TPU_NAME") or "local"
    try:
        _knock(name)
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name, zone=zone, project=project)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except Exception as error:  # the cloud's client has errors of its own without a common class
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AlbertError(
            f"--tpu {name} cannot be used: {reason}\n"
            "see gcloud compute tpus tpu-vm list --zone ZONE; --tpu-zone and --gcp-project say where it is; on a TPU VM take --tpu local "
            "and pip install 'albert-zh-toolkit[tpu]'"
        ) from error
