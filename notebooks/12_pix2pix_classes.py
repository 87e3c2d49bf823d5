# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Pix2Pix with classes: say what the sketch shows

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/12_pix2pix_classes.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Turn sketches of clothes into images of
# clothes: without the class, and in three ways that use it. Then give it a sketch of your own.
#
# **Time and size.** 7 minutes to read; half a minute of training on two CPU cores; a download of
# 31 MB (Fashion-MNIST).
#
# **What you will learn**
#
# - two ways to *ask the discriminator* for the class, one way to *tell the generator*;
# - a training step with three players, one of which must not learn from fakes.
#
# **What you need.** The lessons on Pix2Pix and on AC-GAN.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package; elsewhere it only checks that it is there.

# %% tags=["hide-cell"]
import importlib.util
import subprocess
import sys

REPOSITORY = "https://github.com/gan-workbook/gan-workbook"

if "google.colab" in sys.modules and importlib.util.find_spec("gan_utils") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{REPOSITORY}"], check=True)
if importlib.util.find_spec("gan_utils") is None:
    raise ModuleNotFoundError(f"gan_utils is missing: pip install git+{REPOSITORY}")

# %% [markdown]
# Imports and versions.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers, ops

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, plots, precision, profile, records
from gan_utils.data.batches import check_labels
from gan_utils.gan import minimize
from gan_utils.layers import AlwaysDropout, halvings, reseed

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# The same for all runs. An "epoch" here is a part of a pass over the data.

# %%
LESSON = "12_pix2pix_classes"
SEED = profile.seed(12)
NUM_CLASSES = 10
CLASSIFIER = "fashion_mnist"
FILTERS = profile.samples(full=32, quick=24, smoke=4)
L1_WEIGHT = 100.0
Q_WEIGHT = 1.0
D_RATE = 2e-4
G_RATE = 1e-3
Q_RATE = 1e-3
BETA_1 = 0.5
BATCH_SIZE = profile.samples(full=16, quick=16, smoke=4)
STEPS_PER_EPOCH = profile.steps(full=350, quick=80, smoke=1)
EPOCHS = profile.epochs(full=10, quick=5, smoke=1)
EAGER = profile.name == "smoke"  # a graph would take longer than the few updates of a test

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# A sketch does not say everything: pullover, coat and shirt can have the same outline. Pix2Pix
# (Isola et al., 2017) learns from pairs of a source $x$, here a sketch, and a target $y$, here the
# item, with an adversarial and an L1 term. Where the sketch leaves a choice, L1 asks for something
# in between. If the class $c$ of each pair is known, it can narrow the choice:
#
# - **Way 1: the discriminator names the class, too.** One output for real or fake, $N$ more for the
#   classes; each is a yes-or-no question with a binary cross-entropy.
# - **Way 2: *fake* is one more class**, as in the SGAN lesson. The discriminator chooses among
#   $N + 1$ classes with one softmax: a real pair's class, or *fake*.
# - **Way 3: a separate classifier** $Q$ names the class of an item. It never sees a sketch, and it
#   learns from real targets only: $L_Q = -\log Q(c \mid y)$.
#
# In ways 1 and 2 the generator sees the sketch alone; it wants the answer that a real pair of this
# class should get. In way 3 it *gets* the class, and has a third term:
#
# $$
# L_3(G) = -\log D(x, G(x, c)) + \lambda\,\lVert y - G(x, c) \rVert_1 - w \log Q(c \mid G(x, c)).
# $$
#
# In the code, $x$, $y$ and $c$ are `sources`, `targets` and `class_labels`, $G(x)$ is
# `fake_images`, $-\log D$ is `answer_loss`, $Q$ is `classifier`.

# %% [markdown]
# ## The data
#
# Fashion-MNIST. Sketches are made by two steps of Canny's edge detector (1986): a line is
# where the brightness changes by more than `edge`, and faster than on either side. Lines are 1,
# paper is -1; figures are shown reversed.


