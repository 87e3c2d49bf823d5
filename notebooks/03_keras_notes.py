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
# # Keras notes for GAN builders

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/03_keras_notes.ipynb)

# %% [markdown]
# **What you will do.** Seven short experiments with Keras, each of which ends in a small
# table. Each is about something that goes wrong silently in GAN code: no crash, only images that
# never get better.
#
# **What you will learn**
#
# - why the training loop of older tutorials leaves the discriminator untrained in Keras 3;
# - what `trainable = False` does to batch normalization;
# - what the warning about missing gradients means, three ways to get it, and their fixes;
# - what vanishing gradients look like, for which there is no warning;
# - how a label becomes an image;
# - which layers get `training=`, and which do not;
# - what `predict` costs in a loop.
#
# **Time and size.** 15 minutes to read; all experiments together take about a minute on two CPU
# cores; no download.
#
# **What you need.** Python and the basics of Keras layers.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's helper package and leaves Colab's TensorFlow and NumPy as
# they are. Anywhere else it only checks that the package is there.

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
# Everything the lesson uses, and the versions that made this page.

# %%
import tempfile
import time
import warnings
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops

import gan_utils
from gan_utils import images, plots, profile, records
from gan_utils.gan import keep_statistics, minimize

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# The networks here are tiny, on purpose: every experiment takes seconds, and what it shows does
# not depend on size. `REAL` and `LATENTS` stand for a batch of real data and a batch of noise.

# %%
SEED = profile.seed(3)
RATE = 1e-3
BATCH_SIZE = 16
LATENT_DIM = 4
DEPTH = 8
TIMED_CALLS = profile.steps(full=100, quick=30, smoke=5)
RNG = np.random.default_rng(SEED)
REAL = RNG.normal(size=(BATCH_SIZE, 2)).astype("float32")
LATENTS = RNG.normal(size=(BATCH_SIZE, LATENT_DIM)).astype("float32")
CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)

tf.get_logger().setLevel("ERROR")  # a new tiny model is traced in each experiment, on purpose

# %% [markdown]
# Two helpers. The first catches the warnings of an action instead of letting them scroll by, the
# second prints a table.


# %%
def caught(action):
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        result = action()
    texts = [str(m.message).splitlines()[0] for m in messages if m.category is UserWarning]
    return result, list(dict.fromkeys(texts))


def print_table(header, rows):
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())


# %% [markdown]
# ## 1. The discriminator that never trains
#
# Nearly every GAN tutorial of the Keras 2 years has this loop:
#
# 1. compile the discriminator;
# 2. set `discriminator.trainable = False`;
# 3. compile a stacked model, generator and then discriminator, for the generator's update;
# 4. call `train_on_batch` on the two compiled models in turns.
#
# It relied on a detail: Keras 2 read the flag when a model was *compiled*, and so the first model
# kept its trainable weights. Keras 3 reads the flag when the training function is *traced*, that
# is, at the first call of `train_on_batch`, and again at the first batch of another shape. By
# then the flag says `False`.
#
# The players of the experiment, and a way to see who moves:


# %%
def build_players():
    keras.utils.set_random_seed(SEED)
    generator = keras.Sequential(
        [layers.Input((LATENT_DIM,)), layers.Dense(16, "relu"), layers.Dense(2)], name="generator"
    )
    discriminator = keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )
    return generator, discriminator


def values_of(network, kind):
    return {w.path: w.numpy() for w in network.weights if w.path.split("/")[-1] in kind}


# %% [markdown]
# We look at three kinds of weights: `kernel` (what a dense layer learns), `gamma` (what batch
# normalization learns) and, in the next section, the moving statistics. `largest_change` runs an
# update and returns how far the weights of one kind moved, at most.

# %%
KERNELS = ("kernel",)
GAMMAS = ("gamma", "beta")
STATISTICS = ("moving_mean", "moving_variance")


def largest_change(update, watched):
    before = [values_of(network, kind) for network, kind in watched]
    _, texts = caught(update)
    changes = []
    for (network, kind), old in zip(watched, before, strict=True):
        new = values_of(network, kind)
        changes.append(max(float(np.abs(new[path] - old[path]).max()) for path in old))
    return changes, texts


# %% [markdown]
# The classic loop. It takes the way of freezing as an argument, and whether the discriminator
# makes one step *before* it is frozen. It returns the players and one function for each update.


# %%
def classic_loop(freeze, *, step_first=False):
    generator, discriminator = build_players()
    discriminator.compile(keras.optimizers.Adam(RATE), CROSS_ENTROPY)
    if step_first:
        discriminator.train_on_batch(REAL, np.ones((BATCH_SIZE, 1)))
    freeze(discriminator)
    stacked = keras.Sequential([generator, discriminator])
    stacked.compile(keras.optimizers.Adam(RATE), CROSS_ENTROPY)

    def update_discriminator(count):
        discriminator.train_on_batch(REAL[:count], np.ones((count, 1)))

    def update_generator(count):
        stacked.train_on_batch(LATENTS[:count], np.ones((count, 1)))

    return (generator, discriminator), (update_discriminator, update_generator)


def freeze_model(discriminator):
    discriminator.trainable = False


def freeze_layers_but_normalization(discriminator):
    for layer in discriminator.layers:
        layer.trainable = isinstance(layer, layers.BatchNormalization)


