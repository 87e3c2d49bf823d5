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
# **What you will do with about 310 lines of code.** Train the original generative adversarial
# network (GAN) twice: on points in a plane, where you can see all that happens, then on handwritten
# digits.
#
# **Time and size.** 8 minutes to read; half a minute of training on two CPU cores; a download of 12
# MB (MNIST, once).
#
# **What you will learn**
#
# - the min-max game and its best discriminator;
# - why nobody trains the generator with the loss of the original game;
# - why updates alternate, and why Adam's momentum is made smaller;
# - what mode collapse is, seen as points and counted;
# - how to read D(x) and D(G(z)) over time.
#
# **What you need.** Python and the basics of Keras layers.

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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import special

import gan_utils
from gan_utils import GAN, callbacks, evaluation, lenet, plots, profile, records

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# First those of the points, then those of the digits. The short run takes smaller batches and
# larger steps, and its "epoch" is a part of a pass over the data. After the share `decay_after` of
# the long run its learning rates decay linearly to zero.

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
BETA_1 = 0.5

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded full run comes with this project. The **Fréchet distance** compares
# real and generated images in the features of a classifier; real images against real ones give its
# noise floor.

# %%
recorded_run = records.recorded("01_gan", "full")
reached = recorded_run["metrics"] if recorded_run else {}
print(records.summary(recorded_run, "GAN, dense"))
trained_generator, message = gan_utils.weights.try_generator("gan")
print(message)
if trained_generator is not None:
    latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(latents, training=False).numpy()
    plots.show_images(trained_images, columns=10, title="Trained generator, recorded full run")
    plt.show()

# %% [markdown]
# Fifty digits, none of them cherry-picked. Dense layers do not know that neighboring pixels belong
# together, hence the grain. From a terminal, `gan-utils generate gan digits.png` draws more.

# %% [markdown]
# ## The idea
#
# How can a network learn to draw, when no formula defines a good drawing? A second network learns
# the difference. A **generator** $G$ turns noise $z$ into a sample, $G(z)$. A **discriminator** $D$
# sees a real $x$ or a fake, and returns the probability that it is real. They play for the value
#
# $$
# V(D, G) = \mathbb{E}_{x \sim p_\mathrm{data}}\,[\log D(x)]
#          + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# which $D$ wants to be large and $G$ small (Goodfellow et al., 2014, equation 1). $G$ never sees
# real data: all it learns, it learns from the slope of $D$.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$, $z$ | `real_points`, `latents` | real data, noise |
# | $G(z)$ | `generator(latents)` | a fake |
# | $\text{logit}\,D$ | `discriminator(...)` | its sigmoid is the probability of real |
# | $p_\mathrm{data}, p_g$ | `log_ring_density`, ... | densities |

# %% [markdown]
# ## A world you can see
#
# Eight small Gaussians on a ring, the standard toy data. We know its density.


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


def log_ring_density(points, modes=MODES):
    logs = [log_gaussian_density(points, center, SPREAD) for center in ring_centers()[:modes]]
    return np.logaddexp.reduce(logs, axis=0) - np.log(modes)


# %% [markdown]
# Two counts show how good a cloud of fakes is. A point *fits* if it lies within three standard
# deviations of a mode. A mode is *covered* if at least a fifth of its fair share of points fits it.


# %%
def fitting_points_of_modes(points):
    distances = np.linalg.norm(points[:, None] - ring_centers()[None], axis=-1)
    fits = distances.min(axis=1) <= 3 * SPREAD
    return np.bincount(distances.argmin(axis=1)[fits], minlength=MODES)


def share_within_3_sigma(points):
    return float(fitting_points_of_modes(points).sum() / len(points))


def modes_covered(points):
    return int((fitting_points_of_modes(points) >= len(points) / MODES / 5).sum())


real_points = draw_ring(RING_SAMPLES, seed=SEED)
print(f"real points: {share_within_3_sigma(real_points):.1%} within 3 sigma", end=", ")
print(f"{modes_covered(real_points)} modes covered")

