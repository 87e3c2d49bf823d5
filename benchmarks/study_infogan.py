"""Makes the record of the study "InfoGAN: what makes the code a digit, and other codes".

`GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_infogan.py` makes it, in an hour
and a half.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from lesson import load_lesson

from gan_utils import Batches, data, lenet, profile, records
from gan_utils.gan import keep_statistics

LESSON = load_lesson("08_infogan")
# The recipe of the record; the lesson's full run has another one today.
RECIPE = {"real_images": 8, "fakes_per_real": 2, "rates": (2e-4, 1e-3), "ema_decay": 0.999}
SETTINGS = LESSON.FULL | RECIPE
EPOCHS = profile.epochs(full=8, quick=1, smoke=1)
EPOCH_STEPS = profile.steps(full=937, quick=30, smoke=2)
CODE_STEPS = profile.steps(full=300, quick=15, smoke=2)
CONTINUOUS_STEPS = profile.steps(full=1_000, quick=15, smoke=2)
SAMPLES = profile.samples(full=10_000, quick=1_000, smoke=100)
CONTINUOUS_WEIGHT = 0.3
ENTROPY = {"uniform": np.log(2.0), "normal": 0.5 * np.log(2 * np.pi * np.e)}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as_in_the_lesson": ({}, {}),
    "no_information": ({}, {"information_weight": 0.0}),
    "no_distortion": ({"distorts": False}, {}),
    "gain_one": ({"noise_gain": 1.0}, {}),
}
PICKS = {5: np.arange(0, 10, 2), 20: np.tile(np.arange(10), 2)}  # old code of each new one


def gaussian_loss(values: tf.Tensor, means: tf.Tensor, log_stds: tf.Tensor) -> tf.Tensor:
    """Return the mean of -log N(values; means, exp(log_stds)), summed over the codes, in nats."""
    away = (values - means) * tf.exp(-log_stds)
    each = 0.5 * np.log(2 * np.pi) + log_stds + 0.5 * tf.square(away)
    return tf.reduce_mean(tf.reduce_sum(each, axis=1))


def squared_loss(values: tf.Tensor, means: tf.Tensor, log_stds: tf.Tensor) -> tf.Tensor:
    """Return the mean of the squared error, summed over the codes: a fixed variance of 1/2."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(values - means), axis=1)) + 0 * tf.reduce_sum(
        log_stds
    )


CONTINUOUS = {
    "uniform": ("uniform", gaussian_loss),
    "normal": ("normal", gaussian_loss),
    "squared": ("uniform", squared_loss),
}


