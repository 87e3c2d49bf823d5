"""A study for lesson 12: what classifying costs a discriminator, and what a label changes.

    GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_classes.py

First, new discriminators of the same size learn from the pairs of one fixed generator, so that the
cost of the classification task is measured apart from everything else. Then translators are
trained: the lesson's four, several weights of Q's term, and a Q that learns from fakes too. When
the script is interrupted, its next start resumes.
"""

from statistics import mean
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from lesson import load_lesson

from gan_utils import Batches, callbacks, images, lenet, load_images, profile, records
from gan_utils.data import ImageSet
from gan_utils.gan import minimize
from gan_utils.layers import reseed

LESSON = load_lesson("12_pix2pix_classes")
SEEDS = [profile.seed(n) for n in range(profile.samples(full=3, quick=2, smoke=1))]
EPOCHS = profile.epochs(full=5, quick=2, smoke=1)
EPOCH_STEPS = profile.steps(full=350, quick=20, smoke=1)
FRESH_STEPS = profile.steps(full=300, quick=20, smoke=1)
SAMPLES = profile.samples(full=10_000, quick=1_000, smoke=20)
PAIRS = profile.samples(full=1_000, quick=200, smoke=20)
QUESTIONS = ("plain", "way 1", "way 2")
TRANSLATORS: dict[str, tuple[type[keras.Model], dict[str, float]]] = {
    "plain": (LESSON.Pix2Pix, {}),
    "way_1": (LESSON.WayOne, {}),
    "way_2": (LESSON.WayTwo, {}),
    "way_3": (LESSON.WayThree, {}),
    "label_alone": (LESSON.WayThree, {"q_weight": 0.0}),
    "weight_10": (LESSON.WayThree, {"q_weight": 10.0}),
    "also_from_fakes": (LESSON.LearnsFromFakes, {}),
}


def real_logits(name: str, outputs: tf.Tensor) -> tf.Tensor:
    """Return the logits of real against fake, `(n, 7, 7, 1)`.

    In way 2 the odds are the probabilities of all real classes together over that of *fake*.

    Source: Salimans et al., Improved Techniques for Training GANs, 2016, section 5.
    """
    if name == "plain":
        return outputs
    classes, last = outputs[..., : LESSON.NUM_CLASSES], outputs[..., LESSON.NUM_CLASSES :]
    return last if name == "way 1" else tf.reduce_logsumexp(classes, -1, keepdims=True) - last


def batches(train_set: ImageSet, steps: int, seed: int) -> Batches:
    """Return labeled batches of the lesson's size."""
    facts = {"batch_size": LESSON.BATCH_SIZE, "steps_per_epoch": steps, "seed": seed}
    return Batches(train_set, **facts)


def train(name: str, seed: int, train_set: ImageSet) -> keras.Model:
    """Train one translator, or read the checkpoint of one that is done."""
    kind, options = TRANSLATORS[name]
    model = LESSON.make_translator(kind, EPOCHS * EPOCH_STEPS, seed=seed, **options)
    folder = records.run_folder("study_classes", train_set) / f"{name}-{seed}"
    checkpoint = callbacks.Checkpoint(folder, keep=1)
    source = batches(train_set, EPOCH_STEPS, seed)
    model.fit(source, epochs=EPOCHS, callbacks=[checkpoint], verbose=0)
    print(f"{name}, seed {seed}: {model.seconds:.0f} s", flush=True)
    return model


def fresh_discriminator(
    name: str, generator: keras.Model, train_set: ImageSet, seed: int
) -> keras.Model:
    """Return a new discriminator, trained on the pairs of a fixed generator."""
    keras.utils.set_random_seed(seed)
    reseed(generator, seed)  # each kind of discriminator sees the same fakes
    kind = LESSON.WAYS[name]
    network = LESSON.build_discriminator(outputs=kind.outputs)
    optimizer = keras.optimizers.Adam(LESSON.D_RATE, beta_1=LESSON.BETA_1)
    optimizer.build(network.trainable_variables)

    @tf.function(autograph=False)
    def step(batch: Any) -> None:
        sketches = LESSON.sketch(batch[0])
        pairs = (batch[0], True), (generator(sketches, training=False), False)
        with tf.GradientTape() as tape:
            loss = 0.0
            for items, real in pairs:
                outputs = network(tf.concat([sketches, items], axis=-1), training=True)
                loss += 0.5 * kind.answer_loss(outputs, batch[1], real)
        minimize(optimizer, tape, loss, network.trainable_variables)

    for batch in batches(train_set, FRESH_STEPS, seed).dataset().take(FRESH_STEPS):
        step(batch)
    return network


def gradient_norms(
    name: str, network: keras.Model, pairs: dict[bool, np.ndarray], class_labels: np.ndarray
) -> dict[str, float]:
    """Return the gradient norm of each task's loss in the first convolution, which both share."""
    kernel = network.layers[1].kernel
    with tf.GradientTape(persistent=True) as tape:
        source = answer = 0.0
        for real, images_of_pairs in pairs.items():
            outputs = network(images_of_pairs, training=True)
            logits = real_logits(name, outputs)
            source += 0.5 * tf.reduce_mean(LESSON.yes_no_loss(logits, real))
            answer += 0.5 * LESSON.WAYS[name].answer_loss(outputs, class_labels, real)
        naming = answer - source
    return {
        "source": float(tf.norm(tape.gradient(source, kernel))),
        "naming": float(tf.norm(tape.gradient(naming, kernel))),
    }