# %% [markdown]
# ## The best discriminator
#
# Hold the generator still. Which $D$ makes $V$ largest? At each point one maximizes
# $p_\mathrm{data} \log D + p_g \log (1 - D)$, and the answer (proposition 1 of the paper) is
#
# $$
# D^*(x) = \frac{p_\mathrm{data}(x)}{p_\mathrm{data}(x) + p_g(x)},
# \qquad
# \text{logit}\,D^*(x) = \log p_\mathrm{data}(x) - \log p_g(x).
# $$
#
# For two generators whose density we know:


# %%
def best_discriminator(points, log_fake_density):
    return special.expit(log_ring_density(points) - log_fake_density(points))


def grid_points(extent=3.2, side=200):
    axis = np.linspace(-extent, extent, side)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("float32")


figure, axes = plt.subplots(1, 2, figsize=(6.6, 3.6), sharey=True)
for axis, log_fake_density, title in zip(
    axes,
    (lambda x: log_gaussian_density(x, 0.0, 1.5), lambda x: log_ring_density(x, 4)),
    ("fakes: a wide Gaussian", "fakes: four modes of eight"),
    strict=True,
):
    field = best_discriminator(grid_points(), log_fake_density).reshape(200, 200)
    extent = (-3.2, 3.2, -3.2, 3.2)
    shown = axis.imshow(field, origin="lower", extent=extent, vmin=0, vmax=1)
    axis.set(title=title, xlabel="$x_1$")
figure.colorbar(shown, ax=axes, label="best D", shrink=0.8)
plt.show()

# %% [markdown]
# Left, eight islands, where real points are denser than fakes. Right, the side of the covered modes
# is at one third, since fakes are twice as dense there, that of the missing ones at one: the best
# discriminator points to where fakes are missing.
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
# The Jensen-Shannon divergence is 0 when both densities agree and $\ln 2$ when they do not overlap.
# So a generator that makes $V$ small makes the divergence small, if the discriminator is good.

# %% [markdown]
# ## Two losses for the generator
#
# The game asks $G$ to minimize $\log(1 - D(G(z)))$. At the beginning $D$ recognizes fakes easily:
# their logit $a$ is far below 0. How hard does the loss push there?
#
# - **saturating** (the game's): $\log(1 - \sigma(a))$ has the slope $-\sigma(a)$;
# - **non-saturating** (the usual choice): $-\log \sigma(a)$ has the slope $\sigma(a) - 1$.


# %%
def generator_slopes(logits):
    return {
        "saturating, log(1 - D)": -special.expit(logits),
        "non-saturating, -log D": special.expit(logits) - 1,
    }


fake_logits = np.linspace(-8, 8, 161)
figure, axis = plt.subplots(figsize=(6.4, 3.2))
axis.axvspan(-8, -2, color="0.92", label="D is sure: a fake")
for (label, values), look in zip(generator_slopes(fake_logits).items(), ("--", "-"), strict=True):
    axis.plot(fake_logits, values, look, label=label)
axis.set(title="How hard each loss pushes", xlabel="logit of a fake", ylabel="slope of the loss")
axis.legend(loc="center right")
plt.show()

# %% [markdown]
# In the gray region, where training begins, the saturating loss is flat: the worse the fake, the
# weaker the push. The non-saturating one pushes hardest there. On the right it is the other way
# round: its slope goes to 0, that of the saturating loss to -1.

# %% [markdown]
# ## Why updates alternate, and why β₁ is 0.5
#
# In the smallest game, a number $g$ wants $V = d\,g$ small, a number $d$ wants it large. Both
# should end at zero, but each step changes the opponent's slope, and they circle. Updates can be
# *simultaneous*, both from the same point, or *alternate*: $d$ first, then $g$ against the new $d$.
# Momentum is Adam's first moment: `beta` of the old direction, the rest from the new slope.


