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
# # DCGAN: convolutions that draw digits

# %% [markdown] tags=["remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/02_dcgan.ipynb)

# %% [markdown]
# **What you will do.** Train two convolutional networks against each other until one of them
# draws handwritten digits that were never written by a hand.
#
# **What you will learn**
#
# - how a vector of noise becomes a picture, block by block, with shapes and parameter counts;
# - how the two losses are written on logits, and why that matters;
# - what exactly one update does: who moves, and who must not;
# - how to watch a training run, stop it, go on with it, and keep what it learned;
# - how to measure the result with a number and not only by eye.
#
# **What you need.** Python and the basics of Keras layers. A CPU with two cores is enough for the
# short run of this page, and for the recorded full one; the tutorial's own recipe wants a GPU.

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
import inspect

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, plots, profile, records
from gan_utils.steps import SimultaneousOrder

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. `TUTORIAL` is the classic recipe: large batches, a small
# learning rate, 50 passes over the data. On two CPU cores a minute of it is about two hundred
# updates, too few to show anything; `GAN_RECIPE=tutorial` selects it. On a CPU small batches with
# larger steps get far more out of a minute: the `full` run takes 32 images in place of 256
# and 20 passes over the data, and the short one, `quick`, takes 8. In the short run an "epoch" is a
# part of a pass, so that there is something to look at after each.
#
# `STAGES` is the learning-rate schedule of the full run: at first the discriminator has the higher
# rate (the two time-scale update rule, TTUR); then the generator has, with linear decay of both to
# zero. A short run has no time for two stages.

# %%
SEED = profile.seed(2)
LATENT_DIM = 100
FIXED_COUNT = 16
TUTORIAL = {
    "epochs": 50,
    "batch_size": 256,
    "d_rate": 1e-4,
    "g_rate": 1e-4,
    "beta_1": 0.9,
    "ema_decay": None,
}
FULL = {
    "epochs": 20,
    "batch_size": 32,
    "d_rate": 1e-3,
    "g_rate": 3e-4,
    "beta_1": 0.5,
    "ema_decay": 0.9995,
}
SHORT = {"batch_size": 8, "d_rate": 5e-4, "g_rate": 1e-3, "beta_1": 0.5, "ema_decay": 0.998}
STAGES = ((0, 1e-3, 3e-4), (0.4, 3e-4, 5e-4))
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)

# %% [markdown]
# What follows from the recipe, and what all recipes share:

