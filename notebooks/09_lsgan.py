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
# # LSGAN: least squares in place of cross-entropy

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/09_lsgan.ipynb)

# %% [markdown]
# **What you will do with about 320 lines of code.** Take the networks of the DCGAN lesson as they
# are, change nothing but the two losses, and train them to draw digits.
#
# **Time and size.** 8 minutes to read; less than a minute of training on two CPU cores; a download
# of 12 MB (MNIST, once).
#
# **What you will learn**
#
# - why a fake that already fools the discriminator teaches the generator nothing under
#   cross-entropy, and a lot under least squares;
# - what the targets of least squares mean: one choice is Pearson's chi-squared divergence;
# - how to change a loss in `gan_utils.GAN`: two methods;
# - how to test whether a loss is "more stable".
#
# **What you need.** The DCGAN lesson.

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
import itertools
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, losses, metrics, plots, profile
from gan_utils.records import measured, origin, record, recorded, run_folder, summary

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `full` has the batch size, the learning rates and the schedule (`STAGES`) of the DCGAN lesson, so
# that the two differ in the loss alone. `quick` takes small batches and large steps, and shows side
# experiments with the figures of the recorded `full` run.

# %%
SEED = profile.seed(9)
LATENT_DIM = 100
FIXED_COUNT = 16
REAL_TARGET = 1.0
FAKE_TARGET = 0.0
GENERATOR_TARGET = 1.0
FULL = {"batch_size": 32, "d_rate": 1e-3, "g_rate": 3e-4, "ema_decay": 0.9995}
SHORT = {"batch_size": 8, "d_rate": 5e-4, "g_rate": 1e-3, "ema_decay": 0.998}
STAGES = ((0, 1e-3, 3e-4), (0.4, 3e-4, 5e-4))
SETTINGS = profile.settings(full=FULL, short=SHORT)
BETA_1 = 0.5
EPOCHS = profile.epochs(full=20, quick=4, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // 32, quick=200, smoke=3)
STABILITY_SEEDS = [profile.seed(n) for n in range(profile.samples(full=5, quick=2, smoke=1))]
STABILITY_STEPS = profile.steps(full=500, quick=80, smoke=3)
STABILITY_BATCH = 8
STABILITY_RATES = [(SHORT["d_rate"], SHORT["g_rate"]), (2e-4, 2e-4)][
    : 2 if profile.name == "full" else 1
]
LEAST_SPREAD = 0.5

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded `full` run comes with this project.

# %%
run = recorded("09_lsgan", "full")
reached = run["metrics"] if run else {}
print(summary(run, "LSGAN"))
trained_generator, message = gan_utils.weights.try_generator("lsgan")
print(message)
if trained_generator is not None:
    latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(latents, training=False).numpy()
    plots.show_images(trained_images, columns=10, title="LSGAN, recorded full run")
    plt.show()

# %% [markdown]
# Fifty images, none of them cherry-picked. From a terminal, `gan-utils generate lsgan --interpolate
# walks.png` draws in each row the way from one latent vector to another.

# %% [markdown]
# ## The idea
#
# With cross-entropy the generator minimizes $-\log \sigma(s)$, where $s$ is the discriminator's
# output for a fake. A fake with a large $s$ lies deep on the "real" side of the decision boundary.
# It may still look nothing like a real image, but its loss is near zero, and so is its gradient:
# nothing pulls it to where the real images are.
#
# LSGAN (Mao et al., 2017, equation 2) asks for *values* instead of sides. The output on real images
# should be $b$, on fakes $a$, and the generator wants $c$:
#
# $$
# \min_D \tfrac12 \mathbb{E}_x\,[(D(x) - b)^2] + \tfrac12 \mathbb{E}_z\,[(D(G(z)) - a)^2],
# \qquad
# \min_G \tfrac12 \mathbb{E}_z\,[(D(G(z)) - c)^2]
# $$
#
# | symbol | name in the code | 0/1/1 | -1/1/0 |
# |---|---|---|---|
# | $a$ | `FAKE_TARGET` | 0 | -1 |
# | $b$ | `REAL_TARGET` | 1 | 1 |
# | $c$ | `GENERATOR_TARGET` | 1 | 0 |
# | $D(x)$ | `real_outputs` | no sigmoid | no sigmoid |
# | $D(G(z))$ | `fake_outputs` | no sigmoid | no sigmoid |

# %% [markdown]
# How hard each loss pulls at one fake, as a function of its output:

# %%
outputs = np.linspace(-6.0, 8.0, 281)
pulls = {
    "cross-entropy": 1 / (1 + np.exp(outputs)),
    "least squares": np.abs(outputs - GENERATOR_TARGET),
}
figure, axis = plt.subplots(figsize=(6.4, 3.2))
for (name, sizes), look in zip(pulls.items(), ("-", "--"), strict=True):
    axis.plot(outputs, sizes, look, label=name)
axis.axvline(GENERATOR_TARGET, color="black", linewidth=1, linestyle=":", label="target")
axis.set(xlabel="discriminator's output s", ylabel="size of the slope", ylim=(0, 5))
axis.legend()
plt.show()

# %% [markdown]
# On the right, where the discriminator confidently takes the fake for real, cross-entropy has
# almost no slope. Least squares pulls back, the harder the farther. On the left, cross-entropy
# never pulls with more than one; least squares has no limit: a strength and a weakness.

# %% [markdown]
# ## What the targets mean
#
# For densities $p_d$ of the data and $p_g$ of the fakes, the best output at a point is the mean of
# the targets that are seen there:
#
# $$
# D^*(x) = \frac{b\,p_d(x) + a\,p_g(x)}{p_d(x) + p_g(x)} .
# $$
#
# Put that into the generator's loss, with the term on real images added (it does not depend on
# $G$). With the targets -1/1/0, twice the result is Pearson's divergence between $p_d + p_g$ and
# $2 p_g$ (equation 7 of the paper; exercise 4 derives it):
#
# $$
# \mathbb{E}_{p_d}[(D^* - c)^2] + \mathbb{E}_{p_g}[(D^* - c)^2]
# = \int \frac{\bigl(2 p_g - (p_d + p_g)\bigr)^2}{p_d + p_g}\,dx
# = \chi^2(p_d + p_g \,\|\, 2 p_g)
# $$
#
# We check it for two normal densities a given shift apart, with sums on a fine grid.


# %%
def normal_density(points, mean):
    return np.exp(-((points - mean) ** 2) / 2) / np.sqrt(2 * np.pi)


def best_output(p_data, p_fake, targets):
    fake_target, real_target, _ = targets
    return (real_target * p_data + fake_target * p_fake) / (p_data + p_fake)


def objective_at_best(p_data, p_fake, targets, step):
    away = best_output(p_data, p_fake, targets) - targets[2]
    return np.sum((p_data + p_fake) * away**2) * step


def pearson(p_data, p_fake, step):
    return np.sum((p_fake - p_data) ** 2 / (p_data + p_fake)) * step


# %% [markdown]
# Both sides of the formula, for both choices of targets:

# %%
step = 0.001
points = np.arange(-12, 16, step)
p_data = normal_density(points, 0.0)
shifts = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
found = {"0/1/1": [], "-1/1/0": [], "chi-squared": []}
for shift in shifts:
    p_fake = normal_density(points, shift)
    found["0/1/1"].append(objective_at_best(p_data, p_fake, (0, 1, 1), step))
    found["-1/1/0"].append(objective_at_best(p_data, p_fake, (-1, 1, 0), step))
    found["chi-squared"].append(pearson(p_data, p_fake, step))
print(f"{'shift':>6}" + "".join(f"{name:>13}" for name in found))
for row in zip(shifts, *found.values(), strict=True):
    print(f"{row[0]:>6.2f}" + "".join(f"{value:>13.6f}" for value in row[1:]))
np.testing.assert_allclose(found["-1/1/0"], found["chi-squared"], atol=1e-10)

# %% [markdown]
# The columns -1/1/0 and chi-squared agree in every digit. With 0/1/1 the value of equal densities
# is one half; the paper finds the two choices alike in practice, and this lesson trains with 0/1/1.
# All columns level off for densities far apart, as cross-entropy does. The next lesson is about
# that.

# %% [markdown]
# ## The data
#
# MNIST, as in the DCGAN lesson.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = run_folder("09_lsgan", train_set)
print(train_set)
SAMPLES = evaluation.count(test_set)
STABILITY_SAMPLES = profile.samples(full=2_000, quick=1_000, smoke=100, available=len(test_set))
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# ## The networks
#
# Those of the DCGAN lesson. For the experiment on stability, `normalize=False` leaves out the batch
# normalization and gives the layers their biases back.


# %%
def build_generator(latent_dim=LATENT_DIM, normalize=True):
    def activate():
        norm = [layers.BatchNormalization()] if normalize else []
        return [*norm, layers.LeakyReLU(negative_slope=0.3)]

    def up(filters, strides, **options):
        return layers.Conv2DTranspose(filters, 5, strides=strides, padding="same", **options)

    return keras.Sequential(
        [
            layers.Input((latent_dim,)),
            layers.Dense(7 * 7 * 256, use_bias=not normalize),
            *activate(),
            layers.Reshape((7, 7, 256)),
            up(128, 1, use_bias=not normalize),
            *activate(),
            up(64, 2, use_bias=not normalize),
            *activate(),
            up(1, 2, use_bias=False, activation="tanh"),
        ],
        name="generator",
    )


# %% [markdown]
# The discriminator ends in a plain number, which is compared with the targets as it is.


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
# The same parameter counts as in the DCGAN lesson:

# %%
for network, count in ((build_generator(), 2_330_944), (build_discriminator(), 212_865)):
    print(f"{network.name:<16}{network.output_shape!s:<22}{count:>10,} parameters")
    assert network.count_params() == count

# %% [markdown]
# ## The losses
#
# Four lines, and those of the package, which must agree.


# %%
def discriminator_loss(real_outputs, fake_outputs):
    real_loss = tf.reduce_mean(tf.square(real_outputs - REAL_TARGET))
    fake_loss = tf.reduce_mean(tf.square(fake_outputs - FAKE_TARGET))
    return 0.5 * (real_loss + fake_loss)


def generator_loss(fake_outputs):
    return 0.5 * tf.reduce_mean(tf.square(fake_outputs - GENERATOR_TARGET))


pair = tf.constant([[2.0], [-1.0]]), tf.constant([[0.5], [-3.0]])
np.testing.assert_allclose(
    [discriminator_loss(*pair), generator_loss(pair[1])],
    [
        losses.least_squares_discriminator_loss(*pair),
        losses.least_squares_generator_loss(pair[1]),
    ],
)
undecided = tf.fill((4, 1), 0.5)
print(f"undecided everywhere (0.5): d_loss {discriminator_loss(undecided, undecided):.3f}", end="")
print(f", g_loss {generator_loss(undecided):.3f}")

# %% [markdown]
# ## One training step
#
# `gan_utils.GAN` alternates the two updates. A variant changes the methods that differ, here the
# two losses.


# %%
class LeastSquaresGAN(GAN):
    def discriminator_loss(self, real_logits, fake_logits):
        return discriminator_loss(real_logits, fake_logits)

    def generator_loss(self, fake_logits):
        return generator_loss(fake_logits)


def make_gan(kind, seed=SEED, normalize=True, ema_decay=SETTINGS["ema_decay"], rates=None):
    keras.utils.set_random_seed(seed)
    rates = rates or (SETTINGS["d_rate"], SETTINGS["g_rate"])
    networks = build_generator(normalize=normalize), build_discriminator()
    gan = kind(*networks, LATENT_DIM, ema_decay=ema_decay, seed=seed)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(rates[0], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(rates[1], beta_1=BETA_1),
    )
    return gan


# %% [markdown]
# Who moved? The largest change of any weight in one training step.

# %%
moves = gan_utils.who_moved(make_gan(LeastSquaresGAN), tf.constant(real_sample))
print(moves)
assert [parts for _, parts in moves.movers] == [["discriminator"], ["generator"]]

# %% [markdown]
# ## Training
#
# First a measure: the Fréchet distance on LeNet features between real and generated images, and
# between real and real images, which is its noise floor.

# %%
gan = make_gan(LeastSquaresGAN)
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"LeNet features, {SAMPLES:,} images on each side: ", end="")
print(f"untrained {distance_before:.1f}, real against real {floor:.2f}")

