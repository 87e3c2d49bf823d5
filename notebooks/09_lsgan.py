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
# **What you will do.** Take the networks of the DCGAN lesson as they are, change nothing but the
# two losses, and train them to draw digits.
#
# **What you will learn**
#
# - why a fake that already fools the discriminator teaches the generator nothing under
#   cross-entropy, and a lot under least squares;
# - the two usual choices of targets, and what each of them minimizes: one is Pearson's
#   chi-squared divergence, which you will check on two densities you know;
# - how to change a loss in `gan_utils.GAN`: two methods;
# - how to ask whether a loss is "more stable", and to live with the answer.
#
# **What you need.** The DCGAN lesson. A CPU with two cores is enough for the short run of this
# page.

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
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, losses, metrics, plots, profile, records

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. `full` makes 20 passes over the data with the batch size,
# the learning rates and the schedule (`STAGES`) of the DCGAN lesson, so that the two differ in the
# loss alone. `quick` takes small batches and large steps, trains the main model only, and shows the
# side experiments with the figures of the recorded `full` run, which repeats them with several
# seeds.

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
# The `full` run of this lesson was recorded, and its trained generator comes with the project. It
# is found in a checkout, or downloaded once and checked; where neither is possible, the cell says
# so. The short run of this page follows further below.

# %%
run = records.recorded("09_lsgan", "full")
if run:
    facts = run["metrics"]
    print(records.origin(run))
    print(f"{facts['epochs'] * facts['steps_per_epoch']:,} training steps, batch ", end="")
    print(f"{facts['batch_size']}: Fréchet distance {facts['distance_after']:.1f}", end=", ")
    print(f"untrained {facts['distance_before']:.0f}; {facts['samples']:,} images on each side")
    print(f"real test images: {facts.get('real_images', 'the first of the test set')}")
else:
    print("no recorded full run yet")
trained_generator, sentence = gan_utils.weights.try_generator("lsgan")
print(sentence)
if trained_generator is not None:
    trained_latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(trained_latents, training=False).numpy()
    plots.show_images(trained_images, columns=10, title="LSGAN, generator of the recorded full run")
    plt.show()

# %% [markdown]
# Fifty images, none of them chosen. Now an interpolation from one latent vector to another. On the
# straight line between two vectors of noise the middle is shorter than noise ever is; spherical
# interpolation (slerp) keeps every stop as long as the ends.

# %%
if trained_generator is not None:
    walks = [
        gan_utils.interpolation.interpolate(*trained_latents[[i, i + 1]], 10) for i in (0, 2, 4)
    ]
    plots.show_images(
        trained_generator(np.concatenate(walks), training=False).numpy(),
        columns=10,
        title="Three interpolations, generator of the recorded full run",
    )
    plt.show()

# %% [markdown]
# Each row is an interpolation. Neighbors look alike: the generator has learned no list of images,
# but a way from each to each. From a terminal, `gan-utils generate lsgan --interpolate walk.png`
# does the same, and with a name that ends in `.gif` the digits move.

# %% [markdown]
# ## The idea
#
# With the non-saturating cross-entropy of the DCGAN lesson, the generator minimizes
# $-\log \sigma(s)$, where $s$ is the discriminator's output for a fake and $\sigma$ the sigmoid.
# A fake with a large $s$ lies deep on the "real" side of the decision boundary. It may still look
# nothing like a real image, but the loss is near zero there, and so is its gradient: nothing
# pulls the fake to where the real images are.
#
# LSGAN (Mao et al., 2017, equation 2) asks for *values* and not for sides. The discriminator's
# output on real images should be $b$, on fakes $a$, and the generator wants $c$:
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
# Both generator losses, and their slopes, as functions of the output for one fake. The slope is
# what the generator is moved by.

