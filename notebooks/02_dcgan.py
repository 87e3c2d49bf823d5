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
# **What you will do with about 300 lines of code.** Train two convolutional networks against each
# other until one of them draws handwritten digits that nobody ever wrote.
#
# **Time and size.** 15 minutes to read; less than a minute of training on two CPU cores; a download
# of 11 MB (MNIST).
#
# **What you will learn**
#
# - how a vector of noise becomes an image, block by block, with shapes and parameter counts;
# - what one update does: who moves, and who must not;
# - three things besides the networks that decide how good the images are, and what each is worth;
# - how to watch a run, stop it, go on with it, and measure the result.
#
# **What you need.** Python and the basics of Keras layers.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package; elsewhere it only checks that it is there.

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

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. `TUTORIAL` is the classic recipe: large batches, a small
# learning rate, 50 epochs. Two CPU cores make about two hundred of its updates in a minute, too few
# to show anything; `GAN_RECIPE=tutorial` selects it. On a CPU, small batches with larger steps get
# far more out of a minute: `full` takes 32 images in place of 256, and the short run, `quick`, 8.
# An epoch is a pass over the data, except in the short run, which has no time for one.

# %%
SEED = profile.seed(2)
LATENT_DIM = 100
FIXED_COUNT = 16
TUTORIAL = {"epochs": 50, "batch_size": 256, "d_rate": 1e-4, "g_rate": 1e-4}
TUTORIAL = TUTORIAL | {"beta_1": 0.9, "ema_decay": None}
FULL = {"epochs": 20, "batch_size": 32, "d_rate": 1e-3, "g_rate": 3e-4}
FULL = FULL | {"beta_1": 0.5, "ema_decay": 0.9995}
SHORT = {"batch_size": 8, "d_rate": 5e-4, "g_rate": 1e-3, "beta_1": 0.5, "ema_decay": 0.998}
# Start, learning rates of discriminator and generator.
STAGES = ((0, 1e-3, 3e-4), (0.4, 3e-4, 5e-4))
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)
EPOCHS = profile.epochs(full=SETTINGS.get("epochs", 1), quick=12, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // SETTINGS["batch_size"], quick=70, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=1, quick=6, smoke=1)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# Nobody can write down a rule for what a handwritten digit looks like. But a network can learn to
# *recognize* one, and whatever recognizes can teach. A **generator** $G$ turns a latent vector $z$,
# drawn from a standard normal distribution, into an image $G(z)$. A **discriminator** $D$ looks at
# an image $x$ and says how likely it is to be real. The two play a game over the value
#
# $$
# V(D, G) = \mathbb{E}_{x}\,[\log D(x)] + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# which $D$ wants to be large and $G$ wants to be small (Goodfellow et al., 2014, equation 1).
# DCGAN (Radford et al., 2015) keeps the game and says what the players should look like: strided
# convolutions in place of pooling, batch normalization, no dense layers except at the ends.

# %% [markdown]
# ## The data
#
# MNIST: handwritten digits, 28 by 28 pixels, in gray. `load_images` takes it from the Keras cache,
# downloads it if need be, and with neither takes a sample of 10,000 images that comes with the
# book. Images are kept as bytes, 0 to 255, and become floats from -1 to 1 batch by batch: the range
# that `tanh` can draw. Fakes in another range than the real images could be told apart without a
# look at the digits.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("02_dcgan", train_set)
print(train_set)
SAMPLES = evaluation.count(test_set)
WATCHED = profile.samples(full=2_000, quick=500, smoke=50, available=len(test_set))
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
print(f"range as floats: {real_sample.min():.0f} to {real_sample.max():.0f}")
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# ## What the recorded run reached
#
# The run on this page is short: it shows that the networks learn. How far they get is shown by the
# recorded full run, whose generator comes with this project. The **Fréchet distance** compares real
# and generated images in the features of a classifier, a small LeNet trained on MNIST: 0 would mean
# the same mean and covariance. Two sets of real images, drawn evenly over test and training set,
# give the **noise floor**.

# %%
recorded_run = records.recorded("02_dcgan", "full")
print(records.summary(recorded_run, "DCGAN"))
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
# Fifty images, none of them chosen. On the page of the book, this generator draws while you watch:
# walk from one latent vector to another. From a terminal, `gan-utils generate dcgan digits.png`
# draws as many as you like.
#
# <!-- interactive: dcgan -->

# %% [markdown]
# ## The generator
#
# A digit is made of strokes, and a stroke looks the same wherever it is: so one small filter,
# used at all places, should draw it. A dense layer makes a coarse image of 7 by 7 places with 256
# channels out of the 100 latent numbers; **transposed convolutions** double height and width twice,
# while the number of channels falls. Each input place adds its filter, scaled by its value, to the
# places around it.
#
# Batch normalization after each of them keeps the scale of the features the same from block to
# block, so that neither the first nor the last block starves of gradient. It undoes any bias, so
# there are none. The last activation is `tanh`.


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
# The shapes after each block, and the number of parameters:

# %%
generator = build_generator()
blocks = [layer.output.shape[1:] for layer in generator.layers if len(layer.output.shape) == 4]
shapes = list(dict.fromkeys(tuple(shape) for shape in blocks))
print(" -> ".join(str(shape) for shape in shapes), f"{generator.count_params():,} parameters")
assert shapes == [(7, 7, 256), (7, 7, 128), (14, 14, 64), (28, 28, 1)]
assert generator.count_params() == 2_330_944

# %% [markdown]
# ### Why checkerboards?
#
# A transposed convolution with a filter of 5 and a stride of 2 does not treat all output pixels
# alike. To see it, let every filter weight and every input be 1: each output pixel then shows how
# many input places reach it.

# %%
coverage = []
for size in (5, 4):
    layer = layers.Conv2DTranspose(1, size, strides=2, padding="same", kernel_initializer="ones")
    coverage.append(np.asarray(layer(tf.ones((1, 7, 7, 1))), "float32")[0])
    print(f"filter {size}, stride 2: {np.unique(coverage[-1][3:-3, 3:-3])} contributions")
plots.show_images(
    np.stack(coverage) / 4.5 - 1,
    columns=2,
    titles=["filter 5, stride 2", "filter 4, stride 2"],
    scale=2,
    title="Contributions\n",
)
plt.show()

# %% [markdown]
# With 5, neighboring pixels get 4, 6 or 9 contributions: a checkerboard, before anything is
# learned (Odena et al., 2016). Training has to weigh it down, and a short run shows rests of it. A
# filter size that the stride divides treats all inner pixels alike; enlarging the image first and
# convolving then does too. We keep the tutorial's 5.

# %% [markdown]
# ## The discriminator
#
# An ordinary small classifier: two convolutions that halve height and width, `LeakyReLU` so that a
# gradient gets through for negative values too, dropout so that it does not win too soon. It
# returns a **logit**, any real number: the sigmoid is part of the loss, where it can be computed
# without overflow.
#
# The paper has batch normalization here too; this tutorial has none. With it, the score of an image
# would depend on the other images of its batch, and a batch of fakes could be told from a batch of
# real images by its mean and variance alone.


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
print(" -> ".join(str(tuple(layer.output.shape[1:])) for layer in discriminator.layers[::3]))
print(f"{discriminator.count_params():,} parameters")
assert discriminator.count_params() == 212_865

# %% [markdown]
# Before any training, one image, and what the untrained discriminator makes of it:

# %%
untrained = generator(keras.random.normal((1, LATENT_DIM), seed=SEED), training=False)
logit = float(discriminator(untrained, training=False)[0, 0])
plots.show_images(untrained.numpy(), title="Untrained generator", scale=2)
plt.show()
print(f"logit {logit:+.5f}, so D(G(z)) = {1 / (1 + np.exp(-logit)):.4f}: no opinion yet")

# %% [markdown]
# ## The losses
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$, $z$, $G(z)$ | `real_images`, `latents`, `fake_images` | a batch of each |
# | $\mathrm{logit}\,D(x)$ | `real_logits` | the discriminator's output on real images |
# | $\mathrm{logit}\,D(G(z))$ | `fake_logits` | its output on fakes |
# | $-\log D(x) - \log(1 - D(G(z)))$ | `d_loss` | what the discriminator minimizes |
# | $-\log D(G(z))$ | `g_loss` | what the generator minimizes |
#
# The generator's loss is not the second term of $V$ but the *non-saturating* form of Goodfellow's
# section 3: same aim, with a strong gradient while the fakes are still bad (lesson 01).

# %%
CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_logits, fake_logits):
    real_loss = CROSS_ENTROPY(tf.ones_like(real_logits), real_logits)
    fake_loss = CROSS_ENTROPY(tf.zeros_like(fake_logits), fake_logits)
    return real_loss + fake_loss