# %% [markdown]
# If the run is interrupted, the same cell resumes from the last checkpoint. In a short run an
# "epoch" is a part of a pass over the data.

# %%
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=profile.epochs(full=1, quick=2))
watchers = [grid, steps, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))
batches = gan_utils.Batches(
    train_set.images,
    batch_size=SETTINGS["batch_size"],
    steps_per_epoch=STEPS_PER_EPOCH,
    seed=SEED,
)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
seen = EPOCHS * STEPS_PER_EPOCH * SETTINGS["batch_size"]
print(f"{EPOCHS * STEPS_PER_EPOCH:,} training steps in {gan.seconds:.0f} s", end=", ")
print(f"{seen:,} images seen: {seen / len(train_set):.2f} passes over the training set")

# %% [markdown]
# The curves. (D(x) is not drawn: it is a sigmoid of the output, which means nothing here.)

# %%
plots.plot_history(
    steps.history,
    {"Least squares, step by step": ["d_loss", "g_loss"]},
    title="The losses of the LSGAN",
)
plt.show()

# %% [markdown]
# At one quarter for the discriminator and one eighth for the generator nobody is winning. Below one
# quarter the discriminator can tell real from fake. At one eighth the generator is not at rest: at
# an output of one half its slope is minus one half, and zero only at the target.
#
# The same sixteen latent vectors, from before training to the end:

# %%
animation = grid.save_gif(RUN / "lsgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results
#
# This run, the recorded one, and that of the DCGAN lesson: the same recipe with cross-entropy.

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
print(f"trained {scored['distance']:.1f} (profile {profile.name})", end=", ")
print(f"recorded full run {reached.get('distance_after', float('nan')):.1f}", end=", ")
if of_dcgan := recorded("02_dcgan", "full"):
    print(f"the DCGAN lesson's {of_dcgan['metrics']['distance_after']:.1f}")
plots.show_images(generated[:40], columns=10, title=f"LSGAN digits, profile {profile.name}")
plt.show()

# %% [markdown]
# One seed each does not decide between two losses.
#
# ## Is it more stable?
#
# The paper claims that without batch normalization, an ordinary GAN often fails where an LSGAN
# still learns. One lucky run proves nothing. So: both losses without batch normalization in the
# generator, and as a control the ordinary loss *with* it, with several seeds. The **spread** of the
# images is the standard deviation over images, averaged over pixels, as a share of that of real
# digits. A run **fails** if its spread is below `LEAST_SPREAD`: it draws much the same image
# whatever the noise.


# %%
def spread(samples):
    return float(samples.std(axis=0).mean())


def stability_run(kind, normalize, rates, seed):
    trial = make_gan(kind, seed=seed, normalize=normalize, ema_decay=0.99, rates=rates)
    source = gan_utils.Batches(
        train_set.images, batch_size=STABILITY_BATCH, steps_per_epoch=STABILITY_STEPS, seed=seed
    )
    trial.fit(source, epochs=1, verbose=0)
    return trial.generate(STABILITY_SAMPLES)


# %% [markdown]
# In `quick` the figures are those of the recorded full run, with five seeds and two pairs of
# learning rates.

# %%
KINDS = {
    "cross-entropy": (GAN, False),
    "least squares": (LeastSquaresGAN, False),
    "cross-entropy, normalized": (GAN, True),
}
few_real = test_set.sample(STABILITY_SAMPLES).images
start = time.perf_counter()
stability = measured("09_lsgan", "stability")
trained_here = stability is None
if trained_here:
    stability, few_features = [], lenet.features(few_real)
    for name, (kind, normalize) in KINDS.items():
        for rates, seed in itertools.product(STABILITY_RATES, STABILITY_SEEDS):
            drawn = stability_run(kind, normalize, rates, seed)
            row = {"name": name, "rates": rates, "seed": seed}
            row["distance"] = metrics.fid(few_features, lenet.features(drawn))
            stability.append(row | {"spread": spread(drawn) / spread(images.to_float(few_real))})
stability_seconds = time.perf_counter() - start
print("trained here" if trained_here else origin(run))
for name in KINDS:
    rows = [row for row in stability if row["name"] == name]
    failed = sum(row["spread"] < LEAST_SPREAD for row in rows)
    print(f"{name:<26} failed {failed} of {len(rows)}")

# %% [markdown]
# A dot for each run:

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.4))
for name, marker, size in zip(KINDS, ("o", "s", "^"), (15, 8, 9), strict=True):
    rows = [(row["spread"], row["distance"]) for row in stability if row["name"] == name]
    hollow = {"markerfacecolor": "none", "markeredgewidth": 2, "markersize": size}
    axis.plot(*zip(*rows, strict=True), marker, label=name, **hollow)