# %%
def sketch(items, edge=0.5):
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    padded = ops.pad(items, border, constant_values=-1.0)
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = ops.sqrt(across**2 + down**2)
    around = ops.pad(strength, border)
    crest = ops.where(
        ops.abs(across) >= ops.abs(down),
        (strength > around[:, 1:-1, :-2]) & (strength >= around[:, 1:-1, 2:]),
        (strength > around[:, :-2, 1:-1]) & (strength >= around[:, 2:, 1:-1]),
    )
    return ops.where(crest & (strength > edge), 1.0, -1.0)


# %% [markdown]
# Scores use test images evenly spaced over the set; figures show the first of each class.

# %%
train_set = gan_utils.load_images("fashion_mnist")
test_set = gan_utils.load_images("fashion_mnist", split="test")
RUN = records.run_folder(LESSON, train_set)
print(train_set)
print(*(f"{number}: {name}" for number, name in enumerate(train_set.class_names)), sep="\n")
SAMPLES = profile.samples(full=10_000, quick=2_000, smoke=100, available=len(test_set))
measured = test_set.sample(SAMPLES)
targets, class_labels = images.to_float(measured.images), measured.labels
sources = np.asarray(sketch(targets))
few_labels, chosen = np.unique(test_set.labels, return_index=True)
few_items = images.to_float(test_set.images[chosen])
few_sketches = np.asarray(sketch(few_items))

# %% [markdown]
# ## What the recorded run reached
#
# Dropout is the noise of these generators and stays on; its seed is set before each use.


# %%
def translate(generator, sources, class_labels):
    class_labels = check_labels(class_labels, len(sources), NUM_CLASSES)[:, None].astype("int32")
    reseed(generator, SEED)

    def draw(part):
        inputs = [sources[part], class_labels[part]]
        return generator(inputs if len(generator.inputs) > 1 else inputs[0], training=False)

    parts = [slice(start, start + 250) for start in range(0, len(sources), 250)]
    return np.concatenate([np.asarray(draw(part)) for part in parts])


def show_rows(rows, title):
    rows = {"sketch": few_sketches, **rows, "item": few_items}
    shown = -np.concatenate(list(rows.values()))
    titles = [*map(str, few_labels)] + [""] * (len(shown) - len(few_labels))
    texts = {"row_labels": list(rows), "titles": titles, "title": title}
    plots.show_images(shown, columns=len(few_labels), **texts)
    plt.show()


trained, message = gan_utils.weights.try_generator("sketch_to_item")
print(message)
rows = {"translation": translate(trained, few_sketches, few_labels)} if trained else {}
show_rows(rows, "Recorded full run\n")

# %% [markdown]
# Cover the items, and try to tell the sketches of pullover, coat and shirt (2, 4, 6) apart: that is
# the room a class can fill. Now the scores. **L1** is the mean absolute difference from the true
# item, as a share of the range from black to white. **Class accuracy** is the share of translations
# that a *reference classifier*, a LeNet that takes no part in training, puts into the right class.


# %%
def print_results(count, results, true_items):
    print(f"{f'{count:,} updates each':<18}{'L1':>8}{'class accuracy':>17}")
    for name, row in [*results.items(), ("true items", true_items)]:
        print(f"{name:<18}{row['l1']:>8.4f}{row['accuracy']:>17.1%}")


run = records.recorded(LESSON, "full")
if run:
    reached = run["metrics"]
    print(records.origin(run))
    print_results(reached["updates"], reached["results"], reached["marks"]["true items"])

# %% [markdown]
# The class accuracy of way 3 is that of true items. L1 hardly notices: what makes a coat a coat, a
# zip or a row of buttons, is a few pixels. In this one run ways 1 and 2 have a lower class accuracy
# than plain Pix2Pix. A possible reason: discriminators that must also name classes are worse at
# telling real from fake ([study](../book/studies/class-questions.md)).
#
# ## The networks
#
# A small U-Net: down to a single position and up again, with skip connections. In way 3 an
# embedding of the class is concatenated at the single position. Normalization is per image, so that
# no translation depends on the rest of its batch.