def generator_loss(fake_logits):
    return CROSS_ENTROPY(tf.ones_like(fake_logits), fake_logits)


undecided = tf.zeros((8, 1))
print(f"d_loss {discriminator_loss(undecided, undecided):.4f}, 2 ln 2 = {2 * np.log(2):.4f}")
print(f"g_loss {generator_loss(undecided):.4f},   ln 2 = {np.log(2):.4f}")

# %% [markdown]
# Those are the losses of a discriminator that cannot tell. Keep them in mind when you read the
# curves below.

# %% [markdown]
# ## One update, written out
#
# First the discriminator learns from one real and one fake batch. Then the generator learns from
# the discriminator that has just learned. Each update takes the gradient of its own loss with
# respect to its own variables, and nothing else: that keeps the other player still.


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
# `g_tape` is opened twice: it records how the fakes were drawn, stays out of the discriminator's
# business, and then records the new score. So the generator, the larger of the two networks, runs
# forward once a step. (In float16 small gradients would be zero, and the loss must be scaled, which
# `GAN` below does.)
#
# These updates *alternate*. The tutorial's are *simultaneous*: it computes both losses from one
# forward pass, so that its generator learns from the discriminator as it was before the update
# (`gan_utils.steps.SimultaneousOrder`, which `GAN_RECIPE=tutorial` uses).
#
# `gan_utils.GAN` is a `keras.Model` with this update as its `train_step`; that both compute the
# same is one of this lesson's tests. One step of it: what does the discriminator make of the fakes
# before and after its own update, and who moved?