class ContinuousInfoGAN(LESSON.InfoGAN):
    """An InfoGAN with two continuous codes besides the categorical one.

    For each of them Q returns mean and standard deviation of a normal distribution. Q sees the fake
    without the distortion, which would hide codes such as slant.

    Source: Chen et al., InfoGAN, 2016, appendix C.1.
    """

    def __init__(
        self, distribution: str = "uniform", likelihood: Any = gaussian_loss, **options: Any
    ) -> None:
        """Choose the codes' distribution, "uniform" on (-1, 1) or "normal", and their loss."""
        super().__init__(extra_codes=2, **options)
        self.distribution, self.likelihood = distribution, likelihood

    def draw_codes(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """Return one-hot codes and two continuous ones behind them, (count, num_codes + 2)."""
        value_seed, code_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        if self.distribution == "uniform":
            continuous = tf.random.stateless_uniform((count, 2), value_seed, -1, 1)
        else:
            continuous = tf.random.stateless_normal((count, 2), value_seed)
        return tf.concat([super().draw_codes(count, code_seed), continuous], axis=1)

    def information_loss(self, codes: tf.Tensor, fake_images: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy of the ten values plus the weighted loss of the others."""
        outputs = self.recognizer(fake_images, training=True)
        means, log_stds = tf.split(outputs[:, self.num_codes :], 2, axis=1)
        continuous = self.likelihood(codes[:, self.num_codes :], means, log_stds)
        copies = fake_images
        if self.distorts:
            seed = self.next_seed(stream=LESSON.DISTORTION_STREAM)
            copies = LESSON.distort(fake_images, seed)
        ten = self.recognizer(copies, training=True)[:, : self.num_codes]
        return LESSON.code_loss(codes[:, : self.num_codes], ten) + CONTINUOUS_WEIGHT * continuous


def go_on(gan: keras.Model, images: np.ndarray, epochs: int, steps: int) -> keras.Model:
    """Train a model for some steps and return it."""
    sizes = {"batch_size": SETTINGS["real_images"], "steps_per_epoch": steps}
    batches = Batches(images, **sizes, seed=LESSON.SEED)
    gan.fit(batches, epochs=epochs, verbose=0)
    return gan


def read_codes(gan: keras.Model) -> np.ndarray:
    """Return how often the classifier sees each digit for each code, (num_codes, 10) int."""
    inputs = gan.generator_inputs(None, tf.constant([LESSON.SEED, 0]), SAMPLES)
    codes = inputs.numpy()[:, LESSON.NOISE_DIM :][:, : gan.num_codes].argmax(axis=1)
    table = np.zeros((gan.num_codes, 10), int)
    np.add.at(table, (codes, lenet.probabilities(gan.translate(inputs)).argmax(axis=1)), 1)
    return table


def warm_start(gan: keras.Model, source: keras.Model, pick: np.ndarray) -> keras.Model:
    """Copy the weights of a trained InfoGAN; code i is initialized as the old code pick[i]."""
    rng = np.random.default_rng(LESSON.SEED)

    def resized(weights: np.ndarray, count: int) -> np.ndarray:
        chosen = weights[pick] + rng.normal(0, 0.02, (len(pick), *weights.shape[1:]))
        spare = rng.normal(0, 0.02, (count - len(pick), *weights.shape[1:]))
        return np.concatenate([chosen, spare])

    kernel, *rest = source.generator.get_weights()
    of_noise, of_codes = np.split(kernel, [LESSON.NOISE_DIM])
    rows = np.concatenate([of_noise, resized(of_codes, gan.latent_dim - LESSON.NOISE_DIM)])
    for network in (gan.generator, gan.ema_generator):
        network.set_weights([rows, *rest])
    gan.discriminator.set_weights(source.discriminator.get_weights())
    *body, kernel, bias = source.q_head.get_weights()
    outputs = gan.q_head.output_shape[1]
    gan.q_head.set_weights([*body, resized(kernel.T, outputs).T, np.resize(bias, outputs) * 0])
    return gan


def what_q_knows(gan: keras.Model) -> dict[str, list[float]]:
    """Return correlation, squared error and the bound in bits for each continuous code."""
    inputs = gan.generator_inputs(None, tf.constant([LESSON.SEED, 5]), 1_000)
    fakes = gan.generator(inputs, training=True)
    with keep_statistics(gan.recognizer):
        outputs = gan.recognizer(fakes, training=True).numpy().astype("float64")
    values = inputs.numpy()[:, -2:].astype("float64")
    means, log_stds = outputs[:, -4:-2], outputs[:, -2:]
    errors = ((values - means) ** 2).mean(axis=0)
    if gan.likelihood is squared_loss:  # the best constant standard deviation, afterwards
        log_stds = np.broadcast_to(0.5 * np.log(errors), means.shape)
    parts = [[part[:, [i]] for part in (values, means, log_stds)] for i in (0, 1)]
    bits = [(ENTROPY[gan.distribution] - float(gaussian_loss(*p))) / np.log(2) for p in parts]
    return {
        "correlation": [float(np.corrcoef(values[:, i], means[:, i])[0, 1]) for i in (0, 1)],
        "squared_error": errors.tolist(),
        "bits": bits,
    }


def compare_changes(images: np.ndarray) -> dict[str, float]:
    """Return the agreement after a short training, for each change of the recipe."""
    found = {}
    for name, (settings, options) in CHANGES.items():
        gan = LESSON.make_gan(SETTINGS | settings, kind=LESSON.InfoGAN, **options)
        found[name] = LESSON.agreement(read_codes(go_on(gan, images, 1, EPOCH_STEPS)))
        print(name, found[name], flush=True)
    return found


def other_codes(images: np.ndarray) -> dict[str, Any]:
    """Train the lesson's model, then from its weights those with other codes."""
    base = go_on(LESSON.make_gan(SETTINGS), images, EPOCHS, EPOCH_STEPS)
    purities = {"10": LESSON.purity(read_codes(base))}
    for count, pick in PICKS.items():
        gan = warm_start(LESSON.make_gan(SETTINGS, num_codes=count), base, pick)
        purities[str(count)] = LESSON.purity(read_codes(go_on(gan, images, 1, CODE_STEPS)))
    continuous = {}
    for name, (distribution, likelihood) in CONTINUOUS.items():
        options = {"distribution": distribution, "likelihood": likelihood}
        gan = LESSON.make_gan(SETTINGS, kind=ContinuousInfoGAN, **options)
        warm_start(gan, base, np.arange(LESSON.NUM_CODES))
        continuous[name] = what_q_knows(go_on(gan, images, 1, CONTINUOUS_STEPS))
        print(name, continuous[name], flush=True)
    return {"purity_by_codes": purities, "continuous": continuous}


def main() -> None:
    """Measure and record."""
    train_set = data.load_images("mnist")
    steps = {"steps": EPOCH_STEPS, "code_steps": CODE_STEPS, "continuous_steps": CONTINUOUS_STEPS}
    found = {"agreement": compare_changes(train_set.images), **other_codes(train_set.images)}
    records.record("study_infogan", found | steps, data=train_set, seed=LESSON.SEED)


if __name__ == "__main__":
    main()
