"""Several devices and machines: who gets which part of a batch, and what must not differ."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_MOST_DEVICES = 1024


def deal(tensor: tf.Tensor, parts: int, count: int) -> tf.Tensor:
    """Cut a batch of `parts` updates so that every device gets its share of each of them.

    Args:
        tensor: (parts * count * n, ...); its first axis has a static size.
        parts: updates of one player that the batch is for.
        count: number of devices.

    Returns:
        (count, parts * n, ...): what device i gets, in the order of its updates.
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
        draw: takes a batch and a seed; row i of what it returns depends on the seed, on i and, of
            the batch, on row i alone; there are as many rows as in the batch, or a multiple.
        batch: this device's share of it.
        seed: the same on all devices.
    """
    count = tf.distribute.get_strategy().num_replicas_in_sync
    if count == 1:
        return draw(batch, seed)
    size = keras.tree.flatten(batch)[0].shape[0]
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    # Copies of the share stand for the others': what a row takes from the batch is then its own.
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
        ValueError: that is not fixed: the last batch may be smaller.
    """
    shapes = [spec.shape for spec in keras.tree.flatten(dataset.element_spec)]
    sizes = [shape[0] if shape.rank else None for shape in shapes]
    if None in sizes:
        raise ValueError(
            "the batches of this dataset have no fixed size, and as many inputs of the generator "
            "are drawn as there are pictures: make it with batch(..., drop_remainder=True)"
        )
    return sizes


def distribute(
    strategy: tf.distribute.Strategy, dataset: tf.data.Dataset, parts: int
) -> tf.distribute.DistributedDataset:
    """Deal each batch of a dataset to the devices, in the order in which one device would get it.

    Args:
        strategy: of several devices.
        dataset: endless, with batches of fixed size, the same ones in every process.
        parts: updates of one player that a batch is for.

    Returns:
        A dataset of the devices' shares.

    Raises:
        ValueError: the batch size is not fixed, not one, or does not divide by the devices.
    """
    count = strategy.num_replicas_in_sync
    sizes = set(batch_sizes(dataset))
    if len(sizes) != 1:
        raise ValueError(f"parts of a batch have sizes {sizes}; several devices share one size")
    size = sizes.pop()
    if size % (parts * count):
        raise ValueError(
            f"a batch of {size // parts} pictures cannot be shared by {count} devices: choose a "
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
        strategy: of several devices.
        **facts: name in words -> number.
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
    """Give each device masks of its own: Keras gives all of them the same seed.

    Args:
        strategy: of several devices.
        variables: of the model; those that hold a seed are changed, always to the same value.
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