# %%
gan = GAN(build_generator(), build_discriminator(), LATENT_DIM, seed=SEED)
gan.compile(d_optimizer=keras.optimizers.Adam(1e-4), g_optimizer=keras.optimizers.Adam(1e-4))
logs = {name: float(value) for name, value in gan.train_step(tf.constant(real_sample)).items()}
print(f"d_loss {logs['d_loss']:.4f}, g_loss {logs['g_loss']:.4f}", end="; ")
print(f"D(G(z)) {logs['d_fake']:.4f} before, {logs['d_fake_after']:.4f} after its update")
moves = gan_utils.who_moved(gan, tf.constant(real_sample))
print(moves)
assert moves.rows[0][1]["generator"] == moves.rows[1][1]["discriminator"] == 0

# %% [markdown]
# The largest change of any weight: each update moves its own network and leaves the other exactly
# where it was. (Adam's first steps are as long as the learning rate.) In the older style, where a
# frozen discriminator is compiled into a stacked model, Keras 3 leaves the zeros in the *wrong*
# place: there the discriminator never moves. The lesson on Keras notes shows that trap.

# %% [markdown]
# ## Three things that calm the game
#
# Players of a game circle around each other, so the weights of any single moment are partly an
# accident. Three things calm the circling.
#
# **1. An exponential moving average (EMA) of the weights**, with which the images are drawn (Yazici
# et al., 2019). At the start an average would mostly remember the random first weights, so its
# decay warms up:


# %%
def update_ema(ema_network, network, step, decay):
    decay = min(decay, (1 + step) / (10 + step))
    for average, current in zip(ema_network.weights, network.weights, strict=True):
        average.assign(decay * average + (1 - decay) * current)


# %% [markdown]
# **2. Recomputed BatchNorm statistics.** In inference mode batch normalization uses means and
# variances that it collected during training. They belong to the weights of that time and do not
# match the averaged ones, so we compute them anew, from a few batches of latent vectors: with
# momentum $i / (i + 1)$ in batch number $i$, every batch counts the same.


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
# **3. A learning-rate schedule.** At first the discriminator gets the higher rate: a teacher should
# know more than the pupil (the two time-scale update rule, **TTUR**, Heusel et al., 2017). Then the
# generator does, and both decay linearly to zero, so that the circling dies down. Adam's $\beta_1 =
# 0.5$ in place of 0.9 has the same aim: momentum remembers about $1/(1 - \beta_1)$ steps, 2 in
# place of 10, and the opponent of ten steps ago is out of date.


# %%
def rates_at(done, stages=STAGES):
    start, d_rate, g_rate = [stage for stage in stages if stage[0] <= done][-1]
    left = (1 - done) / (1 - start) if start == stages[-1][0] else 1.0
    return d_rate * left, g_rate * left


