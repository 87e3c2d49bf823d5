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
# **What you will do with about 310 lines of code.** Train two convolutional networks against each
# other until one of them draws handwritten digits that nobody ever wrote.
#
# **Time and size.** 8 minutes to read; a minute of training on two CPU cores; a download of 12 MB
# (MNIST, once).
#
# **What you will learn**
#
# - how noise becomes an image, block by block;
# - what one update does: who moves, and who must not;
# - three things besides the networks that calm the training;
# - how to watch, resume and measure a run.
#
# **What you need.** Python and basic Keras layers.

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
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, plots, profile, records
from gan_utils.steps import SimultaneousOrder

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL` (`GAN_RECIPE=tutorial`) is the classic recipe. Small batches with larger steps get far
# more out of a minute on two CPU cores. An epoch is a pass over the data, except in `quick`.

# %%
SEED = profile.seed(2)
LATENT_DIM = 100
FIXED_COUNT = 16
TUTORIAL = {"epochs": 50, "batch_size": 256, "d_rate": 1e-4, "g_rate": 1e-4}
TUTORIAL = TUTORIAL | {"beta_1": 0.9, "ema_decay": None}
FULL = {"epochs": 20, "batch_size": 32, "d_rate": 1e-3, "g_rate": 3e-4}
FULL = FULL | {"beta_1": 0.5, "ema_decay": 0.9995}
SHORT = {"batch_size": 8, "d_rate": 5e-4, "g_rate": 1e-3, "beta_1": 0.5, "ema_decay": 0.998}
STAGES = ((0, 1e-3, 3e-4), (0.4, 3e-4, 5e-4))  # start, learning rates of D and G
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)
EPOCHS = profile.epochs(full=SETTINGS.get("epochs", 1), quick=12, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // SETTINGS["batch_size"], quick=70, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=1, quick=6, smoke=1)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# Nobody can write down what a digit looks like, but a network can learn to *recognize* one, and
# then teach. A **generator** $G$ turns Gaussian noise $z$ into an image. A **discriminator** $D$
# estimates how likely it is that an image $x$ is real. They play a game:
#
# $$
# V(D, G) = \mathbb{E}_{x}\,[\log D(x)] + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# $D$ wants $V$ to be large, $G$ small (Goodfellow et al., 2014, equation 1). DCGAN (Radford et al.,
# 2016) plays it with strided convolutions in place of pooling, batch normalization, and dense
# layers at the ends only.

# %% [markdown]
# ## The data
#
# MNIST: gray digits of 28 by 28 pixels, kept as bytes and scaled batch by batch to [-1, 1], the
# range of `tanh`: fakes in another range would give themselves away.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("02_dcgan", train_set)
print(train_set)
SAMPLES = evaluation.count(test_set)
WATCHED = profile.samples(full=2_000, quick=500, smoke=50, available=len(test_set))
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# ## What the recorded run reached
#
# This page trains for a short time; the recorded full run shows how far the networks get. The
# **Fréchet distance** compares real and generated images in the features of a small LeNet; two sets
# of real images give the **noise floor**.

# %%
recorded_run = records.recorded("02_dcgan", "full")
print(records.summary(recorded_run, "DCGAN"))
trained_generator, message = gan_utils.weights.try_generator("dcgan")
print(message)
if trained_generator is not None:
    trained_latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    drawn = trained_generator(trained_latents, training=False).numpy()
    plots.show_images(drawn, columns=10, title="Trained generator of the recorded full run")
    plt.show()

# %% [markdown]
# Fifty images, none of them cherry-picked. The generator also runs on the page of the book, and in
# a terminal: `gan-utils generate dcgan digits.png`.
#
# <!-- interactive: dcgan -->

# %% [markdown]
# ## The generator
#
# A stroke looks the same wherever it is, so one small filter, used at all places, should draw it. A
# dense layer makes a coarse image of 7 by 7 places; **transposed convolutions** double its size
# twice: each input place adds its filter, scaled by its value, to the places around it.


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
# The shapes after each block:

# %%
generator = build_generator()
drawing = (layers.Reshape, layers.Conv2DTranspose)
shapes = [x.output.shape[1:] for x in generator.layers if isinstance(x, drawing)]
print(*shapes, f"{generator.count_params():,} parameters", sep="\n")
assert shapes == [(7, 7, 256), (7, 7, 128), (14, 14, 64), (28, 28, 1)]
assert generator.count_params() == 2_330_944

# %% [markdown]
# ### Why checkerboards?
#
# Let every weight and every input of a transposed convolution be 1: each pixel then shows how many
# input places reach it.

# %%
coverage = []
for size in (5, 4):
    layer = layers.Conv2DTranspose(1, size, strides=2, padding="same", kernel_initializer="ones")
    coverage.append(np.asarray(layer(tf.ones((1, 7, 7, 1))), "float32")[0])
    print(f"filter {size}, stride 2: {np.unique(coverage[-1][3:-3, 3:-3])} contributions")
titles = ["filter 5, stride 2", "filter 4, stride 2"]
plots.show_images(np.stack(coverage) / 4.5 - 1, titles=titles, scale=2)
plt.show()

# %% [markdown]
# With 5, neighboring pixels get 4, 6 or 9 contributions: a checkerboard that training has to
# balance (Odena et al., 2016). A filter size that the stride divides treats all inner pixels alike;
# so does enlarging the image first, then convolving.

# %% [markdown]
# ## The discriminator
#
# A small classifier, with dropout so that it does not win too soon. It returns a **logit**: the
# sigmoid is part of the loss, where it cannot overflow.


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


discriminator = build_discriminator()
assert discriminator.count_params() == 212_865

# %% [markdown]
# ### Why batch normalization in G and not in D?
#
# How much do an untrained generator's images differ, with batch normalization and without? And what
# would a digit's first features be, had D batch normalization, among digits and among fakes?

# %%
latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
untrained = generator(latents, training=True).numpy()
others = [x for x in generator.layers if not isinstance(x, layers.BatchNormalization)]
for name, network in {"with": generator, "without": keras.Sequential(others)}.items():
    spread = np.std(network(latents, training=True), axis=0).mean()
    print(f"G {name} batch norm: a pixel varies by {spread:.4f} over the images")
for name, rest in {"digits": real_sample, "fakes": untrained}.items():
    features = discriminator.layers[0](np.concatenate([real_sample[:1], rest[1:]]))
    normed = layers.BatchNormalization()(features, training=True)
    print(f"a digit among {name}: largest feature {np.max(features[0]):.2f}", end=", ")
    print(f"with batch norm {np.max(normed[0]):.2f}")

# %% [markdown]
# In G, it keeps the scale of the signal: no block starves of gradient, and different latent vectors
# give different images from the start. In D, it would make the score of an image depend on the rest
# of its batch. The paper has it in both, this tutorial in G only. (The paper's G has ReLU, whose
# inactive units get no gradient; here both have LeakyReLU.)

# %% [markdown]
# ## The losses
#
# D minimizes $-\log D(x) - \log(1 - D(G(z)))$, `d_loss`, and G $-\log D(G(z))$, `g_loss`: the
# *non-saturating* form, whose gradient is strong while fakes are bad (lesson 01). A logit $s$ means
# $D = \sigma(s)$.

# %%
CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_logits, fake_logits):
    real_loss = CROSS_ENTROPY(tf.ones_like(real_logits), real_logits)
    fake_loss = CROSS_ENTROPY(tf.zeros_like(fake_logits), fake_logits)
    return real_loss + fake_loss


def generator_loss(fake_logits):
    return CROSS_ENTROPY(tf.ones_like(fake_logits), fake_logits)


# %% [markdown]
# ## One update, written out
#
# First the discriminator learns from one real and one fake batch, then the generator from the
# updated discriminator, each by the gradient for its own variables only.


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
# `g_tape` pauses during the discriminator's update, so G runs forward once. These updates
# *alternate*; the tutorial's are *simultaneous*: its generator learns from the discriminator before
# the update (compared in lesson 01). `gan_utils.GAN` is a `keras.Model` with this update as its
# `train_step`. What is D(G(z)) before and after the discriminator's update, and who moved?

# %%
gan = GAN(build_generator(), build_discriminator(), LATENT_DIM, seed=SEED)
gan.compile(d_optimizer=keras.optimizers.Adam(1e-4), g_optimizer=keras.optimizers.Adam(1e-4))
logs = gan.train_step(tf.constant(real_sample))
print(f"D(G(z)) {logs['d_fake']:.4f} before, {logs['d_fake_after']:.4f} after its update")
print(moves := gan_utils.who_moved(gan, tf.constant(real_sample)))
assert moves.rows[0][1]["generator"] == moves.rows[1][1]["discriminator"] == 0

# %% [markdown]
# Each update leaves the other network exactly where it was. (A discriminator frozen in a stacked
# model, the older style, never moves in Keras 3: lesson 03.)

# %% [markdown]
# ## Three things that calm the game
#
# **1. An exponential moving average (EMA) of the generator's weights** draws the images (Yazici et
# al., 2019). Its decay warms up, or it would long remember the random first weights:


# %%
def decay_at(step, decay):
    return min(decay, (1 + step) / (10 + step))


def update_ema(ema_network, network, step, decay):
    decay = decay_at(step, decay)
    for average, current in zip(ema_network.weights, network.weights, strict=True):
        average.assign(decay * average + (1 - decay) * current)


# %% [markdown]
# **2. Recomputed BatchNorm statistics.** Those of training do not match the EMA weights. With
# momentum $i / (i + 1)$ in batch $i$ of latent vectors, all batches count the same:


# %%
def recompute_statistics(network, batches_of_latents):
    norms = [x for x in network.layers if isinstance(x, layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for index, latents in enumerate(batches_of_latents):
        for norm in norms:
            norm.momentum = index / (index + 1)
        network(latents, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


# %% [markdown]
# **3. A learning-rate schedule** (in `full`). At first the discriminator has the higher rate: a
# teacher should know more than the pupil (the two time-scale update rule, **TTUR**, Heusel et al.,
# 2017). Then the generator does, and both decay linearly to zero.


# %%
def rates_at(done, stages=STAGES):
    start, d_rate, g_rate = [stage for stage in stages if stage[0] <= done][-1]
    left = (1 - done) / (1 - start) if start == stages[-1][0] else 1.0
    return d_rate * left, g_rate * left


def toy_game(d_rate, g_rate=0.05):
    d, g, path = 0.0, 1.0, []
    for _ in range(150):
        d += d_rate * (g - d)  # V = d g - d² / 2, which D maximizes
        g -= g_rate * d
        path.append(g)
    return path


# %% [markdown]
# A simulated weight, the rates, a toy game with the solution $g = 0$:

# %%
figure, axes = plt.subplot_mosaic("aa;bc", figsize=(6.4, 4.8), layout="constrained")
updates = np.arange(600)
weight = np.exp(-updates / 60) + 0.4 * np.cos(updates / 6)
warm, cold = [weight[0]], [weight[0]]
for step, value in enumerate(weight):
    warm.append(value + decay_at(step, 0.995) * (warm[-1] - value))
    cold.append(value + 0.995 * (cold[-1] - value))
axes["a"].plot(np.stack([weight, warm[1:], cold[1:]], 1), label=["weight", "EMA", "EMA, cold"])
axes["a"].set(title="simulated weight", xlabel="update")
done = np.linspace(0, 1, 201)[:-1]
axes["b"].plot(done, [rates_at(x) for x in done], label=["D", "G"])
axes["b"].set(title="learning rates", xlabel="share of the run")
axes["c"].plot(toy_game(0.05), label="equal rates")
axes["c"].plot(toy_game(0.2), "--", label="D four times")
axes["c"].set(title="TTUR: g in a toy game", xlabel="update")
for axis in axes.values():
    axis.legend()
plt.show()

# %% [markdown]
# The circling cancels out in the EMA; without warm-up it remembers the start. If D is slow, $g$
# overshoots; a fast D stays near its best answer, $d = g$. In the package: `GAN(ema_decay=...)`,
# which recomputes the statistics of `gan.ema_generator`, and
# `callbacks.LinearDecay`.

# %% [markdown]
# ## Training
#
# Callbacks draw images from fixed latent vectors, keep losses, measure the distance and write
# checkpoints.


# %%
class SimultaneousGAN(SimultaneousOrder, GAN):
    pass


def distance_of(gan, epoch):
    del epoch  # the same latents each time
    return evaluation.scores(gan.generate(WATCHED), real_images=test_set.images)["distance"]


model = SimultaneousGAN if SETTINGS is TUTORIAL else GAN
networks = build_generator(), build_discriminator()
gan = model(*networks, LATENT_DIM, ema_decay=SETTINGS["ema_decay"], seed=SEED)
gan.compile(
    d_optimizer=keras.optimizers.Adam(SETTINGS["d_rate"], beta_1=SETTINGS["beta_1"]),
    g_optimizer=keras.optimizers.Adam(SETTINGS["g_rate"], beta_1=SETTINGS["beta_1"]),
)
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]

# %% [markdown]
# After an interruption, the next cell resumes from the last checkpoint.

# %%
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
distances = callbacks.ScoreByEpoch(distance_of, RUN / "distances.txt")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=CHECKPOINT_EVERY)
watchers = [grid, steps, distances, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))
sizes = {"batch_size": SETTINGS["batch_size"], "steps_per_epoch": STEPS_PER_EPOCH}
batches = gan_utils.Batches(train_set.images, **sizes, seed=SEED)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
trained_steps = EPOCHS * batches.steps_per_epoch
seen = trained_steps * SETTINGS["batch_size"]
print(f"{trained_steps:,} updates, {seen:,} images, {seen / len(train_set):.2f} passes", end="")
print(f" over the data, {gan.seconds:.0f} s")

# %% [markdown]
# ### The curves
#
# Neither loss falls to zero in a healthy run. Look for balance.

# %%
plots.plot_history(steps.history)
plt.show()

# %% [markdown]
# If D(x) and D(G(z)) stayed at 1 and 0, the discriminator would have won (lesson 15); if both
# stayed at one half, the discriminator would have learned nothing. The 16 latent vectors:

# %%
titles = ["before training", f"after {trained_steps:,} updates"]
plots.show_images(np.stack([grid.frames[0], grid.frames[-1]]), titles=titles, scale=3)
plt.show()
animation = grid.save_gif(RUN / "dcgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise"))

# %% [markdown]
# ## Results
#
# The distance, and the share of images that the classifier reads with at least 90 % confidence:

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
distance_after = scored["distance"]
readable, readable_real = (
    float((lenet.probabilities(part).max(axis=1) >= 0.9).mean())
    for part in (generated, test_set.sample(SAMPLES).images)
)
print(f"{SAMPLES:,} images, Fréchet distance {distance_after:.1f}", end=", ")
print(f"untrained {distance_before:.0f}, noise floor {floor:.2f}")
print(f"read with confidence: generated {readable:.0%}, real {readable_real:.0%}", end=", ")
print(f"in the recorded run {recorded_run['metrics']['readable']:.0%}" if recorded_run else "")
plots.show_images(generated[:64], columns=8, title=f"The first 64 digits, {profile.name}")
plt.show()

# %% [markdown]
# ### What the EMA and its statistics are worth
#
# This run's distance with each:

# %%
mixed = keras.models.clone_model(gan.ema_generator)
both = zip(gan.ema_generator.weights, gan.generator.weights, strict=True)
mixed.set_weights([(last if "moving" in ema.path else ema).numpy() for ema, last in both])
latents = gan.generator_inputs(None, tf.constant([0, 0]), SAMPLES)
worth = {"EMA, statistics recomputed": distance_after}
variants = {"EMA, statistics of training": mixed, "weights of the last step": gan.generator}
for name, network in variants.items():
    drawn = network.predict(latents, batch_size=250, verbose=0).astype("float32")
    worth[name] = evaluation.scores(drawn, **facts)["distance"]
print(*(f"{name}: {score:.1f}" for name, score in worth.items()), sep="\n")

# %% [markdown]
# The recorded run (curve: fewer images); the dotted line is where the decay begins.

# %%
if recorded_run:
    reached, stages = recorded_run["metrics"], recorded_run["settings"]["stages"]
    figure, axes = plt.subplots(2, 1, figsize=(6.4, 4.6), layout="constrained")
    bars = axes[0].barh(list(reached["worth"]), list(reached["worth"].values()))
    axes[0].bar_label(bars, fmt="%.1f", label_type="center", color="white")
    axes[0].set(xlabel="Fréchet distance", title="recorded full run")
    axes[0].invert_yaxis()
    axes[1].plot(*zip(*reached["distances"], strict=True), "o-")
    axes[1].axvline(stages[-1][0] * reached["epochs"], color="black", linestyle=":")
    axes[1].set(xlabel="epoch (one pass)", ylabel="Fréchet distance")
    plt.show()

# %% [markdown]
# The curve begins with the decay. By the end the weights hardly move, so neither EMA nor statistics
# matter much; at constant rates the EMA gains (lesson 17), in a short run it may lag behind.

# %% [markdown]
# ## Resume, and use it
#
# A new model resumes from a checkpoint: both networks, the EMA, both optimizers and the random
# states. To draw digits, a *fresh process* needs only the EMA generator's file.

# %%
networks = build_generator(), build_discriminator()
restored = GAN(*networks, LATENT_DIM, ema_decay=SETTINGS["ema_decay"], seed=SEED)
restored.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
print(f"{checkpoint.resume(restored)} epochs restored")
generator_file = RUN / "generator.keras"
restored.ema_generator.save(generator_file)
drawn = gan_utils.call_in_fresh_process(generator_file, fixed_latents)
difference = np.abs(drawn - gan.translate(fixed_latents)).max()
print(f"file: {generator_file.stat().st_size / 1e6:.1f} MB, largest difference {difference:.1e}")
assert difference < 1e-4  # another process may sum in another order
plots.show_images(drawn, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# A classic: a sigmoid at the end of the discriminator *and* a loss that expects logits. Nothing
# crashes. Let the discriminator get ever more certain:

# %%
for size in (1.0, 4.0, 16.0):
    for name, ending in {"one sigmoid": tf.identity, "two sigmoids": tf.sigmoid}.items():
        logits = tf.Variable([[-size]])
        with tf.GradientTape() as tape:
            g_loss = generator_loss(ending(logits))
        d_loss = discriminator_loss(ending(-logits), ending(logits))
        slope = -float(tape.gradient(g_loss, logits)[0, 0])
        print(f"±{size:<4.0f} {name:<12}  d_loss {d_loss:.4f}, slope of g_loss {slope:.4f}")

# %% [markdown]
# With two even a perfect discriminator's loss stays above $\ln(1 + e^{-1}) + \ln 2$, and the
# generator's gradient dies out just when it needs one. The fix is to have no sigmoid:
# `gan_utils.GAN` raises a `ValueError` for one.

# %% [markdown]
# ## Exercises
#
# **1. ★ A perfect generator.** *Predict first:* its images cannot be told from real ones. What are
# D(x), D(G(z)) and the two losses?
#
# <details><summary>Solution</summary>
#
# One half everywhere, so $2 \ln 2$ and $\ln 2$: the losses of the untrained discriminator. They
# cannot tell the best end from the worst start.
#
# </details>
#
# **2. ★★ Checkerboards (pencil and paper).** *Predict first:* for which filter sizes $k$ and
# strides $s$ do all inner pixels get equally many contributions? Derive how many a pixel gets along
# one axis.
#
# <details><summary>Solution</summary>
#
# Input place $i$ reaches the output pixels $s i, \dots, s i + k - 1$ (up to a shift). Pixel $p$ is
# reached by as many $i$ as there are numbers below $k$ with the remainder $p \bmod s$:
# $\lceil k / s \rceil$ for the first $k \bmod s$ remainders, $\lfloor k / s \rfloor$ for the
# others. They are equal if and only if $s$ divides $k$. For $k = 5$, $s = 2$: 3 or 2, so 9, 6 or 4
# in the plane.
#
# </details>
#
# **3. ★★ Halfway.** *Predict first:* how long are two latent vectors, and the point halfway between
# them on a straight line?
#
# <details><summary>Solution</summary>
#
# Close to $\sqrt{100}$, and $\sqrt{50}$: inside the shell where training drew. Spherical
# interpolation (slerp) stays on it: `gan-utils generate dcgan --interpolate walks.png`.
#
# </details>
#
# **4. ★★ The generator as a class.** *Predict first:* in a `keras.Model` subclass, does
# batch normalization see `training=True` if `call` does not pass it on? Write it.


# %% tags=["hide-cell"]
class Generator(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.parts = build_generator().layers

    def call(self, latents, training=False):  # Keras 3 also hands it on by itself
        features = latents
        for part in self.parts:
            is_norm = isinstance(part, layers.BatchNormalization)
            features = part(features, training=training) if is_norm else part(features)
        return features


as_class = Generator()
assert as_class(fixed_latents).shape == (FIXED_COUNT, 28, 28, 1)
print(f"{as_class.count_params():,} parameters, as before")

# %% [markdown]
# **5. ★★★ Has it copied the training set?** *Predict first:* find the training images nearest to
# some generated digits in LeNet features. Are they the same?

# %% tags=["hide-cell"]
candidates = train_set.images
known, query = (lenet.features(part) for part in (candidates, generated[:8]))
nearest = [np.square(known - one).sum(axis=1).argmin() for one in query]
shown = np.concatenate([generated[:8], images.to_float(candidates[nearest])])
plots.show_images(shown, columns=8, row_labels=["generated", "nearest real"])
plt.show()

# %% [markdown]
# A copy would be equal in every pixel.
#
# ## Summary
#
# - Transposed convolutions turn noise into images; strided convolutions score them with a logit.
# - One step is two updates. Each moves its own player only.
# - Decaying rates, and an EMA with BatchNorm statistics of its own, calm the game.
# - Next: [images of your own](../book/own-images.md), or the faces of
#   [CelebA](../book/models.md#beyond-this-book).
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014.
#   <https://arxiv.org/abs/1406.2661>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - A. Odena, V. Dumoulin, C. Olah, *Deconvolution and Checkerboard Artifacts*, Distill 2016.
# - Y. Yazici et al., *The Unusual Effectiveness of Averaging in GAN Training*, ICLR 2019.
#   <https://arxiv.org/abs/1806.04498>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017. <https://arxiv.org/abs/1706.08500>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": batches.steps_per_epoch,
    "distance_before": distance_before,
    "distance_after": distance_after,
    "distances": distances.rows,
    "worth": worth,
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