# %% [markdown]
# And the way of this book: no flag at all. Each update takes the gradient of its own loss with
# respect to its own variables.


# %%
def explicit_updates():
    generator, discriminator = build_players()
    d_optimizer, g_optimizer = keras.optimizers.Adam(RATE), keras.optimizers.Adam(RATE)

    def update_discriminator(count):
        with tf.GradientTape() as tape:
            logits = discriminator(REAL[:count], training=True)
            loss = CROSS_ENTROPY(tf.ones_like(logits), logits)
        gradients = tape.gradient(loss, discriminator.trainable_variables)
        d_optimizer.apply_gradients(zip(gradients, discriminator.trainable_variables, strict=True))

    def update_generator(count):
        with tf.GradientTape() as tape:
            fakes = generator(LATENTS[:count], training=True)
            logits = discriminator(fakes, training=True)
            loss = CROSS_ENTROPY(tf.ones_like(logits), logits)
        gradients = tape.gradient(loss, generator.trainable_variables)
        g_optimizer.apply_gradients(zip(gradients, generator.trainable_variables, strict=True))

    return (generator, discriminator), (update_discriminator, update_generator)


# %% [markdown]
# Now all four, each asked for one update of each player, at the usual batch size and then at
# half of it.


# %%
def who_moved(players, updates, count):
    generator, discriminator = players
    watched = [(generator, KERNELS), (discriminator, KERNELS), (discriminator, GAMMAS)]
    by_d, d_texts = largest_change(lambda: updates[0](count), watched)
    by_g, g_texts = largest_change(lambda: updates[1](count), watched)
    return {
        "D's update: D": by_d[1],
        "D's gamma": by_d[2],
        "G": by_d[0],
        "G's update: G": by_g[0],
        "D": by_g[1],
        "D's gamma ": by_g[2],
        "warned": bool(d_texts + g_texts),
    }


# %% [markdown]
# All ways, two batch sizes each:


# %%
def four_ways():
    ways = {
        "model frozen after compile": classic_loop(freeze_model),
        "layers frozen, all but BN": classic_loop(freeze_layers_but_normalization),
        "one step, then model frozen": classic_loop(freeze_model, step_first=True),
        "two explicit updates": explicit_updates(),
    }
    found = {}
    for way, (players, updates) in ways.items():
        for count in (BATCH_SIZE, BATCH_SIZE // 2):
            found[way, count] = who_moved(players, updates, count)
    return found


# %% [markdown]
# The columns on the left belong to the discriminator's update, those on the right to the
# generator's. A cell shows whether these weights moved.

# %%
moves = four_ways()
header = ["way", "batch", *next(iter(moves.values()))]
rows = []
for (way, count), changes in moves.items():
    marks = ["yes" if change else "-" for change in changes.values()]
    rows.append([way, count, *marks])
print_table(header, rows)

# %% [markdown]
# Read the column "D's update: D", the one that should say yes in each row:
#
# - **Frozen after compile**: the discriminator never moves. There is a warning, easily
#   missed among everything else that a notebook prints.
# - **Layers frozen, all but batch normalization**: the kernels do not move either, and since some
#   weights do, there is *no warning*. On top of that, the generator's update moves the
#   discriminator's gamma, in the generator's favor.
# - **One step first**: seems fixed, because the function was traced while the flag still said
#   `True`. Another batch size, the last batch of an epoch for instance, traces it again, and from
#   there on the discriminator stands still at that size.
# - **Two explicit updates**: each moves its own player only, whatever the batch.
#
# G's loss falls in such a run, which looks like success: the generator learns to please a
# discriminator that never looked at a real image. D's loss rises (lesson 15).

# %% [markdown]
# ## 2. Batch normalization under `trainable = False`
#
# For most layers the flag says whether weights get updates. `BatchNormalization` is special: a
# frozen one runs in **inference mode**, whatever `training=` says. It normalizes with its moving
# statistics and leaves them alone. We feed a fresh layer, whose moving mean is 0, with data whose
# mean is far from it.


# %%
def batch_norm_modes():
    inputs = REAL + 5
    found = {}
    for trainable in (True, False):
        for training in (True, False):
            layer = layers.BatchNormalization()
            layer.build((None, 2))
            layer.trainable = trainable
            outputs = layer(inputs, training=training)
            found[trainable, training] = {
                "output mean": float(ops.mean(outputs)),
                "moving mean moved": bool(np.abs(layer.moving_mean.numpy()).max() > 0),
                "trainable weights": len(layer.trainable_weights),
            }
    return found


# %% [markdown]
# Four combinations. An output mean near 0 says that the layer used the statistics of the batch.

# %%
modes = batch_norm_modes()
header = ["trainable", "training", *next(iter(modes.values()))]
print_table(
    header,
    [
        [*flags, f"{row['output mean']:.2f}", row["moving mean moved"], row["trainable weights"]]
        for flags, row in modes.items()
    ],
)

# %% [markdown]
# Only the first row normalizes with the batch. The third one, frozen but called with
# `training=True`, behaves like inference: that is how fine-tuning wants it, and how a classic GAN
# loop scores fakes by other rules than the reals.
#
# The opposite question: with explicit updates nothing is frozen, and the discriminator runs with
# `training=True` during the *generator's* update. Its weights stay, as we saw. Its moving
# statistics? `gan_utils` puts them back after the generator's update (`keep_statistics`).


# %%
def statistics_in_the_generator_update():
    found = {}
    for name in ("plain", "keep_statistics"):
        (generator, discriminator), (_, update_generator) = explicit_updates()

        def update(kept=name == "keep_statistics", of=discriminator, run=update_generator):
            if not kept:
                run(BATCH_SIZE)
                return
            with keep_statistics(of):
                run(BATCH_SIZE)

        watched = [(generator, KERNELS), (discriminator, GAMMAS), (discriminator, STATISTICS)]
        found[name] = largest_change(update, watched)[0]
    return found


# %% [markdown]
# The largest change of each, in one update of the generator:

# %%
leaks = statistics_in_the_generator_update()
header = ["update", "G's kernels", "D's gamma", "D's moving statistics"]
print_table(header, [[name, *(f"{c:.4f}" for c in row)] for name, row in leaks.items()])

# %% [markdown]
# The statistics of a discriminator matter once it is used with `training=False`: to score
# images, for instance. They should describe what it was trained on, and not be counted twice
# for fakes.

# %% [markdown]
# ## 3. "Gradients do not exist for variables ..."
#
# This warning means: there is no path of derivatives from the loss to these weights. They will
# never move. Three causes, each reproduced here, then fixed.
#
# **A layer that is never called.** `spare` has weights, but `call` forgets it.


# %%
class WithSpareLayer(keras.Model):
    def __init__(self, fixed=False):
        super().__init__()
        self.fixed = fixed
        self.first = layers.Dense(4, name="first")
        self.spare = layers.Dense(4, name="spare")
        self.last = layers.Dense(1)
        self.spare.build((None, 4))

    def call(self, inputs, training=False):
        features = self.first(inputs)
        return self.last(self.spare(features) if self.fixed else features)


# %% [markdown]
# **An operation without a derivative** between the weights and the loss: rounding, `argmax`, a
# comparison, a trip through NumPy. If the rounding is wanted, a *straight-through* estimator
# rounds on the way forward and lets the gradient pass as if it had not (Bengio et al., 2013).


# %%
class WithRounding(keras.Model):
    def __init__(self, fixed=False):
        super().__init__()
        self.fixed = fixed
        self.first = layers.Dense(4, name="first")
        self.last = layers.Dense(1)

    def call(self, inputs, training=False):
        features = self.first(inputs)
        rounded = ops.round(features)
        if self.fixed:
            rounded = features + ops.stop_gradient(rounded - features)
        return self.last(rounded)


# %% [markdown]
# **A head that the loss ignores.** A discriminator with two heads, real or fake and the class, and
# a loss for the first one only. The fix is a loss for each head (or no second head).


# %%
def build_two_heads():
    inputs = layers.Input((2,))
    features = layers.Dense(4)(inputs)
    heads = [layers.Dense(1, name="validity")(features), layers.Dense(3, name="kind")(features)]
    return keras.Model(inputs, heads)


def head_losses(fixed):
    kind_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return [CROSS_ENTROPY, kind_loss if fixed else None]


# %% [markdown]
# Each model is fitted for one batch, broken and fixed, while we catch the warnings and count the
# weights that stayed exactly where they were.


# %%
def missing_gradients(cause, fixed):
    keras.utils.set_random_seed(SEED)
    targets = np.ones((BATCH_SIZE, 1))
    if cause == "head without a loss":
        model, loss = build_two_heads(), head_losses(fixed)
        targets = [targets, np.arange(BATCH_SIZE) % 3]
    else:
        model = {"layer never called": WithSpareLayer, "rounding": WithRounding}[cause](fixed)
        loss = "mse"
    model(REAL)
    model.compile(keras.optimizers.Adam(RATE), loss)
    before = [w.numpy() for w in model.trainable_weights]
    _, texts = caught(lambda: model.fit(REAL, targets, batch_size=BATCH_SIZE, verbose=0))
    stuck = [
        "/".join(weight.path.split("/")[-2:])
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(weight.numpy(), old)
    ]
    return {"stuck": stuck, "warned": any("Gradients do not exist" in text for text in texts)}


# %% [markdown]
# The table: what was stuck, and whether Keras said so.

# %%
CAUSES = ("layer never called", "rounding", "head without a loss")
missing = {(c, fixed): missing_gradients(c, fixed) for c in CAUSES for fixed in (False, True)}
rows = [
    [cause, "fixed" if fixed else "broken", row["warned"], ", ".join(row["stuck"]) or "none"]
    for (cause, fixed), row in missing.items()
]
print_table(["cause", "state", "warned", "weights that did not move"], rows)

# %% [markdown]
# Broken: a warning, and weights that did not move. Fixed: neither. A warning is easily missed in
# a notebook, so this book's update makes an error of it:

# %%
broken = WithRounding()
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(broken(REAL, training=True) ** 2)
try:
    minimize(keras.optimizers.Adam(RATE), tape, loss, broken.trainable_variables)
except ValueError as error:
    print(f"error message: {error}")

# %% [markdown]
# ## 4. Vanishing gradients: no warning at all
#
# The warning of the last section is about gradients that do not *exist*. A gradient that exists
# and is tiny, or exactly zero, is no error to Keras. Two ways to get there.
#
# First, a stack of saturating layers: the derivative of a sigmoid is at most 1/4, so each
# activation removes at least three quarters of what flows back; only large weights offset that.


# %%
def gradient_norms(activation):
    keras.utils.set_random_seed(SEED)
    stack = [layers.Dense(32, activation=activation) for _ in range(DEPTH)]
    network = keras.Sequential([layers.Input((2,)), *stack, layers.Dense(1)])

    def measure():
        with tf.GradientTape() as tape:
            logits = network(REAL, training=True)
            loss = CROSS_ENTROPY(tf.ones_like(logits), logits)
        gradients = tape.gradient(loss, [layer.kernel for layer in network.layers])
        return [float(tf.norm(gradient)) for gradient in gradients]

    return caught(measure)


# %% [markdown]
# The norm of the gradient, layer by layer, for sigmoids and for `LeakyReLU`.

# %%
norms = {name: gradient_norms(name) for name in ("sigmoid", "leaky_relu")}
figure, axis = plt.subplots(figsize=(6.4, 3.6))
styles = {"sigmoid": ("#D55E00", "--", "o"), "leaky_relu": ("#0072B2", "-", "s")}
for name, (values, _) in norms.items():
    color, line, marker = styles[name]
    axis.semilogy(range(1, DEPTH + 2), values, line, color=color, marker=marker, label=name)
axis.set(xlabel="layer (1 is the first)", ylabel="norm of the gradient")
axis.set_title("What reaches each layer")
axis.legend(loc="lower right")
plt.show()
rows = [[n, f"{v[0]:.1e}", f"{v[-1]:.1e}", len(texts)] for n, (v, texts) in norms.items()]
print_table(["activation", "first layer", "last layer", "warnings"], rows)

# %% [markdown]
# The sigmoid stack's first layer gets next to nothing, without a warning.
#
# Second, the place where it hurts a GAN: the generator's gradient passes through the last
# number of the discriminator, its logit. When the discriminator is sure that a fake is a fake,
# the logit is far below zero. Four ways to write the generator's loss, and their slope there:


# %%
def generator_slopes(logit):
    value = tf.Variable([[float(logit)]])

    def measure():
        with tf.GradientTape(persistent=True) as tape:
            probability = ops.sigmoid(value)
            reshaped = ops.reshape(probability, (-1,))
            from_probability = keras.losses.BinaryCrossentropy()
            losses = {
                "log(1 - D), saturating": tf.reduce_mean(tf.math.log(1 - probability)),
                "-log D, sigmoid, reshape": from_probability(tf.ones_like(reshaped), reshaped),
                "-log D, sigmoid": from_probability(tf.ones_like(probability), probability),
                "-log D, from the logit": CROSS_ENTROPY(tf.ones_like(value), value),
            }
        return {name: float(tape.gradient(loss, value)[0, 0]) for name, loss in losses.items()}

    return caught(measure)


# %% [markdown]
# A slope of -1 is a strong push, 0 is silence.

# %%
LOGITS = (0, -5, -20)
slopes = {logit: generator_slopes(logit) for logit in LOGITS}
rows = [[name, *(f"{slopes[logit][0][name]:.1e}" for logit in LOGITS)] for name in slopes[0][0]]
print_table(["generator's loss", *(f"logit {logit}" for logit in LOGITS)], rows)
print("warnings:", sum(len(texts) for _, texts in slopes.values()))

# %% [markdown]
# The saturating loss fades, as the theory says. The second row is a matter of numbers only: the
# same formula as the last row, but written on a probability, which Keras clips a little away from 0
# before it takes the logarithm. Beyond the clip the slope is *exactly* zero. In the third row Keras
# noticed that the probability came straight out of its sigmoid, and took the logit instead; one
# harmless operation between the two, here a reshape, and it cannot. Written on the logit, the slope
# approaches -1, whatever surrounds it. This is why discriminators in this book return logits.

# %% [markdown]
# ## 5. Labels as embeddings
#
# To tell a network a label, one turns it into numbers. `Embedding(10, 784)` is a table of ten rows
# with 784 numbers each; looking up a label gives a row, and reshaped it is an image of 28 by 28.
# It can be joined with an image in two ways: as a second channel, or as a factor.


# %%
def build_label_joiner(how, initializer="uniform"):
    image = layers.Input((28, 28, 1))
    class_labels = layers.Input((1,), dtype="int32")
    table = layers.Embedding(10, 784, embeddings_initializer=initializer, name="label_table")
    label_image = layers.Reshape((28, 28, 1))(table(class_labels))
    join = {"multiply": layers.Multiply, "concatenate": layers.Concatenate}[how]()
    return keras.Model([image, class_labels], join([image, label_image]), name=how)


# %% [markdown]
# What each makes of the same ten digits: shapes, sizes, and how strong the image still is.
# Keras starts an embedding with numbers between -0.05 and 0.05. The third row starts it
# around 1 instead.


# %%
def joined(real_images, class_labels):
    around_one = keras.initializers.RandomNormal(mean=1.0, stddev=0.1, seed=SEED)
    keras.utils.set_random_seed(SEED)
    joiners = {
        "concatenate": build_label_joiner("concatenate"),
        "multiply": build_label_joiner("multiply"),
        "multiply, around 1": build_label_joiner("multiply", around_one),
    }
    inputs = [real_images, class_labels.reshape(-1, 1)]
    return {
        name: (joiner.count_params(), joiner(inputs).numpy()) for name, joiner in joiners.items()
    }


# %% [markdown]
# Ten digits, the first of each class in the test set:

# %%
digits = gan_utils.load_images("mnist", split="test")
print(digits)
classes, first_of_class = np.unique(digits.labels, return_index=True)
real_images = images.to_float(digits.images[first_of_class])
results = joined(real_images, classes)
rows = [
    [
        name,
        f"{count:,}",
        outputs.shape[1:],
        f"{real_images.std():.3f}",
        f"{outputs[..., 0].std():.3f}",
    ]
    for name, (count, outputs) in results.items()
]
print_table(["join", "parameters", "output", "spread before", "spread after"], rows)

# %% [markdown]
# As images: the digits as they went in, and the first channel of what comes out.

# %%
shown = [real_images, *(np.clip(outputs[..., :1], -1, 1) for _, outputs in results.values())]
plots.show_images(
    np.concatenate(shown).astype("float32"),
    columns=10,
    row_labels=["input", *results],
    title="Ten digits joined with their label",
)
plt.show()

# %% [markdown]
# Concatenated, the image is untouched and the label is a second channel. Multiplied, with the
# table as Keras starts it, the image is nearly gone (mid-gray is zero), and so is its gradient,
# multiplied by the same small numbers. With numbers around 1 the digit survives and the label
# can still switch parts of it on and off. Lesson 04 compares the two in training.
#
# One more fact about a table: a row gets a gradient only when its label is in the
# batch.


# %%
def rows_moved(batch_labels):
    keras.utils.set_random_seed(SEED)
    table = layers.Embedding(10, 784)
    table.build()
    before = table.embeddings.numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((table(np.array(batch_labels)) - 1) ** 2)
    gradients = tape.gradient(loss, table.trainable_variables)
    keras.optimizers.Adam(RATE).apply_gradients(
        zip(gradients, table.trainable_variables, strict=True)
    )
    return np.flatnonzero(np.abs(table.embeddings.numpy() - before).max(axis=1)).tolist()


# %% [markdown]
# Two batches, neither of which has all labels:

# %%
print_table(
    ["labels in the batch", "rows that moved"],
    [[labels, rows_moved(labels)] for labels in ([3, 3, 5], [0, 1, 2, 9])],
)

# %% [markdown]
# A class that is rare in the data rarely gives its row a gradient. (In later steps Adam's momentum
# moves the row a little further; here each batch has a fresh optimizer.)

# %% [markdown]
# ## 6. `training=`
#
# Two layers care: dropout is active in training only, and batch normalization uses the batch, and
# updates its moving statistics, in training only. Who tells them? We ask a small network with
# both, called in every way that occurs in GAN code. Between the two sits a layer that keeps the
# share of zeros it saw: ones go in, so zeros come from dropout alone.


# %%
class ZeroShare(layers.Layer):
    def build(self, input_shape):
        self.share = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.share.assign(ops.mean(ops.cast(ops.equal(inputs, 0), "float32")))
        return inputs


def build_sensor():
    return keras.Sequential(
        [layers.Input((64,)), layers.Dropout(0.5), ZeroShare(), layers.BatchNormalization()]
    )


# %% [markdown]
# A model that calls the sensor without saying anything about training:


# %%
class Outer(keras.Model):
    def __init__(self, sensor):
        super().__init__()
        self.sensor = sensor

    def call(self, inputs, training=False):
        return self.sensor(inputs)

    def train_step(self, batch):
        return {"mean": ops.mean(self.sensor(batch))}


# %% [markdown]
# And a trick of old Pix2Pix code: `training=True` written into the functional graph, so that
# dropout stays on when images are made. Next to it a layer that needs no trick.


# %%
class AlwaysDropout(layers.Dropout):
    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


def build_always_on(layer, **options):
    inputs = layers.Input((64,))
    return keras.Model(inputs, layer(inputs, **options))


# %% [markdown]
# Two readings for each way: did dropout make zeros, and did the moving mean leave its 0?


# %%
ONES = np.ones((BATCH_SIZE, 64), "float32")


def fit_outer(sensor):
    outer = Outer(sensor)
    outer.compile()
    outer.fit(ONES, batch_size=BATCH_SIZE, verbose=0)


def sense_training():
    ways = {
        "network(x)": lambda sensor: sensor(ONES),
        "network(x, training=False)": lambda sensor: sensor(ONES, training=False),
        "network(x, training=True)": lambda sensor: sensor(ONES, training=True),
        "network.predict(x)": lambda sensor: sensor.predict(ONES, verbose=0),
        "in call(training=True), not passed on": lambda s: Outer(s)(ONES, training=True),
        "in train_step, not passed on": fit_outer,
    }
    found = {}
    for way, call in ways.items():
        sensor = build_sensor()
        call(sensor)
        dropout, moved = sensor.layers[1].share > 0, sensor.layers[2].moving_mean.numpy().any()
        found[way] = {"dropout": bool(dropout), "statistics": bool(moved)}
    return found


# %% [markdown]
# Who was told?

# %%
senses = sense_training()
print_table(
    ["way", "dropout on", "statistics moved"], [[w, *row.values()] for w, row in senses.items()]
)

# %% [markdown]
# The last line is the trap. Inside a model's own `call` Keras hands the caller's `training` on to
# the layers, even where it is not written. Inside `train_step` nobody called with `training`, so a
# sub-model called there without it runs in **inference mode**: no dropout, no batch statistics,
# in the middle of training. In this book each call of a sub-model says `training=`.
#
# Now dropout that should stay on when images are drawn:


# %%
def always_on_readings():
    keras.utils.set_random_seed(SEED)
    networks = {
        "Dropout()(x, training=True)": build_always_on(layers.Dropout(0.5), training=True),
        "a layer that is always on": build_always_on(AlwaysDropout(0.5)),
    }
    readings = {}
    for name, network in networks.items():
        outputs = [network(ONES), network(ONES, training=False), network.predict(ONES, verbose=0)]
        readings[name] = [bool((np.asarray(output) == 0).any()) for output in outputs]
    return readings


# %% [markdown]
# On or off, in three ways of calling:

# %%
always_on = always_on_readings()
print_table(
    ["dropout on in", "network(x)", "network(x, training=False)", "network.predict(x)"],
    [[name, *row] for name, row in always_on.items()],
)

# %% [markdown]
# With the flag in the graph, `predict` switches dropout off in Keras 3, without a word: the
# images lose their variety. A layer whose own `call` insists is on everywhere. Lesson 11 uses
# such a layer.

# %% [markdown]
# ## 7. The cost of `predict` in a loop
#
# `predict` is made for many batches: it builds a dataset, an iterator and callbacks each time it
# is called. In a training loop, with one small batch a call, that is nearly all it does. Here is
# the median time of a call for the same small generator and the same batch.


# %%
def milliseconds_per_call(calls):
    keras.utils.set_random_seed(SEED)
    generator = keras.Sequential(
        [layers.Input((100,)), layers.Dense(256, "relu"), layers.Dense(784, "tanh")]
    )
    latents = np.zeros((64, 100), "float32")
    compiled = tf.function(lambda inputs: generator(inputs, training=False))
    ways = {
        "generator.predict(z)": lambda: generator.predict(latents, verbose=0),
        "generator(z, training=False)": lambda: generator(latents, training=False).numpy(),
        "the same in a tf.function": lambda: compiled(latents).numpy(),
    }
    medians = {}
    for name, call in ways.items():
        call()  # the first call traces
        times = []
        for _ in range(calls):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
        medians[name] = float(np.median(times))
    return medians


# %% [markdown]
# The first call of each is left out: it traces the model.

# %%
costs = milliseconds_per_call(TIMED_CALLS)
fastest = min(costs.values())
print_table(
    ["call", "ms", "times the fastest"],
    [[name, f"{cost:.2f}", f"{cost / fastest:.0f}"] for name, cost in costs.items()],
)
recorded_run = records.recorded("03_keras_notes", "full")
if recorded_run:
    ratio = recorded_run["metrics"]["predict_over_function"]
    print(f"{records.origin(recorded_run)}: predict takes {ratio:.0f} times as long as the fastest")

# %% [markdown]
# All three compute the same images. In a loop, call the model, and let the whole step be one
# `tf.function`, which `fit` does for a `train_step`. Keep `predict` for what it is good
# at: one call on a large array that would not fit in one batch.

# %% [markdown]
# ## From Keras 2 to Keras 3
#
# What older tutorials write, and what to write today. Each row was tried with the Keras installed
# here; the table after it shows the result.
#
# | Habit of Keras 2 | In Keras 3 | Write |
# |---|---|---|
# | compile D, `D.trainable = False`, compile G→D | D never trains | two optimizers, one step (1) |
# | freeze all but batch normalization | only D's BN trains, in G's update too | two updates (1) |
# | `generator.predict(z)` in the loop | works, slowly | `generator(z, training=True)` (7) |
# | `Dropout()(x, training=True)`, `predict` | dropout off | a layer that is always on (6) |
# | a sub-model without `training=` in a step | inference mode | `training=True` (6) |
# | printing what `train_on_batch` returns | in some versions a mean so far | return the loss |
# | sigmoid, reshape, `binary_crossentropy` | slope 0 when D is sure | `from_logits=True` (4) |
# | one initializer object for all layers | layers start equal | a new object for each layer |
# | `Adam(lr=0.0002)` | error | `Adam(learning_rate=0.0002)` |
# | `Adam(..., decay=1e-5)` | ignored, with a warning | a schedule as `learning_rate` |
# | `LeakyReLU(alpha=0.2)` | works, with a warning | `LeakyReLU(negative_slope=0.2)` |
# | `Dense(256, input_dim=100)` | works, with a warning | `layers.Input((100,))` first |
# | `tf.concat([x, y], -1)` on a symbolic tensor | error | `ops.concatenate`, or a layer |
# | `keras.backend.mean`, `random_normal` | gone | `ops.mean`, `keras.random.normal` |
# | `model.add_loss(tensor)` on a functional model | error | the loss in `train_step` |
# | `layer.output_shape` | gone | `layer.output.shape` |
# | `fit_generator`, `predict_classes` | gone | `fit`; `argmax` of the output |
# | `model.save("folder")` | error | `model.save("file.keras")` |
#
# The numbers in brackets are sections of this lesson.
#
# Each habit as a piece of code:


# %%
def concatenate_with_tensorflow():
    inputs = layers.Input((2,))
    return tf.concat([inputs, inputs], -1)


def add_loss_to_functional():
    inputs = layers.Input((2,))
    outputs = layers.Dense(1)(inputs)
    keras.Model(inputs, outputs).add_loss(tf.reduce_mean(outputs))


def save_to_folder():
    network = build_players()[0]
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / "generator")