for done in (0.0, 0.3, 0.4, 0.7, 0.95):
    print("{:>4.0%} of the run: D {:.1e}, G {:.1e}".format(done, *rates_at(done)))

# %% [markdown]
# The package does the same: `GAN(ema_decay=...)` keeps the EMA in `gan.ema_generator` and
# recomputes its statistics whenever it draws; `callbacks.LinearDecay(*STAGES)` sets the rates. What
# each of the three is worth is measured below.

# %% [markdown]
# ## Training
#
# The other pieces are callbacks too: `SampleGrid` draws the same 16 latent vectors after each
# epoch; `StepHistory` keeps losses and outputs, step by step; `ScoreByEpoch` measures the distance;
# `Checkpoint` writes everything needed to go on; `TerminateOnNaN` ends a run that has gone wrong.


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
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
distances = callbacks.ScoreByEpoch(distance_of, RUN / "distances.txt")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=CHECKPOINT_EVERY)
watchers = [grid, steps, distances, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))

# %% [markdown]
# Before the first step, a measure of how far we have to go; then the run. If it was interrupted,
# the same cell goes on from the last checkpoint (delete the run folder to start over).

# %%
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"{SAMPLES:,} generated images, as many of the test set")
print(f"noise floor {floor:.2f}, untrained generator {distance_before:.1f}")
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
# Above, the losses of each step (thin) and their moving average (thick). Below, D(x) and D(G(z)).
# If D(x) stuck to 1 and D(G(z)) to 0, the generator would get no more gradient; if both sat exactly
# at one half from the start, the discriminator would have learned nothing.
#
# The same 16 latent vectors, before training and at the end, and the way there as an animation.
# Most happens early, so early moments get more of its time.

# %%
plots.show_images(
    np.stack([grid.frames[0], grid.frames[-1]]),
    columns=2,
    titles=["before training", f"after {trained_steps:,} updates"],
    scale=3,
)
plt.show()
animation = grid.save_gif(RUN / "dcgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise"))
if "google.colab" in sys.modules:
    from google.colab import files

    files.download(str(animation))

# %% [markdown]
# ## Results
#
# The same measure as before training, and a plainer one next to it: the share of images that the
# classifier reads as some digit with at least 90 % confidence.

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
distance_after = scored["distance"]
readable, readable_real = (
    float((lenet.probabilities(part).max(axis=1) >= 0.9).mean())
    for part in (generated, test_set.sample(SAMPLES).images)
)
print(f"this run ({profile.name}): Fréchet distance {distance_after:.1f}", end=", ")
print(f"untrained {distance_before:.0f}, noise floor {floor:.2f}")
print(f"  read with confidence: generated {readable:.0%}, real {readable_real:.0%}")
if recorded_run:
    print(records.summary(recorded_run, "DCGAN"))
    print(f"  read with confidence: {recorded_run['metrics']['readable']:.0%}")
plots.show_images(generated[:64], columns=8, title=f"New digits, profile {profile.name}")
plt.show()

# %% [markdown]
# None of these digits was chosen: they are the first 64. Those between two digits come from latent
# vectors between the regions of the two.

# %% [markdown]
# ### What each of the three is worth
#
# The EMA weights with recomputed statistics, the EMA weights with the statistics of training, and
# the weights of the last step alone.


# %%
def with_training_statistics(ema_network, network):
    mixed = keras.models.clone_model(ema_network)
    mixed.set_weights(
        [
            (current if "moving" in average.path else average).numpy()
            for average, current in zip(ema_network.weights, network.weights, strict=True)
        ]
    )
    return mixed


# %% [markdown]
# The distances:

# %%
latents = gan.generator_inputs(None, tf.constant([0, 0]), SAMPLES)
worth = {"EMA, statistics recomputed": distance_after}
for name, network in {
    "EMA, statistics of training": with_training_statistics(gan.ema_generator, gan.generator),
    "weights of the last step": gan.generator,
}.items():
    parts = [latents[start : start + 250] for start in range(0, SAMPLES, 250)]
    drawn = [network(part, training=False) for part in parts]
    drawn = np.concatenate([tf.cast(part, "float32") for part in drawn])
    worth[name] = evaluation.scores(drawn, **facts)["distance"]
