"""Train the reference classifier for 28x28 images, and write its weights into the package.

    GAN_PROFILE=full GAN_RECORD=book/results python -m tools.train_lenet mnist fashion_mnist

Writes `gan_utils/assets/lenet_<name>.npz` (float16) and, if `GAN_RECORD` names a folder, the record
of the run. The stored accuracy is that of the rounded weights on the 10,000 test images.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from gan_utils import data, lenet, records
from gan_utils.images import to_float
from gan_utils.io import whole_file

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "gan_utils" / "assets"
SEED = 0
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
SHIFT = 2  # pixels, each way
EPOCHS = {"mnist": 16, "fashion_mnist": 20}
DROPOUT = {"mnist": 0.3, "fashion_mnist": 0.3}


def augmentation(name: str) -> list[layers.Layer]:
    """Return the data augmentation: random shifts, and for Fashion-MNIST horizontal flips."""
    shift = layers.RandomTranslation(
        SHIFT / 28,
        SHIFT / 28,
        fill_mode="constant",
        fill_value=-1.0,
        interpolation="nearest",
        seed=SEED,
    )
    flips = [layers.RandomFlip("horizontal", seed=SEED)] if name == "fashion_mnist" else []
    return [shift, *flips]


def train(name: str) -> keras.Model:
    """Train one classifier on the training images of `name`."""
    keras.utils.set_random_seed(SEED)
    image_set = data.load_images(name, "train")
    if image_set.source == "embedded":
        raise SystemExit(f"{name} is not in the cache, only a sample of it is: set KERAS_HOME.")
    classifier = lenet.build_lenet(DROPOUT[name])
    trainer = keras.Sequential([keras.Input((28, 28, 1)), *augmentation(name), classifier])
    steps = EPOCHS[name] * -(-len(image_set.images) // BATCH_SIZE)
    trainer.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), weight_decay=0.02
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    trainer.fit(
        to_float(image_set.images),
        image_set.labels,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS[name],
        verbose=2,
    )
    return classifier


def round_to_float16(model: keras.Model) -> dict[str, np.ndarray]:
    """Round the model's weights to float16, in place, and return them by path."""
    rounded = {v.path: np.asarray(v.value, dtype=np.float16) for v in model.weights}
    for variable in model.weights:
        variable.assign(rounded[variable.path].astype("float32"))
    return rounded


def test_accuracy(model: keras.Model, image_set: data.ImageSet) -> float:
    """Return the fraction of test images that the model classifies correctly."""
    logits = model.predict(to_float(image_set.images), batch_size=500, verbose=0)
    return float(np.mean(logits.argmax(axis=1) == image_set.labels))


def save(file: str, weights: dict[str, np.ndarray], facts: dict) -> None:
    """Write weights and facts beside the package, atomically."""
    with whole_file(ASSETS / f"{file}.npz") as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, facts=np.array(json.dumps(facts)), **weights)


def main() -> None:
    """Train each named classifier, save it, and print its test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=lenet.NAMES)
    earlier = records.recorded("lenet") or {"metrics": {}}
    metrics = dict(earlier["metrics"])
    for name in parser.parse_args().names:
        start = time.perf_counter()
        model = train(name)
        seconds = round(time.perf_counter() - start, 1)
        weights = round_to_float16(model)
        metrics[name] = {
            "test_accuracy": test_accuracy(model, data.load_images(name, "test")),
            "parameters": model.count_params(),
            "epochs": EPOCHS[name],
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "dropout": DROPOUT[name],
            "seed": SEED,
            "seconds": seconds,
        }
        save(f"lenet_{name}", weights, metrics[name] | {"versions": records.versions()})
        print(f"{name}: {metrics[name]['test_accuracy']:.4f} on the test images, {seconds} s")
    records.record(
        "lenet",
        metrics,
        seconds=round(sum(part["seconds"] for part in metrics.values()), 1),
        data=", ".join(metrics),
        seed=SEED,
    )


if __name__ == "__main__":
    main()
