"""Trains on two logical devices of one CPU; prints what the replicas ended with, as JSON."""

import json

import numpy as np
import tensorflow as tf
from killed_run import build_gan

from gan_utils.updates import step_seed

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
pictures = np.random.default_rng(3).integers(0, 256, (64, 4, 4, 1), dtype=np.uint8)

with strategy.scope():
    gan = build_gan()
gan.fit(pictures, batch_size=16, epochs=2, verbose=0)
trained = gan.generator.trainable_variables + gan.discriminator.trainable_variables
averaged = gan.sampler.trainable_variables or gan.sampler.weights[:2]
differences = [
    float(np.abs(first.numpy() - second.numpy()).max())
    for first, second in (variable.value.values for variable in trained + averaged)
]
seeds = strategy.run(lambda: step_seed(1, 0, tf.constant(0)))
print(
    json.dumps(
        {
            "largest_difference": max(differences),
            "variables": len(differences),
            "steps": int(gan.g_optimizer.iterations.numpy()),
            "seeds": [value.numpy().tolist() for value in seeds.values],
            "generated": list(gan.generate(5).shape),
        }
    )
)