# %%
outputs = tf.linspace(-6.0, 8.0, 281)
curves = {}
for name, loss in {
    "cross-entropy": lambda s: tf.nn.softplus(-s),
    "least squares": lambda s: 0.5 * tf.square(s - GENERATOR_TARGET),
}.items():
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        values = loss(outputs)
    curves[name] = values.numpy(), np.abs(tape.gradient(values, outputs))
figure, panels = plt.subplots(2, 1, figsize=(6.4, 6), sharex=True)
for (name, pair), color, line in zip(
    curves.items(), ["#0072B2", "#D55E00"], ["-", "--"], strict=True
):
    for axis, curve in zip(panels, pair, strict=True):
        axis.plot(outputs, curve, color=color, linestyle=line, label=name)
panels[0].set(ylabel="loss of one fake", ylim=(0, 8), title="What the generator pays, and feels")
panels[1].set(ylabel="size of the gradient", xlabel="discriminator's output s", ylim=(0, 5))
panels[0].legend()
panels[1].axvline(GENERATOR_TARGET, color="black", linewidth=1, linestyle=":")
plt.show()
for s in (-4, 1, 4, 8):
    sizes = [pair[1][np.argmin(np.abs(outputs - s))] for pair in curves.values()]
    print(f"s = {s:+d}: cross-entropy {sizes[0]:.4f}, least squares {sizes[1]:.4f}")

# %% [markdown]
# To the right, where the discriminator calls the fake real with great confidence, cross-entropy
# goes silent. Least squares pulls back, the harder the farther, and rests only on the target
# (dotted). On the left, cross-entropy never pulls with more than one; least squares has no such
# limit. Keep that in mind: it is a strength and a weakness.

# %% [markdown]
# ## What the targets mean
#
# For fixed densities $p_d$ of the data and $p_g$ of the fakes, the best output at a point is the
# mean of the targets that are seen there,
#
# $$
# D^*(x) = \frac{b\,p_d(x) + a\,p_g(x)}{p_d(x) + p_g(x)} .
# $$
#
# Put that into the generator's loss, with the term on real images added (it does not
# depend on $G$). If $b - c = 1$ and $b - a = 2$, what comes out is Pearson's
# divergence between $p_d + p_g$ and $2 p_g$ (equation 7 of the paper):
#
# $$
# \mathbb{E}_{p_d}[(D^* - c)^2] + \mathbb{E}_{p_g}[(D^* - c)^2]
# = \int \frac{\bigl(2 p_g - (p_d + p_g)\bigr)^2}{p_d + p_g}\,dx
# = \chi^2(p_d + p_g \,\|\, 2 p_g)
# $$
#
# The choice -1/1/0 fulfills both conditions, 0/1/1 does not. Let us see: two
# normal densities whose means are a given shift apart, and integrals as sums on a fine grid.


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
# The left side of the formula for both choices, and the right side.

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
# The columns -1/1/0 and chi-squared agree in every digit. The same as a figure:

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.6))
axis.plot(shifts, found["chi-squared"], color="#0072B2", label=r"$\chi^2(p_d+p_g\,\|\,2p_g)$")
axis.plot(shifts, found["-1/1/0"], "o", color="#D55E00", label="objective with -1/1/0")
axis.plot(shifts, found["0/1/1"], "s--", color="#009E73", label="objective with 0/1/1")
axis.set(xlabel="distance between the two means", ylabel="value at the best D")
axis.set_title("Least squares at the best discriminator")
axis.legend()
plt.show()

# %% [markdown]
# Both grow with the distance between data and fakes. With -1/1/0 the value is zero for equal
# densities, as a divergence should be; with 0/1/1 it starts at one half. The paper finds
# the two alike in practice; this lesson trains with 0/1/1 and leaves the other to
# an exercise. Note that both level off for densities far apart: where
# supports are disjoint, least squares is as flat as cross-entropy. The next lesson is about that.

