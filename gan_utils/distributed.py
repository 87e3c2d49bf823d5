"""A Keras model whose `fit` trains on several devices and machines as on one."""

from typing import Any

import keras
import tensorflow as tf

from gan_utils import devices


class DistributedModel(keras.Model):
    """What `fit` needs under a `tf.distribute` strategy; on one device it is Keras' own.

    The model has the attributes `seed` and `first_epoch`, and a `train_step` that returns scalars.
    """

    def share(self, dataset: Any, options: dict[str, Any], parts: int) -> Any:
        """Deal a dataset to the devices, once they agree on what they train.

        Args:
            dataset: with batches of fixed size, the same ones in every process.
            options: of Keras' `fit`; gets `steps_per_epoch` when the dataset ends.
            parts: updates of one player that a batch is for.

        Returns:
            What Keras' `fit` takes: the dataset itself when there is one device.

        Raises:
            ValueError: batches without a fixed size, or, on several devices, no dataset, one that
                they cannot share, or another one on each.
        """
        strategy = self.distribute_strategy
        sizes = devices.batch_sizes(dataset) if isinstance(dataset, tf.data.Dataset) else []
        if strategy.num_replicas_in_sync == 1:
            return dataset
        if not isinstance(dataset, tf.data.Dataset):
            raise ValueError(
                "fit on several devices takes arrays, Batches or a tf.data.Dataset, not "
                f"{type(dataset).__name__}"
            )
        if dataset.cardinality() != tf.data.INFINITE_CARDINALITY:
            steps = int(dataset.cardinality())
            if steps < 1 and "steps_per_epoch" not in options:
                raise ValueError("say how many batches the dataset has: fit(steps_per_epoch=...)")
            options.setdefault("steps_per_epoch", steps)
            dataset = dataset.repeat()
        devices.check_same(
            strategy,
            seed=self.seed,
            epochs_finished=self.first_epoch,
            steps_per_epoch=options.get("steps_per_epoch") or 0,
            batch_size=sizes[0],
        )
        devices.spread_dropout(strategy, self.variables)
        return devices.distribute(strategy, dataset, parts)

    def _maybe_symbolic_build(self, *args: Any, **options: Any) -> None:
        """Do nothing: `compile` has built all, and Keras cannot average a batch with labels."""

    def make_train_function(self, force: bool = False) -> Any:
        """Return what `fit` calls for each step; for several devices, one that averages the logs.

        Keras' own takes the mean of a scalar along its first axis on several machines, and its
        loop over `steps_per_execution` has no room for the masks of Dropout.
        """
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        names: list[str] = []

        def log_values(batch: Any) -> tf.Tensor:
            logs = self.train_step(batch)
            names[:] = logs
            return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

        def steps(iterator: Any) -> dict[str, tf.Tensor]:
            for _ in range(self.steps_per_execution):
                values = strategy.run(log_values, args=(next(iterator),))
            means = strategy.reduce("MEAN", values, axis=None)
            return dict(zip(names, tf.unstack(means), strict=True))

        if self.train_function is None or force:
            self.train_function = steps if self.run_eagerly else tf.function(steps)
        return self.train_function
