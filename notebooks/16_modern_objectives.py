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
# # Modern objectives: what made GANs stable

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/16_modern_objectives.ipynb)

# %% [markdown]
# **What you will do with about 300 lines of code.** Take one small GAN without batch normalization,
# change only its objective, and see how many modes of the data each of five objectives keeps.
#
# **Time and size.** 8 minutes to read; less than a minute of training on two CPU cores; a download
# of 12 MB (MNIST, once).
#
# **What you will learn.** Why training circles around its goal, three answers, how to count modes.
#
# **What you need.** Lesson 02; lesson 10 helps.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package.

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
from collections.abc import Callable
from typing import NamedTuple

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, losses, metrics, plots, profile
from gan_utils.gan import minimize
from gan_utils.layers import SpectralNormalization
from gan_utils.precision import in_float32
from gan_utils.records import record, recorded, run_folder, summary

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `STUDY` belongs to the recorded comparison of all five objectives, `FULL` and `SHORT` to this
# lesson's own training, of the last one. All use Adam without momentum, as is usual with gradient
# penalties.

# %%
SEED = profile.seed(16)
LATENT_DIM = 64
FIXED_COUNT = 16
GAMMA = 1.0
BETAS = {"beta_1": 0.0, "beta_2": 0.9}
FULL = {"width": 32, "batch_size": 32, "rate": 5e-4, "ema_decay": 0.9995}
SHORT = {"width": 32, "batch_size": 16, "rate": 5e-4, "ema_decay": 0.998}
STUDY = {"width": 32, "batch_size": 32, "rate": 5e-4, "ema_decay": 0.998}
STAGES = ((0, FULL["rate"], FULL["rate"]), (0.5, FULL["rate"], FULL["rate"]))
SETTINGS = profile.settings(full=FULL, short=SHORT)
EPOCHS = profile.epochs(full=12, quick=4, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // FULL["batch_size"], quick=200, smoke=3)
NUM_MODES = 1_000
STACKED_SAMPLES = profile.samples(full=25_600, quick=25_600, smoke=100)
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
LOOKS = ((BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."), (PURPLE, ":"), (ORANGE, "-"))

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## What the recorded run reached
#
# Fifty images of the recorded `full` run's generator, none of them cherry-picked.

# %%
run = recorded("16_modern_objectives", "full")
print(summary(run, "R3GAN objective"))
trained_generator, message = gan_utils.weights.try_generator("r3gan")
print(message)
if trained_generator is not None:
    latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(latents, training=False).numpy()
    plots.show_images(trained_images, columns=10, title="R3GAN objective, recorded full run")
    plt.show()

# %% [markdown]
# <!-- interactive: r3gan -->
#
# ## The idea: the smallest GAN
#
# Let all data be the number 0, and let the generator always return the number $\theta$. The
# discriminator is a line through the origin, $D(x) = \psi x$. Mescheder et al. (2018) call this the
# Dirac-GAN. The generator follows the slope of $D$, so $\theta$ moves with $\psi$; the
# discriminator turns away from the fake, so $\psi$ moves against $\theta$. At $\theta = \psi = 0$
# both are at rest. But do they get there? One pair of updates:


# %%
def dirac_step(theta, psi, rate, gamma):
    psi -= rate * (theta / (1 + np.exp(-psi * theta)) + gamma * psi)
    theta += rate * psi / (1 + np.exp(psi * theta))
    return theta, psi


def dirac_path(gamma, steps=500, rate=0.1, start=(1.0, 0.0)):
    path = [start]
    for _ in range(steps):
        path.append(dirac_step(*path[-1], rate, gamma))
    return np.array(path)


# %% [markdown]
# `gamma` is the strength of a penalty on the discriminator's slope, $\tfrac{\gamma}{2} \psi^2$.
# Without it and with it:

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharex=True, sharey=True)
for axis, gamma in zip(axes, (0.0, 0.3), strict=True):
    path = dirac_path(gamma)
    axis.plot(path[:, 0], path[:, 1], color=BLUE, linewidth=1)
    axis.plot(*path[0], "o", color=VERMILLION, label="start")
    axis.plot(0, 0, "*", color="black", markersize=11, label="solution")
    axis.set(title=f"gamma = {gamma}", xlabel="fake, theta", ylabel="slope, psi")
    axis.set_aspect("equal")
axes[1].legend(loc="upper right", fontsize=9)
plt.show()

# %% [markdown]
# Without a penalty the two chase each other: when the fake reaches the data, the slope is still
# there and pushes it on. The circle shrinks, but ever more slowly. With a penalty on the slope the
# path soon ends in the solution.
#
# Real GANs have more parameters and the same problem. Three answers:
#
# | answer | what it does to the discriminator | paper |
# |---|---|---|
# | spectral normalization | bounds the slope everywhere, by its weights | Miyato et al. 2018 |
# | R1, R2 | penalize the slope at real images (R1), at fakes (R2) | Mescheder et al. 2018 |
# | relativistic loss | compares a real image with a fake | Jolicoeur-Martineau 2018 |
#
# R3GAN (Huang et al. 2024) is the relativistic loss with R1 and R2.

# %% [markdown]
# ## The data
#
# MNIST, and **Stacked MNIST**: three random digits are the red, green and blue channel of one image
# (Metz et al. 2017), which makes 1,000 modes. The reference classifier reads each channel of a
# generated sample, so modes can be counted.


# %%
def stack_digits(digits, count, seed):
    chosen = np.random.default_rng(seed).integers(len(digits), size=(3, count))
    return np.concatenate([digits[channel] for channel in chosen], axis=-1)


def modes_of(stacked):
    digits = [lenet.probabilities(stacked[..., i : i + 1]).argmax(axis=1) for i in range(3)]
    return 100 * digits[0] + 10 * digits[1] + digits[2]


train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = run_folder("16_modern_objectives", train_set)
SAMPLES = evaluation.count(test_set)
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
print(train_set)
stacked_sample = stack_digits(test_set.images, STACKED_SAMPLES, SEED)
plots.show_images(images.to_float(stacked_sample[:8]), columns=8, title="Stacked MNIST")
plt.show()

# %% [markdown]
# How many modes have at least one sample, and how far are the modes' shares from equal ones (KL
# divergence, in nats)? Real images, and the worst case:

# %%
for name, labels in (("real", modes_of(stacked_sample)), ("one mode", np.full(1_000, 7))):
    modes, divergence = metrics.mode_coverage(labels, NUM_MODES)
    print(f"{name:<9}{modes:>6,} of {NUM_MODES:,} modes, KL {divergence:.3f}")

# %% [markdown]
# ## The networks
#
# A residual block adds to its input what two convolutions compute (He et al. 2016), so gradients
# pass through the sum unchanged. There is no batch normalization: with it, the slope of $D$ at one
# image would depend on the other images of the batch.


# %%
def activate(features):
    return layers.LeakyReLU(negative_slope=0.2)(features)


def residual_block(features, convolve):
    width = features.shape[-1]
    change = convolve(layers.Conv2D(width, 3, padding="same"))(activate(features))
    change = convolve(layers.Conv2D(width, 3, padding="same"))(activate(change))
    return layers.Add()([features, change])


def plain(layer):
    return layer


def build_generator(width=SETTINGS["width"], channels=1, latent_dim=LATENT_DIM):
    latents = keras.Input((latent_dim,), name="latents")
    features = layers.Dense(7 * 7 * 2 * width)(latents)
    features = residual_block(layers.Reshape((7, 7, 2 * width))(features), plain)
    up = {"strides": 2, "padding": "same"}
    features = layers.Conv2DTranspose(width, 4, **up)(features)
    features = activate(residual_block(features, plain))
    outputs = layers.Conv2DTranspose(channels, 4, activation="tanh", **up)(features)
    return keras.Model(latents, outputs, name="generator")


# %% [markdown]
# The discriminator mirrors it. `wrap` is what normalizes a layer's weights, or leaves them `plain`.


# %%
def build_discriminator(width=SETTINGS["width"], channels=1, wrap=plain):
    down = {"kernel_size": 4, "strides": 2, "padding": "same"}
    inputs = keras.Input((28, 28, channels), name="images")
    features = residual_block(wrap(layers.Conv2D(width, **down))(inputs), wrap)
    features = wrap(layers.Conv2D(2 * width, **down))(features)
    features = activate(residual_block(features, wrap))
    outputs = wrap(layers.Dense(1))(layers.Flatten()(features))
    return keras.Model(inputs, outputs, name="discriminator")


for network in (build_generator(STUDY["width"]), build_discriminator(STUDY["width"])):
    print(f"{network.name:<14}{network.output_shape!s:<20}{network.count_params():>9,} parameters")

# %% [markdown]
# ## Spectral normalization
#
# A layer with the matrix $W$ stretches a vector at most by its largest singular value $\sigma(W)$,
# the spectral norm. Divide $W$ by it, and a dense layer stretches nothing; a convolution, whose
# kernel is taken as a matrix, at most threefold.
#
# Computing $\sigma$ exactly in each step would be slow, but weights change slowly, and one *power
# iteration* a step is enough: multiply a stored vector $u$ by $W$ and by its transpose, and it
# turns towards the direction that is stretched most. Here the weight is five times too large:


# %%
def singular_values(kernel):
    matrix = keras.ops.convert_to_numpy(kernel)
    return np.linalg.svd(matrix.reshape(-1, matrix.shape[-1]), compute_uv=False)


layer = SpectralNormalization(layers.Conv2D(32, 3, padding="same"))
layer.build((None, 14, 14, 32))
layer.kernel.assign(5 * layer.kernel)
norms = [singular_values(layer.kernel)[0]]
for _ in range(20):
    norms.append(singular_values(layer.normalized_weights()[1])[0])
    layer(np.zeros((1, 14, 14, 32), "float32"), training=True)
print("spectral norm after 0, 1, 2, 5 and 20 calls:", end=" ")
print(*(f"{norms[i]:.3f}" for i in (0, 1, 2, 5, 20)), sep=", ")

# %% [markdown]
# The first call divides by a poor estimate, later ones get it right. The stored weight stays, and
# **the gradient passes through the division**, which removes what would only make
# $\sigma$ larger (Miyato et al., section 2.3).
#
# ## The losses
#
# | objective | discriminator minimizes | generator minimizes |
# |---|---|---|
# | cross-entropy | $f(-D(x)) + f(D(G(z)))$ | $f(-D(G(z)))$ |
# | hinge | $\max(0, 1 - D(x)) + \max(0, 1 + D(G(z)))$ | $-D(G(z))$ |
# | relativistic pairing | $f(D(G(z)) - D(x))$ | $f(D(x) - D(G(z)))$ |
#
# Each is a mean over the batch, with $f(t) = \log(1 + e^t)$, the softplus. The penalties
# $R_1 = \tfrac{\gamma}{2} \lVert \nabla_x D(x) \rVert^2$ and $R_2$, the same at $G(z)$, are
# added to the discriminator's loss. In the code, `real_logits` is $D(x)$, `fake_logits` is
# $D(G(z))$ and `GAMMA` is $\gamma$.


# %%
def hinge_loss(real_logits, fake_logits):
    real_loss = tf.reduce_mean(tf.nn.relu(1 - real_logits))
    return real_loss + tf.reduce_mean(tf.nn.relu(1 + fake_logits))


def pairing_loss(real_logits, fake_logits):
    return tf.reduce_mean(tf.nn.softplus(fake_logits - real_logits))


# %% [markdown]
# The relativistic loss sees only the *difference* of a real and a fake logit.
#
# The penalty needs the gradient of each logit with respect to its image, and then the gradient of
# that with respect to the weights: a tape within the tape of the step. It is computed in float32.


# %%
def logits_and_slopes(discriminator, batch, training=False):
    with in_float32(discriminator), tf.GradientTape() as tape:
        tape.watch(batch)
        logits = discriminator(batch, training=training)
    gradients = tape.gradient(logits, batch)
    return logits, tf.reduce_sum(tf.square(gradients), axis=(1, 2, 3))


def look(discriminator, batch, weight, training=False):
    if not weight:  # no penalty: no second derivative, and the policy's precision
        return discriminator(batch, training=training), 0.0
    logits, slopes = logits_and_slopes(discriminator, batch, training)
    return logits, 0.5 * weight * tf.reduce_mean(slopes)


class Objective(NamedTuple):
    d_loss: Callable
    g_loss: Callable | None = None  # None: the discriminator's loss, with the roles swapped
    wrap: Callable = plain
    r1: float = 0.0
    r2: float = 0.0


CROSS_ENTROPY = losses.cross_entropy_discriminator_loss, losses.cross_entropy_generator_loss
OBJECTIVES = {
    "cross-entropy": Objective(*CROSS_ENTROPY),
    "hinge + spectral norm": Objective(
        hinge_loss, losses.wasserstein_generator_loss, wrap=SpectralNormalization
    ),
    "cross-entropy + R1": Objective(*CROSS_ENTROPY, r1=GAMMA),
    "relativistic": Objective(pairing_loss),
    "relativistic + R1 + R2": Objective(pairing_loss, r1=GAMMA, r2=GAMMA),
}
R3GAN = OBJECTIVES["relativistic + R1 + R2"]

# %% [markdown]
# ## One training step
#
# Here `training=True` matters to spectral normalization alone: its vector takes a step. It is set
# once in $D$'s update, and `False` in the generator's, which must not change $D$.


# %%
class ModernGAN(GAN):
    objective = R3GAN

    def discriminator_objective(self, batch, inputs, fake_images):
        goal, real_images = self.objective, self.real_inputs(batch)
        real_logits, real_penalty = look(self.discriminator, real_images, goal.r1, training=True)
        fake_logits, fake_penalty = look(self.discriminator, fake_images, goal.r2)
        loss = goal.d_loss(real_logits, fake_logits)
        penalty = tf.convert_to_tensor(real_penalty + fake_penalty, tf.float32)
        gap = tf.reduce_mean(real_logits) - tf.reduce_mean(fake_logits)
        return loss + penalty, {"d_loss": loss, "penalty": penalty, "gap": gap}

    def generator_objective(self, batch, inputs, fake_images):
        goal = self.objective
        fake_logits = self.discriminator(fake_images, training=False)
        if goal.g_loss is None:
            real_logits = self.discriminator(self.real_inputs(batch), training=False)
            loss = goal.d_loss(fake_logits, real_logits)
        else:
            loss = goal.g_loss(fake_logits)
        return loss, {"g_loss": loss}


# %% [markdown]
# Who moved in one step, for each objective?


# %%
def make_gan(objective=R3GAN, settings=SETTINGS, seed=SEED, channels=1, kind=ModernGAN):
    keras.utils.set_random_seed(seed)
    generator = build_generator(settings["width"], channels)
    discriminator = build_discriminator(settings["width"], channels, objective.wrap)
    gan = kind(generator, discriminator, LATENT_DIM, ema_decay=settings["ema_decay"], seed=seed)
    gan.objective = objective
    optimizers = (keras.optimizers.Adam(settings["rate"], **BETAS) for _ in range(2))
    gan.compile(*optimizers)
    return gan


for name, objective in OBJECTIVES.items():
    moves = gan_utils.who_moved(make_gan(objective, SHORT), tf.constant(real_sample))
    print(f"{name}\n{moves}\n")
    movers = [{part.split("'")[0] for part in parts} for _, parts in moves.movers]
    assert movers == [{"discriminator"}, {"generator"}]

# %% [markdown]
# The "statistics" are the vectors $u$ of spectral normalization.
#
# ## Training
#
# The last objective alone, on MNIST. First the Fréchet distance on LeNet features, untrained, and
# its noise floor, real against real. If the run is interrupted, the same cell resumes from the last
# checkpoint.

# %%
gan = make_gan()
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"{SAMPLES:,} images a side: untrained {distance_before:.0f}, real vs. real {floor:.2f}")
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=profile.epochs(full=1, quick=2))
watchers = [grid, steps, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))
batches = gan_utils.Batches(
    train_set.images, batch_size=SETTINGS["batch_size"], steps_per_epoch=STEPS_PER_EPOCH, seed=SEED
)
_ = gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)