# %% [markdown]
# The list:

# %%
HABITS = {
    "Adam(lr=...)": lambda: keras.optimizers.Adam(lr=0.0002),
    "Adam(decay=...)": lambda: keras.optimizers.Adam(0.0002, decay=1e-5),
    "LeakyReLU(alpha=...)": lambda: layers.LeakyReLU(alpha=0.2),
    "Dense(input_dim=...)": lambda: keras.Sequential([layers.Dense(2, input_dim=3)]),
    "tf.concat on symbolic": concatenate_with_tensorflow,
    "keras.backend.mean": lambda: keras.backend.mean,
    "keras.backend.random_normal": lambda: keras.backend.random_normal,
    "add_loss on functional": add_loss_to_functional,
    "layer.output_shape": lambda: build_players()[0].layers[0].output_shape,
    "fit_generator": lambda: keras.Model.fit_generator,
    "predict_classes": lambda: keras.Sequential.predict_classes,
    'save("folder")': save_to_folder,
}

# %% [markdown]
# Tried, one by one:


# %%
def try_habit(habit):
    def attempt():
        try:
            habit()
        except (AttributeError, TypeError, ValueError) as error:
            return error
        return None

    error, texts = caught(attempt)
    if error is not None:
        return "gone" if isinstance(error, AttributeError) else "error", str(error)
    return ("warning", texts[0]) if texts else ("works", "")


