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
# # WGAN and WGAN-GP: a distance that never goes flat

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/10_wgan.ipynb)

# %% [markdown]
# **What you will do.** Replace the discriminator, which tells real from fake, by a *critic*, which
# measures how far the fakes are from the real images; first with clipped weights (WGAN), then
# with a gradient penalty (WGAN-GP).
#
# **What you will learn**
#
# - why the earth mover's distance has a slope where the Jensen-Shannon divergence is flat;
# - what Kantorovich and Rubinstein have to do with a network that ends in a plain number;
# - what clipping does to the weights, seen in a histogram;
# - how the penalty is written correctly, and which layer must not be in the critic;
# - whether the critic's estimate tells how good the images are: a rank correlation;
# - what more discriminator steps do to an ordinary GAN and to a WGAN-GP, counted over seeds.
#
# **What you need.** The DCGAN lesson, and some patience with integrals. A CPU with two cores is
# enough for the short run of this page.

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
from scipy import optimize, stats

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, losses, metrics, plots, profile, records
from gan_utils.gan import step_seed

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# The papers train for hours with small steps: RMSprop at 5e-5 with clipping, Adam at 1e-4 with the
# penalty, batches of 64, tens of thousands of generator steps, and no average of the weights. Those
# settings are kept below under `PAPER`, to be used with a GPU. This page trains for less than a
# minute, and the recorded `full` run is a budget for a CPU, so both take small batches, larger
# steps, and images from an exponential moving average (EMA) of the generator's weights, which is
# our addition. What is *not* shortened: five critic steps for each generator step, the bound of the
# clipping, the weight of the penalty, and the betas of Adam. `quick` trains WGAN-GP, and the
# clipped WGAN for a moment; its other figures are those of the recorded `full` run.

# %%
SEED = profile.seed(10)
LATENT_DIM = 100
FIXED_COUNT = 16
CRITIC_STEPS = 5
CLIP = 0.01
PENALTY_WEIGHT = 10.0
EPSILON = 1e-12
BETA_1 = 0.0
BETA_2 = 0.9
PAPER = {"clip_rate": 5e-5, "d_rate": 1e-4, "g_rate": 1e-4, "batch_size": 64, "average": None}
LONG = {"clip_rate": 2e-4, "d_rate": 5e-4, "g_rate": 2e-4, "batch_size": 8, "average": 0.99}
SHORT = {"clip_rate": 2e-4, "d_rate": 5e-4, "g_rate": 5e-4, "batch_size": 8, "average": 0.99}
SETTINGS = LONG if profile.name == "full" else SHORT
CLIP_EPOCHS = profile.epochs(full=8, quick=1, smoke=2)
EPOCHS = profile.epochs(full=20, quick=5, smoke=3)
STEPS_PER_EPOCH = profile.steps(full=150, quick=36, smoke=2)
FRESH_STEPS = profile.steps(full=400, quick=90, smoke=2)
LINE_STEPS = profile.steps(full=400, quick=200, smoke=3)
RING_SEEDS = [profile.seed(n) for n in range(profile.samples(full=5, quick=1, smoke=1))]
RING_STEPS = profile.steps(full=1_000, quick=250, smoke=3)
DRAWS = profile.samples(full=200, quick=60, smoke=5)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## What the recorded run reached
#
# The `full` run of this lesson was recorded, and its trained WGAN-GP generator comes with the
# project. It is found in a checkout, or downloaded once and checked; where neither is possible, the
# cell says so. The short run of this page follows further below.

# %%
run = records.recorded("10_wgan", "full")
if run:
    facts = run["metrics"]
    print(records.origin(run))
    print(f"{facts['epochs'] * facts['steps_per_epoch']:,} generator steps, ", end="")
    print(f"{facts['critic_steps']} critic steps each, batch {run['settings']['batch_size']}")
    print(f"Fréchet distance {facts['distance_after']:.1f}", end=", ")
    print(f"untrained {facts['distance_before']:.0f}; {facts['samples']:,} images on each side")
    print(f"real test images: {facts.get('real_images', 'the first of the test set')}")
else:
    print("no recorded full run yet")
trained_generator, sentence = gan_utils.weights.try_generator("wgan_gp")
print(sentence)
if trained_generator is not None:
    trained_latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(trained_latents, training=False).numpy()
    title = "WGAN-GP, generator of the recorded full run"
    plots.show_images(trained_images, columns=10, title=title)
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
# but a way from each to each. From a terminal, `gan-utils generate wgan_gp --interpolate walk.png`
# does the same, and with a name that ends in `.gif` the digits move.

# %% [markdown]
# ### In your browser
#
# On the page of the book, the generator of the recorded full run draws while you watch: walk
# from one point of the noise to another. Nothing jumps on the way.
#
# <!-- interactive: wgan_gp -->

# %% [markdown]
# ## The idea: two parallel lines
#
# Let the data be uniform on a line in the plane, the points $(0, u)$ with $u$ between 0 and 1, and
# the fakes uniform on a parallel line, $(\theta, u)$. The generator has a single parameter,
# $\theta$, and should bring it to zero (Arjovsky et al., 2017, example 1).
#
# - The **Jensen-Shannon divergence**, which an ordinary GAN minimizes with the best
#   discriminator, is $\log 2$ for every $\theta \ne 0$: the lines have no point in common, however
#   near they are. A constant has no slope.
# - The **earth mover's distance** is the least work that turns one distribution into the other:
#   mass times way. Every grain moves by $|\theta|$, so
#   the distance is $|\theta|$, and its slope always points home.
#
# Both can be computed exactly on equally many points of each line. The least work is an assignment
# problem, which SciPy solves.


# %%
def line(theta, count=64):
    return np.stack([np.full(count, theta), (np.arange(count) + 0.5) / count], axis=1)


def jensen_shannon(first, second):
    points, places = np.unique(np.concatenate([first, second]), axis=0, return_inverse=True)
    places = places.reshape(-1)
    p = np.bincount(places[: len(first)], minlength=len(points)) / len(first)
    q = np.bincount(places[len(first) :], minlength=len(points)) / len(second)
    middle = (p + q) / 2
    parts = [np.sum(m[m > 0] * np.log(m[m > 0] / middle[m > 0])) for m in (p, q)]
    return sum(parts) / 2


def earth_mover(first, second):
    work = np.linalg.norm(first[:, None] - second[None], axis=-1)
    return work[optimize.linear_sum_assignment(work)].mean()