# %% [markdown]
# ## The data
#
# MNIST, as in the DCGAN lesson. The line that is printed says where it came from.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("09_lsgan", train_set)
print(train_set)
SAMPLES = gan_utils.evaluation.count(test_set)
STABILITY_SAMPLES = profile.samples(full=2_000, quick=1_000, smoke=100, available=len(test_set))
JUDGED = min(500, len(test_set))
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# Sixteen real digits, as floats from -1 to 1: what the generator is to learn.

# %% [markdown]
# ## The networks
#
# Those of the DCGAN lesson. The generator has one switch more: `normalize=False` leaves the batch
# normalization out and gives the layers their biases back. We need it for the experiment on
# stability.


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
# The discriminator ends in a plain number. Under cross-entropy that was a logit; now it is
# compared with the targets as it is.


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
# The same parameter counts as in the DCGAN lesson.

# %%
generator, discriminator = build_generator(), build_discriminator()
for network in (generator, discriminator):
    print(f"{network.name:<16}{network.output_shape!s:<22}{network.count_params():>10,} parameters")
assert generator.count_params() == 2_330_944
assert discriminator.count_params() == 212_865

# %% [markdown]
# ## The losses
#
# Four lines. Beside them, the package's own, which must agree.


# %%
def discriminator_loss(real_outputs, fake_outputs):
    real_loss = tf.reduce_mean(tf.square(real_outputs - REAL_TARGET))
    fake_loss = tf.reduce_mean(tf.square(fake_outputs - FAKE_TARGET))
    return 0.5 * (real_loss + fake_loss)


def generator_loss(fake_outputs):
    return 0.5 * tf.reduce_mean(tf.square(fake_outputs - GENERATOR_TARGET))


# %% [markdown]
# A small check by hand: outputs 2 and -1 on real images, 0.5 and -3 on fakes.

# %%
real_outputs, fake_outputs = tf.constant([[2.0], [-1.0]]), tf.constant([[0.5], [-3.0]])
ours = discriminator_loss(real_outputs, fake_outputs), generator_loss(fake_outputs)
package = (
    losses.least_squares_discriminator_loss(real_outputs, fake_outputs),
    losses.least_squares_generator_loss(fake_outputs),
)
by_hand = ((1 + 4) / 2 + (0.25 + 9) / 2) / 2, (0.25 + 16) / 2 / 2
for name, mine, its, hand in zip(("d_loss", "g_loss"), ours, package, by_hand, strict=True):
    print(f"{name}: lesson {mine:.5f}, package {its:.5f}, by hand {hand:.5f}")
np.testing.assert_allclose(ours, package)
np.testing.assert_allclose(ours, by_hand)
undecided = tf.fill((4, 1), 0.5)
print(f"undecided everywhere (0.5): d_loss {discriminator_loss(undecided, undecided):.3f}", end="")
print(f", g_loss {generator_loss(undecided):.3f}")

# %% [markdown]
# Keep the last line in mind for the curves: a discriminator that cannot tell answers one half,
# and pays one quarter; the generator pays an eighth.

# %% [markdown]
# ## One update: who moved?
#
# `gan_utils.GAN` alternates the two updates; the DCGAN lesson wrote them out. A variant changes
# the methods that differ, here the two losses.


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
# As always: give one player at a time a learning rate of zero and see whose weights change.

# %%
print(f"{'update of':<12}{'generator':>12}{'discriminator':>16}")
for title, rates in {"both": (1e-4, 1e-4), "D alone": (1e-4, 0.0), "G alone": (0.0, 1e-4)}.items():
    trial = make_gan(LeastSquaresGAN, rates=rates)
    players = trial.generator, trial.discriminator
    before = [[w.numpy() for w in player.trainable_weights] for player in players]
    trial.train_step(tf.constant(real_sample))
    moved = [
        max(np.abs(w.numpy() - o).max() for w, o in zip(p.trainable_weights, old, strict=True))
        for p, old in zip(players, before, strict=True)
    ]
    print(f"{title:<12}{moved[0]:>12.1e}{moved[1]:>16.1e}")
    assert [m > 0 for m in moved] == [title != "D alone", title != "G alone"]