# %% [markdown]
# The result is "gone" where the name no longer exists, "error" where a call raises one.

# %%
habits = {name: try_habit(habit) for name, habit in HABITS.items()}
print_table(
    ["habit", "result", f"what Keras {keras.__version__} says"],
    [
        [name, result, text.splitlines()[0][:64] if text else ""]
        for name, (result, text) in habits.items()
    ],
)

# %% [markdown]
# Two rows need an experiment of their own: the loss that `train_on_batch` returns, and the shared
# initializer.


# %%
def returned_losses(steps=3):
    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    inputs, targets = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    found = []
    for _ in range(steps):
        true_loss = float(np.mean((model(inputs, training=True).numpy() - targets) ** 2))
        found.append((true_loss, float(model.train_on_batch(inputs, targets))))
    return found


def shared_initializer_weights(shared):
    initializer = keras.initializers.RandomNormal(stddev=0.02) if shared else "random_normal"
    twins = [layers.Dense(3, kernel_initializer=initializer) for _ in range(2)]
    for layer in twins:
        layer.build((None, 2))
    return [layer.kernel.numpy() for layer in twins]


# %% [markdown]
# First the loss in three steps, then two layers that start from one initializer.

# %%
losses = returned_losses()
print_table(
    ["step", "loss of this step", "train_on_batch returned"],
    [[i, f"{true:.3f}", f"{returned:.3f}"] for i, (true, returned) in enumerate(losses, 1)],
)
running = any(abs(true - returned) > 1e-3 for true, returned in losses)
print(f"Keras {keras.__version__} returns", "a running mean" if running else "the step's own loss")
print()
print_table(
    ["initializer", "two layers start equal"],
    [
        [name, bool(np.array_equal(*shared_initializer_weights(shared)))]
        for name, shared in {"one object for both": True, "a string": False}.items()
    ],
)