# %%
def sizes(kernel):
    shape = {"strides": 2, "padding": "same"} if kernel == 4 else {}
    return shape | {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}


def down(filters, features, kernel=4, normalize=True):
    features = layers.Conv2D(filters, kernel, **sizes(kernel))(features)
    if normalize:
        features = layers.GroupNormalization(groups=-1)(features)
    return layers.LeakyReLU(negative_slope=0.2)(features)


def up(filters, features, skipped, kernel=4, dropout=None):
    features = layers.Conv2DTranspose(filters, kernel, **sizes(kernel))(features)
    features = layers.GroupNormalization(groups=-1)(features)
    if dropout:
        features = AlwaysDropout(dropout)(features)
    return layers.ReLU()(layers.Concatenate()([features, skipped]))


# %% [markdown]
# Sides must be divisible by 4:


# %%
def build_generator(filters=FILTERS, with_class=False, size=28):
    (height, width), _ = halvings(size, least=2)
    sources = layers.Input((height, width, 1), name="sources")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    half = down(filters, sources, normalize=False)  # 14 x 14
    quarter = down(2 * filters, half)  # 7 x 7
    whole = height // 4, width // 4
    single = down(4 * filters, quarter, kernel=whole, normalize=False)  # 1 x 1
    if with_class:
        start = keras.initializers.RandomNormal(stddev=1.0)
        row = layers.Embedding(NUM_CLASSES, 4 * filters, embeddings_initializer=start)
        row = layers.Reshape((1, 1, 4 * filters))(row(class_labels))
        single = layers.Concatenate()([single, row])
    features = up(2 * filters, single, quarter, kernel=whole, dropout=0.5)
    features = up(2 * filters, features, half)
    features = up(filters, features, sources)
    last = layers.Conv2D(1, 3, activation="tanh", **sizes(3) | {"padding": "same"})
    inputs = [sources, class_labels] if with_class else sources
    return keras.Model(inputs, last(features), name="generator")


# %% [markdown]
# The discriminator is a PatchGAN on sketch and item, concatenated. Ways 1 and 2 give its last layer
# more channels. The classifier sees an item alone.


# %%
def build_discriminator(filters=FILTERS, outputs=1, size=28):
    size, _ = halvings(size, least=2)
    pairs = layers.Input((*size, 2), name="pairs")
    features = down(2 * filters, down(filters, pairs, normalize=False))
    last = layers.Conv2D(outputs, 4, **sizes(4) | {"strides": 1})
    return keras.Model(pairs, last(features), name="discriminator")


def build_classifier(filters=FILTERS, size=28):
    size, _ = halvings(size, least=2)
    items = layers.Input((*size, 1), name="images")
    features = down(2 * filters, down(filters, items, normalize=False), normalize=False)
    features = layers.Dropout(0.4)(layers.Flatten()(features))
    return keras.Model(items, layers.Dense(NUM_CLASSES)(features), name="classifier")


# %% [markdown]
# Parameters with 32 filters in the first layers:

# %%
networks = {
    "generator, sketch alone": build_generator(32),
    "generator, sketch and class": build_generator(32, with_class=True),
    "discriminator, 1 output": build_discriminator(32),
    "discriminator, 11 outputs": build_discriminator(32, NUM_CLASSES + 1),
    "classifier": build_classifier(32),
}
counts = {name: network.count_params() for name, network in networks.items()}
print("\n".join(f"{name:<28}{count:>10,}" for name, count in counts.items()))
assert [*counts.values()] == [1_017_450, 1_420_138, 35_041, 45_291, 64_746]

# %% [markdown]
# ## One training step
#
# Who sees what? A batch holds items and labels; the sketches are made on the way.


