"""Makes the record of the study "AC-GAN: other sizes, and color" (book/studies/acgan-sizes.md).

`GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_acgan.py` remakes it in minutes.
"""

from typing import Any

import keras
from keras import layers
from lesson import load_lesson
from runners import fit_runner, in_turns

from gan_utils import data, profile, records

LESSON = load_lesson("06_acgan")
WIDTHS = {"half": 0.5, "lesson": 1.0, "wide": 1.5}
FILTERS = (32, 64, 128, 256)
COLOR_FILTERS = (16, 32, 64, 128, 256, 512)
ROUNDS = profile.samples(full=3, quick=2, smoke=1)


def scaled_networks(width: float) -> tuple[keras.Model, keras.Model]:
    """Return the lesson's two networks with `width` times as many filters."""
    filters = tuple(round(width * count) for count in FILTERS)
    return LESSON.build_generator(width), LESSON.build_discriminator(filters)


def color_networks() -> tuple[keras.Model, keras.Model]:
    """Return the networks for 32x32 color images.

    Source: Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017, table of
    the appendix for CIFAR-10.
    """
    latents = layers.Input((LESSON.LATENT_DIM,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    one_hot = layers.CategoryEncoding(LESSON.NUM_CLASSES, output_mode="one_hot")(class_labels)
    features = layers.Concatenate()([latents, one_hot])
    features = layers.Dense(4 * 4 * 384, activation="relu", **LESSON.small_normal())(features)
    features = layers.Reshape((4, 4, 384))(features)
    up = {"strides": 2, "padding": "same", **LESSON.small_normal()}
    for filters in (192, 96):
        features = layers.Conv2DTranspose(filters, 5, **up)(features)
        features = layers.ReLU()(layers.BatchNormalization()(features))
    outputs = layers.Conv2DTranspose(3, 5, activation="tanh", **up)(features)
    generator = keras.Model([latents, class_labels], outputs, name="color_generator")
    return generator, LESSON.build_discriminator(COLOR_FILTERS, image_shape=(32, 32, 3))


def counts(networks: tuple[keras.Model, keras.Model]) -> list[int]:
    """Return the number of parameters of generator and discriminator."""
    return [network.count_params() for network in networks]


def measure() -> dict[str, Any]:
    """Return parameters and milliseconds of a step, by width and for the color networks."""
    gray = data.load_images("fashion_mnist")
    color, labels = data.embedded.colored("train")
    colored = data.ImageSet(color, labels, tuple("0123456789"), "embedded", "cifar10", "train")
    cases = {name: (scaled_networks(width), gray) for name, width in WIDTHS.items()}
    cases["color"] = color_networks(), colored
    runners = {}
    for name, (networks, image_set) in cases.items():
        source = LESSON.labeled_batches(image_set, LESSON.FULL, None)
        runners[name] = fit_runner(LESSON.make_gan(networks, LESSON.FULL), source)
    seconds = in_turns(runners, ROUNDS)
    return {
        name: {
            "parameters": counts(networks),
            "step_ms": 1000 * seconds[name],
            "relative": seconds[name] / seconds["lesson"],
        }
        for name, (networks, _) in cases.items()
    }


def main() -> None:
    """Measure and record."""
    keras.utils.set_random_seed(LESSON.SEED)
    found = measure()
    for name, row in found.items():
        print(f"{name:<8}{sum(row['parameters']):>12,} parameters {row['step_ms']:>8.0f} ms a step")
    records.record("study_acgan", {"widths": found, "half_batch": LESSON.FULL["half_batch"]})


if __name__ == "__main__":
    main()