# %% [markdown]
# A loss that is computed in the step and returned by `train_step` as a plain tensor is what it
# says in every version. And the customary `init = RandomNormal(stddev=0.02)` at the top of a
# builder gives layers of the same shape the same numbers in Keras 3: pass a fresh one to each.

# %% [markdown]
# ## Exercises
#
# **1. ★ A head start.** *Predict first:* somebody trains the discriminator alone for one step, then
# compiles the stacked model of section 1 with the discriminator frozen. Does the discriminator go
# on learning in Keras 3? And after a last, smaller batch?
#
# <details><summary>Solution</summary>
#
# Yes, at first: its training function was traced in that step, while the flag was still `True`. A
# batch of another size traces it anew, with the flag `False`: at that size the discriminator stands
# still, and one warning is all that reports it ("The model does not have any trainable weights").
# Batches of the first size still train it.
#
# </details>
#
# **2. ★ Zero and none.** *Predict first:* one weight gets a gradient of `None`, another a gradient
# of exactly zero. Which of the two does Keras warn about, and does Adam move either of them?
#
# <details><summary>Solution</summary>
#
# It warns about `None` only: no path leads from the loss to that weight, so Adam skips it. Zero is
# a gradient like any other. Adam moves that weight as long as its moving average of earlier
# gradients is not zero, and then no more.
#
# </details>
#
# **3. ★★ Switch the flag each time.** *Predict first:* some loops set
# `discriminator.trainable = True` before each update of the discriminator and `False` before each
# update of the generator. Does that work in Keras 3, and after a change of the batch size?