# %%
class Translator(GAN):
    with_class = False

    def __init__(self, *networks, seed=SEED):
        super().__init__(*networks, latent_dim=1, ema_decay=None, seed=seed)

    def generator_inputs(self, batch, seed, count=None):
        shape = (count, *self.generator.inputs[0].shape[1:])
        return tf.zeros(shape) if batch is None else sketch(batch[0])

    def real_inputs(self, batch):
        return tf.concat([sketch(batch[0]), batch[0]], axis=-1)

    def fake_inputs(self, fake_images, inputs):
        return tf.concat([keras.tree.flatten(inputs)[0], fake_images], axis=-1)


# %% [markdown]
# The discriminator wants the answer *real* for real pairs and *fake* for fake ones (halved, as in
# the paper), the generator wants the answer *real* for its fakes.


# %%
def yes_no_loss(logits, answers):
    answers = tf.broadcast_to(tf.cast(answers, tf.float32), tf.shape(logits))
    return tf.nn.sigmoid_cross_entropy_with_logits(answers, logits)


class Pix2Pix(Translator):
    outputs = 1

    @staticmethod
    def answer_loss(outputs, class_labels, real):
        return tf.reduce_mean(yes_no_loss(outputs, real))

    def discriminator_objective(self, batch, inputs, fake_images):
        loss = 0.0
        pairs = self.real_inputs(batch), self.fake_inputs(fake_images, inputs)
        for pair, real in zip(pairs, (True, False), strict=True):
            outputs = self.discriminator(pair, training=True)
            loss += 0.5 * self.answer_loss(outputs, batch[1], real)
        return loss, {"d_loss": loss}

    def generator_objective(self, batch, inputs, fake_images):
        outputs = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        l1 = tf.reduce_mean(tf.abs(batch[0] - fake_images))
        loss = self.answer_loss(outputs, batch[1], True) + L1_WEIGHT * l1
        return loss, {"g_loss": loss, "l1": l1 / 2}  # of a range of 1


# %% [markdown]
# Ways 1 and 2 change what an answer costs, and nothing else: eleven questions that are added up, or
# one choice among eleven.


# %%
def class_loss(logits, class_labels):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(class_labels, logits)


class WayOne(Pix2Pix):
    outputs = NUM_CLASSES + 1

    @staticmethod
    def answer_loss(outputs, class_labels, real):
        named = tf.one_hot(class_labels, NUM_CLASSES)[:, None, None]
        naming = tf.reduce_sum(yes_no_loss(outputs[..., :NUM_CLASSES], named), axis=-1)
        source = yes_no_loss(outputs[..., NUM_CLASSES:], real)
        return tf.reduce_mean(naming) + tf.reduce_mean(source)


class WayTwo(Pix2Pix):
    outputs = NUM_CLASSES + 1

    @staticmethod
    def answer_loss(outputs, class_labels, real):
        answers = class_labels if real else tf.fill(tf.shape(class_labels), NUM_CLASSES)
        answers = tf.broadcast_to(answers[:, None, None], tf.shape(outputs)[:3])
        return tf.reduce_mean(class_loss(outputs, answers))


# %% [markdown]
# Way 3 has a third player, whose optimizer must scale the loss in float16, as `GAN.compile` lets
# the other two do.


# %%
class WithClassifier(Pix2Pix):
    with_class = True

    def __init__(self, generator, discriminator, classifier, *, q_weight=Q_WEIGHT, seed=SEED):
        super().__init__(generator, discriminator, seed=seed)
        self.classifier = classifier
        self.q_weight = q_weight

    def compile(self, q_optimizer, **options):
        super().compile(**options)
        self.q_optimizer = precision.scaled(q_optimizer, self.classifier)
        self.q_optimizer.build(self.classifier.trainable_variables)
        self.q_state = self.q_optimizer.variables  # the model's own: checkpoints keep it

    def generator_inputs(self, batch, seed, count=None):
        class_labels = tf.zeros((count,), tf.int32) if batch is None else batch[1]
        return [super().generator_inputs(batch, seed, count), class_labels[:, None]]