# %% [markdown]
# Each update moves its own player only.

# %% [markdown]
# ## Training
#
# First a measure of the way to go: the Fréchet distance on LeNet features, between real test images
# and fakes, and between real and real, which is the noise floor. All sets have the same number of
# images, drawn evenly over the whole test set and the whole training set: the first half of MNIST's
# test set is easier than the second, and would put the noise floor too high.

# %%
gan = make_gan(LeastSquaresGAN)
facts = {"real_images": test_set.images}
floor = gan_utils.evaluation.noise_floor(train_set, test_set)
distance_before = gan_utils.evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"LeNet features, {SAMPLES:,} images on each side: ", end="")
print(f"untrained {distance_before:.1f}, real against real {floor:.2f}")

# %% [markdown]
# The run, with the callbacks of the DCGAN lesson: a fixed-noise grid per epoch, the losses of each
# step, a checkpoint, a stop when something is no longer a number. In a short run, what Keras calls
# an epoch is a fixed number of training steps, far less than one pass over the data; the last line
# says how many images the run saw.

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
# ### The curves
#
# Only the losses are drawn: the package's D(x) is a sigmoid of the output, and that is not what
# this discriminator means.

# %%
plots.plot_history(
    steps.history,
    {"Least squares, step by step": ["d_loss", "g_loss"]},
    title="The losses of the LSGAN",
)
plt.show()

# %% [markdown]
# The levels to compare with are one quarter for the discriminator and one eighth for the
# generator: there nobody is winning. Below one quarter the discriminator can tell real from fake.
# At one eighth the generator is not at rest: its slope at an output of one half is minus one half.
# It grows with the loss above one eighth, and is zero only where the loss is.
#
# What does the discriminator answer now, in its own units?

# %%
judged = {
    "real test images": gan.discriminator(images.to_float(test_set.sample(JUDGED).images)),
    "fakes": gan.discriminator(gan.generate(JUDGED, seed=SEED + 1)),
}
figure, axis = plt.subplots(figsize=(6.4, 3.6))
for (name, values), color, hatch in zip(
    judged.items(), ["#0072B2", "#D55E00"], ["", "//"], strict=True
):
    axis.hist(values.numpy()[:, 0], 40, color=color, alpha=0.6, label=name, hatch=hatch)
    print(f"{name}: mean output {values.numpy().mean():.2f}")
for target in (FAKE_TARGET, REAL_TARGET):
    axis.axvline(target, color="black", linewidth=1, linestyle=":")
axis.set(xlabel="discriminator's output", ylabel="images", title="Where the outputs lie")
axis.legend()
plt.show()

# %% [markdown]
# The two targets are dotted. The better the fakes, the more the two heaps overlap. A value past its
# target costs as much as a value short of it, so the heaps do not run away as logits can.

# %% [markdown]
# ### The fixed noise, epoch by epoch

# %%
first_and_last = np.concatenate([grid.frames[0], grid.frames[-1]], axis=1)
plots.show_images(
    first_and_last[None], title=f"Before training, and after {EPOCHS} epochs", scale=6
)
plt.show()

# %% [markdown]
# The same sixteen latent vectors before (left) and after (right). The way there:

# %%
animation = grid.save_gif(RUN / "lsgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results
#
# The distance once more, next to that of the recorded run, and images that nobody chose.

# %%
generated = gan.generate(SAMPLES)
scored = gan_utils.evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
print(f"Fréchet distance on LeNet features, {SAMPLES:,} images on each side")
print(f"  untrained      {distance_before:8.1f}")
print(f"  trained        {scored['distance']:8.1f}   (profile {profile.name}: {EPOCHS}", end=" ")
print(f"epochs of {STEPS_PER_EPOCH} steps)")
print(f"  real vs. real  {floor:8.2f}   (noise floor)")
if run:
    print(f"  recorded run   {run['metrics']['distance_after']:8.1f}   (profile full)")
plots.show_images(generated[:64], columns=8, title=f"LSGAN digits, profile {profile.name}")
plt.show()

# %% [markdown]
# The first 64 of the batch. In a short run they show that the generator learns; the images at the
# top of this page show where that leads. Compare with the DCGAN lesson: the networks are the same,
# and so is the measure; mind the number of steps when you compare the distances.

# %% [markdown]
# ## Is it more stable?
#
# The paper's claim: without batch normalization, an ordinary GAN often fails where an LSGAN still
# learns. One lucky run proves nothing, so: both losses, several seeds, everything else equal. The
# generator has no batch normalization (the discriminator never had any). As a control, the
# ordinary loss *with* it. Two numbers for each run: the Fréchet distance, and the **spread** of its
# images, the standard deviation over images, averaged over pixels, as a share of that of real
# digits. A run **fails** if its spread is below the constant `LEAST_SPREAD`: it draws much the same
# image whatever the noise.


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


def print_stability(rows):
    for rates in dict.fromkeys(tuple(row["rates"]) for row in rows):
        print(f"learning rates of D and G: {rates[0]:g}, {rates[1]:g}")
        for name in dict.fromkeys(row["name"] for row in rows):
            mine = [r for r in rows if r["name"] == name and tuple(r["rates"]) == rates]
            failed = sum(row["spread"] < LEAST_SPREAD for row in mine)
            distances = [row["distance"] for row in mine]
            print(f"  {name:<24} failed {failed} of {len(mine)}; distance ", end="")
            print(f"{min(distances):.0f} to {max(distances):.0f}")


# %% [markdown]
# So many trainings are too much for a short run: in `quick` the figures are those of the recorded
# full run, with five seeds and two pairs of learning rates; `smoke` and `full` train here.

# %%
KINDS = {
    "cross-entropy": (GAN, False),
    "least squares": (LeastSquaresGAN, False),
    "cross-entropy, normalized": (GAN, True),
}
few_real = test_set.sample(STABILITY_SAMPLES).images
few_features = lenet.features(few_real)
real_spread = spread(images.to_float(few_real))
start = time.perf_counter()
recorded_stability = records.measured("09_lsgan", "stability")
stability, gallery = recorded_stability or [], []
for name, (kind, normalize) in KINDS.items() if not recorded_stability else ():
    for rates in STABILITY_RATES:
        for seed in STABILITY_SEEDS:
            drawn = stability_run(kind, normalize, rates, seed)
            distance = metrics.fid(few_features, lenet.features(drawn))
            row = {"name": name, "rates": rates, "seed": seed, "distance": distance}
            stability.append({**row, "spread": spread(drawn) / real_spread})
        gallery += [drawn[:8]] if rates == STABILITY_RATES[0] else []
stability_seconds = time.perf_counter() - start
print(records.origin(run) if recorded_stability else "trained here", end=", ")
count = run["metrics"]["stability_steps"] if recorded_stability else STABILITY_STEPS
print(f"{count} steps each; fails if the spread is below {LEAST_SPREAD}")
print_stability(stability)

# %% [markdown]
# A dot for each run; where they were trained here, also images of the last seed of each kind.

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.6))
for name, color, marker, size in zip(
    KINDS, ["#0072B2", "#D55E00", "#009E73"], ["o", "s", "^"], [15, 8, 9], strict=True
):
    rows = [(row["spread"], row["distance"]) for row in stability if row["name"] == name]
    hollow = {"markerfacecolor": "none", "markeredgewidth": 2, "markersize": size}
    axis.plot(*zip(*rows, strict=True), marker, color=color, label=name, **hollow)