recorded_worth = recorded_run["metrics"].get("worth", {}) if recorded_run else {}
print(f"{'Fréchet distance':<30}{'this run':>10}{'recorded full run':>20}")
for name, distance in worth.items():
    print(f"{name:<30}{distance:>10.1f}{recorded_worth.get(name, np.nan):>20.1f}")

# %% [markdown]
# In the recorded run the three hardly differ: its rates have decayed to zero, so the weights have
# come to rest, and the last step is as good as an average. The EMA is worth most where a run ends,
# or where you draw from it, while the rates are still up.
#
# And the schedule: the distance after each epoch, in this run and in the recorded one, where it
# goes on falling while the rates decay. The dotted line is where the decay begins.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.6, 3), layout="constrained")
axes[0].plot(*zip(*distances.rows, strict=True), "o-", color="#0072B2")
axes[0].set(title=f"this run ({profile.name})", xlabel="epoch", ylabel="Fréchet distance")
rows = recorded_run["metrics"].get("distances") if recorded_run else None
if rows:
    axes[1].plot(*zip(*rows, strict=True), "o-", color="#D55E00")
    total, (_, (start, *_)) = recorded_run["metrics"]["epochs"], recorded_run["settings"]["stages"]
    axes[1].axvline(start * total, color="black", linestyle=":")
axes[1].set(title="recorded full run", xlabel="epoch (one pass)")
plt.show()

