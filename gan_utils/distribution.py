"""Several devices and machines: the share of a batch for each, and the process that writes."""

import os
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from gan_utils.io import parse_json

_MOST_DEVICES = 1024


def deal(tensor: tf.Tensor, parts: int, count: int) -> tf.Tensor:
    """Cut a batch of `parts` updates so that every device gets its share of each of them.

    Args:
        tensor: (parts * count * n, ...); its first axis has a static size.
        parts: Updates of one player that the batch is for.
        count: Number of devices.

    Returns:
        (count, parts * n, ...): row i is the share of device i, in the order of its updates.
    """
    rest = tensor.shape[1:]
    each = tensor.shape[0] // (parts * count)
    dealt = tf.reshape(tensor, (parts, count, each, *rest))
    dealt = tf.transpose(dealt, (1, 0, *range(2, dealt.shape.rank)))
    return tf.reshape(dealt, (count, parts * each, *rest))


def draw_share(draw: Callable[[Any, tf.Tensor], Any], batch: Any, seed: tf.Tensor) -> Any:
    """Draw generator inputs for the whole batch and keep this device's share of them.

    So the draws of all devices together are those of one device with the whole batch.

    Args:
        draw: Takes a batch and a seed, and returns as many rows as the batch has, or a multiple.
            Row i must depend on the seed, on i and on row i of the batch alone.
        batch: This device's share of the batch.
        seed: (2,) int32, the same on all devices.

    Returns:
        This device's share of what `draw` returns for the whole batch.
    """
    count = tf.distribute.get_strategy().num_replicas_in_sync
    if count == 1:
        return draw(batch, seed)
    size = keras.tree.flatten(batch)[0].shape[0]
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    # Copies of this share replace the other shares, whose rows are drawn and discarded.
    whole = keras.tree.map_structure(
        lambda tensor: tf.tile(tensor, (count, *[1] * (tensor.shape.rank - 1))), batch
    )
    return keras.tree.map_structure(
        lambda tensor: deal(tensor, tensor.shape[0] // (size * count), count)[replica],
        draw(whole, seed),
    )


def batch_sizes(dataset: tf.data.Dataset) -> list[int]:
    """Return how many rows each part of a dataset's batches has.

    Raises:
        ValueError: The size of a batch is not fixed: the last one may be smaller.
    """
    shapes = [spec.shape for spec in keras.tree.flatten(dataset.element_spec)]
    sizes = [shape[0] if shape.rank else None for shape in shapes]
    if None in sizes:
        raise ValueError(
            "the batches of this dataset have no fixed size, and as many inputs of the generator "
            "are drawn as there are images: make it with batch(..., drop_remainder=True)"
        )
    return sizes


def distribute(
    strategy: tf.distribute.Strategy, dataset: tf.data.Dataset, parts: int
) -> tf.distribute.DistributedDataset:
    """Deal each batch of a dataset to the devices, in the order in which one device would get it.

    Args:
        strategy: Of several devices.
        dataset: Endless, with batches of fixed size, the same ones in every process.
        parts: Updates of one player that a batch is for.

    Returns:
        A dataset of the devices' shares.

    Raises:
        ValueError: The batch size is not fixed, differs between the parts of a batch, or is not
            divisible by the number of devices.
    """
    count = strategy.num_replicas_in_sync
    sizes = set(batch_sizes(dataset))
    if len(sizes) != 1:
        raise ValueError(f"the parts of a batch have sizes {sizes}; give parts of one size")
    size = sizes.pop()
    if size % (parts * count):
        raise ValueError(
            f"a batch of {size // parts} images cannot be shared by {count} devices: choose a "
            f"batch size that is a multiple of {count}"
        )

    def shares(context: tf.distribute.InputContext) -> tf.data.Dataset:
        here = count // context.num_input_pipelines
        first = context.input_pipeline_id * here

        def local(*batch: Any) -> Any:
            batch = batch[0] if len(batch) == 1 else batch
            return keras.tree.map_structure(
                lambda tensor: deal(tensor, parts, count)[first : first + here], batch
            )

        return dataset.map(local).unbatch().prefetch(2 * here)

    return strategy.distribute_datasets_from_function(shares)


def check_scope(strategy: tf.distribute.Strategy, variables: list[keras.Variable]) -> None:
    """Raise ValueError unless all variables were made inside the strategy's scope."""
    inside = tf.distribute.get_strategy() is strategy
    if not inside or not all(
        strategy.extended.variable_created_in_scope(variable.value) for variable in variables
    ):
        raise ValueError(
            "make the networks, the GAN and its optimizers, and compile it, inside one and the "
            "same strategy.scope()"
        )


def check_same(strategy: tf.distribute.Strategy, **facts: int) -> None:
    """Raise ValueError unless all workers of a run hold the same numbers, each below 2**31.

    Args:
        strategy: Of several devices.
        **facts: Name in words -> number.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return  # one process
    own = tf.constant([list(facts.values())], tf.int32)
    values = strategy.experimental_distribute_values_from_function(lambda context: own)
    found = strategy.gather(values, axis=0).numpy()
    for name, values in zip(facts, found.T.tolist(), strict=True):
        if len({*values}) > 1:
            raise ValueError(
                f"the workers of this run disagree: {name.replace('_', ' ')} is {values}. Start "
                "every worker with the same program and data, and give Checkpoint a folder that "
                "all of them can read"
            )


def spread_dropout(strategy: tf.distribute.Strategy, variables: list[keras.Variable]) -> None:
    """Give each device its own dropout masks: Keras gives all of them the same seed.

    Args:
        strategy: Of several devices.
        variables: Of the model; those that hold a seed are changed. A second call changes nothing.
    """

    def spread() -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for state in states:
            seed, counter = tf.unstack(state.value)
            seed -= seed % _MOST_DEVICES
            state.assign(tf.stack([seed + tf.cast(replica, seed.dtype), counter]))

    states = [variable for variable in variables if variable.name == "seed_generator_state"]
    if states:
        tf.function(strategy.run)(spread)


def is_chief() -> bool:
    """Return whether this process writes the files of a run.

    Returns:
        True for a run in one process; of the processes that `TF_CONFIG` lists, for the chief, or
        for worker 0 when there is no chief.

    Raises:
        ValueError: `TF_CONFIG` is set and does not say which process this is.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return True
    try:
        config = parse_json(text)
        cluster, task = config.get("cluster") or {}, config.get("task") or {}
        kind, index = task.get("type"), int(task.get("index", 0))
        if cluster and kind is None:
            raise ValueError("it has a cluster, but no task")
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"TF_CONFIG is {text!r}; give JSON such as "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}, '
            "or unset it"
        ) from error
    if "chief" in cluster or "worker" not in cluster:
        return kind in (None, "chief", "master")
    return kind == "worker" and index == 0


def averaging_train_function(model: keras.Model) -> Callable[[Any], dict[str, tf.Tensor]]:
    """Return the training function of a model on several devices; it averages their logs.

    Keras' own fails here: on several machines it takes the mean of a scalar along a first axis, and
    its loop over `steps_per_execution` does not work with Dropout.

    Args:
        model: Compiled, with a `train_step` that returns scalars.

    Returns:
        A function from an iterator of distributed batches to the means of the logs.
    """
    names: list[str] = []

    def log_values(batch: Any) -> tf.Tensor:
        logs = model.train_step(batch)
        names[:] = logs
        return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

    def steps(iterator: Any) -> dict[str, tf.Tensor]:
        for _ in range(model.steps_per_execution):
            values = model.distribute_strategy.run(log_values, args=(next(iterator),))
        means = model.distribute_strategy.reduce("MEAN", values, axis=None)
        return dict(zip(names, tf.unstack(means), strict=True))

    return steps if model.run_eagerly else tf.function(steps)