# %% [markdown]
# The order is $D$, $Q$, $G$. In $G$'s update the classifier only measures: `training=False`, and
# `minimize` moves the generator's weights alone.


# %%
class WayThree(WithClassifier):
    def train_step(self, batch):
        inputs = self.draw_inputs(batch)
        with tf.GradientTape() as tape:
            fake_images = self.generator(inputs, training=True)
        logs = self.update_discriminator(batch, inputs, fake_images)
        logs |= self.update_classifier(batch, fake_images)
        return logs | self.update_generator(batch, inputs, fake_images, tape)

    def classifier_objective(self, batch, fake_images):
        logits = self.classifier(batch[0], training=True)  # of real targets only
        loss = tf.reduce_mean(class_loss(logits, batch[1]))
        return loss, {"q_loss": loss}

    def update_classifier(self, batch, fake_images):
        with tf.GradientTape() as tape:
            loss, logs = self.classifier_objective(batch, fake_images)
        minimize(self.q_optimizer, tape, loss, self.classifier.trainable_variables)
        return logs

    def generator_objective(self, batch, inputs, fake_images):
        loss, logs = super().generator_objective(batch, inputs, fake_images)
        logits = self.classifier(fake_images, training=False)
        q_fake = tf.reduce_mean(class_loss(logits, batch[1]))
        loss += self.q_weight * q_fake
        return loss, logs | {"g_loss": loss, "q_fake": q_fake}


# %% [markdown]
# A model ready to train; the learning rates of $G$ and $D$ decay linearly.

# %%
WAYS = {"plain": Pix2Pix, "way 1": WayOne, "way 2": WayTwo, "way 3": WayThree}


def make_translator(kind, steps, filters=FILTERS, seed=SEED, **options):
    decay = keras.optimizers.schedules.PolynomialDecay
    keras.utils.set_random_seed(seed)
    generator = build_generator(filters, kind.with_class)
    networks = [generator, build_discriminator(filters, kind.outputs)]
    rates = {"d_optimizer": decay(D_RATE, steps, D_RATE / 20)}
    rates["g_optimizer"] = decay(G_RATE, steps, G_RATE / 20)
    if kind.with_class:
        networks.append(build_classifier(filters))
        rates["q_optimizer"] = Q_RATE
    optimizers = {name: keras.optimizers.Adam(rate, BETA_1) for name, rate in rates.items()}
    translator = kind(*networks, seed=seed, **options)
    translator.compile(run_eagerly=EAGER, **optimizers)
    return translator


# %% [markdown]
# Who moved? The largest change of any weight, around each update of one step:

# %%
trial = make_translator(WayThree, 100, filters=8)
networks = trial.discriminator, trial.classifier, trial.generator
parts = {network.name: network.trainable_weights for network in networks}
one_batch = tf.constant(targets[:4]), tf.constant(class_labels[:4], tf.int32)
moves = gan_utils.who_moved(trial, one_batch, parts)
print(moves)
assert [update for update, _ in moves.movers] == list(parts)
assert all({*moved} <= {update} for update, moved in moves.movers)  # float16 may skip a first step

# %% [markdown]
# ## Training
#
# A `quick` run trains plain Pix2Pix and way 3, a `full` run all four; an interrupted run resumes
# from its checkpoint.