axis.axvline(LEAST_SPREAD, color="black", linewidth=1, linestyle=":", label="fails to the left")
axis.set(xlabel="spread, as a share of real digits'", ylabel="Fréchet distance", xlim=(-0.05, None))
axis.set_title("One dot a run")
axis.legend(fontsize=9)
if gallery:
    drawn = np.concatenate(gallery)
    plots.show_images(drawn, columns=8, row_labels=list(KINDS), title="One seed of each kind")
plt.show()

# %% [markdown]
# Right and low is good; marks that lie on each other have different sizes. In the recorded run the
# claim does not show: without batch normalization both losses fail in most runs, and with it the
# ordinary loss fails in none. At this budget the normalization decides, not the loss. A difference
# smaller than the scatter within one kind is no difference.
#
# A failed run draws the same black image for every noise: the `tanh` at the end is driven to its
# flat side, and no gradient leads out, whatever the loss.

# %% [markdown]
# ## Use it
#
# The generator with its averaged weights (EMA) alone is saved, and a fresh process draws with it.

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
# Ten digits by a process that read one file and nothing of this lesson.

# %% [markdown]
# ## What goes wrong
#
# "An output between 0 and 1? Then a sigmoid belongs at the end." It does not. Under least squares
# the gradient passes through the sigmoid, and a confident discriminator sits where the sigmoid is
# flat. The advantage is gone, and worse: for bad fakes there is less gradient than with
# cross-entropy on logits. We train a discriminator alone for a few steps and measure how much
# gradient reaches the fake images.


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
# The fakes are those of an untrained generator: easy prey.

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
# Without the sigmoid the gradient can persist: where the outputs settle near 0, the generator wants
# 1, and the distance between the two is its gradient. With the sigmoid it is multiplied by the
# sigmoid's slope, which goes to zero as the discriminator gets sure of itself. The fix is to leave
# the sigmoid out; `gan_utils.GAN` raises a `ValueError` for a discriminator that ends in one.

# %%
suspicious = build_discriminator()
suspicious.layers[-1].activation = keras.activations.sigmoid
try:
    LeastSquaresGAN(build_generator(), suspicious, LATENT_DIM).compile(
        d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam()
    )
except ValueError as error:
    print(f"refused: {error}")

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. The best discriminator without a network.** Least squares regresses to a conditional mean,
# so $D^*(x)$ is nothing but the mean target of the samples near $x$. Draw samples of two normal
# densities, give the real ones the target 1 and the fake ones -1, average in bins, and compare
# with the formula.

# %% tags=["hide-cell"]
rng = np.random.default_rng(SEED)
samples = np.concatenate([rng.normal(0, 1, 50_000), rng.normal(1.5, 1, 50_000)])
targets = np.repeat([1.0, -1.0], 50_000)
edges = np.linspace(-2, 4, 31)
bins = np.digitize(samples, edges)
means = np.array([targets[bins == index].mean() for index in range(1, len(edges))])
centers = (edges[1:] + edges[:-1]) / 2
formula = best_output(normal_density(centers, 0.0), normal_density(centers, 1.5), (-1, 1, 0))
figure, axis = plt.subplots(figsize=(6.4, 3.4))
axis.plot(centers, formula, color="#0072B2", label="formula")
axis.plot(centers, means, "o", color="#D55E00", label="mean target in a bin")
axis.set(xlabel="x", ylabel="best output", title="A discriminator made of averages")
axis.legend()
plt.show()
print(f"largest difference {np.abs(means - formula).max():.3f}")

# %% [markdown]
# **2. The other targets.** Write a `PearsonGAN` with -1/1/0 and give it as many steps as a
# run of the stability experiment, with batch normalization. What distance does it reach, and what
# does 0/1/1 reach in the same budget?


# %% tags=["hide-cell"]
class PearsonGAN(GAN):
    def discriminator_loss(self, real_logits, fake_logits):
        return losses.least_squares_discriminator_loss(real_logits, fake_logits, fake_target=-1.0)

    def generator_loss(self, fake_logits):
        return losses.least_squares_generator_loss(fake_logits, target=0.0)