# %%
EPOCHS = profile.epochs(full=SETTINGS.get("epochs", 1), quick=12, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // SETTINGS["batch_size"], quick=70, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=1, quick=6, smoke=1)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs, not from memory.

# %%
for name in ("quick", "full"):
    run = records.recorded("02_dcgan", name)
    if run:
        minutes = run["seconds"] / 60
        print(f"{name}: {minutes:.1f} minutes of training on {run['hardware']['cores']} cores")
    else:
        print(f"{name}: no recorded run yet")

# %% [markdown]
# ## The idea
#
# A **generator** $G$ turns a latent vector $z$, drawn from a standard normal distribution, into a
# picture $G(z)$. A **discriminator** $D$ looks at a picture $x$ and says how likely it is to be
# real. The two play a game over the value
#
# $$
# V(D, G) = \mathbb{E}_{x}\,[\log D(x)] + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# which $D$ wants to be large and $G$ wants to be small (Goodfellow et al., 2014, equation 1).
# DCGAN (Radford et al., 2015) keeps the game and says what the players should look like:
# convolutions in place of pooling, batch normalization, no dense layers except at the ends. With
# that, training became stable enough to be useful.

# %% [markdown]
# ## The data
#
# MNIST: handwritten digits, 28 by 28 pixels, in gray. `load_images` takes it from the Keras
# cache, downloads it if need be, and with neither takes a sample of 10,000 images that comes with
# the book. The line it prints says which one this page was made with.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("02_dcgan", train_set)
print(train_set)
print("shape", train_set.images.shape, train_set.images.dtype)
SAMPLES = evaluation.count(test_set)
WATCHED = profile.samples(full=2_000, quick=500, smoke=50, available=len(test_set))

# %% [markdown]
# Pictures are kept as bytes, 0 to 255, and become floats from -1 to 1 batch by batch. That range
# is the one `tanh` can draw. A discriminator that sees reals in another range than fakes
# need not look at the digits at all.

# %%
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
print(f"range as floats: {real_sample.min():.0f} to {real_sample.max():.0f}")
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# Sixteen real digits: strokes of even width, on a clean background, each in the middle of its
# square. That is what the generator has to learn, from nothing but the discriminator's output.

# %% [markdown]
# ## What the recorded run reached
#
# The run on this page is short: it shows that the networks learn. How far they get is shown by the
# recorded full run. Its generator comes with this project: it is found in a checkout, or downloaded
# once and checked; where neither is possible, the cell says so.


# %%
def print_recorded(run):
    found, settings = run["metrics"], run["settings"]
    updates = found["epochs"] * found["steps_per_epoch"]
    seen = updates * settings["batch_size"]
    print(records.origin(run))
    print(f"  {updates:,} updates with {seen:,} real images", end=", ")
    print(f"{seen / run['data']['count']:.1f} passes over the data, {run['seconds']:.0f} s")
    print(f"  Fréchet distance {found['distance_after']:.1f}", end=", ")
    print(f"untrained {found['distance_before']:.1f}, real vs. real {found['real_vs_real']:.2f}")
    print(f"  read with confidence: generated {found['readable']:.0%}", end=", ")
    print(f"real {found['readable_real']:.0%}")


# %% [markdown]
# The record, and the generator's images:

# %%
recorded_run = records.recorded("02_dcgan", "full")
if recorded_run:
    print_recorded(recorded_run)
trained_generator, message = gan_utils.weights.try_generator("dcgan")
print(message)
if trained_generator is not None:
    trained_latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    plots.show_images(
        trained_generator(trained_latents, training=False).numpy(),
        columns=10,
        title="Trained generator of the recorded full run",
    )
    plt.show()

# %% [markdown]
# Fifty images, none of them chosen. The scores are explained below, where this page's own run is
# measured with them. From a terminal, `gan-utils generate dcgan digits.png` draws as many as you
# like, and `gan-utils generate dcgan --interpolate walk.gif` walks from digit to digit.
#
# ### In your browser
#
# On the page of the book, this generator draws while you watch: walk from one point of the noise to
# another.
#
# <!-- interactive: dcgan -->

# %% [markdown]
# ## The generator
#
# A dense layer makes 7 by 7 by 256 numbers out of the 100 latent ones. Transposed convolutions
# then double height and width twice, while the number of channels falls. Biases would be undone
# by the batch normalization that follows, so there are none. The last activation is `tanh`.
#
# These are the networks of the tutorial, and they depart from two rules of the DCGAN paper: its
# generator has ReLU where this one has `LeakyReLU`, and its discriminator has batch normalization
# where the one below has dropout. A discriminator without batch normalization scores each image
# alone: its output on a real image does not depend on the other images of the batch.


# %%
def build_generator(latent_dim=LATENT_DIM):
    return keras.Sequential(
        [
            layers.Input((latent_dim,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(
                1, 5, strides=2, padding="same", use_bias=False, activation="tanh"
            ),
        ],
        name="generator",
    )


# %% [markdown]
# The shapes after each block, and the number of parameters. If they were not what the text says,
# this cell would fail.

# %%
generator = build_generator()
blocks = [layer for layer in generator.layers if len(layer.output.shape) == 4]
for layer in blocks:
    print(f"{layer.name:<24} {tuple(layer.output.shape[1:])}")

shapes = list(dict.fromkeys(tuple(layer.output.shape[1:]) for layer in blocks))
assert shapes == [(7, 7, 256), (7, 7, 128), (14, 14, 64), (28, 28, 1)]
assert generator.count_params() == 2_330_944
print(f"parameters: {generator.count_params():,}")

# %% [markdown]
# ## The discriminator
#
# An ordinary small classifier: two convolutions that halve height and width, `LeakyReLU` so that
# a gradient gets through for negative values too, dropout so that it does not win too soon. It
# returns a **logit**, any real number: there is no sigmoid at the end. The sigmoid is part of the
# loss, where it can be computed without overflow.


# %%
def build_discriminator(image_shape=(28, 28, 1)):
    return keras.Sequential(
        [
            layers.Input(image_shape),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="discriminator",
    )


# %% [markdown]
# Again the shapes and the count.

# %%
discriminator = build_discriminator()
for layer in discriminator.layers:
    print(f"{layer.name:<24} {tuple(layer.output.shape[1:])}")

assert discriminator.count_params() == 212_865
print(f"parameters: {discriminator.count_params():,}")

# %% [markdown]
# ### The same networks as classes
#
# A `Sequential` is a list of layers. Where a network branches, or where one wants to look at what
# happens in between, one writes a `keras.Model` subclass. Note the argument `training`: it is
# passed on to the layers that behave differently in training (batch normalization, dropout).
# Forgetting it is the most common silent mistake in such code.


# %%
class Generator(keras.Model):
    def __init__(self, widths=(256, 128, 64), **options):
        super().__init__(**options)
        self.dense = layers.Dense(7 * 7 * widths[0], use_bias=False)
        self.reshape = layers.Reshape((7, 7, widths[0]))
        self.up = [
            layers.Conv2DTranspose(filters, 5, strides=step, padding="same", use_bias=False)
            for filters, step in zip((*widths[1:], 1), (1, 2, 2), strict=True)
        ]
        self.norms = [layers.BatchNormalization() for _ in widths]
        self.activation = layers.LeakyReLU(negative_slope=0.3)

    def call(self, latents, training=False):
        features = self.activation(self.norms[0](self.dense(latents), training=training))
        features = self.reshape(features)
        for convolution, norm in zip(self.up[:-1], self.norms[1:], strict=True):
            features = self.activation(norm(convolution(features), training=training))
        return tf.tanh(self.up[-1](features))


# %% [markdown]
# The discriminator in the same style.


# %%
class Discriminator(keras.Model):
    def __init__(self, widths=(64, 128), **options):
        super().__init__(**options)
        self.down = [layers.Conv2D(filters, 5, strides=2, padding="same") for filters in widths]
        self.activation = layers.LeakyReLU(negative_slope=0.3)
        self.dropout = [layers.Dropout(0.3) for _ in widths]
        self.flatten = layers.Flatten()
        self.dense = layers.Dense(1)

    def call(self, inputs, training=False):
        features = inputs
        for convolution, dropout in zip(self.down, self.dropout, strict=True):
            features = dropout(self.activation(convolution(features)), training=training)
        return self.dense(self.flatten(features))


# %% [markdown]
# Same counts, and with the same weights the same pictures. A subclass has its weights in the
# order in which its layers were set, so we match them by their shapes.

# %%
as_class = Generator()
latents = keras.random.normal((4, LATENT_DIM), seed=SEED)
as_class(latents)
for layer, twin in [
    (generator.layers[0], as_class.dense),
    *zip((generator.layers[i] for i in (4, 7, 10)), as_class.up, strict=True),
]:
    twin.set_weights(layer.get_weights())

difference = np.abs(generator(latents) - as_class(latents)).max()
critic = Discriminator()
critic(generator(latents))
print(f"largest difference between the two generators: {difference:.1e}")
assert as_class.count_params() == generator.count_params()
assert critic.count_params() == discriminator.count_params()
assert difference < 1e-4  # float32, and another order of operations

# %% [markdown]
# ### Before any training
#
# One picture from the untrained generator, and what the untrained discriminator thinks of it.

# %%
untrained = generator(latents[:1], training=False)
verdict = float(discriminator(untrained, training=False)[0, 0])
plots.show_images(untrained.numpy(), title="Untrained generator", scale=2)
plt.show()
print(f"logit {verdict:+.5f}, so D(G(z)) = {1 / (1 + np.exp(-verdict)):.4f}")

# %% [markdown]
# Gray noise, and an output near one half: the discriminator has no opinion yet. Both start from
# ignorance, and that is as it should be. The difficulty of the game is to keep them level.

# %% [markdown]
# ## The losses
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$ | `real_images` | a batch of real pictures |
# | $z$ | `latents` | noise, a row per picture |
# | $G(z)$ | `fake_images` | what the generator draws |
# | $\mathrm{logit}\,D(x)$ | `real_logits` | the discriminator's output on real pictures |
# | $\mathrm{logit}\,D(G(z))$ | `fake_logits` | its output on fakes |
# | $-\log D(x) - \log(1 - D(G(z)))$ | `d_loss` | what the discriminator minimizes |
# | $-\log D(G(z))$ | `g_loss` | what the generator minimizes |
#
# The generator's loss is not the second term of $V$ but the *non-saturating* form of Goodfellow's
# section 3: same aim, with a strong gradient while the fakes are still bad.

# %%
CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_logits, fake_logits):
    real_loss = CROSS_ENTROPY(tf.ones_like(real_logits), real_logits)
    fake_loss = CROSS_ENTROPY(tf.zeros_like(fake_logits), fake_logits)
    return real_loss + fake_loss


def generator_loss(fake_logits):
    return CROSS_ENTROPY(tf.ones_like(fake_logits), fake_logits)


# %% [markdown]
# A discriminator that cannot tell gives the logit 0. What do the losses say then?

# %%
undecided = tf.zeros((8, 1))
print(f"d_loss {discriminator_loss(undecided, undecided):.4f}, 2 ln 2 = {2 * np.log(2):.4f}")
print(f"g_loss {generator_loss(undecided):.4f},   ln 2 = {np.log(2):.4f}")
np.testing.assert_allclose(discriminator_loss(undecided, undecided), 2 * np.log(2), rtol=1e-6)

# %% [markdown]
# Keep these two numbers in mind when you read the curves below: at $2 \ln 2$ and $\ln 2$ nobody
# is winning.

# %% [markdown]
# ## One update, written out
#
# First the discriminator learns from one real and one fake batch. Then the generator learns from
# the discriminator that has just learned. Each update takes the gradient of its own loss with
# respect to its own variables, and nothing else: that is what keeps the other player still.
#
# The two updates *alternate*. The tutorial's are *simultaneous*: it computes both losses from one
# forward pass, so that its generator learns from the discriminator as it was before the update
# (`gan_utils.steps.SimultaneousOrder`, which the run with its recipe uses).


# %%
def train_step(networks, optimizers, real_images, latents):
    generator, discriminator = networks
    d_optimizer, g_optimizer = optimizers
    with tf.GradientTape() as g_tape:
        fake_images = generator(latents, training=True)

    with tf.GradientTape() as d_tape:
        real_logits = discriminator(real_images, training=True)
        fake_logits = discriminator(fake_images, training=True)
        d_loss = discriminator_loss(real_logits, fake_logits)
    gradients = d_tape.gradient(d_loss, discriminator.trainable_variables)
    d_optimizer.apply_gradients(zip(gradients, discriminator.trainable_variables, strict=True))

    with g_tape:
        fake_logits = discriminator(fake_images, training=True)
        g_loss = generator_loss(fake_logits)
    gradients = g_tape.gradient(g_loss, generator.trainable_variables)
    g_optimizer.apply_gradients(zip(gradients, generator.trainable_variables, strict=True))
    return d_loss, g_loss


# %% [markdown]
# `g_tape` is opened, closed and opened again: it records how the fakes were drawn, stays out of
# the discriminator's business, and then records the new verdict. So the generator, the
# larger of the two networks, runs forward only once in a step.
#
# The function is for float32 and bfloat16. In float16 small gradients would be zero, so the
# loss must be scaled, which `GAN` below does.
#
# Who moved? To see it, we give one player at a time a learning rate of zero.


# %%
def who_moved(d_rate, g_rate):
    networks = build_generator(), build_discriminator()
    optimizers = keras.optimizers.Adam(d_rate), keras.optimizers.Adam(g_rate)
    for network, optimizer in zip(networks[::-1], optimizers, strict=True):
        optimizer.build(network.trainable_variables)
    before = [[w.numpy() for w in network.trainable_weights] for network in networks]
    train_step(networks, optimizers, real_sample, keras.random.normal((16, LATENT_DIM), seed=SEED))
    return [
        max(np.abs(w.numpy() - old).max() for w, old in zip(n.trainable_weights, b, strict=True))
        for n, b in zip(networks, before, strict=True)
    ]


# %% [markdown]
# The largest change of any weight, in the three cases that matter.

# %%
print(f"{'update of':<16}{'generator':>12}{'discriminator':>16}")
moves = {}
for title, rates in {"both": (1e-4, 1e-4), "D alone": (1e-4, 0.0), "G alone": (0.0, 1e-4)}.items():
    moves[title] = who_moved(*rates)
    print(f"{title:<16}{moves[title][0]:>12.1e}{moves[title][1]:>16.1e}")
assert min(moves["both"]) > 0
assert moves["D alone"][0] == 0
assert moves["G alone"][1] == 0

# %% [markdown]
# Each update moves its own network and leaves the other exactly where it was. Adam's first step
# is as long as the learning rate in every weight, which is why the numbers look alike. In
# the older style, where a frozen discriminator is compiled into a stacked model, Keras 3 leaves
# the zeros in the *wrong* place: there the discriminator never moves. The lesson on Keras notes
# shows that trap.

# %% [markdown]
# ## The same update from the book's package
#
# `gan_utils.GAN` is a `keras.Model` with this update as its `train_step`. It brings what `fit`
# brings: a progress bar, callbacks, datasets, several devices. Is it really the same update? We
# give both the same weights and the same noise, and switch dropout off, the one thing that is
# drawn at random inside the networks.


# %%
def twin_networks(weights=None):
    networks = build_generator(), build_discriminator()
    for layer in networks[1].layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    if weights:
        for network, values in zip(networks, weights, strict=True):
            network.set_weights(values)
    return networks


by_hand = twin_networks()
packaged = twin_networks([network.get_weights() for network in by_hand])
gan = GAN(*packaged, LATENT_DIM, seed=SEED)
gan.compile(d_optimizer=keras.optimizers.Adam(1e-4), g_optimizer=keras.optimizers.Adam(1e-4))
optimizers = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
for network, optimizer in zip(by_hand[::-1], optimizers, strict=True):
    optimizer.build(network.trainable_variables)

# %% [markdown]
# Three steps of each, next to each other. The noise comes from a stateless generator: the seed and
# the number of the step determine it, so we can ask for the same noise twice. The last two columns
# show what alternating updates mean: D(G(z)) of the batch before the discriminator's update, from
# which a simultaneous update would teach the generator, and after it, from which this one does.

# %%
real_batch = images.to_float(train_set.images[:32])
for step in range(3):
    noise = gan.generator_inputs(real_batch, gan.next_seed())
    losses = train_step(by_hand, optimizers, real_batch, noise)
    logs = {name: float(value) for name, value in gan.train_step(tf.constant(real_batch)).items()}
    print(f"step {step + 1}: by hand {losses[0]:.5f} {losses[1]:.5f}", end="   ")
    print(f"gan_utils.GAN {logs['d_loss']:.5f} {logs['g_loss']:.5f}", end="   ")
    print(f"D(G(z)) {logs['d_fake']:.4f} {logs['d_fake_after']:.4f}")
    if step == 0:
        np.testing.assert_allclose(losses, [logs["d_loss"], logs["g_loss"]], rtol=1e-4)

# %% [markdown]
# The same update. Only the first step is compared by the program: sums of float32 depend on the
# order of the terms, Adam turns even tiny gradients into full steps, and so two correct programs
# drift apart. From here on we use the package, and know what it does.

# %% [markdown]
# ## Training
#
# The pieces of a run, each a callback:
#
# - `SampleGrid` draws the same 16 latent vectors after each part of the run;
# - `StepHistory` keeps the losses and the discriminator's outputs, step by step;
# - `Checkpoint` writes everything needed to go on, and `fit` goes on from it when run again;
# - `TerminateOnNaN` ends a run that has gone wrong, with an error message that says what to check;
# - `LinearDecay` sets the learning rates of the full run, stage by stage.
#
# `ema_decay` keeps an exponential moving average (EMA) of the generator's weights. Samples are
# drawn with the EMA weights, steadier than those of any single moment (Yazici et al., 2019).


# %%
class SimultaneousGAN(SimultaneousOrder, GAN):
    pass


def distance_of(gan):
    return evaluation.scores(gan.generate(WATCHED), real_images=test_set.images)["distance"]


model = SimultaneousGAN if SETTINGS is TUTORIAL else GAN
networks = build_generator(), build_discriminator()
gan = model(*networks, LATENT_DIM, ema_decay=SETTINGS["ema_decay"], seed=SEED)
gan.compile(
    d_optimizer=keras.optimizers.Adam(SETTINGS["d_rate"], beta_1=SETTINGS["beta_1"]),
    g_optimizer=keras.optimizers.Adam(SETTINGS["g_rate"], beta_1=SETTINGS["beta_1"]),
)
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=CHECKPOINT_EVERY)
distances = callbacks.ScoreByEpoch(distance_of, RUN / "distances.txt")
watchers = [grid, steps, distances, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))
print(f"run folder: {RUN} (delete it to start over)")

# %% [markdown]
# Before the first step, a measure of how far we have to go. The **Fréchet distance** compares
# real and generated images in the feature space of a classifier, here a small LeNet trained on
# MNIST: 0 would mean the same mean and covariance. Test images against as many training images,
# both drawn evenly over their sets, give the noise floor: the distance when nothing is wrong.

# %%
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"{SAMPLES:,} generated images, as many of the test set")
print(f"real against real {floor:.2f}, untrained generator {distance_before:.1f}")