# %% [markdown]
# The gap is the mean logit of real images minus that of fakes.

# %%
plots.plot_history(
    steps.history,
    {"Losses": ["d_loss", "g_loss"], "Gap and penalty": ["gap", "penalty"]},
    title="Relativistic loss with R1 and R2",
)
plt.show()

# %% [markdown]
# With equal logits both losses are $\log 2$, about 0.69. A larger gap takes a steeper
# discriminator, which the penalty makes costly. The same sixteen latent vectors throughout:

# %%
animation = grid.save_gif(RUN / "r3gan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results
#
# This run:

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
passes = scored["images_seen"] / len(train_set)
print(f"{scored['steps']:,} updates, {scored['images_seen']:,} images seen", end=", ")
print(f"{passes:.2f} passes over the data; distance {scored['distance']:.1f}", end=", ")
print(f"precision {scored['precision']:.2f}, recall {scored['recall']:.2f}")
plots.show_images(generated[:40], columns=10, title=f"R3GAN objective, profile {profile.name}")
plt.show()

# %% [markdown]
# ## Five objectives, one budget
#
# Network, optimizer, learning rate, batch and number of updates are the same for all five.
# `benchmarks/study_objectives.py` runs the cells above and records each run as it finishes.
# Distance and modes are listed seed by seed, recall and KL as means.

# %%
study = recorded("study_objectives", "full")
study_rows = study["metrics"]["runs"] if study else []


def rows_of(data, objective):
    return [row for row in study_rows if (row["data"], row["objective"]) == (data, objective)]


if study:
    budget = study["metrics"]["budget"]
    print(f"{budget['updates']:,} updates of batch {budget['batch_size']}")
for data, key, form, mean_key in (
    ("MNIST", "distance", "7.1f", "recall"),
    ("Stacked MNIST", "modes", "7,d", "divergence"),
):
    print(f"\n{f'{data}: {key}':<34}{f'mean {mean_key}':>18}")
    for name in OBJECTIVES:
        rows = rows_of(data, name)
        seeds = "".join(format(row[key], form) for row in rows) or "     no run yet"
        mean = f"{np.mean([row[mean_key] for row in rows]):8.2f}" if rows else ""
        print(f"{name:<23}{seeds:<21}{mean}")

# %% [markdown]
# That is a short budget. With this lesson's own recipe, cross-entropy with R1 reaches every mode
# with each seed: [a study](../book/studies/stacked-mnist.md) compares it with published figures.
#
# The discriminator's slope, how much a logit changes with the image, through the training:


# %%
def draw_slopes():
    _, axes = plt.subplots(1, 2, figsize=(7, 3.6), sharey=True, layout="constrained")
    for axis, kind in zip(axes, ("real", "fake"), strict=True):
        for (color, line), name in zip(LOOKS, OBJECTIVES, strict=True):
            curves = [row["slopes"][kind] for row in rows_of("MNIST", name)]
            if curves:
                mean = np.exp(np.log(curves).mean(axis=0))  # over seeds, on the axis' scale
                axis.semilogy(range(1, len(mean) + 1), mean, line, color=color, label=name)
        axis.set(title=f"slope at {kind} images", xlabel="eighth of the training")
    axes[0].set_ylabel("norm of the gradient")
    axes[1].legend(fontsize=8)
    plt.show()


if study_rows:
    draw_slopes()

# %% [markdown]
# What to see: without normalization or penalty nothing limits the slope. R1 limits it, at fakes as
# well. The relativistic loss alone collapsed in each run, to fewer than 30 modes; both penalties
# prevent that. With this budget cross-entropy with R1 is best on both sets, with each seed.
#
# ## Use it
#
# A fresh process draws with the EMA weights.

# %%
gan.ema_generator.save(RUN / "generator.keras")
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(RUN / "generator.keras", latents)
plots.show_images(drawn, columns=10, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# Keras has a `SpectralNormalization` too. It divides *outside* the gradient, and overwrites the
# stored weights in each call with `training=True`, in the generator's update too:


# %%
def keras_wrap(layer):
    return layers.SpectralNormalization(layer, dtype="float32")  # keeps weights of 32 bits


network = build_discriminator(SHORT["width"], wrap=keras_wrap)
before = [weight.numpy() for weight in network.trainable_weights]
network(real_sample, training=True)
changes = [np.abs(a - b).max() for a, b in zip(before, network.trainable_weights, strict=True)]
print(f"largest change of a weight by one call: {max(changes):.2f}")

# %% [markdown]
# Worse, the gradient ignores the division: each update increases the largest singular value most,
# and the division shrinks *all*. Here two layers maximize a sum to which eight directions
# contribute:


# %%
def push(wrap):
    keras.utils.set_random_seed(SEED)
    dense = [wrap(layers.Dense(8, use_bias=False)) for _ in range(2)]
    network = keras.Sequential([layers.Input((8,)), *dense])
    wish, optimizer = tf.linalg.diag(1 / tf.range(1.0, 9.0)), keras.optimizers.SGD(0.1)
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(wish * network(tf.eye(8), training=True))
        minimize(optimizer, tape, loss, network.trainable_variables)
    return singular_values(dense[0].kernel)


for name, wrap in (("Keras' layer", keras_wrap), ("ours", SpectralNormalization)):
    values = push(wrap)
    plt.plot(range(1, 9), values / values[0], "o-", label=name)
plt.gca().set(xlabel="singular value, by rank", ylabel="share of the largest")
plt.legend()
plt.show()

# %% [markdown]
# One direction is left: the discriminator sees a single feature. No error, no warning.

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** the discriminator adds 5 to each of its logits, real or fake. Which of the
# five losses change?
#
# <details><summary>Solution</summary>
#
# Cross-entropy and hinge change: they ask on which side of zero a logit is. The relativistic loss
# does not, since the difference is the same; nor do R1 and R2, since a constant has no gradient.
#
# </details>
#
# **2 ★ Predict first:** what happens to slopes and images with $\gamma = 0$, and with a $\gamma$
# that is a thousand times too large?
#
# <details><summary>Solution</summary>
#
# With 0 it is the relativistic loss alone: nothing limits the slopes. With a huge $\gamma$ slopes
# and gap are almost zero, and so are the generator's gradients: safe, and very slow.
#
# </details>
#
# **3 ★★ Predict first:** for $D(x) = \langle w, x \rangle$, a plane, what is the squared slope at
# each image, and where is the penalty smallest? Check it with `logits_and_slopes`.
#
# <details><summary>Solution</summary>
#
# A plane has the same slope everywhere, $\lVert w \rVert^2$, smallest at $w = 0$: R1 is weight
# decay. In a deep network it acts on the slope where the images are.
#
# </details>
#
# **4 ★★★ Predict first, then derive with pencil and paper:** does the Dirac-GAN converge for small
# steps? Linearize both updates at $\theta = \psi = 0$ and look at the eigenvalues.
#
# <details><summary>Solution</summary>
#
# Near zero the sigmoid is one half. With infinitely small steps
#
# $$
# \dot\theta = \tfrac12 \psi,
# \qquad
# \dot\psi = -\tfrac12 \theta - \gamma \psi,
# \qquad
# \lambda = \tfrac12 \left( -\gamma \pm \sqrt{\gamma^2 - 1} \right).
# $$
#
# For $\gamma = 0$ they are $\pm i / 2$: to first order a circle, which only higher orders can
# shrink. For $\gamma > 0$ both real parts are negative, and the distance falls exponentially. The
# relativistic loss has the very same gradients here: it needs the penalty as well.
#
# </details>

# %% [markdown]
# ## Summary
#
# - Two players that follow their gradients circle; a penalty on the discriminator's slope ends it.
# - Spectral normalization bounds the slope by the weights; R1 and R2 penalize it where images are.
# - A relativistic loss compares real images with fakes; it needs the penalties.
#
# ## References
#
# - T. Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, ICLR 2018.
#   <https://arxiv.org/abs/1802.05957>
# - L. Mescheder et al., *Which Training Methods for GANs do actually Converge?*,
#   ICML 2018. <https://arxiv.org/abs/1801.04406>
# - A. Jolicoeur-Martineau, *The relativistic discriminator: a key element missing from standard
#   GAN*, 2018. <https://arxiv.org/abs/1807.00734>
# - Y. Huang et al., *The GAN is dead; long live the GAN! A Modern GAN Baseline*, NeurIPS 2024.
#   <https://arxiv.org/abs/2501.05441>
# - K. He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016.
#   <https://arxiv.org/abs/1512.03385>
# - L. Metz et al., *Unrolled Generative Adversarial Networks*, ICLR 2017 (Stacked MNIST).
#   <https://arxiv.org/abs/1611.02163>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": batches.steps_per_epoch,
    "batch_size": SETTINGS["batch_size"],
    "distance_before": distance_before,
    "distance_after": scored["distance"],
    "recall": scored["recall"],
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}
settings = SETTINGS | BETAS | {"gamma": GAMMA}
settings |= {"stages": STAGES} if SETTINGS is FULL else {}
facts = {"settings": settings, "comparison": {"R3GAN objective": scored}}
record("16_modern_objectives", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(grid.frames) == EPOCHS + 1
assert np.isfinite([distance_before, scored["distance"], floor]).all()
assert max(changes) > 0