# %% [markdown]
# How could a network find the second number? **Kantorovich and Rubinstein**: the least work is also
# the largest gap that a function of slope at most one can open between the two means,
#
# $$
# W(p_d, p_g) = \max_{\|f\|_L \le 1} \; \mathbb{E}_{x \sim p_d}[f(x)] - \mathbb{E}_{x \sim
# p_g}[f(x)]
# $$
#
# where $\|f\|_L \le 1$ (**1-Lipschitz**) means $|f(x) - f(y)| \le \|x - y\|$ for all $x$ and
# $y$. So: train a network $f$, the **critic**, to make the gap large, keep its slope
# at one, and read the gap. The generator then makes the gap small.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $f(x)$ | `real_outputs` | the critic's outputs on real images |
# | $f(G(z))$ | `fake_outputs` | its outputs on fakes |
# | $\mathbb{E}[f(G(z))] - \mathbb{E}[f(x)]$ | `critic_loss` | what the critic minimizes |
# | $-\mathbb{E}[f(G(z))]$ | `generator_loss` | what the generator minimizes |
# | $\mathbb{E}[f(x)] - \mathbb{E}[f(G(z))]$ | `estimate` | the critic's estimate of $W$ |
# | $\lambda\,\mathbb{E}[(\lVert\nabla f(\hat x)\rVert - 1)^2]$ | `penalty` | holds the slope |


# %%
def critic_loss(real_outputs, fake_outputs):
    return tf.reduce_mean(fake_outputs) - tf.reduce_mean(real_outputs)


def generator_loss(fake_outputs):
    return -tf.reduce_mean(fake_outputs)


# %% [markdown]
# ### The penalty, written out
#
# Gulrajani et al. (2017, equation 3) ask for a slope of one along the ways
# from fakes to reals. Four things are easily done wrong:
#
# - the mixing factor is **uniform** between 0 and 1, not normal: points *between* the two;
# - each image has a factor **of its own**, the same for all its pixels;
# - the norm runs over **all pixels** of an image, not over one axis;
# - there is an **epsilon under the root**: at zero the root has an infinite derivative.


# %%
def gradient_penalty(critic, real_images, fake_images, seed, weight=PENALTY_WEIGHT):
    other_axes = list(range(1, len(real_images.shape)))
    factors_shape = (real_images.shape[0], *[1] * len(other_axes))
    factors = tf.random.stateless_uniform(factors_shape, seed)
    mixed = factors * real_images + (1 - factors) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        outputs = critic(mixed, training=True)
    gradients = tape.gradient(outputs, mixed)
    slopes = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=other_axes) + EPSILON)
    return weight * tf.reduce_mean(tf.square(slopes - 1))


# %% [markdown]
# A check by hand: the critic $f(x) = \sum_i w_i x_i$ has the gradient $w$ everywhere, so with
# 16 pixels and all $w_i = 1/2$ its slope is 2 and the penalty $10 \cdot (2 - 1)^2$. And the
# package's functions must agree with ours.


# %%
def half_sum(points, training):
    return 0.5 * tf.reduce_sum(points, axis=(1, 2, 3))


pair = [tf.random.stateless_uniform((6, 4, 4, 1), (SEED, part), -1, 1) for part in (0, 1)]
penalty = gradient_penalty(half_sum, *pair, seed=(SEED, 2))
print(f"penalty {penalty:.5f}, by hand {PENALTY_WEIGHT * (2 - 1) ** 2:.5f}")
outputs = [half_sum(points, training=True) for points in pair]
ours = penalty, critic_loss(*outputs), generator_loss(outputs[1])
package = (
    losses.gradient_penalty(half_sum, *pair, (SEED, 2)),
    losses.wasserstein_discriminator_loss(*outputs),
    losses.wasserstein_generator_loss(outputs[1]),
)
# Sums of 32-bit floats: their order, and with it the last digits, may differ.
np.testing.assert_allclose(ours, package, rtol=1e-4, atol=1e-5)
print("the package agrees on all three")

# %% [markdown]
# ### What a critic finds on the two lines
#
# A small dense network, trained with the penalty on random points of both lines, for several
# $\theta$.


# %%
def build_dense(inputs, outputs, width=128, depth=4):
    hidden = [layers.Dense(width, activation="relu") for _ in range(depth)]
    return keras.Sequential([layers.Input((inputs,)), *hidden, layers.Dense(outputs)])


# %% [markdown]
# And a critic trained on samples of the two lines; at the end it is asked about the whole lines.


# %%
def critic_estimate(theta, count, batch=128):
    keras.utils.set_random_seed(SEED)
    critic, optimizer = (
        build_dense(2, 1, width=64, depth=2),
        keras.optimizers.Adam(2e-3, beta_1=0.5),
    )
    optimizer.build(critic.trainable_variables)

    @tf.function
    def step(heights, seed):
        real = tf.stack([tf.zeros(batch), heights[0]], axis=1)
        fake = tf.stack([tf.fill((batch,), tf.cast(theta, tf.float32)), heights[1]], axis=1)
        with tf.GradientTape() as tape:
            loss = critic_loss(critic(real), critic(fake))
            total = loss + gradient_penalty(critic, real, fake, seed)
        gradients = tape.gradient(total, critic.trainable_variables)
        optimizer.apply_gradients(zip(gradients, critic.trainable_variables, strict=True))

    for index in range(count):
        heights = tf.random.stateless_uniform((2, batch), (SEED, index))
        step(heights, tf.constant([index, SEED]))
    ends = [line(place).astype("float32") for place in (0.0, theta)]
    return float(-critic_loss(critic(ends[0]), critic(ends[1])))


# %% [markdown]
# The exact numbers and the estimates, as functions of $\theta$.

# %%
thetas = np.linspace(-1, 1, 41)
exact = [earth_mover(line(0.0), line(theta)) for theta in thetas]
flat = [jensen_shannon(line(0.0), line(theta)) for theta in thetas]
tried = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
start = time.perf_counter()
recorded_line = records.measured("10_wgan", "line_estimates")
if recorded_line:
    estimates = np.array([recorded_line[str(theta)] for theta in tried.tolist()])
else:
    estimates = np.array([critic_estimate(theta, LINE_STEPS) for theta in tried])
line_seconds = time.perf_counter() - start
print("critics of the", records.origin(run) if recorded_line else "run on this page")