# %%
def distances_from_rest(alternate, beta, count=200, rate=0.1):
    d, g, d_moment, g_moment, found = 1.0, 0.0, 0.0, 0.0, []
    for _ in range(count):
        opponent = d
        d_moment = beta * d_moment + (1 - beta) * g
        d += rate * d_moment
        g_moment = beta * g_moment + (1 - beta) * (d if alternate else opponent)
        g -= rate * g_moment
        found.append(np.hypot(d, g))
    return np.array(found)


figure, axis = plt.subplots(figsize=(6.4, 3.2))
for name, alternate, beta in (
    ("simultaneous, no momentum", False, 0.0),
    ("alternating, beta 0.9", True, 0.9),
    ("alternating, beta 0.5", True, 0.5),
    ("alternating, no momentum", True, 0.0),
):
    axis.semilogy(distances_from_rest(alternate, beta), label=name)
axis.set(title="A game of two numbers", xlabel="update", ylabel="distance from the solution")
axis.legend()
plt.show()

# %% [markdown]
# Simultaneous updates spiral outward; alternating ones circle at the same distance. Momentum drives
# them out again, since it pushes against an opponent who has moved: with 0.9 it remembers about ten
# updates, with 0.5 about two. Hence alternating updates and β₁ = 0.5 (or 0: lesson 10).

# %% [markdown]
# ## Training on the ring
#
# `gan_utils.GAN` takes the alternating steps (lesson 02 writes one out). Nothing in it is about
# images, so points will do. Discriminators return a **logit**, any real number; the sigmoid is part
# of the loss.


# %%
def build_point_network(inputs, outputs, name, width=128):
    hidden = [layers.Dense(width, activation="relu") for _ in range(2)]
    return keras.Sequential([layers.Input((inputs,)), *hidden, layers.Dense(outputs)], name=name)


def ring_batches(seed):
    centers = tf.constant(ring_centers())

    def draw(step):
        seeds = tf.stack([tf.constant(seed, tf.int64), step])
        modes = tf.random.stateless_uniform((RING_BATCH,), seeds, 0, MODES, tf.int32)
        noise = tf.random.stateless_normal((RING_BATCH, 2), seeds + tf.constant([999, 0], tf.int64))
        return tf.gather(centers, modes) + SPREAD * noise

    return tf.data.Dataset.counter().map(draw).prefetch(2)


# %% [markdown]
# A callback records where G maps fixed latent vectors, and the discriminator's output over the
# plane.