# %% [markdown]
# ## Stop and go on
#
# A checkpoint holds both networks, the EMA weights, both optimizers, and the states of the random
# generators, in one file that is written under a temporary name and then renamed. Is it enough? We
# restore the latest one in a *fresh process* that knows nothing but the two builders.

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
# To draw digits, the generator with the EMA weights is enough. It is saved in Keras' own format,
# and a fresh process calls it without any of this lesson's code.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(generator_file, latents)
print(f"file: {generator_file.stat().st_size / 1e6:.1f} MB")
plots.show_images(drawn, columns=5, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# A classic: a sigmoid at the end of the discriminator *and* a loss that expects logits. Nothing
# crashes. The loss applies a second sigmoid to numbers between 0 and 1, so even a perfect
# discriminator cannot get below $\ln(1 + e^{-1}) + \ln 2$. We train a discriminator alone, on real
# digits against the untrained generator's noise: so easy that the loss should come close to zero.


# %%
ENDINGS = {
    "logits (right)": tf.identity,
    "tf.sigmoid": tf.sigmoid,
    "Keras' sigmoid layer": layers.Activation("sigmoid"),
}


def train_discriminator_alone(ending, real_images, fake_images, steps):
    keras.utils.set_random_seed(SEED)
    network = build_discriminator()
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(network.trainable_variables)
    values = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            outputs = [ending(network(x, training=True)) for x in (real_images, fake_images)]
            loss = discriminator_loss(*outputs)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        values.append(float(loss))
    return values


noise_images = build_generator()(fixed_latents, training=False)
print(f"bound behind two sigmoids: {np.log1p(np.exp(-1)) + np.log(2):.4f}")
for title, ending in ENDINGS.items():
    values = train_discriminator_alone(ending, real_sample, noise_images, steps=30)
    print(f"{title:<22} loss after {len(values)} steps {values[-1]:.4f}")

# %% [markdown]
# The third ending does as well as the first: Keras' loss recognizes the output of its own sigmoid
# layer, takes the logits from behind it and only warns. Do not count on that rescue: it ends with
# the first operation in between. The fix is to have no sigmoid, and `gan_utils.GAN` insists on it:

# %%
suspicious = build_discriminator()
suspicious.add(layers.Activation("sigmoid"))
try:
    GAN(build_generator(), suspicious, LATENT_DIM).compile("adam", keras.optimizers.Adam())
except ValueError as error:
    print(f"error message: {error}")

# %% [markdown]
# ## Exercises
#
# **1. ★ A perfect generator.** *Predict first:* its images cannot be told from real ones. What are
# D(x), D(G(z)) and the two losses?
#
# <details><summary>Solution</summary>
#
# $D$ can do no better than one half everywhere, so the losses are $2 \ln 2$ and $\ln 2$: those of
# the untrained discriminator. The losses alone cannot tell the best end from the worst start.
#
# </details>
#
# **2. ★ Inference mode.** *Predict first:* you draw ten digits with `training=True`, then the first
# of them again, alone. Is it the same image?
#
# <details><summary>Solution</summary>
#
# No. In training mode batch normalization uses mean and variance of the batch, so every image
# depends on the others; alone, a batch of one is normalized by itself. With `training=False` an
# image depends on its own latent vector only.
#
# </details>
#
# **3. ★★ Checkerboards (pencil and paper).** *Predict first:* for which filter sizes $k$ and
# strides $s$ do all inner pixels get equally many contributions? Derive how many a pixel gets along
# one axis.
#
# <details><summary>Solution</summary>
#
# Input place $i$ reaches the output pixels $s i, \dots, s i + k - 1$ (up to a shift). Pixel $p$ is
# reached by the $i$ with $0 \le p - s i < k$: as many as there are numbers below $k$ that leave the
# rest $p \bmod s$ when divided by $s$. That is $\lceil k / s \rceil$ for the first $k \bmod s$
# rests and $\lfloor k / s \rfloor$ for the others, so it is the same for all pixels if and only if
# $s$ divides $k$. For $k = 5$, $s = 2$: 3 or 2 along an axis, hence 9, 6 or 4 in the plane.
#
# </details>
#
# **4. ★★ Walk between two digits.** *Predict first:* take two latent vectors and draw eight images
# between them, along a straight line and by spherical interpolation (slerp). Which path leaves the
# region that the generator knows? (Look at the length of the vectors.)

# %% tags=["hide-cell"]
ends = fixed_latents.numpy()[[0, 5]]
paths = np.linspace(*ends, 8), gan_utils.interpolation.interpolate(*ends, 8)
for name, path in zip(("straight line", "slerp"), paths, strict=True):
    print(f"{name:<14} length", np.round(np.linalg.norm(path, axis=1), 1))
plots.show_images(
    gan.translate(np.concatenate(paths)),
    columns=8,
    row_labels=["straight", "slerp"],
    title="From digit to digit",
)
plt.show()

# %% [markdown]
# In 100 dimensions nearly all latent vectors have a length close to 10. The straight line cuts
# through the inside of that shell, where training never drew a vector; slerp stays on it.
#
# **5. ★★ The generator as a class.** *Predict first:* in a `keras.Model` subclass, which layers
# need the argument `training`, and what happens in silence if `call` does not pass it on? Write it.


# %% tags=["hide-cell"]
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


as_class = Generator()
as_class(fixed_latents)
print(f"{as_class.count_params():,} parameters, as before")

# %% [markdown]
# <details><summary>Solution</summary>
#
# Batch normalization and dropout. Without the argument, the default `training=False` holds in every
# call: batch normalization then uses its first statistics, zero and one, for the whole training.
#
# </details>
#
# **6. ★★★ Has it copied the training set?** *Predict first:* for some generated digits, find the
# nearest training image in LeNet features. Are they the same images?

# %% tags=["hide-cell"]
candidates = train_set.sample(SAMPLES).images
known, query = (lenet.features(part).astype("float64") for part in (candidates, generated[:8]))
nearest = ((query[:, None, :] - known[None]) ** 2).sum(-1).argmin(1)
pairs_of_images = np.concatenate([generated[:8], images.to_float(candidates[nearest])])
plots.show_images(
    pairs_of_images,
    columns=8,
    row_labels=["generated", "nearest real"],
    title="Generated digits and their nearest training images",
)
plt.show()

# %% [markdown]
# A copy would be equal in every pixel. Compare slant, thickness and shape.

# %% [markdown]
# ## Summary
#
# - Transposed convolutions turn noise into images; strided convolutions score them with a logit.
# - One step is two updates. Each moves its own player and nothing of the other.
# - An EMA with BatchNorm statistics of its own, and rates that decay to zero, calm the game.
# - Curves show balance, the fixed noise progress, the Fréchet distance quality: look at all three.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014.
#   <https://arxiv.org/abs/1406.2661>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. <https://arxiv.org/abs/1502.03167>
# - A. Odena, V. Dumoulin, C. Olah, *Deconvolution and Checkerboard Artifacts*, Distill 2016.
# - Y. Yazici et al., *The Unusual Effectiveness of Averaging in GAN Training*, ICLR 2019.
#   <https://arxiv.org/abs/1806.04498>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017 (TTUR, and the Fréchet distance). <https://arxiv.org/abs/1706.08500>
# - Y. LeCun et al., *Gradient-Based Learning Applied to Document Recognition*, 1998 (MNIST, LeNet).

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