# %% [markdown]
# All three in one figure.

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.8))
axis.plot(thetas, exact, color="#0072B2", label="earth mover's distance, exact")
gap = np.where(np.abs(thetas) < 1e-9, np.nan, flat)  # no line through the one point that differs
axis.plot(thetas, gap, color="#D55E00", linestyle="--", label="Jensen-Shannon divergence, exact")
axis.plot(0, jensen_shannon(line(0.0), line(0.0)), "s", color="#D55E00", markersize=11)
axis.plot(
    tried, estimates, "o", color="#009E73", markersize=8, label="estimate of a trained critic"
)
axis.set(xlabel=r"$\theta$, the place of the fakes' line", ylabel="distance from the data")
axis.set_title("Two parallel lines")
axis.legend(loc="upper center", fontsize=9)
axis.set_ylim(-0.05, 1.5)
plt.show()
for theta, found in zip(tried, estimates, strict=True):
    print(f"theta {theta:+.1f}: exact {abs(theta):.3f}, critic {found:.3f}", end=", ")
    print(f"Jensen-Shannon {jensen_shannon(line(0.0), line(theta)):.4f}")
np.testing.assert_allclose(exact, np.abs(thetas), atol=1e-9)
np.testing.assert_allclose(
    [v for v, t in zip(flat, thetas, strict=True) if abs(t) > 1e-9], np.log(2)
)

# %% [markdown]
# The dashed line is $\log 2$ everywhere but at one point, where it drops to zero (the square): a
# generator on it gets no gradient. The solid line leads home from anywhere. The dots are the
# critic's; those of the recorded run lie a little *above* the exact value at the ends.
# That is the penalty's doing, and we can say by how much: a slope $s$ gains $s|\theta|$ and costs
# $\lambda (s - 1)^2$, so the best slope is $1 + |\theta| / 2\lambda$.

# %% [markdown]
# ## The data
#
# MNIST, as before. The line that is printed says where it came from.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("10_wgan", train_set)
print(train_set)
SAMPLES = profile.samples(full=4_000, quick=1_000, smoke=100, available=len(test_set))
real_sample = images.to_float(train_set.images[:FIXED_COUNT])
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# Sixteen real digits: the generator's aim.

# %% [markdown]
# ## The networks
#
# The generator of the DCGAN lesson.


# %%
def build_generator(latent_dim=LATENT_DIM):
    def up(filters, strides, **options):
        return layers.Conv2DTranspose(
            filters, 5, strides=strides, padding="same", use_bias=False, **options
        )

    def activate():
        return layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.3)

    return keras.Sequential(
        [
            layers.Input((latent_dim,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            *activate(),
            layers.Reshape((7, 7, 256)),
            up(128, 1),
            *activate(),
            up(64, 2),
            *activate(),
            up(1, 2, activation="tanh"),
        ],
        name="generator",
    )


# %% [markdown]
# Its discriminator is the critic: same layers, and a linear output, which need not be
# between 0 and 1. The dropout is kept as a switch, off by default: it would hand the critic another
# random function at each call, and the slope of which one should be one? There is no batch
# normalization in it, and further below you will see why there must not be any.


# %%
def build_critic(image_shape=(28, 28, 1), dropout=0.0):
    return keras.Sequential(
        [
            layers.Input(image_shape),
            layers.Conv2D(64, 5, strides=2, padding="same", name="conv_1"),
            layers.LeakyReLU(negative_slope=0.3, name="active_1"),
            layers.Dropout(dropout),
            layers.Conv2D(128, 5, strides=2, padding="same", name="conv_2"),
            layers.LeakyReLU(negative_slope=0.3, name="active_2"),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(1, name="output"),
        ],
        name="critic",
    )


# %% [markdown]
# The same parameter counts as in the DCGAN lesson.

# %%
generator, critic = build_generator(), build_critic()
for network in (generator, critic):
    print(f"{network.name:<12}{network.output_shape!s:<22}{network.count_params():>10,} parameters")
assert generator.count_params() == 2_330_944
assert critic.count_params() == 212_865

# %% [markdown]
# ## The model
#
# `gan_utils.GAN(critic_steps=5)` updates the critic five times, each time with a real batch of its
# own and new fakes, and then the generator once. Left to say: the two losses, and the
# estimate to be logged.


# %%
class WassersteinGAN(GAN):
    def discriminator_objective(self, batch, inputs, fake_images):
        real_outputs = self.discriminator(self.real_inputs(batch), training=True)
        fake_outputs = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        loss = critic_loss(real_outputs, fake_outputs)
        return loss, {"d_loss": loss, "estimate": -loss}

    def generator_objective(self, batch, inputs, fake_images):
        fake_outputs = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        loss = generator_loss(fake_outputs)
        return loss, {"g_loss": loss}


# %% [markdown]
# The two ways of holding the slope. **Clipping**: after each update of the critic, every weight
# goes back into the box from `-CLIP` to `CLIP`. A network with bounded weights has a bounded
# slope, though nobody says which bound.


# %%
class ClippedWGAN(WassersteinGAN):
    def update_discriminator(self, batch, inputs, fake_images):
        logs = super().update_discriminator(batch, inputs, fake_images)
        for weight in self.discriminator.trainable_variables:
            weight.assign(tf.clip_by_value(weight, -CLIP, CLIP))
        return logs


# %% [markdown]
# **Penalty**: one more term in the critic's objective, with new mixing factors at each of
# its updates.


# %%
class PenalizedWGAN(WassersteinGAN):
    penalty_weight = PENALTY_WEIGHT

    def discriminator_objective(self, batch, inputs, fake_images):
        loss, logs = super().discriminator_objective(batch, inputs, fake_images)
        seed = step_seed(self.seed, 1_000, self.d_optimizer.iterations.value)
        penalty = gradient_penalty(
            self.discriminator, self.real_inputs(batch), fake_images, seed, self.penalty_weight
        )
        return loss + penalty, {**logs, "d_loss": loss + penalty, "penalty": penalty}


# %% [markdown]
# The optimizers as in the papers: RMSprop with clipping, since the authors found momentum
# harmful there; Adam without the first momentum with the penalty.


# %%
def make_clipped(seed=SEED, rates=(SETTINGS["clip_rate"], SETTINGS["clip_rate"])):
    keras.utils.set_random_seed(seed)
    options = {"average": SETTINGS["average"], "critic_steps": CRITIC_STEPS, "seed": seed}
    gan = ClippedWGAN(build_generator(), build_critic(), LATENT_DIM, **options)
    gan.compile(*(keras.optimizers.RMSprop(rate) for rate in rates))
    return gan


def make_penalized(seed=SEED, rates=(SETTINGS["d_rate"], SETTINGS["g_rate"])):
    keras.utils.set_random_seed(seed)
    options = {"average": SETTINGS["average"], "critic_steps": CRITIC_STEPS, "seed": seed}
    gan = PenalizedWGAN(build_generator(), build_critic(), LATENT_DIM, **options)
    gan.compile(*(keras.optimizers.Adam(rate, beta_1=BETA_1, beta_2=BETA_2) for rate in rates))
    return gan


# %% [markdown]
# ### One update: who moved?
#
# One training step of each kind, with one player at a time at a learning rate of zero. (A
# rate of zero does not stop the clipping, so its critic is put into the box beforehand.)

# %%
step_batch = tf.constant(images.to_float(train_set.images[: 8 * CRITIC_STEPS]))
print(f"{'kind':<10}{'update of':<12}{'generator':>12}{'critic':>10}{'critic updates':>16}")
for name, make in {"clipped": make_clipped, "penalized": make_penalized}.items():
    for title, rates in {"both": (1e-4, 1e-4), "critic": (1e-4, 0), "generator": (0, 1e-4)}.items():
        trial = make(rates=[float(rate) for rate in rates])
        if name == "clipped":
            for weight in trial.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -CLIP, CLIP))
        players = trial.generator, trial.discriminator
        before = [[w.numpy() for w in player.trainable_weights] for player in players]
        trial.train_step(step_batch)
        moved = [
            max(np.abs(w.numpy() - o).max() for w, o in zip(p.trainable_weights, old, strict=True))
            for p, old in zip(players, before, strict=True)
        ]
        updates = int(trial.d_optimizer.iterations)
        print(f"{name:<10}{title:<12}{moved[0]:>12.1e}{moved[1]:>10.1e}{updates:>16}")
        assert [m > 0 for m in moved] == [title != "critic", title != "generator"]
        assert updates == CRITIC_STEPS

