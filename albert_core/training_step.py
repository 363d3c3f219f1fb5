"""The step that trains: gradients of a batch, added up over its parts and over replicas, one update, scalars out.

        batch ─┬─ replica 0 ─ part 0, part 1, … ─ gradients ─┐
               └─ replica 1 ─ part 0, part 1, … ─ gradients ─┴─ sum ─ clip ─ the same update on each replica

Losses are sums over what a replica or part holds, divided by the counts of the whole batch, so gradients add up to those of one device with
all the data.
"""

from collections.abc import Callable

import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.modeling import Albert
from albert_core.objectives import Sums, instance_sums
from albert_core.optimization import Optimizer
from albert_core.replicas import Replicas, add_up_replicas, replica_number
from albert_core.shards import INPUT_IDS, MASKED_LM_WEIGHTS, SOURCES

BY_SOURCE = "by_source"  # of a step's values: float32 [sources, 6], the `Sums` of each source

Batch = dict[str, tf.Tensor]
Step = Callable[[Batch], dict[str, tf.Tensor]]


def make_train_step(model: Albert, optimizer: Optimizer, seed: int, *, parts: int = 1, num_sources: int = 1, jit: bool = False) -> Step:
    """The step of one replica: its share of a batch in, weights updated, the scalars of the whole batch out.

    Args:
      model: what is trained.
      optimizer: over `model.weights`.
      seed: of dropout, together with the step.
      parts: the batch goes through the model in so many parts, one after the other: less memory, the same update.
      num_sources: entries that "sources" of a batch counts; more than one adds BY_SOURCE to the values.
      jit: compile forward and backward pass by XLA.
    """
    variables = list(model.weights.values())

    def backward(batch: Batch, counts: tf.Tensor, dropout_seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(sums by source [S, 6], gradients) of a part; counts [2] are those of the whole batch."""
        with tf.GradientTape() as tape:
            each = instance_sums(model, batch, dropout_seed=dropout_seed)
            masked_loss, order_loss = _total(tf.stack(each, 1))._replace(masked_count=counts[0], order_count=counts[1]).losses()
            loss = masked_loss + order_loss
        return _by_source(each, batch, num_sources), [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    gradients_of = tf.function(backward, jit_compile=True) if jit else backward

    def train_step(batch: Batch) -> dict[str, tf.Tensor]:
        dropout_seed = tf.stack([tf.constant(seed, tf.int64), optimizer.global_step])
        number = replica_number()
        if isinstance(number, tf.Tensor):  # one replica alone keeps the key of the step
            dropout_seed = tf.random.experimental.stateless_fold_in(dropout_seed, number)
        counts = add_up_replicas(tf.stack([tf.reduce_sum(batch[MASKED_LM_WEIGHTS]), tf.cast(tf.shape(batch[INPUT_IDS])[0], tf.float32)]))
        if parts == 1:
            sums, gradients = gradients_of(batch, counts, dropout_seed)
        else:
            sums, gradients = _accumulate(gradients_of, batch, counts, dropout_seed, parts, [num_sources, len(Sums._fields)], variables)
        sums, gradients = add_up_replicas([sums, gradients])
        rate, norm = optimizer.apply(gradients)
        total = _total(sums)
        masked_loss, order_loss = total.losses()
        values = {"loss": masked_loss + order_loss, **total.metrics(), "learning_rate": rate, "gradient_norm": norm}
        return values | ({BY_SOURCE: sums} if num_sources > 1 else {})

    return train_step


def check_jit() -> None:
    """Compile something small by XLA: tensorflow-tpu, for one, is built without its compiler for the CPU.

    Raises:
      AlbertError: this TensorFlow cannot.
    """
    try:
        tf.function(lambda value: value + 1.0, jit_compile=True)(tf.constant(1.0))
    except (tf.errors.OpError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise AlbertError(f"--xla: this TensorFlow {tf.__version__} cannot compile here: {reason}\nleave --xla out") from error


def compile_steps(step: Step, replicas: Replicas) -> Callable[[Batch], dict[str, tf.Tensor]]:
    """`step` as often as a batch has entries on its first axis, in one call of the host.

    Features [K, B / hosts, …] → values [K, …]. On an accelerator the host is then asked every K steps only.
    """

    @tf.function
    def one(batches: Batch) -> dict[str, tf.Tensor]:
        values = replicas.run(lambda given: step({name: value[0] for name, value in given.items()}), batches)
        return {name: value[tf.newaxis] for name, value in values.items()}

    @tf.function
    def several(batches: Batch, count: int) -> dict[str, tf.Tensor]:
        def at(number: tf.Tensor) -> dict[str, tf.Tensor]:
            return replicas.run(lambda given, place: step({name: value[place] for name, value in given.items()}), batches, number)

        def body(number: tf.Tensor, written: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
            values = at(number)
            names[:] = values
            return number + 1, [array.write(number, values[name]) for array, name in zip(written, values, strict=True)]

        names: list[str] = []
        shapes = tf.function(at).get_concrete_function(tf.TensorSpec([], tf.int32)).structured_outputs
        arrays = [tf.TensorArray(tf.float32, size=count, element_shape=shape.shape) for shape in shapes.values()]
        _, written = tf.while_loop(lambda number, _: number < count, body, (tf.constant(0), arrays), parallel_iterations=1)
        return {name: array.stack() for name, array in zip(names, written, strict=True)}

    def run(batches: Batch) -> dict[str, tf.Tensor]:
        count = int(next(iter(batches.values())).shape[0])
        spread = replicas.spread(batches, axis=1)
        return one(spread) if count == 1 else several(spread, count)

    return run


def _accumulate(
    gradients_of: Callable[[Batch, tf.Tensor, tf.Tensor], tuple[tf.Tensor, list[tf.Tensor]]],
    batch: Batch,
    counts: tf.Tensor,
    dropout_seed: tf.Tensor,
    parts: int,
    shape: list[int],
    variables: list[tf.Variable],
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Sums and gradients of `parts` equal parts of the batch, in a loop of the graph: the activations of one part at a time."""
    # Part p takes every parts-th sequence: on a TPU, where the first axis lies on many devices, no part has to move.
    cut = {name: tf.reshape(value, [-1, parts, *value.shape[1:]]) for name, value in batch.items()}

    def body(part: tf.Tensor, sums: tf.Tensor, gradients: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        key = tf.random.experimental.stateless_fold_in(dropout_seed, part)
        more, steps = gradients_of({name: value[:, part] for name, value in cut.items()}, counts, key)
        return part + 1, sums + more, [a + b for a, b in zip(gradients, steps, strict=True)]

    start = (tf.constant(0), tf.zeros(shape), [tf.zeros(variable.shape) for variable in variables])
    _, sums, gradients = tf.while_loop(lambda part, *_: part < parts, body, start, parallel_iterations=1, maximum_iterations=parts)
    return sums, gradients


def _by_source(each: Sums, batch: Batch, num_sources: int) -> tf.Tensor:
    """Sums of instances [B] by their source → [S, 6]. A product, so that it is the same every time."""
    stacked = tf.stack(each, 1)
    if num_sources == 1:
        return tf.reduce_sum(stacked, 0, keepdims=True)
    return tf.matmul(tf.one_hot(batch[SOURCES], num_sources), stacked, transpose_a=True)


def _total(sums: tf.Tensor) -> Sums:
    """The sums [N, 6] of all sources or instances, added up."""
    return Sums(*tf.unstack(tf.reduce_sum(sums, 0)))