# %% [markdown]
# Now the run itself. If a run was interrupted, the same cell goes on from the last checkpoint.

# %%
batches = gan_utils.Batches(
    train_set.images,
    batch_size=SETTINGS["batch_size"],
    steps_per_epoch=STEPS_PER_EPOCH,
    seed=SEED,
)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
trained_steps = EPOCHS * batches.steps_per_epoch
seen = trained_steps * SETTINGS["batch_size"]
print(f"{trained_steps:,} updates with {seen:,} real images", end=", ")
print(f"{seen / len(train_set):.2f} passes over the data", end="; ")
print(f"{gan.seconds:.0f} s, {1000 * gan.seconds / trained_steps:.0f} ms an update")

# %% [markdown]
# ### The curves
#
# Losses of a GAN are not like those of a classifier: neither falls to zero in a healthy run. Look
# for balance.

# %%
plots.plot_history(steps.history)
plt.show()

# %% [markdown]
# Above, the losses of each step (thin) and their moving average (thick). Below, what the
# discriminator thinks of real pictures, D(x), and of fakes, D(G(z)). If D(x) stuck to 1 and
# D(G(z)) to 0, the generator would get no more gradient; if both sat exactly at one half from the
# start, the discriminator would have learned nothing.

# %% [markdown]
# ### The fixed noise, again and again
#
# The same 16 latent vectors, before training and at the end.

