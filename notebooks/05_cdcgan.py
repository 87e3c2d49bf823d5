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
# # CDCGAN: ask for a digit, drawn by convolutions

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/05_cdcgan.ipynb)

# %% [markdown]
# **What you will do.** Put the condition of the CGAN lesson into the networks of the DCGAN lesson,
# and compare the result with the dense one: labels obeyed, quality, seconds.
#
# **What you will learn**
#
# - where a label enters a convolutional network: beside the noise, as a picture of its own, or as a
#   product with the features; and how much depends on that choice;
# - how to watch the asked-for digit *while* a GAN trains;
# - what convolutions buy, and what they cost, in numbers;
# - what happens when pictures and labels get out of step, and why the loss will not tell you.
#
# **What you need.** The DCGAN and the CGAN lesson. A CPU with two cores is enough for the short
# run of this page.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's helper package and leaves Colab's TensorFlow and NumPy as
# they are. Anywhere else it only checks that the package is there.

# %%
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
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, lenet, plots, profile, records
from gan_utils.data.batches import check_labels

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# `TUTORIAL` is the classic recipe: the DCGAN lesson's large batches and small steps. A CPU learns
# more in its time from small batches with larger steps and an exponential moving average (EMA) of
# the generator's weights, so that is what this lesson does, in `full` with many more of them. The
# discriminator's steps are larger than the generator's for more than half of the time; "What goes
# wrong" shows why.
#
# The `full` run makes 20 passes over the data. In a `quick` run an "epoch" is a part of a pass, so
# that there is something to look at after each; it trains the lesson's model only, and shows the
# side experiments with the figures of the recorded full run.

# %%
SEED = profile.seed(5)
LATENT_DIM = 100
NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
LABEL_SPREAD = 1.0
PRODUCT_SPREAD = 0.03
BETA_1 = 0.5
TUTORIAL = {
    "epochs": 50,
    "batch_size": 256,
    "d_rate": 1e-4,
    "g_rate": 1e-4,
    "ema_decay": None,
}
FULL = {
    "epochs": 20,
    "batch_size": 32,
    "d_rate": 1e-3,
    "g_rate": 3e-4,
    "ema_decay": 0.9995,
}
SHORT = FULL | {"batch_size": 8, "d_rate": 1e-3, "g_rate": 5e-4, "ema_decay": 0.998}
LATE_START = 0.4 if profile.name == "full" else 0.6
LATE_RATES = (2.5e-4, 6e-4) if profile.name == "full" else (1e-3, 5e-4)
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)

# %% [markdown]
# What follows from the recipe, and what all recipes share:

# %%
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=6, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // SETTINGS["batch_size"], quick=140, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=1, quick=3, smoke=1)
SLIDE_EPOCHS = min(EPOCHS, 2)
FAILURE_STEPS = profile.steps(full=600, quick=600, smoke=3)
SWAP_STEPS = profile.steps(full=2_500, quick=2_500, smoke=3)
WATCHED = profile.samples(full=1_000, quick=500, smoke=50)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs.

# %%
for name in ("quick", "full"):
    run = records.recorded("05_cdcgan", name)
    if run:
        print(f"{name}: {run['seconds'] / 60:.1f} minutes of training", end=", ")
        print(f"{run['hardware']['cores']} core(s), {run['hardware']['cpu']}")
    else:
        print(f"{name}: no recorded run yet")

# %% [markdown]
# ## The idea
#
# The game is that of the CGAN lesson (Mirza and Osindero, 2014, equation 2):
#
# $$
# V(D, G) = \mathbb{E}_{x, y}\,[\log D(x \mid y)]
#         + \mathbb{E}_{z, y}\,[\log (1 - D(G(z \mid y) \mid y))]
# $$
#
# The players are those of the DCGAN lesson (Radford et al., 2015). What is new is where the label
# $y$ goes. In the **generator** it goes in before there is any picture: a row of 10 numbers beside
# the noise. In the **discriminator** there is a choice:
#
# - a **slide**. A convolution looks at neighborhoods, and a label has no place in the picture, so
#   it gets one: the embedding has a row of 28 by 28 numbers for each label, which is laid behind
#   the picture as a second channel. Every neighborhood then contains a piece of the label. This is
#   what most tutorials do.
# - a **product** (Miyato and Koyama, 2018). The convolutions see the picture alone and turn it into
#   features $\phi(x)$; each label has a row $v_y$ as long as those, and their product is added to
#   the verdict:
#
# $$
# \mathrm{logit}\,D(x \mid y) = w^\top \phi(x) + b + v_y^\top \phi(x).
# $$
#
# The first part asks "is this a digit?", the last "is it a $y$?". The paper derives this form from
# the log-ratio of the two distributions in $V$. We shall train with the product, and with the slide
# for comparison.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$, $y$ (first term) | `real_images`, `class_labels` | a batch of the data |
# | $z$ | `latents` | noise |
# | $y$ (second term) | `class_labels` drawn at random | the class asked for |
# | $G(z \mid y)$ | `generator([latents, class_labels])` | the drawing, `fake_images` |
# | $\mathrm{logit}\,D(x \mid y)$ | `real_logits` | the verdict on a real pair |
# | $\mathrm{logit}\,D(G(z \mid y) \mid y)$ | `fake_logits` | the verdict on a drawn one |
# | both logarithms of $V$, negated | `d_loss` | what the discriminator minimizes |
# | $-\log D(G(z \mid y) \mid y)$ | `g_loss` | what the generator minimizes |