# %%
class PointFrames(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.latents = tf.random.stateless_normal((1_000, RING_LATENT_DIM), seed=(SEED, 0))
        self.frames = []

    def on_epoch_end(self, epoch, logs=None):
        points = self.model.generator(self.latents, training=False).numpy()
        field = tf.sigmoid(self.model.discriminator(grid_points(side=60), training=False))
        step = (epoch + 1) * self.params["steps"]
        self.frames.append({"step": step, "points": points, "field": field.numpy()})

    def on_train_begin(self, logs=None):
        self.on_epoch_end(-1)


# %% [markdown]
# Both learning rates fall to zero along a cosine.


# %%
def train_ring(seed, width=128):
    keras.utils.set_random_seed(seed)
    generator = build_point_network(RING_LATENT_DIM, 2, "generator")
    discriminator = build_point_network(2, 1, "discriminator", width)
    gan = GAN(generator, discriminator, RING_LATENT_DIM, ema_decay=None, seed=seed)
    decay = keras.optimizers.schedules.CosineDecay
    gan.compile(
        d_optimizer=keras.optimizers.Adam(decay(RING_RATE, RING_STEPS), beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(decay(RING_RATE, RING_STEPS), beta_1=BETA_1),
        steps_per_execution=10,
    )
    frames = PointFrames()
    options = {"steps_per_epoch": RING_STEPS // RING_FRAMES, "epochs": RING_FRAMES, "verbose": 0}
    gan.fit(ring_batches(seed), callbacks=[frames, callbacks.TerminateOnNaN()], **options)
    points = gan.generate(RING_SAMPLES)
    counts = {"modes": modes_covered(points), "share": share_within_3_sigma(points)}
    return frames.frames, counts | {"seconds": gan.seconds}


# %% [markdown]
# One run for each seed:

# %%
ring_runs = [train_ring(seed) for seed in RING_SEEDS]
ring = [counts for _, counts in ring_runs]
for title, counted in (("this run", ring), ("recorded full run", reached.get("ring", []))):
    for row in counted:
        print(f"{title}: {row['modes']} of 8 modes, {row['share']:.1%} within 3 sigma")

# %% [markdown]
# The background is the discriminator's output, white for real; dots are fakes, circles mark three
# sigma.


# %%
def frame_as_array(frame):
    figure = Figure(figsize=(3.8, 4.0), dpi=100, layout="tight")
    canvas, axis = FigureCanvasAgg(figure), figure.add_subplot()
    options = {"origin": "lower", "extent": (-3.2, 3.2, -3.2, 3.2), "vmin": -0.8, "vmax": 1}
    axis.imshow(frame["field"].reshape(60, 60), cmap="Blues_r", **options)
    for center in ring_centers():
        axis.add_patch(plt.Circle(center, 3 * SPREAD, fill=False, color="black", linewidth=0.8))
    axis.plot(*frame["points"].T, ".", color="#D55E00", markersize=3, markeredgewidth=0)
    axis.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xticks=[], yticks=[])
    axis.set_title(f"step {frame['step']}: {modes_covered(frame['points'])} modes", size=11)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("01_gan", train_set)
frames = ring_runs[0][0]
animation = plots.save_gif([frame_as_array(frame) for frame in frames], RUN / "ring.gif")
display(Image(filename=animation, alt="Fake points spreading over eight modes on a ring"))

# %% [markdown]
# Early on the points rush to the brightest place. As the discriminator learns, a place with too
# many fakes grows darker, and the points spread.

# %% [markdown]
# ## Mode collapse
#
# What goes wrong: the same game, with a discriminator that cannot keep up. With a few units in each
# layer, its output cannot have eight islands. A `quick` run shows the recorded seeds.

# %%
WEAK_WIDTH = 4
collapsed = records.measured("study_demonstrations", "01_gan")
if collapsed is None:
    collapsed = [train_ring(RING_SEEDS[0], width=WEAK_WIDTH)[1]]
else:
    print(records.origin(records.recorded("study_demonstrations")))
for row in collapsed:
    print(f"modes covered {row['modes']} of {MODES}, within 3 sigma {row['share']:.1%}")

# %% [markdown]
# Nearly all modes are empty, and most points fit none. The points go to the brightest place,
# whatever the noise; the discriminator then lowers that place, and they move on. To this
# discriminator, each single point looks as real as it can; a loss on single points cannot see that
# all are alike. The fix is to give the discriminator its capacity back. In a grid of images, look
# for variety.
#
# On the book's page you can play this game. Can you make a mode vanish and come back?
#
# <!-- interactive: ring -->

# %% [markdown]
# ## From points to images
#
# MNIST: digits of 28 by 28 pixels, that is, points in 784 dimensions.

# %%
print(train_set)
SAMPLES = evaluation.count(test_set)
plots.show_images(train_set.images[:16], columns=8, title="Real digits")
plt.show()

# %% [markdown]
# To these networks, a pixel is one more number. The generator widens from 100 numbers to 784;
# `tanh` keeps pixels between -1 and 1. The discriminator narrows to one logit.


# %%
def build_generator(latent_dim=LATENT_DIM):
    hidden = []
    for width in (256, 512, 1024):
        hidden += [
            layers.Dense(width),
            layers.LeakyReLU(negative_slope=0.2),
            layers.BatchNormalization(momentum=0.8),
        ]
    ending = [layers.Dense(28 * 28, activation="tanh"), layers.Reshape((28, 28, 1))]
    return keras.Sequential([layers.Input((latent_dim,)), *hidden, *ending], name="generator")


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
# Parameter counts, and who moved: the largest change of any weight in one training step.


# %%
def make_gan():
    keras.utils.set_random_seed(SEED)
    networks = build_generator(), build_discriminator()
    gan = GAN(*networks, LATENT_DIM, ema_decay=SETTINGS["ema_decay"], seed=SEED)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(SETTINGS["rate"], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(SETTINGS["rate"], beta_1=BETA_1),
    )
    return gan


gan = make_gan()
for network, count in ((gan.generator, 1_493_520), (gan.discriminator, 533_505)):
    print(f"{network.name:<14} {network.count_params():,} parameters")
    assert network.count_params() == count
moves = gan_utils.who_moved(make_gan(), tf.zeros((8, 28, 28, 1)))
print(moves)
assert [parts for _, parts in moves.movers] == [["discriminator"], ["generator"]]

# %% [markdown]
# Samples are drawn with an exponential moving average (EMA) of the generator's weights (lesson 02).

# %%
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
distance_before = evaluation.scores(gan.generate(SAMPLES), **facts)["distance"]

# %% [markdown]
# If the run was interrupted, the next cell resumes from the last checkpoint.

# %%
fixed_latents = keras.random.normal((16, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=profile.epochs(full=2, quick=5))
watchers = [grid, steps, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS["decay_after"]:
    rates = (SETTINGS["rate"], SETTINGS["rate"])
    watchers.append(callbacks.LinearDecay((0, *rates), (SETTINGS["decay_after"], *rates)))
options = {"batch_size": SETTINGS["batch_size"], "steps_per_epoch": STEPS_PER_EPOCH}
batches = gan_utils.Batches(train_set.images, seed=SEED, **options)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * SETTINGS["batch_size"]
print(f"{updates:,} updates, {seen:,} images, {seen / len(train_set):.1f} passes over the data")

# %% [markdown]
# ### D(x) and D(G(z)) over time
#
# In theory the game ends where $p_g = p_\mathrm{data}$: $D^*$ is one half everywhere, and the
# losses are $2 \ln 2$ and $\ln 2$.

# %%
plots.plot_history(steps.history)
plt.show()
animation = grid.save_gif(RUN / "digits.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise"))

# %% [markdown]
# A real run does not end at one half: as a rule D(x) stays above and D(G(z)) below. If they stick
# at 1 and 0, the discriminator has won (lesson 15).
#
# ## Results
#
# Here each digit is a mode. A share far below a tenth is mode dropping.

# %%
generated = gan.generate(SAMPLES)
scored = evaluation.row(gan, generated, batch_size=SETTINGS["batch_size"], **facts)
shares = np.bincount(lenet.probabilities(generated).argmax(axis=1), minlength=10) / SAMPLES
print(f"Fréchet distance, {SAMPLES:,} images a side: untrained {distance_before:.1f}", end=", ")
print(f"trained ({profile.name}) {scored['distance']:.1f}, real against real {floor:.2f}")
print("share of each digit, by LeNet:", " ".join(f"{share:.2f}" for share in shares))
plots.show_images(generated[:40], columns=10, title=f"New digits, profile {profile.name}")
plt.show()

# %% [markdown]
# ## Use it
#
# A fresh process draws with the saved generator, without any of this lesson's code.

# %%
gan.ema_generator.save(RUN / "generator.keras")
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(RUN / "generator.keras", latents)
plots.show_images(drawn, columns=10, title="Drawn by another process")
plt.show()
here = gan.translate(latents)
print(f"largest difference in a pixel from this process: {np.abs(here - drawn).max():.1e}")

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** a discriminator returns one half for every image. Is the generator perfect?
#
# <details><summary>Solution</summary>
#
# Only if the discriminator is the best one. An untrained or a weak one returns one half too.
#
# </details>
#
# **2 ★ Predict first:** the discriminator is held still, and the generator may train for as long as
# it likes. Where do its points end?
#
# <details><summary>Solution</summary>
#
# All of them at the place with the largest $D$, whatever the noise. Against a fixed opponent,
# complete collapse is the best answer; only one that keeps learning spreads them out.
#
# </details>
#
# **3 ★★ Predict first:** a generator covers only one mode of eight, perfectly. Is the divergence
# nearer to 0 or to $\ln 2$? And for two, three, ... eight modes?


# %% tags=["hide-cell"]
def jensen_shannon(log_density, log_other_density, extent=3.0, side=801):
    points = grid_points(extent, side).astype("float64")
    cell = (2 * extent / (side - 1)) ** 2
    log_p, log_q = log_density(points), log_other_density(points)
    log_mean = np.logaddexp(log_p, log_q) - np.log(2)
    terms = np.exp(log_p) * (log_p - log_mean) + np.exp(log_q) * (log_q - log_mean)
    return max(0.0, float(terms.sum() * cell / 2))  # rounding may leave -1e-16


for count in range(1, MODES + 1):
    some = jensen_shannon(log_ring_density, lambda points, n=count: log_ring_density(points, n))
    print(f"{count} modes: JS {some:.4f}   (ln 2 = {np.log(2):.4f})")

# %% [markdown]
# The divergence is 0 only for all eight, so collapse is not what the game *asks* for. It comes from
# how the game is *played*: in small steps, against a discriminator that is never the best one.
#
# **4 ★★★ Predict first, then derive with pencil and paper:** in the game of two numbers with the
# rate $\eta$ and no momentum, by which factor does each simultaneous update change the distance
# $\sqrt{d^2 + g^2}$? What stays constant when updates alternate?
#
# <details><summary>Solution</summary>
#
# Simultaneously $d' = d + \eta g$ and $g' = g - \eta d$, so
# $d'^2 + g'^2 = (1 + \eta^2)(d^2 + g^2)$: the distance grows by $\sqrt{1 + \eta^2}$ each time, for
# any rate. Alternating, $g' = g - \eta d'$, and inserting shows that
# $d'^2 + g'^2 + \eta\,d' g' = d^2 + g^2 + \eta\,d g$: an ellipse, almost a circle. So they neither
# spiral out nor in.
#
# </details>

# %% [markdown]
# ## Summary
#
# - With the best discriminator, the value of the game is the Jensen-Shannon divergence, shifted.
# - The generator is trained on $-\log D(G(z))$, which pushes hardest where the fakes are worst.
# - Alternating updates and little momentum slow the spiraling of the two.
# - Mode collapse comes from the play, not from the game. Count modes, or look for variety.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, 2014. <https://arxiv.org/abs/1406.2661>
# - L. Metz et al., *Unrolled Generative Adversarial Networks*, ICLR 2017 (the ring of Gaussians).
#   <https://arxiv.org/abs/1611.02163>
# - A. Srivastava et al., *VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
#   Learning*, NeurIPS 2017 (counting modes within 3 sigma). <https://arxiv.org/abs/1705.07761>

# %% tags=["remove-cell"]
found = {
    "ring": ring,
    "ring_steps": RING_STEPS,
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "distance_before": distance_before,
    "distance_after": scored["distance"],
    "real_vs_real": floor,
    "share_of_digits": shares,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}

# %% tags=["remove-cell"]
seconds = gan.seconds + sum(row["seconds"] for row in ring)
facts = {"settings": SETTINGS, "comparison": {"GAN, dense": scored}}
records.record("01_gan", found, seconds=seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert all(np.isfinite(values).all() for values in steps.history.values())
assert np.abs(here - drawn).max() < 1e-4
assert [frame["step"] for frame in frames][::RING_FRAMES] == [0, RING_STEPS]