# %%
plots.show_images(
    np.stack([grid.frames[0], grid.frames[-1]]),
    columns=2,
    titles=["before training", f"after {trained_steps:,} updates"],
    scale=3,
)
plt.show()

# %% [markdown]
# On the left noise, on the right what this run has made of it. The whole way there, as an
# animation: most happens early, so early moments get more of its time.

# %%
animation = grid.save_gif(RUN / "dcgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise"))
if "google.colab" in sys.modules:
    from google.colab import files

    files.download(str(animation))

# %% [markdown]
# ## Results
#
# The same measure as before training, on as many images. And a plainer one next to it: the share
# of images that the classifier reads as some digit with at least 90 % confidence. The recorded
# run, once more, for comparison.

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
distance_after = scored["distance"]
print(f"Fréchet distance on LeNet features, {SAMPLES:,} images on each side")
print(f"  untrained      {distance_before:8.1f}")
print(f"  trained        {distance_after:8.1f}   (profile {profile.name})")
print(f"  real vs. real  {floor:8.2f}")
readable, readable_real = (
    float((lenet.probabilities(pictures).max(axis=1) >= 0.9).mean())
    for pictures in (generated, test_set.sample(SAMPLES).images)
)
print(f"read with confidence: generated {readable:.0%}, real {readable_real:.0%}")
if recorded_run:
    print_recorded(recorded_run)