# %% [markdown]
# ## The data
#
# MNIST with its labels. The line that is printed says where it came from.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("05_cdcgan", train_set)
print(train_set)
plots.show_images(
    train_set.images[:16],
    columns=8,
    titles=[str(label) for label in train_set.labels[:16]],
    title="Real digits and their labels\n",
)
plt.show()

# %% [markdown]
# Each image with its label above it: these pairs are what "real" means in this lesson. All scores
# below compare `SAMPLES` generated images with as many test images, drawn evenly over the test set.

# %%
SAMPLES = evaluation.count(test_set)
test_sample = test_set.sample(SAMPLES)
print(f"{SAMPLES:,} images a side")

# %% [markdown]
# ## What the recorded run reached
#
# The run on this page is short: it shows that the networks learn. How far they get is shown by the
# recorded full run. Its generator comes with this project: it is found in a checkout, or downloaded
# once and checked; where neither is possible, the cell says so. Its inputs are
# `[latents, class_labels]`, with labels of shape `(n, 1)`. **Label accuracy** is the share of
# generated images in which a reference classifier reads the digit that was asked for.

# %%
recorded_run = records.recorded("05_cdcgan", "full")
if recorded_run:
    reached = recorded_run["metrics"]
    print(records.origin(recorded_run))
    print(f"{reached['epochs'] * reached['steps_per_epoch']:,} updates", end=", ")
    print(f"label accuracy {reached['result']['accuracy']:.2%}", end=", ")
    print(f"Fréchet distance {reached['result']['distance']:.1f}")
trained_generator, message = gan_utils.weights.try_generator("cdcgan")
print(message)
if trained_generator is not None:
    wishes = np.tile(np.arange(NUM_CLASSES, dtype="int32"), 5)
    latents = np.random.default_rng(SEED).normal(size=(len(wishes), LATENT_DIM)).astype("float32")
    plots.show_images(
        trained_generator([latents, wishes[:, None]], training=False).numpy(),
        columns=NUM_CLASSES,
        titles=[str(digit) for digit in wishes],
        title="Trained generator of the recorded full run\n",
    )
    plt.show()

# %% [markdown]
# A column for each digit, five noises down. From a terminal,
# `gan-utils generate cdcgan --label 0,1,2,3 row.png` draws what you ask for.
#
# ### In your browser
#
# On the page of the book, the same generator draws while you watch: choose a digit, then change
# the noise.
#
# <!-- interactive: cdcgan -->

# %% [markdown]
# ## The generator
#
# The DCGAN lesson's, with 110 numbers at its entrance in place of 100. Its ten label rows start
# with a spread of one, as the noise does, so that the label is as loud as the noise.


# %%
def label_rows(class_labels, width, spread=LABEL_SPREAD):
    start = keras.initializers.RandomNormal(0.0, spread, seed=SEED)
    table = layers.Embedding(NUM_CLASSES, width, embeddings_initializer=start)
    return layers.Flatten()(table(class_labels))