# %% [markdown]
# Each update moves its own player; the critic had five.

# %% [markdown]
# ## Training with clipped weights
#
# The measure first: the Fréchet distance on LeNet features, for real against real (the noise floor)
# and for the untrained generator. All sets have the same number of images, and the real ones are
# drawn evenly over the whole test set and the whole training set.

# %%
clipped, penalized = make_clipped(), make_penalized()
real_features = lenet.features(test_set.sample(SAMPLES).images)
floor = metrics.fid(real_features, lenet.features(train_set.sample(SAMPLES).images))
distance_before = metrics.fid(real_features, lenet.features(penalized.generate(SAMPLES)))
print(f"LeNet features, {SAMPLES:,} images on each side: ", end="")
print(f"untrained {distance_before:.1f}, real against real {floor:.2f}")

# %% [markdown]
# Is the critic's estimate worth something? To judge it later, we need two numbers after each epoch:
# the Fréchet distance, and an estimate of the earth mover's distance. The critic that is being
# trained gives one for free; but it gets better during the run, and a measure should not change
# while one measures. So there is a second one: a **fresh critic** for each epoch, always with the
# same first weights and the same few steps, trained on one half of the images and read on the
# other. (In `quick` there are none: the estimates shown below are those of the recorded run.)


# %%
class FreshCritic:
    def __init__(self):
        keras.utils.set_random_seed(SEED)
        self.critic = build_critic()
        self.optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9)
        self.optimizer.build(self.critic.trainable_variables)
        self.variables = [*self.critic.variables, *self.optimizer.variables]
        self.first_values = [variable.numpy() for variable in self.variables]

    @tf.function
    def step(self, real, fake, seed):
        with tf.GradientTape() as tape:
            loss = critic_loss(self.critic(real, training=True), self.critic(fake, training=True))
            total = loss + gradient_penalty(self.critic, real, fake, seed)
        gradients = tape.gradient(total, self.critic.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.critic.trainable_variables, strict=True))

    def estimate(self, real_images, fake_images, count, batch=16):
        for variable, value in zip(self.variables, self.first_values, strict=True):
            variable.assign(value)
        half = len(fake_images) // 2
        for index in range(count):
            rows = np.arange(index * batch, (index + 1) * batch) % half
            seed = tf.constant([index, SEED])
            self.step(tf.constant(real_images[rows]), tf.constant(fake_images[rows]), seed)
        unseen = real_images[half:], fake_images[half:]
        return float(-critic_loss(*(self.critic(part, training=False) for part in unseen)))


# %% [markdown]
# A callback notes the distance after each epoch, and the fresh estimate where it is given real
# images. It keeps its numbers in a file, for a run that is interrupted.


# %%
class Distances(keras.callbacks.Callback):
    def __init__(self, path, features, real_images=None):
        super().__init__()
        self.path, self.features, self.real_images = path, features, real_images
        self.fresh_critic = FreshCritic() if real_images is not None else None
        self.rows = []

    def on_train_begin(self, logs=None):
        if self.model.first_epoch:
            self.rows = np.loadtxt(self.path, ndmin=2)[: self.model.first_epoch].tolist()

    def on_epoch_end(self, epoch, logs=None):
        drawn = self.model.generate(len(self.features), seed=SEED + epoch)
        self.rows.append([metrics.fid(self.features, lenet.features(drawn))])
        if self.fresh_critic:
            estimate = self.fresh_critic.estimate(self.real_images, drawn, FRESH_STEPS)
            self.rows[-1].append(estimate)
        np.savetxt(self.path, self.rows)


# %% [markdown]
# One training run with everything it writes. What Keras calls an epoch is here a fixed number of
# generator steps; the critic sees far fewer images than one pass over the training set holds.