plots.show_images(generated[:64], columns=8, title=f"New digits, profile {profile.name}")
plt.show()

# %% [markdown]
# None of these digits was chosen: they are the first 64. Look for those between two digits: points
# between two digits in the latent space look like that.

# %% [markdown]
# ## Stop and go on
#
# A checkpoint holds both networks, the EMA weights, both optimizers, and the states of the random
# generators. It is one file, written under a temporary name and then renamed, so a
# crash never leaves half a checkpoint under a whole one's name. To prove that it is enough, we
# restore the latest one in a *fresh process* that knows nothing but the builders.
#
# The script for that process: the two builders as they stand in this lesson, and three lines.

# %%
restore_script = f"""
import keras, numpy as np
from keras import layers
from gan_utils import GAN, callbacks, profile
keras.config.set_dtype_policy(profile.precision)
LATENT_DIM = {LATENT_DIM}
{inspect.getsource(build_generator)}
{inspect.getsource(build_discriminator)}
networks = build_generator(), build_discriminator()
gan = GAN(*networks, LATENT_DIM, ema_decay={SETTINGS["ema_decay"]}, seed={SEED})
gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
epochs = callbacks.Checkpoint({str(checkpoint.folder)!r}).resume(gan)
latents = keras.random.normal(({FIXED_COUNT}, LATENT_DIM), seed={SEED})
np.save({str(RUN / "restored.npy")!r}, gan.translate(latents))
print("restored after", epochs, "epochs")
"""
print(gan_utils.run_in_fresh_process(restore_script))
difference = np.abs(np.load(RUN / "restored.npy") - gan.translate(fixed_latents)).max()
print(f"largest difference in a pixel {difference:.1e}")
assert difference < 1e-4  # another process may sum in another order