def crossed(class_labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of items, and of as many sketches of another class than the item's."""
    places = np.flatnonzero(class_labels[1:] != class_labels[:-1])
    return places + 1, places


def share_named(outputs: np.ndarray, class_labels: np.ndarray) -> float:
    """Return how often the largest class output, averaged over the patches, is the label."""
    means = outputs.reshape(len(outputs), -1, outputs.shape[-1])[..., : LESSON.NUM_CLASSES].mean(1)
    return float(np.mean(means.argmax(axis=1) == class_labels))


def questions(generator: keras.Model, test: ImageSet, train_set: ImageSet, seed: int) -> dict:
    """Return how well new discriminators of one seed tell real from fake, and gradient norms."""
    targets, labels = images.to_float(test.images), test.labels
    sketches = np.asarray(LESSON.sketch(targets))
    fakes = LESSON.translate(generator, sketches, labels)
    pairs = {
        real: np.concatenate([sketches, items], axis=-1)
        for real, items in ((True, targets), (False, fakes))
    }
    found = {}
    for name in QUESTIONS:
        network = fresh_discriminator(name, generator, train_set, seed)
        true, false = (
            real_logits(name, network(pairs[real], training=False)).numpy().mean(axis=(1, 2, 3))
            for real in (True, False)
        )
        norms = gradient_norms(name, network, pairs, labels.astype("int32"))
        found[name.replace(" ", "_")] = {"better": float(np.mean(true > false)), **norms}
    return found


def named_in_pairs(translator: keras.Model, test: ImageSet) -> dict[str, float]:
    """Return the accuracy of an item's class in true pairs and in crossed ones.

    It is that of the discriminator, or in way 3 of the classifier, which never sees a sketch.
    """
    targets = images.to_float(test.images)
    items, others = crossed(test.labels)
    sketches = np.asarray(LESSON.sketch(targets))
    shares = {}
    for kind, places in (("true", items), ("crossed", others)):
        network, inputs = translator.discriminator, (sketches[places], targets[items])
        if translator.with_class:
            network, inputs = translator.classifier, inputs[1:]
        outputs = network(np.concatenate(inputs, axis=-1), training=False).numpy()
        shares[kind] = share_named(outputs, test.labels[items])
    return shares


def means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of each number over rows of one shape."""
    return {
        key: means([row[key] for row in rows])
        if isinstance(value, dict)
        else mean(row[key] for row in rows)
        for key, value in rows[0].items()
    }


def by_class(seen: np.ndarray, test: ImageSet) -> dict[str, Any]:
    """Return the label accuracy by the reference classifier: in all, and class by class."""
    right = seen == test.labels
    shares = {
        name: float(np.mean(right[test.labels == label]))
        for label, name in enumerate(test.class_names)
        if np.any(test.labels == label)
    }
    return {"accuracy": float(np.mean(right)), "per_class": shares}


def examine(translator: keras.Model, test: ImageSet) -> dict[str, Any]:
    """Return a translator's L1 and label accuracy, and the accuracy by its own Q."""
    targets, labels = images.to_float(test.images), test.labels
    fakes = LESSON.translate(translator.generator, np.asarray(LESSON.sketch(targets)), labels)
    row = by_class(lenet.probabilities(fakes, LESSON.CLASSIFIER).argmax(axis=1), test)
    row["l1"] = float(np.abs(fakes - targets).mean() / 2)
    if translator.with_class:
        own = translator.classifier.predict(fakes, verbose=0).argmax(axis=1)
        row["own"] = float(np.mean(own == labels))
    if translator.with_class or translator.outputs > 1:
        row["named"] = named_in_pairs(translator, test.sample(PAIRS))
    return row


def wrong_labels(translator: keras.Model, test: ImageSet, seed: int) -> dict[str, float]:
    """Return how often a translation shows a random wrong label, or else the source's class."""
    targets, labels = images.to_float(test.images), test.labels
    shift = np.random.default_rng(seed).integers(1, LESSON.NUM_CLASSES, len(labels))
    given = (labels + shift) % LESSON.NUM_CLASSES
    fakes = LESSON.translate(translator.generator, np.asarray(LESSON.sketch(targets)), given)
    seen = lenet.probabilities(fakes, LESSON.CLASSIFIER).argmax(axis=1)
    return {"label": float(np.mean(seen == given)), "source": float(np.mean(seen == labels))}


def translators(test: ImageSet, train_set: ImageSet) -> dict[str, Any]:
    """Train every kind with every seed; return the means."""
    rows = []
    for seed in SEEDS:
        models = {name: train(name, seed, train_set) for name in TRANSLATORS}
        row = {name: examine(model, test) for name, model in models.items()}
        row["wrong_labels"] = wrong_labels(models["way_3"], test, seed)
        rows.append(row)
    seen = lenet.probabilities(test.images, LESSON.CLASSIFIER).argmax(axis=1)
    return means(rows) | {"true_items": by_class(seen, test)}


def main() -> None:
    """Run both parts, each with a record of its own."""
    train_set, test_set = (load_images("fashion_mnist", split) for split in ("train", "test"))
    facts = {"data": train_set, "updates": EPOCHS * EPOCH_STEPS}
    generator = train("plain", SEEDS[0], train_set).generator
    found = means([questions(generator, test_set.sample(PAIRS), train_set, s) for s in SEEDS])
    found |= {"fresh_updates": FRESH_STEPS, "seeds": len(SEEDS), "pairs": PAIRS}
    print(found, flush=True)
    records.record("study_questions", found, **facts)
    found = translators(test_set.sample(SAMPLES), train_set) | {"seeds": len(SEEDS)}
    records.record("study_translators", found, **facts)


if __name__ == "__main__":
    main()