recorded_targets = records.measured("09_lsgan", "targets")
targets_compared = recorded_targets or {
    name: metrics.fid(
        few_features, lenet.features(stability_run(kind, True, STABILITY_RATES[0], SEED))
    )
    for name, kind in {"0/1/1": LeastSquaresGAN, "-1/1/0": PearsonGAN}.items()
}
print(records.origin(run) if recorded_targets else "trained here")
for name, distance in targets_compared.items():
    print(f"{name:>7}: Fréchet distance {distance:.1f}")

# %% [markdown]
# One run of each, so no answer yet: repeat it with other seeds. Note that -1/1/0 moves the targets
# twice as far apart, so the same learning rate is not quite the same setting.

# %% [markdown]
# **3. Who is heard?** Take the trained discriminator's outputs on fakes. What share of the whole
# gradient (the sum of its sizes over the fakes) belongs to the tenth of the fakes with the
# largest, under each of the two losses?

# %% tags=["hide-cell"]
fake_outputs = judged["fakes"].numpy()[:, 0]
sizes = {
    "cross-entropy": 1 / (1 + np.exp(fake_outputs)),
    "least squares": np.abs(fake_outputs - GENERATOR_TARGET),
}
for name, size in sizes.items():
    loudest = np.sort(size)[::-1][: len(size) // 10].sum() / size.sum()
    print(f"{name}: the loudest tenth of the fakes has {100 * loudest:.0f} % of the gradient")

# %% [markdown]
# The slope of least squares has no bound, in either direction; that of cross-entropy never exceeds
# one. That is the strength of least squares far from the boundary, and the reason why a single
# absurd image, or a learning rate that is too high, can shake it.

# %% [markdown]
# ## Summary
#
# - Cross-entropy asks on which side of the boundary a fake lies, least squares how far from the
#   target. A fake far on the right side keeps its gradient.
# - With targets -1/1/0 the generator minimizes Pearson's chi-squared; 0/1/1 is the common choice.
# - In code the change is two methods, and no sigmoid.
# - Whether a loss is more stable is a question about many seeds; the answer belongs in a table.
#
# ## References
#
# - X. Mao et al., *Least Squares Generative Adversarial Networks*, ICCV 2017.
#   <https://arxiv.org/abs/1611.04076>
# - X. Mao et al., *On the Effectiveness of Least Squares Generative Adversarial Networks*, 2017.
#   <https://arxiv.org/abs/1712.06391>
# - S. Nowozin, B. Cseke, R. Tomioka, *f-GAN*, NeurIPS 2016 (the divergences behind the losses).
#   <https://arxiv.org/abs/1606.00709>
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
    "real_images": "drawn evenly",
}
if not recorded_stability:
    found |= {"stability_steps": STABILITY_STEPS, "stability_samples": STABILITY_SAMPLES}
    found |= {"stability": stability}
if not recorded_targets:
    found |= {"targets": targets_compared}

# %% [markdown] tags=["remove-cell"]
# The record of this run.

# %% tags=["remove-cell"]
settings = SETTINGS | {"beta_1": BETA_1} | ({"stages": STAGES} if SETTINGS is FULL else {})
records.record(
    "09_lsgan",
    found,
    seconds=gan.seconds + stability_seconds,
    data=train_set,
    seed=SEED,
    settings=settings,
    comparison={"LSGAN": scored},
)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(grid.frames) == EPOCHS + 1
assert len(steps.rows) == EPOCHS * STEPS_PER_EPOCH
assert np.isfinite([distance_before, scored["distance"], floor, *wrong, *right]).all()
assert min(distance_before, scored["distance"], floor) >= 0
assert len(stability) >= len(KINDS)
assert all((RUN / name).exists() for name in ("generator.keras", "lsgan.gif", "steps.csv"))