# %% [markdown]
# ## Use it
#
# To draw digits one needs neither the discriminator nor the optimizers: the generator with the EMA
# weights is enough. It is saved in Keras' own format, and a fresh process loads it without any of
# this lesson's code.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
use_script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
latents = keras.random.normal((10, generator.input_shape[1]), seed={SEED})
np.save({str(RUN / "drawn.npy")!r}, generator(latents, training=False))
"""
gan_utils.run_in_fresh_process(use_script)
drawn = np.load(RUN / "drawn.npy")
print(f"file: {generator_file.stat().st_size / 1e6:.1f} MB")
plots.show_images(drawn, columns=5, title="Drawn by another process")
plt.show()

# %% [markdown]
# Ten digits from a process that only read the file. With `training=False` a picture depends on
# its own latent vector alone; with `training=True` batch normalization would mix in the others of
# the batch.

# %% [markdown]
# ## What goes wrong
#
# A classic: a sigmoid at the end of the discriminator *and* a loss that expects logits. Nothing
# crashes. The loss now applies a second sigmoid to numbers between 0 and 1, so the
# discriminator can never be sure of anything: even a perfect one cannot get below
# $\ln(1 + e^{-1}) + \ln 2$. We train a discriminator alone, on real digits against the untrained
# generator's noise, with three endings: logits, a plain `tf.sigmoid`, and Keras' sigmoid layer.


# %%
def train_discriminator_alone(ending, real_images, fake_images, steps):
    keras.utils.set_random_seed(SEED)
    network = build_discriminator()
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(network.trainable_variables)
    values = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            real_outputs = ending(network(real_images, training=True))
            fake_outputs = ending(network(fake_images, training=True))
            loss = discriminator_loss(real_outputs, fake_outputs)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        values.append(float(loss))
    return values


# %% [markdown]
# The task is so easy that the loss should be near zero after a few steps.

# %%
FAILURE_STEPS = profile.steps(full=60, quick=40, smoke=30)
ENDINGS = {
    "logits (right)": ("#0072B2", "-", tf.identity),
    "tf.sigmoid": ("#D55E00", "--", tf.sigmoid),
    "Keras' sigmoid layer": ("#009E73", ":", layers.Activation("sigmoid")),
}
noise_images = build_generator()(fixed_latents, training=False)
bound = np.log1p(np.exp(-1)) + np.log(2)
figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
endings = {}
for title, (color, line, ending) in ENDINGS.items():
    endings[title] = train_discriminator_alone(ending, real_sample, noise_images, FAILURE_STEPS)
    axis.plot(endings[title], label=title, color=color, linestyle=line, linewidth=2.5)
    print(f"{title:<22} loss after {FAILURE_STEPS} steps {endings[title][-1]:.4f}")
axis.axhline(bound, color="black", linewidth=1, linestyle="-.", label=f"bound {bound:.4f}")
axis.set(xlabel="step", ylabel="discriminator's loss", title="A sigmoid too many")
axis.legend()
plt.show()

# %% [markdown]
# With logits the loss falls towards zero. Behind `tf.sigmoid` it stops at its bound, and a
# discriminator like that has little to teach. The third curve lies on the first: Keras' loss
# recognizes the output of its own sigmoid layer, takes the logits from behind it and only warns.
# Do not count on that rescue: it ends with the first operation in between, and losses written by
# hand know nothing of it. The fix is to have no sigmoid, and `gan_utils.GAN` insists on it:

# %%
suspicious = build_discriminator()
suspicious.add(layers.Activation("sigmoid"))
try:
    GAN(build_generator(), suspicious, LATENT_DIM).compile(
        d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam()
    )
except ValueError as error:
    print(f"refused: {error}")

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. What does the EMA do?** Measure the Fréchet distance of the generator's weights as
# they are at the end of training, `gan.generator`, and compare it with the EMA weights,
# `gan.ema_generator`. To train without it, pass `ema_decay=None`.

# %% tags=["hide-cell"]
latents = gan.generator_inputs(None, tf.constant([0, 0]), SAMPLES)
plain = np.concatenate(
    [gan.generator(latents[i : i + 250], training=False) for i in range(0, SAMPLES, 250)]
)
distance_plain = evaluation.scores(plain, **facts)["distance"]
print(f"weights as they are {distance_plain:.1f}, their EMA {distance_after:.1f}")
if recorded_run:
    found = recorded_run["metrics"]
    print(f"recorded full run: {found['distance_plain']:.1f}", end=" and ")
    print(f"{found['distance_after']:.1f}")
plots.show_images(
    np.concatenate([plain[:8], generated[:8]]),
    columns=8,
    row_labels=["as they are", "EMA"],
    title="The same latent vectors",
)
plt.show()

# %% [markdown]
# **2. Walk between two digits.** Take two latent vectors and draw eight points between them.
# Compare a straight line with a walk along the sphere. Which one leaves the region that the
# generator knows? (Look at the length of the vectors.)

# %% tags=["hide-cell"]
start_point, end_point = fixed_latents.numpy()[[0, 5]]
fractions = np.linspace(0, 1, 8)[:, None]
straight = (1 - fractions) * start_point + fractions * end_point
cosine = start_point @ end_point / np.linalg.norm(start_point) / np.linalg.norm(end_point)
angle = np.arccos(cosine)
along_sphere = (
    np.sin((1 - fractions) * angle) * start_point + np.sin(fractions * angle) * end_point
) / np.sin(angle)
walks = np.concatenate([straight, along_sphere]).astype("float32")
lengths = np.linalg.norm(walks, axis=1).reshape(2, 8)
print("length, straight line: ", np.round(lengths[0], 1))
print("length, along a sphere:", np.round(lengths[1], 1))
plots.show_images(
    gan.translate(walks), columns=8, row_labels=["straight", "sphere"], title="From digit to digit"
)
plt.show()

# %% [markdown]
# In 100 dimensions nearly all latent vectors have a length close to 10. The straight line cuts
# through the inside of that shell, where training never drew a vector; the walk along the sphere
# stays on it.

# %% [markdown]
# **3. Has it copied the training set?** For some drawn digits, find the nearest training picture,
# in LeNet features. Are they the same pictures?

# %% tags=["hide-cell"]
candidates = train_set.sample(SAMPLES).images
candidate_features = lenet.features(candidates).astype("float64")
query = lenet.features(generated[:8]).astype("float64")
squared = ((query[:, None, :] - candidate_features[None]) ** 2).sum(-1)
nearest = images.to_float(candidates[squared.argmin(1)])
pixel_difference = np.abs(nearest - generated[:8]).mean(axis=(1, 2, 3)) / 2
print("mean difference of a pixel, of the range:", np.round(pixel_difference, 2))
plots.show_images(
    np.concatenate([generated[:8], nearest]),
    columns=8,
    row_labels=["drawn", "nearest real"],
    title="Drawn digits and their nearest training pictures",
)
plt.show()

# %% [markdown]
# A copy would have a difference of zero. Where drawn digit and neighbor are the same digit, compare
# slant, thickness and shape.

# %% [markdown]
# ## Summary
#
# - A generator of transposed convolutions turns noise into pictures; a discriminator of strided
#   convolutions judges them with a logit.
# - One step is two updates. Each moves its own player and nothing of the other.
# - Curves show balance, the fixed noise progress, the Fréchet distance quality: one needs all
#   three.
# - A checkpoint that can be restored in a fresh process is the only kind worth having.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014.
#   <https://arxiv.org/abs/1406.2661>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. <https://arxiv.org/abs/1502.03167>
# - Y. Yazici et al., *The Unusual Effectiveness of Averaging in GAN Training*, ICLR 2019.
#   <https://arxiv.org/abs/1806.04498>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017 (the Fréchet distance). <https://arxiv.org/abs/1706.08500>
# - Y. LeCun et al., *Gradient-Based Learning Applied to Document Recognition*, 1998 (MNIST, LeNet).

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": batches.steps_per_epoch,
    "distance_before": distance_before,
    "distance_after": distance_after,
    "distance_plain": distance_plain,
    "distances": distances.rows,
    "real_vs_real": floor,
    "readable": readable,
    "readable_real": readable_real,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}
stages = {"stages": STAGES} if SETTINGS is FULL else {}
facts = {"settings": SETTINGS | stages, "comparison": {"DCGAN": scored}}
records.record("02_dcgan", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(steps.history["step"]) == EPOCHS * batches.steps_per_epoch
assert len(grid.frames) == EPOCHS + 1