# %%
def train(name, kind, watchers=()):
    translator = make_translator(kind, EPOCHS * STEPS_PER_EPOCH)
    folder = RUN / name.replace(" ", "_")
    checkpoint = callbacks.Checkpoint(folder, every=max(1, EPOCHS // 4), keep=1)
    facts = {"batch_size": BATCH_SIZE, "steps_per_epoch": STEPS_PER_EPOCH, "seed": SEED}
    batches = gan_utils.Batches(train_set, **facts)
    watchers = [*watchers, checkpoint, callbacks.TerminateOnNaN()]
    translator.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=0)
    return translator


few = [tf.constant(few_sketches), tf.constant(few_labels[:, None], tf.int32)]
grid = callbacks.SampleGrid(few, columns=len(chosen), folder=RUN / "grids")
history = callbacks.StepHistory(RUN / "steps.csv")
short = records.measured(LESSON, "results") is not None
translators = {
    name: train(name, WAYS[name], [grid, history] if name == "way 3" else ())
    for name in (("plain", "way 3") if short else WAYS)
}
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * BATCH_SIZE
print(
    f"{updates:,} updates each, {seen:,} images, {seen / len(train_set):.1f} passes over the data"
)

# %% [markdown]
# Way 3 as it learns (lines white, as for the networks). Skip connections bring the outline along at
# once; what lies between the lines takes time.

# %%
animation = grid.save_gif(RUN / "way_3.gif")
display(Image(filename=animation, alt="Clothes forming inside of sketches"))
groups = {"L1": ["l1"], "Q's loss: true items, translations": ["q_loss", "q_fake"]}
plots.plot_history(history.history, groups, title="Way 3")
plt.show()

# %% [markdown]
# ## Results
#
# $Q$ soon names translations more easily than true items (seen with dropout). Compare the tables:


# %%
def measure(fake_images):
    return {
        "l1": float(np.abs(fake_images - targets).mean() / 2),
        "accuracy": float(lenet.accuracy(fake_images, class_labels, CLASSIFIER)),
    }


results, rows = {}, {}
for name, translator in translators.items():
    fake_images = translate(translator.generator, sources, class_labels)
    results[name] = measure(fake_images) | {"seconds": translator.seconds}
    rows[name] = translate(translator.generator, few_sketches, few_labels)
marks = {"true items": measure(targets)}
print_results(updates, results, marks["true items"])
show_rows(rows, "This run\n")

# %% [markdown]
# All have to guess whether an item was light or dark. In the recorded full run the class helps most
# for pullover, coat and shirt, with their similar outlines (study).
#
# ## Use it
#
# Five sketches, ten labels, drawn by the recorded translator where there is one:

# %%
best = trained or translators["way 3"].generator
some = few_sketches[::2]
given = np.tile(np.arange(NUM_CLASSES), len(some))
relabeled = translate(best, np.repeat(some, NUM_CLASSES, axis=0), given)
rows = np.concatenate([some[:, None], relabeled.reshape(-1, NUM_CLASSES, 28, 28, 1)], axis=1)
titles = ["", *map(str, range(NUM_CLASSES))] + [""] * (len(some) - 1) * (NUM_CLASSES + 1)
plots.show_images(-rows.reshape(-1, 28, 28, 1), columns=NUM_CLASSES + 1, titles=titles)
plt.show()

# %% [markdown]
# The lines stay and decide most; the label changes what is between them. Now a fresh process,
# without this lesson's code:

# %%
generator_file, generator = RUN / "sketch_to_item.keras", translators["way 3"].generator
generator.save(generator_file)
drawn = gan_utils.call_in_fresh_process(generator_file, *(p.numpy() for p in few), seed=SEED)
here = translate(generator, few_sketches, few_labels)
print(f"largest difference to this process: {np.abs(drawn - here).max():.1e}")

# %% [markdown]
# From a terminal, `gan-utils translate sketch_to_item drawing.png item.png --label 7` translates
# your drawing, labeled a sneaker: 28 by 28 pixels, white lines on black ground, one pixel wide.
#
# ## What goes wrong: a classifier that learns from fakes
#
# Each step also has a batch of fakes with known labels. But a $Q$ that learns from them is told
# that *whatever* $G$ draws for a label is right:


# %%
class LearnsFromFakes(WayThree):
    def classifier_objective(self, batch, fake_images):
        loss, logs = super().classifier_objective(batch, fake_images)
        logits = self.classifier(fake_images, training=True)
        loss += tf.reduce_mean(class_loss(logits, batch[1]))
        return loss, logs | {"q_loss": loss}


# %% [markdown]
# The label accuracy of a run's translations, as its *own* $Q$ and the reference classifier see it.
# Recorded:

# %%
study = records.recorded("study_translators", "full")
print(f"{'Q learns from':<15}{'own Q':>8}{'reference':>11}")
for title, key in {"real items": "way_3", "fakes, too": "also_from_fakes"}.items() if study else ():
    row = study["metrics"][key]
    print(f"{title:<15}{row['own']:>8.1%}{row['accuracy']:>11.1%}")

# %% [markdown]
# A $Q$ that learned from fakes sees a higher label accuracy than the reference classifier confirms.
# The L1 term keeps the damage small here, since it holds each translation to its true item.
# The fix is the first row.
#
# ## Exercises
#
# **1. ★ Blind on purpose.** *Predict first:* $Q$ never sees a sketch. What could a classifier of
# *pairs* do without looking at the item?
#
# <details><summary>Solution</summary>
#
# Read the class off the sketch, whatever $G$ draws; then $G$ learns little from its answer.
#
# </details>
#
# **2. ★★ The other direction.** *Predict first:* from item to sketch, how much can a class help?
#
# <details><summary>Solution</summary>
#
# Not at all: the sketch is computed from the item. A class helps as far as the target is uncertain
# given the source.
#
# </details>
#
# **3. ★★ The label alone.** *Predict first:* with $w = 0$, is class accuracy that of plain Pix2Pix,
# that of way 3, or between them?
#
# <details><summary>Solution</summary>
#
# Between them: the L1 term teaches which kind of item to be near, $Q$ the rest. A larger $w$ buys
# class accuracy and costs L1 (the study has the numbers): a clear coat need not be *this* coat.
#
# </details>
#
# **4. ★★★ Something in between (pencil and paper).** *Predict first:* a pixel is 1 in six of ten
# items with the same sketch, and -1 in four. Which value has the least expected L1? Derive it for
# any distribution. When does knowing $c$ make the least expected L1 smaller?
#
# <details><summary>Solution</summary>
#
# With $F$ the distribution function of $y$ given $x$, where it does not jump,
#
# $$
# \frac{d}{dg}\,\mathbb{E}\,|y - g| = P(y < g) - P(y > g) = 2 F(g) - 1,
# $$
#
# so the best $g$ is a *median*: here 1, not the mean 0.2. Knowing $c$ cannot hurt, since a
# generator may ignore it, and it helps if no median given $x$ is one for all classes. In the tables
# above L1 hardly changes: the medians are close.
#
# </details>
#
# ## Summary
#
# - Where a source leaves a choice, L1 asks for the median; a class narrows the choice.
# - Ways 1 and 2 ask the discriminator for the class; way 3 tells the generator, and asks a
#   classifier that sees the item alone and learns from real items only.
# - A network that took no part in the training measures class accuracy.
#
# ## References
#
# - P. Isola, J. Zhu, T. Zhou, A. Efros, *Image-to-Image Translation with Conditional Adversarial
#   Networks*, CVPR 2017. <https://arxiv.org/abs/1611.07004>
# - A. Odena, C. Olah, J. Shlens, *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML
#   2017. <https://arxiv.org/abs/1610.09585>
# - J. Canny, *A Computational Approach to Edge Detection*, IEEE PAMI 1986.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#   Learning Algorithms*, 2017. <https://arxiv.org/abs/1708.07747>

# %% tags=["remove-cell"]
found = {"updates": updates, "samples": SAMPLES, "marks": marks, "results": results}
rates = {"g_rate": G_RATE, "d_rate": D_RATE, "q_rate": Q_RATE, "l1_weight": L1_WEIGHT}
rates |= {"batch_size": BATCH_SIZE, "filters": FILTERS}
seconds = sum(row["seconds"] for row in results.values())
records.record(LESSON, found, seconds=seconds, data=train_set, seed=SEED, settings=rates)
assert all(np.isfinite(values).all() for values in history.history.values())
assert len(history.history["step"]) == updates
assert len(grid.frames) == EPOCHS + 1
assert np.abs(drawn - here).max() < 1e-3