# %% tags=["hide-cell"]
def switching_loop():
    players, (step_d, step_g) = classic_loop(freeze_model)

    def update_discriminator(count):
        players[1].trainable = True
        step_d(count)

    def update_generator(count):
        players[1].trainable = False
        step_g(count)

    return players, (update_discriminator, update_generator)


players, updates = switching_loop()
rows = []
for count in (BATCH_SIZE, BATCH_SIZE // 2):
    changes = who_moved(players, updates, count)
    rows.append([count, *("yes" if change else "-" for change in changes.values())])
print_table(["batch", *changes], rows)

# %% [markdown]
# It does: each trace happens while the flag is right. But it works by the order of calls alone, and
# in the generator's update the discriminator scores fakes with frozen batch normalization.

# %% [markdown]
# **4. ★★ How long does batch normalization remember? (pencil and paper)** *Predict first:* Keras'
# default momentum is 0.99. After how many updates has the moving mean come within 1 % of the mean
# of the data? And with 0.8, which many GAN generators use? Derive the number for a momentum $m$.
#
# <details><summary>Solution</summary>
#
# The moving mean starts at 0 and becomes $m\,\mu_{t-1} + (1 - m)\,\mu$ in each update, so its
# distance from $\mu$ shrinks by the factor $m$: $\mu_t - \mu = m^t (0 - \mu)$. It is within 1 %
# when $m^t \le 0.01$, that is for $t \ge \ln 0.01 / \ln m \approx 4.6 / (1 - m)$. The code counts
# the updates.
#
# </details>


# %% tags=["hide-cell"]
def updates_until_close(momentum):
    layer = layers.BatchNormalization(momentum=momentum)
    inputs = np.full((4, 1), 5.0, "float32")
    count = 0
    while count == 0 or abs(layer.moving_mean.numpy()[0] - 5) > 0.05:
        layer(inputs, training=True)
        count += 1
    return count


print_table(
    ["momentum", "updates", "ln 0.01 / ln momentum"],
    [[m, updates_until_close(m), f"{np.log(0.01) / np.log(m):.1f}"] for m in (0.99, 0.9, 0.8)],
)

# %% [markdown]
# A short run with momentum 0.99 draws its images, with `training=False`, with statistics that still
# remember the beginning.

# %% [markdown]
# **5. ★★★ Where is the gradient lost?** *Predict first:* somebody draws fakes with
# `generator(z).numpy()` inside the tape, "to be safe", and trains the generator on them. What do
# the gradients look like, and what is the error message of the book's `minimize`?

# %% tags=["hide-cell"]
generator, discriminator = build_players()
with tf.GradientTape() as tape:
    fakes = generator(LATENTS, training=True).numpy()
    logits = discriminator(fakes, training=True)
    g_loss = CROSS_ENTROPY(tf.ones_like(logits), logits)
print(tape.gradient(g_loss, generator.trainable_variables))
with tf.GradientTape() as tape:
    logits = discriminator(generator(LATENTS, training=True).numpy(), training=True)
    g_loss = CROSS_ENTROPY(tf.ones_like(logits), logits)
try:
    minimize(keras.optimizers.Adam(RATE), tape, g_loss, generator.trainable_variables)
except ValueError as error:
    print(f"error message: {error}")

# %% [markdown]
# All `None`: a NumPy array has no memory of where it came from.

# %% [markdown]
# ## Summary
#
# - `trainable` is read when a training function is traced, not when a model is compiled. Do not
#   freeze: take each player's gradient with respect to its own variables.
# - A frozen `BatchNormalization` ignores `training=True`.
# - A missing gradient warns, and the weights stand still. A vanishing one does not warn.
# - Let the discriminator return logits: `from_logits=True` in the loss, no sigmoid layer.
# - An embedding that multiplies should start around 1.
# - Say `training=` on each call of a sub-model, and never `predict` in a loop.
#
# ## References
#
# - Keras developers, *Transfer learning and fine-tuning* (the `trainable` attribute, batch
#   normalization). <https://keras.io/guides/transfer_learning/>
# - Keras developers, *Migrating Keras 2 code to multi-backend Keras 3*.
#   <https://keras.io/guides/migrating_to_keras_3/>
# - Keras developers, *Customizing `fit()` with TensorFlow*.
#   <https://keras.io/guides/custom_train_step_in_tensorflow/>
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. <https://arxiv.org/abs/1502.03167>
# - Y. Bengio, N. Léonard, A. Courville, *Estimating or Propagating Gradients Through Stochastic
#   Neurons for Conditional Computation*, 2013. <https://arxiv.org/abs/1308.3432>
# - Threads in which people met the trap of section 1: keras-team/keras issues 22413, 22787 and
#   22939; eriklindernoren/Keras-GAN issues 22, 73 and 164.

# %% tags=["remove-cell"]
found = {
    "milliseconds": costs,
    "predict_over_function": costs["generator.predict(z)"] / fastest,
    "sigmoid_first_over_last": norms["sigmoid"][0][0] / norms["sigmoid"][0][-1],
    "spread_after": {name: float(out[..., 0].std()) for name, (_, out) in results.items()},
    "train_on_batch_running_mean": running,
}
records.record("03_keras_notes", found, data=digits, seed=SEED)
assert moves["model frozen after compile", BATCH_SIZE]["D's update: D"] == 0
assert moves["two explicit updates", BATCH_SIZE // 2]["D's update: D"] > 0
assert not leaks["keep_statistics"][-1]
assert all(row["warned"] != fixed for (_, fixed), row in missing.items())
assert not senses["in train_step, not passed on"]["dropout"]
assert min(costs.values()) > 0