# %%
def train(gan, name, epochs, features, real_images=None):
    folder = RUN / name
    folder.mkdir(parents=True, exist_ok=True)
    fixed = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
    grid = callbacks.SampleGrid(fixed, columns=4, folder=folder / "grids")
    steps = callbacks.StepHistory(folder / "steps.csv")
    distances = Distances(folder / "distances.txt", features, real_images)
    checkpoint = callbacks.Checkpoint(folder / "checkpoints", every=max(1, epochs // 2))
    batch_size = SETTINGS["batch_size"] * CRITIC_STEPS
    source = gan_utils.Batches(
        train_set.images, batch_size=batch_size, steps_per_epoch=STEPS_PER_EPOCH, seed=SEED
    )
    watchers = [grid, steps, distances, checkpoint, callbacks.TerminateOnNaN()]
    gan.fit(source, epochs=epochs, callbacks=watchers, verbose=2)
    return grid, steps, np.array(distances.rows)


# %% [markdown]
# The run with clipping.

# %%
clip_grid, clip_steps, clip_rows = train(clipped, "clipped", CLIP_EPOCHS, real_features)
clip_distances = clip_rows[:, 0]
print(f"{CLIP_EPOCHS * STEPS_PER_EPOCH:,} generator steps: {clipped.seconds:.0f} s", end=", ")
print(f"Fréchet distance {clip_distances[-1]:.1f}")
if run:
    print(f"recorded run: {facts['clip_epochs'] * facts['steps_per_epoch']:,} steps", end=", ")
    print(f"Fréchet distance {facts['distance_clipped']:.1f}")

# %% [markdown]
# ### Where the weights went
#
# The box is small, and the critic wants a slope as large as it can get. Where do its weights end
# up?


# %%
def plot_weights(critic, title):
    figure, panels = plt.subplots(3, 1, figsize=(6.4, 6.6))
    for axis, name, color in zip(
        panels, ("conv_1", "conv_2", "output"), ("#0072B2", "#D55E00", "#009E73"), strict=True
    ):
        axis.hist(critic.get_layer(name).kernel.numpy().ravel(), 60, color=color)
        axis.set(ylabel="weights", title=f"layer {name}")
        axis.locator_params(axis="x", nbins=5)
    panels[-1].set_xlabel("value of a weight")
    figure.suptitle(title)
    figure.tight_layout()
    plt.show()


def share_at_bounds(critic):
    kernels = [critic.get_layer(name).kernel.numpy() for name in ("conv_1", "conv_2", "output")]
    return float(np.mean(np.abs(np.concatenate([k.ravel() for k in kernels])) >= 0.99 * CLIP))


# %% [markdown]
# A panel for each layer with weights.

# %%
plot_weights(clipped.discriminator, "Weights of the clipped critic")
at_bounds = share_at_bounds(clipped.discriminator)
print(f"within 1 % of a bound of {CLIP}: {100 * at_bounds:.0f} % of the weights", end="")
print(" (1 % if they were spread evenly)")
if run:
    print(f"at the end of the recorded run: {100 * facts['weights_at_bounds']:.0f} %")

# %% [markdown]
# Weights that would be larger are all alike: they pile up at both bounds. How high the piles are
# changes during a run. Gulrajani et al. (2017, figure 1) saw the same and called it capacity that
# goes unused.

# %% [markdown]
# ### The slope, layer by layer
#
# How strongly does the output depend on what each layer puts out, and on the pixels? For a critic
# with slope one, the norm at the pixels is near one.


# %%
def gradient_norms(critic, samples):
    names = ("active_1", "active_2")
    outputs = [critic.get_layer(name).output for name in names]
    parts = keras.Model(critic.inputs, [*outputs, *critic.outputs])
    samples = tf.constant(samples)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(samples)
        *features, result = parts(samples, training=False)
    sources = {"pixels": samples, **dict(zip(names, features, strict=True))}
    return {
        name: float(
            tf.reduce_mean(tf.norm(tf.reshape(tape.gradient(result, s), (len(s), -1)), axis=1))
        )
        for name, s in sources.items()
    }


# %% [markdown]
# We measure it on real images, and compare with the critic at its start, before any clipping.

# %%
norms = {
    "untrained": gradient_norms(build_critic(), real_sample),
    "clipped": gradient_norms(clipped.discriminator, real_sample),
}
print(f"{'critic':<12}" + "".join(f"{place:>12}" for place in norms["clipped"]))
for name, row in norms.items():
    print(f"{name:<12}" + "".join(f"{value:>12.4f}" for value in row.values()))

# %% [markdown]
# The clipped critic's slope is what three layers of boxed weights happen to give. Its estimate is
# a distance in unknown units, and with more layers the slope shrinks or grows by a factor a layer
# (exercise 1).

# %% [markdown]
# ## Training with the gradient penalty
#
# Same networks, same batches, the penalty in place of the box.

# %%
recorded_ranks = records.measured("10_wgan", "spearman")
test_images = None if recorded_ranks else images.to_float(test_set.sample(SAMPLES).images)
grid, steps, rows = train(penalized, "penalized", EPOCHS, real_features, test_images)
distances = rows[:, 0]
print(f"{EPOCHS * STEPS_PER_EPOCH:,} generator steps: {penalized.seconds:.0f} s", end=", ")
print(f"Fréchet distance {distances[-1]:.1f}")
seen = EPOCHS * STEPS_PER_EPOCH * CRITIC_STEPS * SETTINGS["batch_size"]
print(f"{seen:,} images seen: {seen / len(train_set):.2f} passes over the training set")

# %% [markdown]
# The same two looks at this critic.

# %%
plot_weights(penalized.discriminator, "Weights of the penalized critic")
norms["penalized"] = gradient_norms(penalized.discriminator, real_sample)
figure, axis = plt.subplots(figsize=(6.4, 3.6))
for (name, row), color, marker in zip(
    norms.items(), ["#000000", "#D55E00", "#0072B2"], ["^:", "s--", "o-"], strict=True
):
    axis.semilogy(list(row), list(row.values()), marker, color=color, label=name)
    print(f"{name:<12}" + "".join(f"{value:>12.4f}" for value in row.values()))
if run:
    print(f"{'recorded':<12}", end="")
    print("".join(f"{value:>12.4f}" for value in facts["gradient_norms"]["penalized"].values()))
axis.axhline(1, color="0.5", linewidth=1)
axis.set(ylabel="norm of the gradient", title="Slope of the critic's output, by layer")
axis.legend()
plt.show()

# %% [markdown]
# No box and no piles: the weights are spread around zero, far beyond the bounds of the box. And in
# the recorded run (last line) the slope at the pixels is of the order of one (the gray line), as
# the penalty asks. So the estimate now has units: those of the pixels.

# %% [markdown]
# ### The curves
#
# The critic's estimate of the distance, and the penalty it pays.

# %%
plots.plot_history(
    steps.history,
    {"Estimate of the earth mover's distance": ["estimate"], "Gradient penalty": ["penalty"]},
    labels={"estimate": "mean f(x) - mean f(G(z))"},
    title="WGAN-GP, step by step",
)
plt.show()

# %% [markdown]
# How to read it: the estimate rises when the critic gains, and falls when the generator does. At
# first the critic learns to see and the estimate shoots up; once the generator has cleared the
# background, it falls.

# %% [markdown]
# ### Does the estimate tell the quality?
#
# The Fréchet distance knows nothing of the critics. The Spearman rank correlation asks whether an
# estimate puts the epochs in the same order as that distance: 1 for the same order, 0 for no
# relation, -1 for the reverse. Each dot is an epoch.


# %%
def epoch_estimates(history, epochs):
    return np.reshape(history["estimate"], (epochs, -1)).mean(axis=1)


# %% [markdown]
# On the left the fresh critics, on the right the critic in training, averaged over the epoch. A
# rank correlation over a handful of epochs is noise, so `quick` shows the recorded full run.

# %%
running_estimates = epoch_estimates(steps.history, EPOCHS)
if recorded_ranks:
    fresh, running, after = (
        np.array(facts[key]) for key in ("fresh_estimates", "running_estimates", "distances")
    )
else:
    fresh, running, after = rows[:, 1], running_estimates, distances
figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
correlations = {}
estimated = {"fresh critics": fresh, "critic in training": running}
for axis, (name, values) in zip(panels, estimated.items(), strict=True):
    correlations[name] = float(stats.spearmanr(values, after).statistic)
    axis.plot(values, after, color="0.7", linewidth=1, zorder=1)
    dots = axis.scatter(values, after, c=np.arange(1, len(after) + 1), cmap="cividis", s=60)
    axis.set(xlabel="estimate", title=f"{name}\nrank correlation {correlations[name]:.2f}")
    print(f"{name}: Spearman rank correlation {correlations[name]:.3f} over {len(after)} epochs")
panels[0].set_ylabel("Fréchet distance on LeNet features")
figure.colorbar(dots, ax=panels, label="epoch")
plt.show()
print(records.origin(run) if recorded_ranks else "the run on this page")

# %% [markdown]
# The closer the dots are to a rising line, the better one can stop looking at images and read the
# estimate. The fresh critics (left) measure in pixels; the Fréchet distance looks at features of a
# classifier, to which the weight of a stroke, say, means little. So late in a run, when the
# distance hardly moves any more, the two may disagree about the order of neighbors. The critic in
# training (right) has the whole run behind it; in its first epochs its estimate can rise because
# *it* learned something. In the recorded run it ranks the epochs nearly as the distance does, and
# better than the fresh critics do. That is one run of one length: in a shorter run, a few epochs
# out of order weigh more, and the estimate is a weaker guide.

# %% [markdown]
# ### The fixed noise, epoch by epoch
#
# Both kinds at their ends.

# %%
before_and_after = np.concatenate([grid.frames[0], clip_grid.frames[-1], grid.frames[-1]], axis=1)
plots.show_images(before_and_after[None], title="Untrained, WGAN, WGAN-GP", scale=6.4)
plt.show()

# %% [markdown]
# Left: before training. Middle: after the run with clipping, which was the shorter one. Right:
# after the run with the penalty. The way of the latter:

# %%
animation = grid.save_gif(RUN / "wgan_gp.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results
#
# The distances, next to that of the recorded run, and 64 images that nobody chose.

# %%
generated = penalized.generate(SAMPLES)
distance_after = metrics.fid(real_features, lenet.features(generated))
print(f"Fréchet distance on LeNet features, {SAMPLES:,} images on each side")
print(f"  untrained               {distance_before:8.1f}")
print(f"  WGAN, clipped           {clip_distances[-1]:8.1f}   ({len(clip_steps.rows)} steps)")
print(f"  WGAN-GP                 {distance_after:8.1f}   ({len(steps.rows)} steps)")
print(f"  real vs. real           {floor:8.2f}   (noise floor; profile {profile.name})")
if run:
    print(f"  WGAN-GP, recorded run   {facts['distance_after']:8.1f}", end="   ")
    print(f"({facts['epochs'] * facts['steps_per_epoch']:,} steps)")
plots.show_images(generated[:64], columns=8, title=f"WGAN-GP digits, profile {profile.name}")
plt.show()

# %% [markdown]
# A Wasserstein GAN pays for its estimate: five critic updates, with a gradient of a gradient in
# each, for one of the generator. A short run of this lesson therefore makes few generator steps.
# How it compares with other models for the same seconds is a question for lesson 14.

# %% [markdown]
# ## What more discriminator steps do
#
# So what is the price for? A better discriminator should be a better teacher. For a plain GAN that
# is not so; we try it with deep dense networks without batch normalization, on eight small clusters
# of points on a ring. Both kinds get the same networks, optimizers, learning rates and number of
# updates of both players; only the objective differs. The plain GAN also runs with one
# discriminator update per step, which is usual for it.
#
# A run **fails** if it covers fewer than eight clusters; a cluster is covered
# if at least 2 % of all samples lie within three standard deviations of its center. (On this
# tiny scale a penalty weight of 0.1 does, as in the authors' own toy code.)

# %%
MODES = 8
RADIUS = 2.0
WIDTH = 0.05
LEAST_SHARE = 0.02
RING_RATE = 1e-3
RING_BATCH = 128
RING_LATENT_DIM = 2


def ring_centers():
    angles = 2 * np.pi * np.arange(MODES) / MODES
    return RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ring_points(count, seed):
    rng = np.random.default_rng(seed)
    centers = ring_centers()[rng.integers(MODES, size=count)]
    return (centers + WIDTH * rng.normal(size=(count, 2))).astype("float32")


def covered_modes(points):
    away = np.linalg.norm(points[:, None] - ring_centers()[None], axis=-1)
    near = away.min(axis=1) < 3 * WIDTH
    shares = np.bincount(away.argmin(axis=1)[near], minlength=MODES) / len(points)
    return int((shares >= LEAST_SHARE).sum()), float(near.mean())


# %% [markdown]
# The same model classes as above; points in place of images change nothing in them.


# %%
class RingWGAN(PenalizedWGAN):
    penalty_weight = 0.1


def ring_run(kind, critic_steps, seed, count):
    keras.utils.set_random_seed(seed)
    networks = build_dense(RING_LATENT_DIM, 2), build_dense(2, 1)
    options = {"average": 0.99, "critic_steps": critic_steps, "seed": seed}
    gan = kind(*networks, RING_LATENT_DIM, **options)
    gan.compile(*(keras.optimizers.Adam(RING_RATE, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    points = tf.data.Dataset.from_tensor_slices(ring_points(50_000, seed))
    points = points.shuffle(50_000, seed=seed).repeat()
    points = points.batch(RING_BATCH * critic_steps, drop_remainder=True).prefetch(2)
    gan.fit(points, epochs=1, steps_per_epoch=count, verbose=0)
    return gan.generate(4_000)


# %% [markdown]
# The table: seeds across, kinds down. In `quick` it is that of the recorded full run, which has
# more seeds and more steps.

# %%
RING_KINDS = {
    "plain, 1 step": (GAN, 1),
    "plain, 5 steps": (GAN, CRITIC_STEPS),
    "WGAN-GP, 5 steps": (RingWGAN, CRITIC_STEPS),
}
start = time.perf_counter()
recorded_ring = records.measured("10_wgan", "ring")
ring_table, ring_samples = recorded_ring or {name: [] for name in RING_KINDS}, {}
for name, (kind, critic_steps) in RING_KINDS.items() if not recorded_ring else ():
    for seed in RING_SEEDS:
        drawn = ring_run(kind, critic_steps, seed, RING_STEPS)
        ring_table[name].append(dict(zip(("modes", "near"), covered_modes(drawn), strict=True)))
        ring_samples.setdefault(name, drawn)
ring_seconds = time.perf_counter() - start
ring_failures = {n: sum(r["modes"] < MODES for r in rows) for n, rows in ring_table.items()}
print(records.origin(run) if recorded_ring else "trained here", end=": ")
print(f"{facts['ring_steps'] if recorded_ring else RING_STEPS:,} generator steps")
print(f"clusters covered of {MODES}, a column for each seed")
for name, rows in ring_table.items():
    counts = " ".join(f"{row['modes']:>3}" for row in rows)
    near = np.mean([row["near"] for row in rows])
    print(f"{name:<18}{counts}   failed {ring_failures[name]} of {len(rows)}", end=", ")
    print(f"{100 * near:.0f} % of samples near a center")

# %% [markdown]
# In the recorded run, the plain GAN with its usual single step misses at most one cluster. Five
# discriminator steps make it worse: it misses clusters in every run. WGAN-GP covers all eight in
# every run with the same five steps. Lesson 01 shows a plain GAN that covers them all, with other
# networks: this is about more discriminator steps, not about what a plain GAN can do at best.
#
# Where the experiment ran here, the samples of one seed of each kind (vermillion) on the data
# (gray); a cluster without vermillion is one that the generator misses.

# %%
if ring_samples:
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.4), sharex=True, sharey=True)
    for axis, (name, drawn) in zip(panels, ring_samples.items(), strict=True):
        axis.scatter(*ring_points(1_000, SEED).T, s=6, color="0.7", label="data")
        axis.scatter(*drawn[:1_000].T, s=4, color="#D55E00", alpha=0.5, label="drawn")
        axis.set(title=name, aspect="equal", xlim=(-2.8, 2.8), ylim=(-2.8, 2.8))
    panels[0].legend(loc="center", fontsize=8)
    figure.tight_layout()
    plt.show()

# %% [markdown]
# ## Use it
#
# The generators of both runs are saved with their averaged weights (EMA), and a fresh process draws
# with that of WGAN-GP. The critics are not needed.

# %%
generator_file = RUN / "generator.keras"
penalized.ema_generator.save(generator_file)
clipped.ema_generator.save(RUN / "clipped.keras")
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
# Batch normalization in the critic of a WGAN-GP. The penalty holds the slope of the critic *at each
# image*. With batch normalization the output for one image depends on all
# the others in the batch, so there is no such slope. Nothing crashes. To see it, we ask how the
# output of image $i$ changes with the pixels of image $j$: off the diagonal, that must be zero.


# %%
def cross_slopes(critic, batch):
    batch = tf.constant(batch)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        outputs = critic(batch, training=True)[:, 0]
    jacobian = tape.jacobian(outputs, batch)
    return tf.norm(tf.reshape(jacobian, (len(batch), len(batch), -1)), axis=-1).numpy()


def critic_with(normalization):
    critic = build_critic()
    middle = [part for part in critic.layers if not isinstance(part, layers.Dropout)]
    place = [part.name for part in middle].index("conv_2") + 1
    return keras.Sequential(
        [layers.Input((28, 28, 1)), *middle[:place], *normalization, *middle[place:]]
    )


# %% [markdown]
# Three critics: with batch normalization, without any, and with layer normalization, which the
# authors recommend where one wants a normalization: it looks at one image at a time.

# %%
cases = {
    "batch norm (wrong)": [layers.BatchNormalization()],
    "none (right)": [],
    "layer norm (right)": [layers.LayerNormalization(axis=(1, 2, 3))],
}
figure, panels = plt.subplots(1, 3, figsize=(9, 3.4))
leaks = {}
for axis, (name, normalization) in zip(panels, cases.items(), strict=True):
    slopes = cross_slopes(critic_with(normalization), real_sample[:8])
    shares = np.maximum(slopes / slopes.max(), 1e-4)
    shown = axis.imshow(shares, cmap="cividis", norm="log", vmin=1e-4, vmax=1)
    axis.set(title=name, xlabel="pixels of image j")
    off = slopes[~np.eye(len(slopes), dtype=bool)]
    leaks[name] = off.mean() / slopes.diagonal().mean()
    print(f"{name:<20} slope off the diagonal {100 * leaks[name]:.1f} % of that on it")
panels[0].set_ylabel("output of image i")
figure.colorbar(shown, ax=panels, label="share of the largest slope", shrink=0.8)
plt.show()

# %% [markdown]
# (The scale is logarithmic.) Only on the left is there light off the diagonal: those images change
# each other's outputs. The penalty sums that up as if it were the slope at one image. The fix is
# the middle or the right.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. Deep and boxed.** Build a dense critic of 12 layers, draw its weights from the bounds
# of a box, plus or minus $c$, and plot the norm of the gradient at the output of each layer,
# for $c$ = 0.05, 0.1, and 0.2 (width 128). What does a box mean for depth?

# %% tags=["hide-cell"]
points = tf.constant(ring_points(256, SEED))
figure, axis = plt.subplots(figsize=(6.4, 3.8))
growth = {}
for bound, color, mark in zip(
    (0.05, 0.1, 0.2), ("#0072B2", "#D55E00", "#009E73"), ("o-", "s--", "^:"), strict=True
):
    deep = build_dense(2, 1, depth=12)
    rng = np.random.default_rng(SEED)
    for weight in deep.trainable_variables:
        weight.assign(rng.choice([-bound, bound], weight.shape) * (len(weight.shape) == 2))
    parts = keras.Model(deep.inputs, [layer.output for layer in deep.layers])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        *features, result = parts(points)
    sizes = [float(tf.reduce_mean(tf.norm(tape.gradient(result, f), axis=1))) for f in features]
    growth[bound] = (sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1))
    axis.semilogy(range(1, 13), sizes, mark, color=color, label=f"c = {bound}")
    print(f"c = {bound}: each layer further from the output multiplies by {growth[bound]:.2f}")
axis.set(xlabel="layer", ylabel="norm of the gradient", title="Boxed weights, twelve layers")
axis.legend()
plt.show()

# %% [markdown]
# A factor at every layer, which is above or below one depending on $c$: the gradient explodes or
# vanishes on its way, and only one value of $c$, another one for each depth and width, does
# neither.

# %% [markdown]
# **2. One dimension.** There, the least work is easy: sort both samples and match them in order.
# Check that against SciPy's `wasserstein_distance`, and against the assignment of this lesson.

# %% tags=["hide-cell"]
rng = np.random.default_rng(SEED)
first, second = rng.normal(0, 1, 200), rng.exponential(1, 200)
by_sorting = np.abs(np.sort(first) - np.sort(second)).mean()
by_scipy = stats.wasserstein_distance(first, second)
by_assignment = earth_mover(first[:, None], second[:, None])
print(f"sorting {by_sorting:.6f}, SciPy {by_scipy:.6f}, assignment {by_assignment:.6f}")
np.testing.assert_allclose([by_sorting, by_assignment], by_scipy)

# %% [markdown]
# **3. One factor for the whole batch.** A popular slip: `tf.random.uniform(())` in place of one
# factor per image. The penalty's expected value stays the same. What changes? Compare the
# spread of the penalty over many draws for the trained critic.

# %% tags=["hide-cell"]
fakes = tf.constant(penalized.generate(FIXED_COUNT, seed=SEED + 1))
reals = tf.constant(real_sample)
shared, own = [], []
for index in range(DRAWS):
    seed = tf.constant([SEED, index])
    own.append(float(gradient_penalty(penalized.discriminator, reals, fakes, seed)))
    factor = tf.random.stateless_uniform((), seed)
    mixed = factor * reals + (1 - factor) * fakes
    # Mixed with itself, an image stays what it is, whatever the factor.
    shared.append(float(gradient_penalty(penalized.discriminator, mixed, mixed, seed)))
for name, values in {"one factor per image": own, "one for the batch": shared}.items():
    print(f"{name:<22} mean {np.mean(values):.3f}, standard deviation {np.std(values):.3f}")

# %% [markdown]
# The two means estimate the same number; the scatter differs. With one factor for all, each update
# looks at a single place between fakes and reals, and the critic's slope is held there only, until
# the next draw.

# %% [markdown]
# ## Summary
#
# - Where two distributions do not overlap, Jensen-Shannon is flat; the earth mover's distance is
#   not, and a 1-Lipschitz critic estimates it.
# - Clipping bounds the slope with a box, and the weights pile up at its walls. A penalty on the
#   slope does the job without; it needs a factor per image, all pixels, and an epsilon.
# - No batch normalization in the critic of a WGAN-GP.
# - The estimate is a loss one can read, if the critic is good enough: whether it ranks a run's
#   epochs like the Fréchet distance is a number, not a matter of belief.
# - The price is paid in critic updates. In return, more of them do not hurt: on the ring, five
#   discriminator steps cost the plain GAN clusters, and WGAN-GP none.
#
# ## References
#
# - M. Arjovsky, S. Chintala, L. Bottou, *Wasserstein GAN*, ICML 2017.
#   <https://arxiv.org/abs/1701.07875>
# - I. Gulrajani et al., *Improved Training of Wasserstein GANs*, NeurIPS 2017.
#   <https://arxiv.org/abs/1704.00028>
# - M. Arjovsky, L. Bottou, *Towards Principled Methods for Training Generative Adversarial
#   Networks*, ICLR 2017. <https://arxiv.org/abs/1701.04862>
# - H. Petzka, A. Fischer, D. Lukovnikov, *On the Regularization of Wasserstein GANs*, ICLR 2018
#   (the one-sided penalty). <https://arxiv.org/abs/1709.08894>
# - C. Villani, *Optimal Transport: Old and New*, Springer, 2009 (theorem 5.10 and remark 6.5).

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "clip_epochs": CLIP_EPOCHS,
    "critic_steps": CRITIC_STEPS,
    "distance_before": distance_before,
    "distance_after": distance_after,
    "distance_clipped": clip_distances[-1],
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "real_images": "drawn evenly",
    "running_estimates": running_estimates,
    "distances": distances,
    "clip_distances": clip_distances,
    "weights_at_bounds": at_bounds,
    "gradient_norms": norms,
}
if not recorded_line:
    found |= {"line_estimates": dict(zip(tried.tolist(), estimates.tolist(), strict=True))}
if not recorded_ranks:
    found |= {"spearman": correlations, "fresh_estimates": fresh}
if not recorded_ring:
    found |= {"ring_steps": RING_STEPS, "ring": ring_table, "ring_failures": ring_failures}

# %% [markdown] tags=["remove-cell"]
# The record of this run.

# %% tags=["remove-cell"]
total_seconds = line_seconds + clipped.seconds + penalized.seconds + ring_seconds
budget = {"real_images": test_set.images, "batch_size": SETTINGS["batch_size"]}
models = {"WGAN-GP": penalized}
if profile.name != "quick":  # there the clipped run is too short for a place in a comparison
    models = {"WGAN, clipped": clipped, **models}
rows = {
    title: gan_utils.evaluation.row(gan, gan.generate(gan_utils.evaluation.DRAWS), **budget)
    for title, gan in models.items()
}
facts = {"settings": SETTINGS, "comparison": rows}
records.record("10_wgan", found, seconds=total_seconds, data=train_set, seed=SEED, **facts)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert max(np.abs(w.numpy()).max() for w in clipped.discriminator.weights) <= CLIP * (1 + 1e-6)
assert (len(clip_steps.rows), len(steps.rows)) == (
    CLIP_EPOCHS * STEPS_PER_EPOCH,
    EPOCHS * STEPS_PER_EPOCH,
)
assert np.isfinite([distance_before, distance_after, floor, *distances, *estimates]).all()
assert len(grid.frames) == EPOCHS + 1
assert leaks["batch norm (wrong)"] > 0
# Without batch normalization the slopes across images are exactly zero, but for rounding.
assert max(leaks["none (right)"], leaks["layer norm (right)"]) < 1e-5
assert 0 <= at_bounds <= 1
assert all(0 <= row["modes"] <= MODES for rows in ring_table.values() for row in rows)
assert all((RUN / name).exists() for name in ("generator.keras", "clipped.keras", "wgan_gp.gif"))