axis.axvline(LEAST_SPREAD, color="black", linewidth=1, linestyle=":", label="fails to the left")
axis.set(xlabel="spread, as a share of real digits'", ylabel="Fréchet distance", xlim=(-0.05, None))
axis.legend(fontsize=9)
plt.show()

# %% [markdown]
# Right and low is good; overlapping markers differ in size. The recorded run does not support the
# claim: without batch normalization both losses fail in most runs, and with it
# the ordinary loss fails in none. At this budget the normalization decides, not the loss. A failed
# run draws the same black image for every noise: the final `tanh` is driven to its flat side, and
# no gradient leads out, whatever the loss.

# %% [markdown]
# ## Use it
#
# A fresh process draws with the saved generator, which has the EMA weights.

# %%
gan.ema_generator.save(RUN / "generator.keras")
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(RUN / "generator.keras", latents)
plots.show_images(drawn, columns=10, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# "An output between 0 and 1? Then a sigmoid belongs at the end." It does not. The gradient would
# pass through the sigmoid, and a confident discriminator is where the sigmoid is flat: the
# advantage is gone. We train a discriminator alone, and measure how much gradient reaches the fake
# images.


# %%
def gradient_at_fakes(with_sigmoid, real_images, fake_images, count):
    keras.utils.set_random_seed(SEED)
    network = build_discriminator()
    if with_sigmoid:
        network.add(layers.Activation("sigmoid"))
    optimizer = keras.optimizers.Adam(1e-3)
    sizes = []
    for _ in range(count):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(fake_images)
            fake_outputs = network(fake_images, training=True)
            d_loss = discriminator_loss(network(real_images, training=True), fake_outputs)
            g_loss = generator_loss(fake_outputs)
        variables = network.trainable_variables
        gradients = tape.gradient(d_loss, variables)
        sizes.append(float(tf.norm(tape.gradient(g_loss, fake_images))))
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return sizes


# %% [markdown]
# The fakes are those of an untrained generator, which are easy to recognize.

# %%
noise_images = build_generator()(fixed_latents, training=False)
FAILURE_STEPS = profile.steps(full=80, quick=40, smoke=3)
wrong = gradient_at_fakes(True, real_sample, noise_images, FAILURE_STEPS)
right = gradient_at_fakes(False, real_sample, noise_images, FAILURE_STEPS)
figure, axis = plt.subplots(figsize=(6.4, 3.6))
axis.semilogy(right, color="#0072B2", label="no sigmoid (right)")
axis.semilogy(wrong, color="#D55E00", linestyle="--", label="sigmoid at the end (wrong)")
axis.set(xlabel="discriminator's steps", ylabel="norm of the gradient at the fakes")
axis.set_title("What is left for the generator to learn from")
axis.legend()
plt.show()
print(f"after {FAILURE_STEPS} steps: right {right[-1]:.1e}, wrong {wrong[-1]:.1e}")

# %% [markdown]
# Without the sigmoid the gradient can persist: outputs settle near 0, the generator wants 1, and
# the distance between the two is its slope. With it, that is multiplied by the sigmoid's slope,
# which goes to zero as the discriminator gets sure. The fix is to leave the sigmoid out;
# `gan_utils.GAN` raises a `ValueError` for a discriminator that ends in one.

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** a fake that looks like no digit gets exactly the output 1. Does the LSGAN's
# generator move it? Would cross-entropy?
#
# <details><summary>Solution</summary>
#
# Least squares leaves it alone: its slope at the target is zero. Cross-entropy moves it, towards
# larger outputs, which need not be better images. Both losses see an image only through the output;
# the discriminator has to learn first that this one is fake.
#
# </details>
#
# **2 ★★ Predict first:** the targets 0/10/10 in place of 0/1/1: by which factor do the losses grow
# once the discriminator has adapted? Does training with Adam change much?
#
# <details><summary>Solution</summary>
#
# Outputs grow tenfold and losses a hundredfold, a factor that Adam divides out. What remains: the
# last layer has to grow tenfold, which takes Adam's steps of a fixed size longer. Moving targets
# apart is like lowering the learning rate of that layer; -1/1/0 does so by a factor of two.
#
# </details>
#
# **3 ★★ Predict first:** take the trained discriminator's outputs on fakes. Which share of the
# whole gradient belongs to the tenth of the fakes that feel it most, under each of the two losses?

# %% tags=["hide-cell"]
fake_outputs = gan.discriminator(gan.generate(min(500, SAMPLES), seed=SEED + 1)).numpy()[:, 0]
sizes = {
    "cross-entropy": 1 / (1 + np.exp(fake_outputs)),
    "least squares": np.abs(fake_outputs - GENERATOR_TARGET),
}
for name, size in sizes.items():
    largest = np.sort(size)[::-1][: len(size) // 10].sum() / size.sum()
    print(f"{name}: the top tenth of the fakes has {100 * largest:.0f} % of the gradient")

# %% [markdown]
# The slope of cross-entropy never exceeds one; that of least squares has no bound. So a single
# absurd image, or a learning rate that is too high, can shake it.
#
# **4 ★★★ Predict first, then derive with pencil and paper:** which of 0/1/1 and -1/1/0 gives a
# value of zero for equal densities? Derive $D^*$, and the chi-squared formula.
#
# <details><summary>Solution</summary>
#
# At a point, $D$ minimizes $p_d (D - b)^2 + p_g (D - a)^2$. Setting the derivative to zero gives
# $D^* = (b\,p_d + a\,p_g) / (p_d + p_g)$. With -1/1/0,
#
# $$
# D^* - c = \frac{p_d - p_g}{p_d + p_g},
# \qquad
# (p_d + p_g)(D^* - c)^2 = \frac{(p_d - p_g)^2}{p_d + p_g},
# $$
#
# and $p_d - p_g = (p_d + p_g) - 2 p_g$. Its integral is zero only for $p_d = p_g$. With 0/1/1,
# $D^* - c = -p_g / (p_d + p_g)$, which is minus one half for equal densities.
#
# </details>

# %% [markdown]
# ## Summary
#
# - Cross-entropy asks on which side of the boundary a fake is, least squares how far from the
#   target. A fake far on the "real" side keeps its gradient.
# - With targets -1/1/0 the generator minimizes Pearson's chi-squared; 0/1/1 is the common choice.
# - In code the change is two methods, and no sigmoid.
# - Whether a loss is more stable takes many seeds to answer.
#
# ## References
#
# - X. Mao et al., *Least Squares Generative Adversarial Networks*, ICCV 2017.
#   <https://arxiv.org/abs/1611.04076>
# - M. Lucic et al., *Are GANs Created Equal? A Large-Scale Study*, NeurIPS 2018 (why seeds and
#   budgets matter). <https://arxiv.org/abs/1711.10337>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": batches.steps_per_epoch,
    "batch_size": SETTINGS["batch_size"],
    "distance_before": distance_before,
    "distance_after": scored["distance"],
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}
if trained_here:
    found |= {"stability_steps": STABILITY_STEPS, "stability_samples": STABILITY_SAMPLES}
    found |= {"stability": stability}

# %% tags=["remove-cell"]
settings = SETTINGS | {"beta_1": BETA_1} | ({"stages": STAGES} if SETTINGS is FULL else {})
facts = {"settings": settings, "comparison": {"LSGAN": scored}}
seconds = gan.seconds + stability_seconds
record("09_lsgan", found, seconds=seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(grid.frames) == EPOCHS + 1
assert np.isfinite([distance_before, scored["distance"], floor, *wrong, *right]).all()