def build_generator():
    latents = layers.Input((LATENT_DIM,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    features = layers.Concatenate()([latents, label_rows(class_labels, NUM_CLASSES)])
    features = layers.Dense(7 * 7 * 256, use_bias=False)(features)
    features = layers.BatchNormalization()(features)
    features = layers.LeakyReLU(negative_slope=0.3)(features)
    features = layers.Reshape((7, 7, 256))(features)
    for filters, step in ((128, 1), (64, 2)):
        features = layers.Conv2DTranspose(filters, 5, strides=step, padding="same", use_bias=False)(
            features
        )
        features = layers.BatchNormalization()(features)
        features = layers.LeakyReLU(negative_slope=0.3)(features)
    pictures = layers.Conv2DTranspose(
        1, 5, strides=2, padding="same", use_bias=False, activation="tanh"
    )(features)
    return keras.Model([latents, class_labels], pictures, name="generator")


# %% [markdown]
# ## The discriminator
#
# The DCGAN lesson's, with the label in one of the two ways. The rows of the product start small:
# they are multiplied with thousands of features, and the verdict should not begin with a shout.


# %%
def build_discriminator(kind="product"):
    pictures = layers.Input(IMAGE_SHAPE, name="images")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    features = pictures
    if kind == "slide":
        plane = layers.Reshape(IMAGE_SHAPE)(label_rows(class_labels, 28 * 28))
        features = layers.Concatenate()([pictures, plane])
    for filters in (64, 128):
        features = layers.Conv2D(filters, 5, strides=2, padding="same")(features)
        features = layers.LeakyReLU(negative_slope=0.3)(features)
        features = layers.Dropout(0.3)(features)
    features = layers.Flatten()(features)
    logits = layers.Dense(1)(features)
    if kind == "product":
        rows = label_rows(class_labels, 7 * 7 * 128, PRODUCT_SPREAD)
        logits = layers.Add()([logits, layers.Dot(axes=1)([rows, features])])
    return keras.Model([pictures, class_labels], logits, name="discriminator")


# %% [markdown]
# How many parameters does the label add? The unconditional networks had 2,330,944 and 212,865.

# %%
discriminators = {kind: build_discriminator(kind) for kind in ("product", "slide")}
generator, discriminator = build_generator(), discriminators["product"]
table, dense = NUM_CLASSES**2, NUM_CLASSES * 7 * 7 * 256
added = {"product": NUM_CLASSES * 7 * 7 * 128, "slide": NUM_CLASSES * 28 * 28 + 5 * 5 * 64}
counts = {network.name: network.count_params() for network in (generator, discriminator)}
print(f"generator             2,330,944 + {table + dense:>7,} = {counts['generator']:>9,}")
for kind, network in discriminators.items():
    count = network.count_params()
    print(f"discriminator, {kind:<8}212,865 + {added[kind]:>7,} = {count:>9,}")
    assert count == 212_865 + added[kind]
assert counts == {"generator": 2_330_944 + table + dense, "discriminator": 275_585}
for network in (generator, discriminator):
    shapes = [layer.output.shape[1:] for layer in network.layers if len(layer.output.shape) == 4]
    print(network.name, *dict.fromkeys(shapes), sep="  ")

# %% [markdown]
# The generator's new numbers are a table of ten rows, and ten more inputs for each unit of its
# first layer. The product adds ten rows of as many numbers as there are features. The slide adds
# ten planes, and a second channel for each filter of its first convolution.
#
# ## The losses
#
# Cross-entropy on logits, as in the lessons before; the package's own. By hand, for logits 2 on a
# real pair and -1 on a drawn one:

# %%
d_loss = gan_utils.losses.cross_entropy_discriminator_loss(tf.constant([2.0]), tf.constant([-1.0]))
g_loss = gan_utils.losses.cross_entropy_generator_loss(tf.constant([-1.0]))
by_hand = np.log1p(np.exp(-2)) + np.log1p(np.exp(-1)), np.log1p(np.exp(1))
print(f"d_loss {d_loss:.5f}, by hand {by_hand[0]:.5f}")
print(f"g_loss {g_loss:.5f}, by hand {by_hand[1]:.5f}")
np.testing.assert_allclose([d_loss, g_loss], by_hand, rtol=1e-5)

# %% [markdown]
# ## The condition in the GAN
#
# The three methods of the CGAN lesson, word for word: the condition does not care what the
# networks are made of.


# %%
class ConditionalGAN(GAN):
    def generator_inputs(self, batch, seed, count=None):
        latents = super().generator_inputs(batch, seed, count)
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        shape = (latents.shape[0], 1)
        class_labels = tf.random.stateless_uniform(shape, seed, 0, NUM_CLASSES, tf.int32)
        return [latents, class_labels]

    def real_inputs(self, batch):
        if not isinstance(batch, tuple):
            raise ValueError("a conditional GAN needs labels: fit(images, labels) or Batches")
        real_images, class_labels = batch
        return [real_images, class_labels[:, None]]

    def fake_inputs(self, fake_images, inputs):
        _, class_labels = inputs
        return [fake_images, class_labels]


# %% [markdown]
# A model with its optimizers:


# %%
def make_gan(settings=SETTINGS, kind="product"):
    keras.utils.set_random_seed(SEED)
    gan = ConditionalGAN(
        build_generator(),
        build_discriminator(kind),
        LATENT_DIM,
        ema_decay=settings["ema_decay"],
        seed=SEED,
    )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(settings["d_rate"], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(settings["g_rate"], beta_1=BETA_1),
    )
    return gan


# %% [markdown]
# A source of labeled batches, and a way to ask, with labels checked first.


# %%
def labeled_batches(pictures, class_labels, batch_size, steps_per_epoch):
    check_labels(class_labels, len(pictures), NUM_CLASSES)
    options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "seed": SEED}
    return gan_utils.Batches(pictures, class_labels, **options)


def draw(gan, class_labels, seed=0):
    class_labels = check_labels(class_labels, len(class_labels), NUM_CLASSES)
    latents = tf.random.stateless_normal((len(class_labels), LATENT_DIM), [seed, SEED])
    return gan.translate([latents, tf.constant(class_labels[:, None], tf.int32)])


# %% [markdown]
# ## One update: who moved?
#
# One player at a time gets a learning rate of zero: the largest change of any weight.

# %%
first_batch = next(iter(labeled_batches(train_set.images, train_set.labels, 16, 1).dataset()))
print(f"{'update of':<12}{'generator':>12}{'discriminator':>16}")
for title, rates in {"both": (1e-4, 1e-4), "D alone": (1e-4, 0.0), "G alone": (0.0, 1e-4)}.items():
    trial = make_gan({**SETTINGS, "d_rate": rates[0], "g_rate": rates[1]})
    players = trial.generator, trial.discriminator
    before = [[w.numpy() for w in player.trainable_weights] for player in players]
    trial.train_step(first_batch)
    moved = [
        max(np.abs(w.numpy() - o).max() for w, o in zip(p.trainable_weights, old, strict=True))
        for p, old in zip(players, before, strict=True)
    ]
    print(f"{title:<12}{moved[0]:>12.1e}{moved[1]:>16.1e}")
    assert [m > 0 for m in moved] == [title != "D alone", title != "G alone"]

# %% [markdown]
# Each update moves its own player only.
#
# ## Training
#
# The CGAN lesson measured label accuracy at the end. Here a callback measures it after each epoch,
# on a few hundred generated images. It is cheap compared to an epoch of training, and the one curve
# that shows whether labels are obeyed. Its values are kept in a file, so that a resumed run has
# them all.


# %%
class AskedFor(keras.callbacks.Callback):
    def __init__(self, count, path=None):
        super().__init__()
        self.class_labels = np.arange(count) % NUM_CLASSES
        self.path = path
        self.accuracies = []

    def on_train_begin(self, logs=None):
        if self.model.first_epoch and self.path and self.path.is_file():
            self.accuracies = np.loadtxt(self.path, ndmin=1).tolist()[: self.model.first_epoch]

    def on_epoch_end(self, epoch, logs=None):
        drawn = draw(self.model, self.class_labels, seed=epoch)
        self.accuracies.append(lenet.accuracy(drawn, self.class_labels))
        if self.path:
            np.savetxt(self.path, self.accuracies)


# %% [markdown]
# The scores before training, and their limits: the classifier's own errors, and the noise floor of
# the distance, that of training images to test images.


# %%
def score(generated, class_labels):
    scores = evaluation.scores(generated, class_labels, real_images=test_set.images)
    return {"accuracy": scores["agreement"], "distance": scores["distance"]}


gan = make_gan()
class_labels = np.arange(SAMPLES) % NUM_CLASSES
floor = evaluation.noise_floor(train_set, test_set)
ceiling = lenet.accuracy(test_sample.images, test_sample.labels)
before = score(draw(gan, class_labels), class_labels)
print(f"classifier on MNIST's test set: {lenet.test_accuracy():.2%} right; here {ceiling:.2%}")
print(f"untrained generator: label accuracy {before['accuracy']:.1%}", end=", ")
print(f"distance {before['distance']:.1f} (noise floor {floor:.2f})")

# %% [markdown]
# The run. Ten rows of fixed noise, one digit a row, are drawn after each epoch; grid and scalars
# go to TensorBoard's files in the run folder too. Except with the tutorial's settings, both
# learning rates fall from the share `LATE_START` of the run on; in `full` the generator's is then
# the larger one. If the run is interrupted, the cell goes on from the last checkpoint.

# %%
fixed_latents = np.random.default_rng(SEED).normal(size=(NUM_CLASSES**2, LATENT_DIM))
fixed_labels = np.repeat(np.arange(NUM_CLASSES), NUM_CLASSES)[:, None]
fixed = [tf.constant(fixed_latents, tf.float32), tf.constant(fixed_labels, tf.int32)]
grid = callbacks.SampleGrid(fixed, columns=NUM_CLASSES, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
asked = AskedFor(WATCHED, RUN / "asked.txt")
watchers = [
    grid,
    steps,
    asked,
    callbacks.TensorBoardImages(RUN / "tensorboard", fixed, columns=NUM_CLASSES),
    callbacks.Checkpoint(RUN / "checkpoints", every=CHECKPOINT_EVERY),
    callbacks.TerminateOnNaN(),
]
if SETTINGS is not TUTORIAL:
    rates = (0, SETTINGS["d_rate"], SETTINGS["g_rate"]), (LATE_START, *LATE_RATES)
    watchers.append(callbacks.LinearDecay(*rates))

# %% [markdown]
# And now it trains:

# %%
batches = labeled_batches(
    train_set.images, train_set.labels, SETTINGS["batch_size"], STEPS_PER_EPOCH
)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * SETTINGS["batch_size"]
print(f"{updates:,} updates with {seen:,} real images, {seen / len(train_set):.2f} passes", end="")
print(f" over the data: {gan.seconds:.0f} s")
print(f"to look closer: tensorboard --logdir {RUN}")

# %% [markdown]
# ### The curves

# %%
plots.plot_history(steps.history, title="CDCGAN")
plt.show()

# %% [markdown]
# As in the DCGAN lesson: what counts is that neither player wins outright.
#
# The same with the slide, for the first epochs only. Everything else is equal: data, seed, batches,
# rates. A `quick` run takes the figures of this and of the other side experiments from the record.

# %%
trained_here = records.measured("05_cdcgan", "swap") is None
panels = {"this run": {"product": (STEPS_PER_EPOCH, asked.accuracies)}}
if trained_here:
    slide = make_gan(kind="slide")
    slide_asked = AskedFor(WATCHED)
    watchers = [slide_asked, callbacks.TerminateOnNaN()]
    slide.fit(batches, epochs=SLIDE_EPOCHS, callbacks=watchers, verbose=0)
    panels["this run"]["slide"] = (STEPS_PER_EPOCH, slide_asked.accuracies)
else:
    panels["recorded full run"] = {
        "product": (reached["steps_per_epoch"], reached["accuracies"]),
        "slide": (reached["steps_per_epoch"], reached["slide_accuracies"]),
    }

# %% [markdown]
# Now the curve that the losses do not show:

# %%
figure, axes = plt.subplots(
    1, len(panels), figsize=(6.6, 3.4), sharey=True, squeeze=False, layout="constrained"
)
looks = {"product": ("#0072B2", "o", "-"), "slide": ("#D55E00", "s", "--")}
for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
    for kind, (spacing, values) in curves.items():
        color, marker, line = looks[kind]
        at = spacing * np.arange(1, len(values) + 1)
        axis.plot(at, values, color=color, marker=marker, linestyle=line, label=kind)
        print(f"{title}, {kind}:", " ".join(f"{value:.0%}" for value in values))
    axis.axhline(ceiling, color="#009E73", linestyle="-.", label="real digits")
    axis.axhline(1 / NUM_CLASSES, color="black", linestyle=":", label="guessing")
    axis.set(title=title, xlabel="update", ylim=(0, 1.05))
axes[0, 0].set_ylabel("label accuracy")
axes[0, -1].legend(loc="lower right")
plt.show()

# %% [markdown]
# The limits are guessing (dotted) and the classifier's figure for real digits (dash-dotted). In the
# recorded run the product is ahead of the slide from the start: its last layer compares the whole
# image with the label at once, where the convolutions behind a slide must first learn to tell ten
# noisy planes apart.
#
# ### The grid
#
# Ten rows, one digit each; before training and at the end.

# %%
moments = {"Before training": grid.frames[0], f"{updates:,} updates": grid.frames[-1]}
for title, frame in moments.items():
    plots.show_images(frame[None], title=f"{title}: row 0 asks for 0, row 9 for 9", scale=4.5)
    plt.show()

# %% [markdown]
# Compare with the grid of the CGAN lesson: strokes of convolutions are smooth, where dense layers
# leave grains. The way there:

# %%
animation = grid.save_gif(RUN / "cdcgan.gif")
display(Image(filename=animation, alt="Ten rows of digits, one digit a row, forming out of noise"))

# %% [markdown]
# ## Results, and the comparison
#
# Each digit is asked for equally often.

# %%
generated = draw(gan, class_labels)
facts = {"real_images": test_set.images, "batch_size": SETTINGS["batch_size"]}
scored = evaluation.row(gan, generated, class_labels, **facts)
result = {
    "accuracy": scored["agreement"],
    "distance": scored["distance"],
    "seconds": gan.seconds,
    "parameters": sum(counts.values()),
}
print(f"profile {profile.name}, {SAMPLES} images, LeNet ({lenet.test_accuracy():.2%} on test)")
print(f"label accuracy {result['accuracy']:.2%} (real digits {ceiling:.2%})")
print(f"Fréchet distance {result['distance']:.1f} (noise floor {floor:.2f})")
read = lenet.probabilities(generated).argmax(axis=1)
by_digit = [float((read[class_labels == d] == d).mean()) for d in range(NUM_CLASSES)]
print("by digit:", ", ".join(f"{d}: {value:.0%}" for d, value in enumerate(by_digit)))
plots.show_images(
    generated[:40],
    columns=10,
    titles=[str(label) for label in class_labels[:40]],
    title=f"Above each drawing: what was asked for (profile {profile.name})\n",
)
plt.show()

# %% [markdown]
# The first forty of the sample, not chosen. Next to it the dense networks of the CGAN lesson, from
# that lesson's recorded runs, profile by profile. Seconds are comparable where the machine and its
# number of cores are the same, which the table says.


# %%
def table_row(name, row, run):
    machine = f"{run['hardware']['cores']} core(s)"
    budget = f"{run['metrics']['epochs']} x {run['metrics']['steps_per_epoch']}"
    return (
        f"{name:<22}{row['accuracy']:>9.2%}{row['distance']:>10.1f}"
        f"{row['seconds']:>9.0f}{budget:>12}{row['parameters']:>12,}  {machine}"
    )


def table_rows(name, own=None):
    dense, conv = records.recorded("04_cgan", name), own or records.recorded("05_cdcgan", name)
    kinds = dense["metrics"]["results"].items() if dense else ()
    rows = [table_row(f"CGAN, {kind}", row, dense) for kind, row in kinds]
    if conv:
        rows.append(table_row("CDCGAN", conv["metrics"]["result"], conv))
    return rows


# %% [markdown]
# This page's own run is in its profile's part of the table; everything else is recorded.

# %%
found = {"result": result, "epochs": EPOCHS, "steps_per_epoch": STEPS_PER_EPOCH}
own = {"hardware": records.hardware(), "metrics": found}
print(f"{'':<22}{'accuracy':>9}{'distance':>10}{'seconds':>9}{'steps':>12}{'parameters':>12}")
for name in dict.fromkeys(("quick", "full", profile.name)):
    print(f"-- {name}" + (", with the run of this page" if name == profile.name else ", recorded"))
    for line in table_rows(name, own if name == profile.name else None) or ["no recorded run yet"]:
        print(line)

# %% [markdown]
# Compare the recorded full runs. The convolutional networks obey the label more often. The dense
# ones have the smaller Fréchet distance, and slightly fewer parameters. Their budgets differ: an
# update of the convolutional networks costs several of the dense ones, since they use each weight
# at many places, and so they made fewer updates on smaller batches.

# %% [markdown]
# ## Use it
#
# The generator with the EMA weights, saved alone, loaded by a fresh process. Inputs: `[latents,
# class_labels]`, labels of shape `(n, 1)`.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
ASKED = [3, 1, 4, 1, 5, 9, 2, 6]
use_script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
class_labels = keras.ops.array({ASKED}, "int32")[:, None]
latents = keras.random.normal((len(class_labels), {LATENT_DIM}), seed={SEED})
np.save({str(RUN / "drawn.npy")!r}, generator([latents, class_labels], training=False))
"""
gan_utils.run_in_fresh_process(use_script)
drawn = np.load(RUN / "drawn.npy")
latents = keras.random.normal((len(ASKED), LATENT_DIM), seed=SEED)
here = gan.translate([latents, tf.constant(ASKED, tf.int32)[:, None]])
print(f"largest difference to this process: {np.abs(drawn - here).max():.1e}")
plots.show_images(drawn, columns=8, titles=[str(d) for d in ASKED], title="As asked for\n")
plt.show()

# %% [markdown]
# Above each image the digit that was asked for, by a process that knows nothing of this lesson.

# %% [markdown]
# ## What goes wrong
#
# Images are shuffled, labels are not. Or a filter drops some images and no labels. Every array
# has the right shape, every label is in range, and the pairs are nonsense. We shift the labels by
# one image, which is enough, and train for as many steps as the constant `FAILURE_STEPS` says.

# %%
shifted_labels = np.roll(train_set.labels, 1)
agree = float((shifted_labels == train_set.labels).mean())
print(f"labels that still fit their image: {agree:.0%}")
if trained_here:
    broken = make_gan(SHORT)
    broken_asked = AskedFor(WATCHED)
    broken_source = labeled_batches(
        train_set.images, shifted_labels, SHORT["batch_size"], FAILURE_STEPS
    )
    broken.fit(broken_source, epochs=1, callbacks=[broken_asked], verbose=0)
    healthy_epoch = max(1, min(EPOCHS, FAILURE_STEPS // STEPS_PER_EPOCH))
    failure = {"agree": agree, "accuracy": broken_asked.accuracies[-1]}
    failure["healthy_accuracy"] = asked.accuracies[healthy_epoch - 1]
else:
    failure = reached["failure"]
    print(records.origin(recorded_run))
print(f"label accuracy, in step            {failure['healthy_accuracy']:.0%}")
print(f"label accuracy, out of step by one {failure['accuracy']:.0%}")

# %% [markdown]
# The row "in step" is the run above after its first epochs (in `full` it has other batches and more
# updates). The pairs that the broken model is fed, and, where it was trained here, what it draws
# when asked for 0 to 9, twice:

# %%
plots.show_images(
    train_set.images[:10],
    columns=10,
    titles=[str(label) for label in shifted_labels[:10]],
    title="The pairs it is trained on\n",
)
if trained_here:
    plots.show_images(
        draw(broken, np.arange(20) % NUM_CLASSES),
        columns=10,
        titles=[str(d % NUM_CLASSES) for d in range(20)],
        title="Out of step: asked for, and drawn\n",
    )
plt.show()

# %% [markdown]
# Such a model draws digits; nothing is wrong with the images alone, and so no loss and no look at a
# grid without labels finds the mistake. Label accuracy gives it away: in the recorded run it is at
# the level of guessing, one in ten. The fix: keep images and labels in one place, and shuffle
# *positions*, as `gan_utils.Batches` does. The guard: look at pairs, as the figure of the pairs
# does, before you train.
#
# ### Every class shrinks to one drawing
#
# The opposite failure, mode collapse inside each class: labels obeyed, and nothing else. We swap
# the two learning rates, so that the discriminator is the slower one. (The swapped run is also
# shorter and keeps its rates to the end.) How much of the pixels' variance lies between the labels?
# In real digits that share is small: two handwritten fives differ in most of their pixels.


# %%
def share_between(pictures, groups):
    means = np.stack([pictures[groups == group].mean(axis=0) for group in np.unique(groups)])
    return float(means.var(axis=0).sum() / pictures.var(axis=0).sum())


real_share = share_between(test_sample.images, test_sample.labels)
own_share = share_between(generated, class_labels)
if trained_here:
    swapped = make_gan({**SETTINGS, "d_rate": SETTINGS["g_rate"], "g_rate": SETTINGS["d_rate"]})
    swapped_source = labeled_batches(
        train_set.images, train_set.labels, SETTINGS["batch_size"], SWAP_STEPS
    )
    swapped.fit(swapped_source, epochs=1, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    swapped_images = draw(swapped, class_labels)
    name = f"rates swapped, {SWAP_STEPS} steps"
    swap = {f"{updates} steps": result, name: score(swapped_images, class_labels)}
    swapped_share = share_between(swapped_images, class_labels)
    shares = dict(zip(("real", *swap), (real_share, own_share, swapped_share), strict=True))
else:
    swap, shares = reached["swap"], reached["label_share"]

# %% [markdown]
# Three figures of each and, where it was trained here, eight images of each of five digits with the
# swapped rates:

# %%
print("trained here" if trained_here else records.origin(recorded_run))
print(f"{'':<30}{'label share':>12}{'accuracy':>10}{'distance':>10}")
print(f"{'real digits':<30}{shares['real']:>12.0%}{ceiling:>10.1%}")
for name, row in swap.items():
    print(f"{name:<30}{shares[name]:>12.0%}{row['accuracy']:>10.1%}{row['distance']:>10.1f}")
print(f"label share in this run's images, right rates: {own_share:.0%}")
if trained_here:
    wishes = np.repeat([0, 2, 4, 6, 8], 8)
    plots.show_images(draw(swapped, wishes, seed=3), columns=8, title="Rates swapped: 0, 2, 4...")
    plt.show()

# %% [markdown]
# The higher the share of the label, the more alike are the images of one digit. In the recorded run
# the swapped rates more than double it. A discriminator that lags behind cannot point out that it
# has seen this very image before, so the generator settles on the most typical digit of each class.
# Label accuracy does not punish that; it rewards it. The Fréchet distance does punish it, and so
# does a look at a row of the grid. The fix: let the discriminator take the larger steps, at least
# until the classes are wide.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. What do the slides look like?** Draw the ten planes of the discriminator that was trained
# with slides, and measure how far training moved them from their random start. Would you have
# expected to see digits? (The solution needs the model with slides, which `quick` does not train.)


# %% tags=["hide-cell"]
def planes_of(network):
    (layer,) = [layer for layer in network.layers if isinstance(layer, layers.Embedding)]
    return layer.embeddings.numpy().reshape(NUM_CLASSES, *IMAGE_SHAPE)


if trained_here:
    keras.utils.set_random_seed(SEED)
    at_start, learned = planes_of(build_discriminator("slide")), planes_of(slide.discriminator)
    change = np.sqrt(((learned - at_start) ** 2).mean())
    correlation = np.corrcoef(at_start.ravel(), learned.ravel())[0, 1]
    print(f"root mean square: start {at_start.std():.2f}, change {change:.2f}", end=", ")
    print(f"correlation of start and end {correlation:.2f}")
    plots.show_images(
        np.clip(learned / np.abs(learned).max(), -1, 1),
        columns=5,
        titles=[str(d) for d in range(NUM_CLASSES)],
        title="The plane of each label\n",
    )
    plt.show()

# %% [markdown]
# A correlation near one means that the planes are mostly the noise they started from. A plane need
# not look like its digit: it is enough that it differs from the other nine, since the convolutions
# learn to read it.

# %% [markdown]
# **2. How much of an image is the label's doing?** Draw every combination of 50 latent vectors and
# ten labels. Split the variance of the pixels: between labels, between latent vectors, and what
# is left (the two together). Do the same for the labels of real digits.

# %% tags=["hide-cell"]
style = np.repeat(np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)), NUM_CLASSES, axis=0)
every = np.tile(np.arange(NUM_CLASSES), 50)[:, None]
combined = gan.translate([tf.constant(style, tf.float32), tf.constant(every, tf.int32)])
parts = {
    "label": share_between(combined, every[:, 0]),
    "latents": share_between(combined, np.repeat(np.arange(50), NUM_CLASSES)),
}
parts["both together"] = 1 - sum(parts.values())
print("generated:", ", ".join(f"{name} {share:.0%}" for name, share in parts.items()))
print(f"real digits: label {real_share:.0%}")
plots.show_images(combined[: 4 * NUM_CLASSES], columns=10, title="One latent vector a row")
plt.show()

# %% [markdown]
# The label's part is the share that "What goes wrong" measures. The part of both together is what
# the noise means for one digit and not for another: nothing in the game asks it to be the same
# handwriting for all ten.

# %% [markdown]
# **3. Let the discriminator choose.** Draw ten candidates for each wish and keep the one with the
# highest $D(x \mid y)$. How often is the kept one the asked-for digit? What may be lost?

# %% tags=["hide-cell"]
wishes = np.arange(SAMPLES // 10) % NUM_CLASSES
repeated = np.repeat(wishes, 10)
candidates = draw(gan, repeated, seed=9)
pairs = zip(np.array_split(candidates, 10), np.array_split(repeated[:, None], 10), strict=True)
scores = np.concatenate([gan.discriminator(list(pair), training=False) for pair in pairs])
best = scores.reshape(-1, 10).argmax(axis=1)
kept = candidates.reshape(-1, 10, *IMAGE_SHAPE)[np.arange(len(wishes)), best]
chosen = {
    "every candidate": lenet.accuracy(candidates, repeated),
    "the chosen ones": lenet.accuracy(kept, wishes),
}
for (name, accuracy), pictures in zip(chosen.items(), (candidates, kept), strict=True):
    print(f"{name}: label accuracy {accuracy:.1%}, spread {pictures.std(axis=0).mean():.3f}")

# %% [markdown]
# The discriminator has learned about pairs all along, and after training it can be put to use as a
# judge (Azadi et al., 2019, do it with a guarantee). The price may be variety, if what it likes
# best is always the same; the spread, the standard deviation of a pixel over the drawings, shows
# whether that happened here.

# %% [markdown]
# ## Summary
#
# - A label enters a convolutional generator beside the noise. In the discriminator, a product of
#   label and features teaches obedience sooner than a channel beside the picture.
# - The condition is the same three methods as with dense networks.
# - Watch label accuracy during training; the losses do not show it.
# - Images and labels out of step train without an error message. Look at pairs.
# - A discriminator slower than the generator: every class shrinks to one drawing, and label
#   accuracy is as high as ever. Keep an eye on the distance too.
#
# ## References
#
# - M. Mirza, S. Osindero, *Conditional Generative Adversarial Nets*, 2014.
#   <https://arxiv.org/abs/1411.1784>
# - T. Miyato, M. Koyama, *cGANs with Projection Discriminator*, ICLR 2018 (the product).
#   <https://arxiv.org/abs/1802.05637>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017 (the Fréchet distance). <https://arxiv.org/abs/1706.08500>
# - Y. Yazici et al., *The Unusual Effectiveness of Averaging in GAN Training*, ICLR 2019.
#   <https://arxiv.org/abs/1806.04498>
# - S. Azadi et al., *Discriminator Rejection Sampling*, ICLR 2019.
#   <https://arxiv.org/abs/1810.06758>

# %% tags=["remove-cell"]
found |= {
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "classifier_test_accuracy": lenet.test_accuracy(),
    "classifier_here": ceiling,
    "before": before,
    "real_vs_real": floor,
    "by_digit": by_digit,
    "accuracies": asked.accuracies,
    "chosen": chosen,
}
models = [gan]
if trained_here:
    found |= {
        "slide_accuracies": slide_asked.accuracies,
        "failure_steps": FAILURE_STEPS,
        "failure": failure,
        "swap": swap,
        "label_share": shares,
    }
    models += [slide, broken, swapped]

# %% [markdown] tags=["remove-cell"]
# The record of this run.

# %% tags=["remove-cell"]
records.record(
    "05_cdcgan",
    found,
    seconds=sum(model.seconds for model in models),
    data=train_set,
    seed=SEED,
    settings=SETTINGS,
    comparison={"CDCGAN": scored},
    tutorial=TUTORIAL,
)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, *IMAGE_SHAPE)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(steps.history["step"]) == EPOCHS * STEPS_PER_EPOCH
assert len(grid.frames) == EPOCHS + 1
assert len(asked.accuracies) == EPOCHS
assert np.abs(drawn - here).max() < 1e-4  # another process may sum in another order
assert len(swap) == 2
assert set(shares) == {"real", *swap}
