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
# # GAN: the game of two networks

# %% [markdown] tags=["remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/01_gan.ipynb)

# %% [markdown]
# **What you will do.** Train the original generative adversarial network twice: first on points in
# a plane, where you can see everything that happens, then on handwritten digits.
#
# **What you will learn**
#
# - the min-max game, and what the best possible discriminator looks like, computed exactly;
# - what the game has to do with the Jensen-Shannon divergence;
# - why nobody trains the generator on the loss of the original game;
# - what mode collapse is, seen as points and counted;
# - how to read D(x) and D(G(z)) over time.
#
# **What you need.** Python and the basics of Keras layers. A CPU is enough for all of it, the long
# run included.

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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, plots, profile, records

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here: first those of the ring of points, then those of the digits.
# The short run on digits takes smaller batches and larger steps than the long one: with few
# updates to spend, that gets further. An "epoch" of the short run is a part of a pass over the
# data, so that there is something to look at after each. The long run makes 40 passes; after
# `decay_after` of them its learning rates fall linearly to zero, and its EMA is longer.

# %%
SEED = profile.seed(1)
MODES = 8
RADIUS = 2.0
SPREAD = 0.1
RING_LATENT_DIM = 16
RING_BATCH = 256
RING_RATE = 2e-3
RING_SEEDS = [profile.seed(n) for n in range(profile.samples(full=5, quick=1, smoke=1))]
RING_STEPS = profile.steps(full=8_000, quick=2_000, smoke=40)
RING_FRAMES = profile.epochs(full=40, quick=20, smoke=4)
RING_SAMPLES = 4_000
LATENT_DIM = 100
FULL = {"batch_size": 64, "rate": 4e-4, "ema_decay": 0.9998, "decay_after": 0.3}
SHORT = {"batch_size": 32, "rate": 5e-4, "ema_decay": 0.998, "decay_after": None}
SETTINGS = profile.settings(full=FULL, short=SHORT)
EPOCHS = profile.epochs(full=40, quick=10, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // 64, quick=150, smoke=3)
BLUE = "#0072B2"
VERMILLION = "#D55E00"

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs, not from memory.

# %%
for name in ("quick", "full"):
    run = records.recorded("01_gan", name)
    if run:
        minutes = run["seconds"] / 60
        print(f"{name}: {minutes:.1f} minutes of training on {run['hardware']['cores']} cores")
    else:
        print(f"{name}: no recorded run yet")

# %% [markdown]
# ## What the recorded run reached
#
# The run on this page is short: it shows that the networks learn. How far they get is shown by the
# recorded full run. Its generator of digits comes with this project: it is found in a checkout, or
# downloaded once and checked; where neither is possible, the cell says so.


# %%
def print_recorded(run):
    found, settings = run["metrics"], run.get("settings", FULL)
    updates = found["epochs"] * found["steps_per_epoch"]
    passes = updates * settings["batch_size"] / run["data"]["count"]
    print(records.origin(run))
    print(f"  digits: {updates:,} updates, {passes:.1f} passes over the data", end=", ")
    print(f"Fréchet distance {found['distance_after']:.1f}", end=" ")
    print(f"(untrained {found['distance_before']:.0f}, real vs. real {found['real_vs_real']:.2f})")
    for place, ring in enumerate(found["ring"]):
        print(f"  ring, seed {place}: {ring['modes']} of {MODES} modes", end=", ")
        print(f"{ring['share']:.1%} of the points within 3 sigma")


# %% [markdown]
# The record, and the generator's images:

# %%
recorded_run = records.recorded("01_gan", "full")
if recorded_run:
    print_recorded(recorded_run)
trained_generator, message = gan_utils.weights.try_generator("gan")
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
# Fifty digits, none of them chosen. The dense network never learned that neighboring pixels belong
# together, and it shows in the grain: convolutions, in the next lesson, know it from the start.
# From a terminal, `gan-utils generate gan digits.png` draws as many as you like. What the scores
# and the ring are, the lesson explains.

# %% [markdown]
# ## The idea
#
# A **generator** $G$ turns noise $z$ into something, $G(z)$. A **discriminator** $D$ sees either a
# real thing $x$ or a fake, and says how likely it is to be real. The two play for the value
#
# $$
# V(D, G) = \mathbb{E}_{x \sim p_\mathrm{data}}\,[\log D(x)]
#          + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# $D$ wants it large, $G$ wants it small (Goodfellow et al., 2014, equation 1). $G$ never sees a
# real thing. All it learns, it learns from the slope of $D$.
#
# In code:
#
# | Symbol | Name in code | Meaning |
# |---|---|---|
# | $x$ | `real_points`, `real_images` | what is real |
# | $z$ | `latents` | noise |
# | $G(z)$ | `generator(latents)` | a fake |
# | $D(x) = \sigma(\text{logit})$ | `tf.sigmoid(discriminator(...))` | how likely it is to be real |
# | $p_\mathrm{data}, p_g$ | `log_ring_density`, ... | densities of what is real and of fakes |

# %% [markdown]
# ## A world one can see
#
# Eight small Gaussians on a ring: the standard toy of the field. A "picture" is a point
# in the plane, with two numbers. Since we made this world, we know its density exactly.


# %%
def ring_centers():
    angles = 2 * np.pi * np.arange(MODES) / MODES
    return RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")


def draw_ring(count, seed):
    rng = np.random.default_rng(seed)
    centers = ring_centers()[rng.integers(MODES, size=count)]
    return (centers + SPREAD * rng.normal(size=(count, 2))).astype("float32")


def log_gaussian_density(points, center, spread):
    squared = ((points - center) ** 2).sum(axis=-1)
    return -squared / (2 * spread**2) - np.log(2 * np.pi * spread**2)


def log_ring_density(points):
    modes = [log_gaussian_density(points, center, SPREAD) for center in ring_centers()]
    return np.logaddexp.reduce(modes, axis=0) - np.log(MODES)


# %% [markdown]
# Two counts say how good a cloud of fake points is. A point *fits* if it lies within three
# standard deviations of a mode, as 98.9 % of the real ones do. A mode is *covered* if
# at least a fifth of its fair share of the points fits it.


# %%
def fitting_points_of_modes(points):
    distances = np.linalg.norm(points[:, None] - ring_centers()[None], axis=-1)
    fits = distances.min(axis=1) <= 3 * SPREAD
    return np.bincount(distances.argmin(axis=1)[fits], minlength=MODES)


def share_within_3_sigma(points):
    return float(fitting_points_of_modes(points).sum() / len(points))


def modes_covered(points):
    return int((fitting_points_of_modes(points) >= len(points) / MODES / 5).sum())


# %% [markdown]
# Real points, counted and drawn.

# %%
real_points = draw_ring(RING_SAMPLES, seed=SEED)
print(f"{RING_SAMPLES} real points: {modes_covered(real_points)} modes covered", end=", ")
print(f"{share_within_3_sigma(real_points):.1%} within 3 sigma (theory {1 - np.exp(-4.5):.1%})")
figure, axis = plt.subplots(figsize=(4.6, 4.6))
axis.plot(*real_points[:1000].T, ".", color=BLUE, markersize=3)
axis.set(title="Real points", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plt.show()

# %% [markdown]
# Eight clouds with nothing between them. A generator is a smooth function: to put points on all
# eight and none between, it has to bend a lot.

# %% [markdown]
# ## The best discriminator
#
# Hold the generator still. Which $D$ makes $V$ largest? For each point one maximizes
# $p_\mathrm{data} \log D + p_g \log (1 - D)$, and the answer (proposition 1 of the paper) is
#
# $$
# D^*(x) = \frac{p_\mathrm{data}(x)}{p_\mathrm{data}(x) + p_g(x)},
# \qquad
# \text{logit}\,D^*(x) = \log p_\mathrm{data}(x) - \log p_g(x).
# $$
#
# To check that a network finds it, we need a generator whose density is known. The simplest
# one scales its noise: $G(z) = 1.5\,z$, so that $p_g$ is one wide Gaussian.

# %%
FIXED_SPREAD = 1.5


def draw_fixed(count, seed):
    noise = np.random.default_rng(seed).normal(size=(count, 2))
    return (FIXED_SPREAD * noise).astype("float32")


def log_fixed_density(points):
    return log_gaussian_density(points, 0.0, FIXED_SPREAD)


def optimal_discriminator(points, log_fake_density=log_fixed_density):
    return 1 / (1 + np.exp(log_fake_density(points) - log_ring_density(points)))


# %% [markdown]
# The networks for points: two hidden layers each, nothing special. The discriminator returns a
# **logit**, any real number; the sigmoid is part of the loss.


# %%
def build_point_network(inputs, outputs, name, width=128):
    return keras.Sequential(
        [
            layers.Input((inputs,)),
            layers.Dense(width, activation="relu"),
            layers.Dense(width, activation="relu"),
            layers.Dense(outputs),
        ],
        name=name,
    )


def build_point_generator():
    return build_point_network(RING_LATENT_DIM, 2, "generator")


def build_point_discriminator():
    return build_point_network(2, 1, "discriminator")


# %% [markdown]
# Both are small; the counts are those of three dense layers.

# %%
assert build_point_generator().count_params() == 16 * 128 + 128 + 128 * 128 + 128 + 128 * 2 + 2
assert build_point_discriminator().count_params() == 2 * 128 + 128 + 128 * 128 + 128 + 128 + 1
print(f"generator      {build_point_generator().count_params():,} parameters")
print(f"discriminator  {build_point_discriminator().count_params():,} parameters")

# %% [markdown]
# With a fixed generator, the discriminator is an ordinary classifier of real against fake, trained
# with the cross-entropy, which is $-V$ up to a factor of two.

# %%
CLASSIFIER_POINTS = profile.samples(full=200_000, quick=50_000, smoke=2_000)


def train_classifier(count=CLASSIFIER_POINTS, epochs=3):
    keras.utils.set_random_seed(SEED)
    classifier = build_point_discriminator()
    points = np.concatenate([draw_ring(count, SEED), draw_fixed(count, SEED + 1)])
    is_real = np.repeat([1.0, 0.0], count)
    steps = epochs * (2 * count // RING_BATCH)
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(rate), cross_entropy, steps_per_execution=10)
    classifier.fit(points, is_real, batch_size=RING_BATCH, epochs=epochs, verbose=0)
    return classifier


start = time.perf_counter()
classifier = train_classifier()
classifier_seconds = time.perf_counter() - start

# %% [markdown]
# What it learned, and what theory says, on a grid.


# %%
def grid_points(extent=3.2, side=200):
    axis = np.linspace(-extent, extent, side)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("float32")


# %% [markdown]
# Two pictures side by side, on one scale of colors:


# %%
def show_fields(fields, titles):
    side = int(len(fields[0]) ** 0.5)
    figure, axes = plt.subplots(1, len(fields), figsize=(6.6, 3.6), sharey=True)
    for axis, field, title in zip(axes, fields, titles, strict=True):
        picture = axis.imshow(
            field.reshape(side, side),
            origin="lower",
            extent=(-3.2, 3.2, -3.2, 3.2),
            cmap="viridis",
            vmin=0,
            vmax=1,
        )
        axis.set(title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    figure.colorbar(picture, ax=axes, label="judged real", shrink=0.8)


# %% [markdown]
# Left, what theory says; right, what the network learned.

# %%
points = grid_points()
learned = tf.sigmoid(classifier(points, training=False)).numpy()[:, 0]
exact = optimal_discriminator(points)
show_fields([exact, learned], ["best possible, $D^*$", "learned, $D$"])
plt.show()

# %% [markdown]
# Bright islands where real points are denser than fake ones, dark sea elsewhere. The network knew
# neither density: it saw points only. How far apart are the two where points actually fall?

# %%
judged = np.concatenate([draw_ring(10_000, SEED + 10), draw_fixed(10_000, SEED + 11)])
learned = tf.sigmoid(classifier(judged, training=False)).numpy()[:, 0]
exact = optimal_discriminator(judged)
discriminator_error = float(np.abs(learned - exact).mean())
print(f"mean |D - D*| over {len(judged)} points: {discriminator_error:.3f}")
print(f"for comparison, |1/2 - D*|:             {np.abs(0.5 - exact).mean():.3f}")
if recorded_run:
    print("recorded run, |D - D*|:                 ", end="")
    print(f"{recorded_run['metrics']['discriminator_error']:.3f}")

# %% [markdown]
# ## What the generator really minimizes
#
# Put $D^*$ into $V$. What is left depends on the generator alone (theorem 1 of the paper):
#
# $$
# V(D^*, G) = 2\,\mathrm{JS}(p_\mathrm{data}, p_g) - 2 \ln 2,
# \qquad
# \mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}\!\left(p \,\Big\|\, \tfrac{p+q}{2}\right)
#                    + \tfrac12 \mathrm{KL}\!\left(q \,\Big\|\, \tfrac{p+q}{2}\right)
# $$
#
# The Jensen-Shannon divergence is 0 when both densities agree and $\ln 2$ when they do not
# overlap at all. We compute it on a fine grid, and $V$ from the learned discriminator.


# %%
def jensen_shannon(log_density, log_other_density, extent=8.0, side=801):
    points = grid_points(extent, side).astype("float64")
    cell = (2 * extent / (side - 1)) ** 2
    log_p, log_q = log_density(points), log_other_density(points)
    log_mean = np.logaddexp(log_p, log_q) - np.log(2)
    terms = np.exp(log_p) * (log_p - log_mean) + np.exp(log_q) * (log_q - log_mean)
    return max(0.0, float(terms.sum() * cell / 2))  # rounding may leave -1e-16


def value_of_game(real_logits, fake_logits):
    return -float(np.logaddexp(0, -real_logits).mean() + np.logaddexp(0, fake_logits).mean())


# %% [markdown]
# For the ring and the wide Gaussian:

# %%
divergence = jensen_shannon(log_ring_density, log_fixed_density)
logits = classifier(judged, training=False).numpy()[:, 0].astype("float64")
value_learned = value_of_game(logits[:10_000], logits[10_000:])
value_best = 2 * divergence - 2 * np.log(2)
print(f"JS(p_data, p_g)            {divergence:8.4f}   (ln 2 = {np.log(2):.4f})")
print(f"V of the best D, 2 JS - 2 ln 2 {value_best:8.4f}")
print(f"V of the learned D             {value_learned:8.4f}")
if recorded_run:
    print(f"the same in the recorded run   {recorded_run['metrics']['value_learned']:8.4f}")

# %% [markdown]
# No discriminator can get a higher value than the best one, apart from the luck of a finite
# sample. So a trained discriminator *measures* the Jensen-Shannon divergence from below, and a
# generator that makes $V$ small makes that divergence small.
#
# What does the divergence say about a generator that covers only some of the modes perfectly?


# %%
def log_some_modes_density(points, count):
    modes = [log_gaussian_density(points, center, SPREAD) for center in ring_centers()[:count]]
    return np.logaddexp.reduce(modes, axis=0) - np.log(count)


# %% [markdown]
# One mode, two, and so on up to all eight:

# %%
print("modes covered    JS")
divergences = {}
for count in range(1, MODES + 1):
    divergences[count] = jensen_shannon(
        log_ring_density, lambda points, n=count: log_some_modes_density(points, n), 3.0
    )
    print(f"{count:>8}      {divergences[count]:7.4f}")

# %% [markdown]
# One mode out of eight is far better than nothing, and each further one helps less. The
# divergence is 0 only for all eight, so collapse is not what the game *asks* for. It comes from
# the way the game is *played*: in small steps, by turns, against a discriminator that is never
# the best one.

# %% [markdown]
# ## Two losses for the generator
#
# The game says that $G$ should minimize $\log(1 - D(G(z)))$. At the beginning $D$ tells fakes
# easily: the logit of a fake is far below 0. What is the slope there?
#
# - **saturating** (the game's own): $\log(1 - \sigma(a))$ has the slope $-\sigma(a)$;
# - **non-saturating** (what everybody uses): $-\log \sigma(a)$ has the slope $\sigma(a) - 1$.
#
# Both push the logit $a$ up. We ask the tape, and compare with the formulas.


# %%
def saturating_generator_loss(fake_logits):
    return -tf.reduce_mean(tf.nn.softplus(fake_logits))


def non_saturating_generator_loss(fake_logits):
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))


def slopes(loss, logits):
    values = tf.Variable(logits)
    with tf.GradientTape() as tape:
        total = loss(values) * len(logits)
    return tape.gradient(total, values).numpy()


# %% [markdown]
# The slopes over a range of logits, drawn.

# %%
fake_logits = np.linspace(-8, 8, 161).astype("float32")
saturating = slopes(saturating_generator_loss, fake_logits)
non_saturating = slopes(non_saturating_generator_loss, fake_logits)
probability = 1 / (1 + np.exp(-fake_logits))
np.testing.assert_allclose(saturating, -probability, atol=1e-5)
np.testing.assert_allclose(non_saturating, probability - 1, atol=1e-5)

figure, axis = plt.subplots(figsize=(6.4, 3.8))
axis.axvspan(-8, -2, color="0.92")
axis.text(-7.8, 0.05, "D is sure: a fake", size=11)
axis.plot(fake_logits, saturating, "--", color=VERMILLION, label="saturating, log(1 - D)")
axis.plot(fake_logits, non_saturating, color=BLUE, label="non-saturating, -log D")
axis.set(title="How hard each loss pushes", xlabel="logit of a fake", ylabel="slope of the loss")
axis.set_ylim(-1.1, 0.2)
axis.legend(loc="lower right", bbox_to_anchor=(1, 0.28))
plt.show()

# %% [markdown]
# In the gray region, where training begins, the saturating loss is flat: the worse the fake, the
# weaker the push. The non-saturating one pushes hardest there. At the logit 0 they are equally
# strong. Beyond it, where the discriminator takes a fake for real, they differ again: the slope of
# the non-saturating loss goes to 0, that of the saturating loss to -1.

# %%
print("logit    saturating   non-saturating")
for logit in (-8, -4, 0, 4):
    index = np.abs(fake_logits - logit).argmin()
    print(f"{logit:>5}    {saturating[index]:10.5f}   {non_saturating[index]:14.5f}")

# %% [markdown]
# ## Training on the ring
#
# `gan_utils.GAN` takes the steps (lesson 02 writes one of them out): the discriminator learns from
# a real and a fake batch, then the generator learns from the discriminator. Nothing in it is about
# pictures, so points will do. Fresh real points are drawn for each step.


# %%
def ring_batches(seed):
    centers = tf.constant(ring_centers())

    def draw(step):
        seeds = tf.stack([tf.constant(seed, tf.int64), step])
        modes = tf.random.stateless_uniform((RING_BATCH,), seeds, 0, MODES, tf.int32)
        noise = tf.random.stateless_normal((RING_BATCH, 2), seeds + tf.constant([999, 0], tf.int64))
        return tf.gather(centers, modes) + SPREAD * noise

    return tf.data.Dataset.counter().map(draw).prefetch(2)


# %% [markdown]
# To watch, a callback that keeps, after each part of the run, where the fixed latent vectors have
# gone and the discriminator's output at every place in the plane.


# %%
class PointFrames(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.latents = tf.random.stateless_normal((1_000, RING_LATENT_DIM), seed=(SEED, 0))
        self.frames = []

    def keep(self, step):
        points = self.model.generator(self.latents, training=False).numpy()
        field = tf.sigmoid(self.model.discriminator(grid_points(side=60), training=False))
        self.frames.append({"step": step, "points": points, "field": field.numpy()})

    def on_train_begin(self, logs=None):
        self.keep(0)

    def on_epoch_end(self, epoch, logs=None):
        self.keep((epoch + 1) * self.params["steps"])


# %% [markdown]
# A run. Both learning rates fall to zero along a cosine, so that the players come to rest.


# %%
def train_ring(seed, *, d_rate=RING_RATE, model=GAN, width=128):
    keras.utils.set_random_seed(seed)
    discriminator = build_point_network(2, 1, "discriminator", width)
    gan = model(build_point_generator(), discriminator, RING_LATENT_DIM, ema_decay=None, seed=seed)
    decay = keras.optimizers.schedules.CosineDecay
    gan.compile(
        d_optimizer=keras.optimizers.Adam(decay(d_rate, RING_STEPS), beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(decay(RING_RATE, RING_STEPS), beta_1=0.5),
        steps_per_execution=10,
    )
    frames = PointFrames()
    steps = RING_STEPS // RING_FRAMES
    options = {"steps_per_epoch": steps, "epochs": RING_FRAMES, "verbose": 0}
    gan.fit(ring_batches(seed), callbacks=[frames, callbacks.TerminateOnNaN()], **options)
    return gan, frames.frames


# %% [markdown]
# One run for each seed: how many modes of eight, and how many points within 3 sigma?

# %%
print(f"{RING_STEPS} steps of {RING_BATCH} points, profile {profile.name}")
print("seed   modes   within 3 sigma   seconds")
ring_runs = {}
for seed in RING_SEEDS:
    start = time.perf_counter()
    ring_gan, frames = train_ring(seed)
    elapsed = time.perf_counter() - start
    points = ring_gan.generate(RING_SAMPLES)
    ring_runs[seed] = {
        "modes": modes_covered(points),
        "share": share_within_3_sigma(points),
        "seconds": elapsed,
        "frames": frames,
    }
    print(f"{seed:>4}   {modes_covered(points):>5}   {share_within_3_sigma(points):>14.1%}", end="")
    print(f"   {elapsed:7.1f}")
if recorded_run:
    shares = [found["share"] for found in recorded_run["metrics"]["ring"]]
    print(f"recorded run: {min(shares):.1%} to {max(shares):.1%} within 3 sigma", end=", ")
    print(f"after {recorded_run['metrics']['ring_steps']:,} steps")

# %% [markdown]
# How the points got there. The background is the discriminator's field: white where it takes a
# point for real, blue where it does not. Dots are fakes, circles mark three sigma around each mode.


# %%
def draw_frame(axis, frame):
    side = int(len(frame["field"]) ** 0.5)
    field = frame["field"].reshape(side, side)
    extent = (-3.2, 3.2, -3.2, 3.2)
    axis.imshow(field, origin="lower", extent=extent, cmap="Blues_r", vmin=-0.8, vmax=1)
    for center in ring_centers():
        axis.add_patch(plt.Circle(center, 3 * SPREAD, fill=False, color="black", linewidth=0.8))
    axis.plot(*frame["points"].T, ".", color=VERMILLION, markersize=3, markeredgewidth=0)
    axis.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xticks=[], yticks=[])
    covered = modes_covered(frame["points"])
    axis.set_title(f"step {frame['step']}: {covered} of {MODES} modes", size=11)


def frame_as_array(frame):
    figure = Figure(figsize=(3.8, 4.0), dpi=100, layout="tight")
    canvas = FigureCanvasAgg(figure)
    draw_frame(figure.add_subplot(), frame)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


# %% [markdown]
# And several moments of a run in one figure:


# %%
def show_moments(frames, count=6):
    chosen = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
    _, axes = plt.subplots(2, -(-len(chosen) // 2), figsize=(6.8, 4.9), layout="tight")
    for axis in axes.flat[len(chosen) :]:
        axis.axis("off")
    for axis, index in zip(axes.flat, chosen, strict=False):
        draw_frame(axis, frames[index])


# %% [markdown]
# The animation of the first seed's run.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("01_gan", train_set)
frames = ring_runs[RING_SEEDS[0]]["frames"]
animation = plots.save_gif([frame_as_array(frame) for frame in frames], RUN / "ring.gif")
display(Image(filename=animation, alt="Fake points spreading over eight modes on a ring"))

# %% [markdown]
# The same run, as a few stills.

# %%
show_moments(frames)
plt.show()

# %% [markdown]
# Watch the field as well as the points. Early on it has a simple shape, and the points run for its
# brightest place. As the discriminator learns, a place that holds too many fakes loses its
# brightness, and the points spread. Far outside, where neither real points nor fakes fall, its
# output is not worth anything.

# %% [markdown]
# ## Mode collapse
#
# Now the same game with one change: a discriminator that cannot keep up. It has the same shape but
# only a few units in each layer, so that its field cannot have eight islands. A `quick` run shows
# what the recorded run found in place of training it.

# %%
WEAK_WIDTH = 8
trained_here = records.measured("01_gan", "collapsed_modes") is None
histories = {"balanced": (frames, "-", BLUE)}
collapse_seconds = 0.0
if trained_here:
    start = time.perf_counter()
    collapsed_gan, collapsed_frames = train_ring(RING_SEEDS[0], width=WEAK_WIDTH)
    collapse_seconds = time.perf_counter() - start
    collapsed_points = collapsed_gan.generate(RING_SAMPLES)
    collapsed = modes_covered(collapsed_points), share_within_3_sigma(collapsed_points)
    print("points that fit each mode:", fitting_points_of_modes(collapsed_points).tolist())
    show_moments(collapsed_frames)
    plt.show()
    histories["weak discriminator"] = (collapsed_frames, "--", VERMILLION)
else:
    reached = recorded_run["metrics"]
    collapsed = reached["collapsed_modes"], reached["collapsed_share"]
    print(records.origin(recorded_run))
print(f"modes covered {collapsed[0]} of {MODES}, within 3 sigma {collapsed[1]:.1%}")

# %% [markdown]
# With so simple a field there is one brightest place, and all points go there as one cloud,
# whatever the noise. Once they are there, the discriminator lowers that place, and they move on
# together, now over a mode, now past it. The generator does what the loss asks: each single
# point looks as real as a point can, to this discriminator. That the points are all alike is
# something no loss on single points can see.
#
# How many modes were covered along the way, in each run that was made here?

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.4))
for label, (history, style, color) in histories.items():
    covered = [modes_covered(frame["points"]) for frame in history]
    axis.plot([frame["step"] for frame in history], covered, style, color=color, label=label)
axis.set(xlabel="step", ylabel="modes covered", ylim=(-0.3, MODES + 0.6), title="Mode coverage")
axis.legend(loc="center right")
plt.show()

# %% [markdown]
# The fix here is to give the discriminator its capacity back. With images one cannot count
# modes so easily, and the sign to look for is variety: the same digit again and again in a grid.
#
# Now it is your turn. On the page of the book you can play the same game, with smaller networks:
# both train before your eyes while you change the learning rates, the loss and the size of the
# discriminator. Can you make a mode vanish, and come back?
#
# <!-- interactive: ring -->

# %% [markdown]
# ## From points to pictures
#
# MNIST: handwritten digits of 28 by 28 pixels, which is to say points in a space of 784
# dimensions. `load_images` takes it from the Keras cache, downloads it if need be, and with
# neither takes a sample of 10,000 images that comes with the book; the line says which.

# %%
print(train_set)
SAMPLES = evaluation.count(test_set)
real_sample = images.to_float(train_set.images[:16])
print(f"range as floats: {real_sample.min():.0f} to {real_sample.max():.0f}")
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# These are what the generator should learn to draw, without ever seeing one.
#
# The networks of this lesson know nothing of pictures: every pixel is one more number. The
# generator widens from 100 numbers to 784, with batch normalization after each hidden layer; `tanh`
# keeps pixels between -1 and 1.


# %%
def build_generator(latent_dim=LATENT_DIM):
    hidden = []
    for width in (256, 512, 1024):
        hidden += [
            layers.Dense(width),
            layers.LeakyReLU(negative_slope=0.2),
            layers.BatchNormalization(momentum=0.8),
        ]
    return keras.Sequential(
        [
            layers.Input((latent_dim,)),
            *hidden,
            layers.Dense(28 * 28, activation="tanh"),
            layers.Reshape((28, 28, 1)),
        ],
        name="generator",
    )


# %% [markdown]
# The discriminator narrows from 784 numbers to one, a logit.


# %%
def build_discriminator():
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(512),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(256),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )


# %% [markdown]
# Shapes and parameter counts. A dense layer from $m$ to $n$ numbers has $mn + n$ parameters, batch
# normalization of $n$ numbers $4n$ (two learned, two measured).

# %%
for network in (build_generator(), build_discriminator()):
    widths = [layer.output.shape[1:] for layer in network.layers if layer.count_params()]
    path = " -> ".join(str(shape[0]) for shape in dict.fromkeys(widths))
    print(f"{network.name:<14} {network.input_shape[1:]} -> {path}: {network.count_params():,}")
assert build_generator().count_params() == 1_493_520
assert build_discriminator().count_params() == 533_505

# %% [markdown]
# The run: Adam with a short memory (β1 = 0.5), an exponential moving average (EMA) of the
# generator's weights to draw samples from (lesson 02 shows what it does), and the same 16 latent
# vectors drawn after each epoch.

# %%
networks = build_generator(), build_discriminator()
gan = GAN(*networks, LATENT_DIM, ema_decay=SETTINGS["ema_decay"], seed=SEED)
gan.compile(
    d_optimizer=keras.optimizers.Adam(SETTINGS["rate"], beta_1=0.5),
    g_optimizer=keras.optimizers.Adam(SETTINGS["rate"], beta_1=0.5),
)
fixed_latents = keras.random.normal((16, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=profile.epochs(full=2, quick=5))
watchers = [grid, steps, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS["decay_after"]:
    rates = (SETTINGS["rate"], SETTINGS["rate"])
    watchers.append(callbacks.LinearDecay((0, *rates), (SETTINGS["decay_after"], *rates)))
print(f"run folder: {RUN} (delete it to start over)")

# %% [markdown]
# Before the first step, a measure. The **Fréchet distance** compares real and generated images in
# the features of a classifier, here a small LeNet trained on MNIST. Test images against as many
# training images, both drawn evenly over their sets, give the noise floor.

# %%
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]
print(f"{SAMPLES:,} generated images, as many of the test set")
print(f"real against real {floor:.2f}, untrained generator {distance_before:.1f}")

# %% [markdown]
# Training. If it was interrupted, the same cell goes on from the last checkpoint.

# %%
batches = gan_utils.Batches(
    train_set.images,
    batch_size=SETTINGS["batch_size"],
    steps_per_epoch=STEPS_PER_EPOCH,
    seed=SEED,
)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
digit_seconds = gan.seconds
updates = EPOCHS * STEPS_PER_EPOCH
passes = updates * SETTINGS["batch_size"] / len(train_set)
print(f"{updates:,} updates, {passes:.1f} passes over the data: {digit_seconds:.0f} s")

# %% [markdown]
# ### D(x) and D(G(z)) over time
#
# Theory says where the game ends: $p_g = p_\mathrm{data}$ makes $D^*$ equal to one half
# everywhere, and the losses $2 \ln 2$ and $\ln 2$.

# %%
plots.plot_history(steps.history)
plt.show()
last = {name: np.mean(values[-100:]) for name, values in steps.history.items()}
print(f"mean of the last steps: D(x) {last['d_real']:.2f}, D(G(z)) {last['d_fake']:.2f}", end=", ")
print(f"d_loss {last['d_loss']:.2f}, g_loss {last['g_loss']:.2f}")
print(f"an undecided discriminator: d_loss {2 * np.log(2):.2f}, g_loss {np.log(2):.2f}")

# %% [markdown]
# A real run does not end at one half: as a rule D(x) stays above and D(G(z)) below, and the
# distance between them shows how far ahead the discriminator is. What matters is that neither of
# them is glued to 1 or 0, for then the generator has nothing to learn from; the section on the two
# losses shows why.

# %% [markdown]
# ### The fixed noise
#
# The same 16 latent vectors, before training and at the end, and the way between as an animation.

# %%
plots.show_images(
    np.stack([grid.frames[0], grid.frames[-1]]),
    columns=2,
    titles=["before training", f"after {updates:,} updates"],
    scale=3,
)
plt.show()
animation = grid.save_gif(RUN / "digits.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise"))

# %% [markdown]
# The noise of a dense network is salt and pepper, since neighboring pixels are strangers to it.
# That they belong together has to be learned, and specks remain for long.

# %% [markdown]
# ## Results

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
shares = np.bincount(lenet.probabilities(generated).argmax(axis=1), minlength=10) / SAMPLES
print(f"Fréchet distance on LeNet features, {SAMPLES:,} real and as many generated images")
print(f"  untrained      {distance_before:8.1f}")
print(f"  trained        {scored['distance']:8.1f}   (profile {profile.name})")
print(f"  real vs. real  {floor:8.2f}")
if recorded_run:
    print(f"  recorded run   {recorded_run['metrics']['distance_after']:8.1f}   (profile full)")
print("share of each digit, by LeNet:", " ".join(f"{share:.2f}" for share in shares))
plots.show_images(generated[:64], columns=8, title=f"New digits, profile {profile.name}")
plt.show()

# %% [markdown]
# The first 64, not chosen. The shares are the modes of this world: a digit whose share is far
# below a tenth is one that the generator avoids.

# %% [markdown]
# ## Use it
#
# The generator with the EMA weights alone draws digits. It is saved in Keras' own format; a fresh
# process needs none of this lesson's code.

# %%
gan.ema_generator.save(RUN / "generator.keras")
use_script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(RUN / "generator.keras")!r}, compile=False)
latents = keras.random.normal((10, {LATENT_DIM}), seed={SEED})
np.save({str(RUN / "drawn.npy")!r}, generator(latents, training=False))
"""
gan_utils.run_in_fresh_process(use_script)
drawn = np.load(RUN / "drawn.npy")
plots.show_images(drawn, columns=5, title="Drawn by another process")
plt.show()
here = gan.translate(keras.random.normal((10, LATENT_DIM), seed=SEED))
print(f"largest difference in a pixel from this process: {np.abs(here - drawn).max():.1e}")

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. Play the original game.** Override `generator_loss` with the saturating loss and train on the
# ring. How many modes does it cover after as many steps? (It takes as long as the ring above, so a
# `quick` run leaves the training to you: call `train_saturating()`.)


# %% tags=["hide-cell"]
class SaturatingGAN(GAN):
    def generator_loss(self, fake_logits):
        return saturating_generator_loss(fake_logits)


def train_saturating():
    saturating_gan, saturating_frames = train_ring(RING_SEEDS[0], model=SaturatingGAN)
    points = saturating_gan.generate(RING_SAMPLES)
    print(f"saturating:     {modes_covered(points)} modes, {share_within_3_sigma(points):.1%}")
    usual = ring_runs[RING_SEEDS[0]]
    print(f"non-saturating: {usual['modes']} modes, {usual['share']:.1%}")
    show_moments(saturating_frames)
    plt.show()


if trained_here:
    train_saturating()

# %% [markdown]
# On this easy world the discriminator is rarely sure for long, and the game's own loss may do
# nearly as well. The difference shows where the discriminator wins early.

# %% [markdown]
# **2. When densities do not overlap.** Let the fakes be one Gaussian of the same spread as a mode,
# at a distance $d$ from the only real mode. Compute the Jensen-Shannon divergence for several $d$.
# What would a generator learn from it at $d = 2$?

# %% tags=["hide-cell"]
print("distance    JS       (ln 2 = 0.6931)")
for distance in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0):
    value = jensen_shannon(
        lambda points: log_gaussian_density(points, 0.0, SPREAD),
        lambda points, d=distance: log_gaussian_density(points, np.array([d, 0.0]), SPREAD),
        3.0,
    )
    print(f"{distance:>8.1f}    {value:.4f}")

# %% [markdown]
# Beyond a few standard deviations it is $\ln 2$ whatever the distance: no slope, nothing to learn.
# The lesson on the Wasserstein GAN begins with this table.

# %% [markdown]
# **3. How honest is the count?** Draw uniform points in the square from -3 to 3 and count. What
# share lies within 3 sigma of a mode by chance? Compare with the areas.

# %% tags=["hide-cell"]
uniform = np.random.default_rng(SEED).uniform(-3, 3, (100_000, 2))
by_area = MODES * np.pi * (3 * SPREAD) ** 2 / 36
print(f"counted {share_within_3_sigma(uniform):.3f}, by area {by_area:.3f}", end=", ")
print(f"modes covered {modes_covered(uniform)}")

# %% [markdown]
# Only as many as the areas say, and no mode counts as covered: a cloud without any idea of the
# ring gets no credit from either count.

# %% [markdown]
# ## Summary
#
# - The best discriminator is $p_\mathrm{data} / (p_\mathrm{data} + p_g)$; a trained one comes
#   close, and the value of the game then is the Jensen-Shannon divergence.
# - The generator is trained on $-\log D(G(z))$, which pushes hardest where the fakes are worst.
# - Mode collapse is not asked for by the game but comes from the play. Count modes where you can,
#   look for variety where you cannot.
# - D(x) and D(G(z)) near one half, or at least away from 1 and 0, mean that both can learn.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014.
#   <https://arxiv.org/abs/1406.2661>
# - M. Arjovsky, L. Bottou, *Towards Principled Methods for Training Generative Adversarial
#   Networks*, ICLR 2017. <https://arxiv.org/abs/1701.04862>
# - L. Metz et al., *Unrolled Generative Adversarial Networks*, ICLR 2017 (the ring of Gaussians).
#   <https://arxiv.org/abs/1611.02163>
# - A. Srivastava et al., *VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
#   Learning*, NeurIPS 2017 (counting modes within 3 sigma). <https://arxiv.org/abs/1705.07761>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017 (the Fréchet distance). <https://arxiv.org/abs/1706.08500>

# %% tags=["remove-cell"]
ring = [{key: run[key] for key in ("modes", "share", "seconds")} for run in ring_runs.values()]
found = {
    "ring": ring,
    "ring_steps": RING_STEPS,
    "discriminator_error": discriminator_error,
    "value_learned": value_learned,
    "value_best": value_best,
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "distance_before": distance_before,
    "distance_after": scored["distance"],
    "real_vs_real": floor,
    "share_of_digits": shares,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}
if trained_here:
    found |= {"collapsed_modes": collapsed[0], "collapsed_share": collapsed[1]}

# %% tags=["remove-cell"]
ring_seconds = sum(run["seconds"] for run in ring)
seconds = classifier_seconds + ring_seconds + collapse_seconds + digit_seconds
facts = {"settings": SETTINGS, "comparison": {"GAN, dense": scored}}
records.record("01_gan", found, seconds=seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert np.abs(here - drawn).max() < 1e-4
assert all(0 <= run["modes"] <= MODES and 0 <= run["share"] <= 1 for run in ring)
assert len(ring) == len(RING_SEEDS)
assert [frame["step"] for frame in frames][::RING_FRAMES] == [0, RING_STEPS]
assert 0 <= discriminator_error <= 1
assert np.isfinite([value_learned, value_best]).all()
