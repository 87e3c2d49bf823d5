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
# **What you will do with about 310 lines of code.** Replace the discriminator, which tells real
# from fake, by a *critic*, which measures how far the fakes are from the real images: with clipped
# weights (WGAN), and with a gradient penalty (WGAN-GP).
#
# **Time and size.** 7 minutes to read; less than a minute of training on two CPU cores; a download
# of 12 MB (MNIST, once).
#
# **What you will learn**
#
# - why the earth mover's distance has a slope where the Jensen-Shannon divergence is flat;
# - how a network estimates it (Kantorovich and Rubinstein);
# - what clipping does to the weights, how to write the penalty;
# - how well the critic's estimate ranks the epochs of a run.
#
# **What you need.** The DCGAN lesson.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package; anywhere else it checks that the package is there.

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
from scipy import special, stats

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, metrics, plots, profile, records
from gan_utils.gan import step_seed

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `PAPER` (`GAN_RECIPE=tutorial`) has both papers' settings, without averages. Our runs have less
# time: smaller batches, larger steps, an exponential moving average (EMA) of the generator's
# weights. In `full` the learning rates of WGAN-GP decay to zero (`STAGES`). Number of critic
# updates, clipping, penalty and Adam's betas are the papers'.

# %%
SEED = profile.seed(10)
LATENT_DIM = 100
CRITIC_STEPS = 5
CLIP = 0.01
PENALTY_WEIGHT = 10.0
PAPER = {"clip_rate": 5e-5, "d_rate": 1e-4, "g_rate": 1e-4, "batch_size": 64, "ema_decay": None}
FULL = {"clip_rate": 2e-4, "d_rate": 5e-4, "g_rate": 5e-4, "batch_size": 16, "ema_decay": 0.9995}
SHORT = FULL | {"batch_size": 8, "ema_decay": 0.99}
STAGES = ((0, 5e-4, 5e-4), (0.4, 5e-4, 5e-4))  # start, rates of critic, generator
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=PAPER)
EPOCHS = profile.epochs(full=20, quick=4, smoke=3)
CLIP_EPOCHS = profile.epochs(full=4, quick=1, smoke=2)
UPDATES = 60_000 // (SETTINGS["batch_size"] * CRITIC_STEPS)  # of the generator, in one pass
STEPS_PER_EPOCH = profile.steps(full=UPDATES, quick=36, smoke=2)
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## What the recorded run reached
#
# Fifty images of the recorded `full` run, none of them cherry-picked.

# %%
run = records.recorded("10_wgan", "full")
facts = run["metrics"] if run else {}
if run:
    updates = facts["epochs"] * facts["steps_per_epoch"]
    seen = updates * facts["critic_steps"] * run["settings"]["batch_size"]
    print(f"{records.origin(run)}: {updates:,} generator updates, {seen:,} real images", end=", ")
    print(f"{seen / run['data']['count']:.1f} passes; distance {facts['distance_after']:.1f}")
trained_generator, message = gan_utils.weights.try_generator("wgan_gp")
print(message)
if trained_generator is not None:
    latents = np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)).astype("float32")
    trained_images = trained_generator(latents, training=False).numpy()
    plots.show_images(trained_images, columns=10, title="WGAN-GP, recorded full run")
    plt.show()

# %% [markdown]
# On the page of the book, it draws while you watch.
#
# <!-- interactive: wgan_gp -->

# %% [markdown]
# ## The idea: a slope that does not vanish
#
# Early in a training, fakes and real images have nothing in common, and the discriminator soon
# tells them apart perfectly. Then it is a cliff: flat on both sides, also where the fakes are.
#
# Take real numbers from a normal distribution around 0 and fakes around $\theta$, both of width 1.
# The best discriminator is $D(x) = \sigma(\theta^2/2 - \theta x)$; the best critic, as we will see,
# a straight line of slope one. The slopes that pull a fake at $x = \theta$ towards the data, of
# $\log(1 - D)$ (saturating), of $-\log D$ (non-saturating), and of the critic:


# %%
def generator_slopes(theta):
    return {
        "saturating": theta * special.expit(-(theta**2) / 2),
        "non-saturating": theta * special.expit(theta**2 / 2),
        "critic": np.ones_like(theta),
    }


places, theta, apart = np.linspace(-3, 8, 300), 5.0, np.linspace(0.05, 8, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.3))
for center, color, name in ((0, "0.4", "real"), (theta, VERMILLION, "fake")):
    left.fill_between(places, stats.norm.pdf(places, center), color=color, alpha=0.4, label=name)
left.plot(places, special.expit(theta**2 / 2 - theta * places), BLUE, label="discriminator D(x)")
left.plot(places, (theta / 2 - places) / 5, GREEN, linestyle="--", label="critic f(x) / 5")
left.set(title="Best discriminator, best critic", xlabel="x")
for (name, slope), style in zip(generator_slopes(apart).items(), (":", "-.", "--"), strict=True):
    right.semilogy(apart, slope, style, label=name)
right.set(title="Slope at the fakes", xlabel=r"$\theta$", ylim=(1e-8, 20))
for axis in (left, right):
    axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# On the left, $D$ is flat wherever there are fakes; the critic is not. On the right, the saturating
# loss loses its slope as fakes and data move apart. The non-saturating loss keeps one, which grows
# with the distance. The critic pulls with the same strength from everywhere.
#
# ### Two parallel lines
#
# Without any overlap (the WGAN paper's example 1): data uniform on the line $(0, u)$, fakes on
# $(\theta, u)$, with $u$ between 0 and 1.
#
# - The **Jensen-Shannon divergence**, which an ordinary GAN minimizes with the best discriminator,
#   is $\log 2$ for every $\theta \ne 0$. A constant has no slope.
# - The **earth mover's distance** is the least work, mass times distance, that turns one
#   distribution into the other: $|\theta|$. Its slope always points to the data.

# %% [markdown]
# ## From distance to network
#
# **Kantorovich and Rubinstein** turn the least work into something a network can learn: it is also
# the largest gap between two means that a function of slope at most one can open,
#
# $$
# W(p_d, p_g) = \max_{\|f\|_L \le 1} \; \mathbb{E}_{x \sim p_d}[f(x)] - \mathbb{E}_{x \sim
# p_g}[f(x)]
# $$
#
# where $\|f\|_L \le 1$ (**1-Lipschitz**) means $|f(x) - f(y)| \le \|x - y\|$ for all $x$ and $y$.
# The **critic** $f$ makes the gap large with its slope held at one; the generator makes it small.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $f(x)$, $f(G(z))$ | `real_outputs`, `fake_outputs` | the critic's outputs |
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
# Ask for the slope where the generator needs it: between fakes and real images (Gulrajani et al.,
# 2017, equation 3). Details matter: a mixing factor **uniform** in [0, 1]; **one for each image**;
# a norm over **all its pixels**; an **epsilon under the root**, whose derivative at 0 is infinite.


# %%
def gradient_penalty(critic, real_images, fake_images, seed, weight=PENALTY_WEIGHT):
    other_axes = list(range(1, len(real_images.shape)))
    factors = tf.random.stateless_uniform((real_images.shape[0], *[1] * len(other_axes)), seed)
    mixed = factors * real_images + (1 - factors) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        outputs = critic(mixed, training=True)
    gradients = tape.gradient(outputs, mixed)
    slopes = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=other_axes) + 1e-12)
    return weight * tf.reduce_mean(tf.square(slopes - 1))


# %% [markdown]
# ## The data
#
# MNIST again.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("10_wgan", train_set)
SAMPLES = evaluation.count(test_set)
real_sample = images.to_float(train_set.images[:16])
print(train_set)
plots.show_images(real_sample, columns=8, title="Real digits")
plt.show()

# %% [markdown]
# ## The networks
#
# The generator of the DCGAN lesson.


# %%
def build_generator(latent_dim=LATENT_DIM):
    options = {"padding": "same", "use_bias": False}
    blocks = [layers.Input((latent_dim,)), layers.Dense(7 * 7 * 256, use_bias=False)]
    blocks += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.3)]
    blocks += [layers.Reshape((7, 7, 256))]
    for filters, strides in ((128, 1), (64, 2)):
        blocks += [layers.Conv2DTranspose(filters, 5, strides=strides, **options)]
        blocks += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.3)]
    blocks += [layers.Conv2DTranspose(1, 5, strides=2, activation="tanh", **options)]
    return keras.Sequential(blocks, name="generator")


# %% [markdown]
# Its discriminator becomes the critic, without dropout, which would make it a different function at
# each call, and without batch normalization; "What goes wrong" shows why.


# %%
def build_critic(normalization=(), **options):
    blocks = [
        layers.Input((28, 28, 1)),
        layers.Conv2D(64, 5, strides=2, padding="same", name="conv_1", **options),
        layers.LeakyReLU(negative_slope=0.3),
        layers.Conv2D(128, 5, strides=2, padding="same", name="conv_2", **options),
        *normalization,
        layers.LeakyReLU(negative_slope=0.3),
        layers.Flatten(),
        layers.Dense(1, name="output", **options),
    ]
    return keras.Sequential(blocks, name="critic")


for network in (build_generator(), build_critic()):
    print(f"{network.name:<12}{network.output_shape!s:<22}{network.count_params():>10,} parameters")

# %% [markdown]
# ## The model
#
# `gan_utils.GAN(critic_steps=5)` updates the critic five times, each time with new images, then the
# generator once. Our subclass adds the two losses and logs the estimate.


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
# Two ways to hold the slope. **Clipping** (WGAN): after each update of the critic, every weight
# goes back into the interval from `-CLIP` to `CLIP`, which bounds the slope at some unknown value.
# **Penalty** (WGAN-GP): one more term in the critic's loss.


# %%
class ClippedWGAN(WassersteinGAN):
    def update_discriminator(self, batch, inputs, fake_images):
        logs = super().update_discriminator(batch, inputs, fake_images)
        for weight in self.discriminator.trainable_variables:
            weight.assign(tf.clip_by_value(weight, -CLIP, CLIP))
        return logs


class PenalizedWGAN(WassersteinGAN):
    penalty_weight = PENALTY_WEIGHT

    def discriminator_objective(self, batch, inputs, fake_images):
        loss, logs = super().discriminator_objective(batch, inputs, fake_images)
        # New mixing factors at each update, reproducible from the model's seed.
        seed = step_seed(self.seed, 1_000, self.d_optimizer.iterations.value)
        penalty = gradient_penalty(
            self.discriminator, self.real_inputs(batch), fake_images, seed, self.penalty_weight
        )
        return loss + penalty, {**logs, "d_loss": loss + penalty, "penalty": penalty}


# %% [markdown]
# The optimizers are the papers': RMSprop with clipping, where the authors found momentum harmful,
# and Adam with $\beta_1 = 0$ with the penalty. The clipped critic starts *inside* its interval, so
# that we see what training does to its weights.


# %%
def make(kind, critic, optimizers, seed):
    options = {"ema_decay": SETTINGS["ema_decay"], "critic_steps": CRITIC_STEPS, "seed": seed}
    gan = kind(build_generator(), critic, LATENT_DIM, **options)
    gan.compile(*optimizers)
    return gan


def make_clipped(seed=SEED):
    keras.utils.set_random_seed(seed)
    critic = build_critic(kernel_initializer=keras.initializers.RandomUniform(-CLIP, CLIP))
    optimizers = [keras.optimizers.RMSprop(SETTINGS["clip_rate"]) for _ in range(2)]
    return make(ClippedWGAN, critic, optimizers, seed)


def make_penalized(seed=SEED):
    keras.utils.set_random_seed(seed)
    rates = SETTINGS["d_rate"], SETTINGS["g_rate"]
    optimizers = [keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9) for rate in rates]
    return make(PenalizedWGAN, build_critic(), optimizers, seed)


# %% [markdown]
# ### One step: who moved?
#
# The largest change of any weight in each update:

# %%
step_batch = tf.constant(images.to_float(train_set.images[: 8 * CRITIC_STEPS]))
moves = gan_utils.who_moved(make_penalized(), step_batch)
print(moves)

# %% [markdown]
# Five updates of the critic (the base class calls it discriminator), one of the generator; each
# moves its own player only.

# %% [markdown]
# ## Training with the gradient penalty
#
# After each epoch a callback notes the Fréchet distance (not in the short run).


# %%
def distance_of(gan, epoch):
    fakes = gan.generate(SAMPLES, seed=SEED + epoch)
    return metrics.fid(real_features, lenet.features(fakes))


# %% [markdown]
# Training:


# %%
def train(gan, name, epochs, *watchers):
    folder = RUN / name
    folder.mkdir(parents=True, exist_ok=True)
    fixed = keras.random.normal((16, LATENT_DIM), seed=SEED)
    grid = callbacks.SampleGrid(fixed, columns=4, folder=folder / "grids")
    steps = callbacks.StepHistory(folder / "steps.csv")
    checkpoint = callbacks.Checkpoint(folder / "checkpoints")
    options = {"steps_per_epoch": STEPS_PER_EPOCH, "seed": SEED}
    batch_size = SETTINGS["batch_size"] * CRITIC_STEPS
    batches = gan_utils.Batches(train_set.images, batch_size=batch_size, **options)
    watchers = [grid, steps, *watchers, checkpoint, callbacks.TerminateOnNaN()]
    gan.fit(batches, epochs=epochs, callbacks=watchers, verbose=2)
    return grid, steps


# %% [markdown]
# With the penalty:

# %%
penalized = make_penalized()
untrained = evaluation.scores(penalized.generate(SAMPLES), real_images=test_set.images)
real_features = lenet.features(test_set.sample(SAMPLES).images)
tracker = callbacks.ScoreByEpoch(distance_of, RUN / "distances.txt")
watchers = [callbacks.LinearDecay(*STAGES)] * (SETTINGS is FULL) + [tracker] * (
    profile.name != "quick"
)
grid, steps = train(penalized, "penalized", EPOCHS, *watchers)
seen = EPOCHS * STEPS_PER_EPOCH * CRITIC_STEPS * SETTINGS["batch_size"]
print(f"{EPOCHS * STEPS_PER_EPOCH:,} generator updates, {penalized.seconds:.0f} s", end=", ")
print(f"{seen:,} real images: {seen / len(train_set):.2f} passes over the data")

# %% [markdown]
# The critic's estimate of the distance, and the penalty it pays.

# %%
plots.plot_history(
    steps.history,
    {"Estimate of the earth mover's distance": ["estimate"], "Gradient penalty": ["penalty"]},
)
plt.show()

# %% [markdown]
# The estimate rises when the critic gains, falls when the generator does.

# %%
animation = grid.save_gif(RUN / "wgan_gp.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ### Does the estimate rank the epochs?
#
# The Spearman rank correlation is 1 where the estimate orders the epochs as the Fréchet distance
# does, which knows nothing of the critic, and 0 for no relation. Over a handful of epochs it is
# noise, so `quick` shows the recorded run.

# %%
epoch_means = np.reshape(steps.history["estimate"], (EPOCHS, -1)).mean(axis=1)
curve = {"running_estimates": epoch_means, "distances": tracker.values}
curve = facts if profile.name == "quick" else curve
if curve:
    estimates, distances = curve["running_estimates"], curve["distances"]
    spearman = float(stats.spearmanr(estimates, distances).statistic)
    figure, axis = plt.subplots(figsize=(5.4, 3.8))
    axis.plot(estimates, distances, color="0.7", linewidth=1)
    order = np.arange(1, len(distances) + 1)
    dots = axis.scatter(estimates, distances, c=order, cmap="cividis", zorder=2)
    axis.set(xlabel="critic's estimate, mean of the epoch", ylabel="Fréchet distance")
    axis.set_title(f"{len(distances)} epochs, rank correlation {spearman:.2f}")
    figure.colorbar(dots, label="epoch")
    plt.show()

# %% [markdown]
# In the recorded run the two orders nearly agree. Two limits: early on the estimate also moves
# because *the critic* learns, and estimates of different critics do not compare.

# %% [markdown]
# ## Training with clipped weights
#
# The same networks and batches, clipped. Before training, 1 % of the critic's weights lie within 1
# % of a bound. And after it?


# %%
def share_at_bounds(critic):
    kernels = [w.numpy().ravel() for w in critic.trainable_variables if len(w.shape) > 1]
    return float(np.mean(np.abs(np.concatenate(kernels)) >= 0.99 * CLIP))


clipped = make_clipped()
share_before = share_at_bounds(clipped.discriminator)
train(clipped, "clipped", CLIP_EPOCHS)
at_bounds = share_at_bounds(clipped.discriminator)
figure, panels = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
critics = {"clipped": clipped.discriminator, "penalized": penalized.discriminator}
for axis, (name, critic), color in zip(panels, critics.items(), (VERMILLION, BLUE), strict=True):
    axis.hist(critic.get_layer("conv_2").kernel.numpy().ravel(), 60, color=color)
    axis.set(title=f"{name}: weights of conv_2", xlabel="weight")
plt.show()
print(f"weights at a bound: before training {share_before:.0%}, after {at_bounds:.0%}", end="")
print(f", recorded run {facts['weights_at_bounds']:.0%}" if run else "")

# %% [markdown]
# The clipped weights pile up at both bounds (as in Gulrajani et al., 2017, figure 1): the critic
# wants a larger slope than the interval allows. And the norm of its gradient at the pixels?


# %%
def pixel_slope(critic, samples):
    samples = tf.constant(samples)
    with tf.GradientTape() as tape:
        tape.watch(samples)
        outputs = critic(samples, training=False)
    gradients = tf.reshape(tape.gradient(outputs, samples), (len(samples), -1))
    return float(tf.reduce_mean(tf.norm(gradients, axis=1)))


norms = {name: {"pixels": pixel_slope(critic, real_sample)} for name, critic in critics.items()}
for origin, found in {"this run": norms, "recorded run": facts.get("gradient_norms", {})}.items():
    for name in [name for name in norms if name in found]:
        print(f"{origin}, {name}: slope {found[name]['pixels']:.2f}")

# %% [markdown]
# In the recorded run the penalized critic's slope is of the order of one, as the penalty asks: its
# estimate has the units of the pixels.

# %% [markdown]
# ## Results
#
# The distances, and 50 images.

# %%
budget = {"real_images": test_set.images, "batch_size": SETTINGS["batch_size"]}
generated = penalized.generate(SAMPLES)
rows = {"WGAN-GP": evaluation.row(penalized, generated, **budget)}
if profile.name != "quick":  # where the clipped run is too short to be compared
    rows["WGAN, clipped"] = evaluation.row(clipped, clipped.generate(SAMPLES), **budget)
floor = evaluation.noise_floor(train_set, test_set)
print(f"Fréchet distance on LeNet features, {SAMPLES:,} images a side")
print(f"untrained {untrained['distance']:.1f}, real against real (noise floor) {floor:.2f}")
for name, row in rows.items():
    print(f"{name}: {row['distance']:.1f} after {row['steps']:,} generator updates")
if run:
    for name, row in run["comparison"].items():
        print(f"recorded {name}: {row['distance']:.1f} after {row['steps']:,}")
plots.show_images(generated[:50], columns=10, title=f"WGAN-GP, profile {profile.name}")
plt.show()

# %% [markdown]
# Five critic updates for one of the generator is a price. On a ring of points they cost a plain GAN
# modes, and WGAN-GP none ([study](../book/studies/critic.md)).

# %% [markdown]
# ## Use it
#
# Another process loads the saved EMA generator and draws.

# %%
generator_file = RUN / "generator.keras"
penalized.ema_generator.save(generator_file)
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(generator_file, latents)
plots.show_images(drawn, columns=10, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong: batch normalization in the critic
#
# With batch normalization, the output for one image depends on all others in the batch. How does
# the output of image $i$ change with the pixels of image $j$? Off the diagonal, it must not.


# %%
def cross_slopes(critic, batch):
    batch = tf.constant(batch)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        outputs = critic(batch, training=True)[:, 0]
    jacobian = tape.jacobian(outputs, batch)
    return tf.norm(tf.reshape(jacobian, (len(batch), len(batch), -1)), axis=-1).numpy()


cases = {
    "batch norm (wrong)": [layers.BatchNormalization()],
    "none (right)": [],
    "layer norm (right)": [layers.LayerNormalization(axis=(1, 2, 3))],
}
figure, panels = plt.subplots(1, 3, figsize=(7, 2.9), layout="constrained")
leaks = {}
for axis, (name, normalization) in zip(panels, cases.items(), strict=True):
    slopes = cross_slopes(build_critic(normalization=normalization), real_sample[:8])
    shares = np.maximum(slopes / slopes.max(), 1e-4)
    axis.imshow(shares, cmap="cividis", norm="log", vmin=1e-4, vmax=1)
    axis.set(title=name, xlabel="pixels of image j", ylabel="output of image i")
    off = slopes[~np.eye(len(slopes), dtype=bool)]
    leaks[name] = float(off.mean() / slopes.diagonal().mean())
    print(f"{name:<20} off the diagonal {leaks[name]:.1%} of that on it")
plt.show()

# %% [markdown]
# The fix: no normalization in the critic, or layer normalization, which the authors recommend.

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** what changes if the critic's output is multiplied by 10: the estimate, the
# penalty, the generator's gradient? In which of the two WGANs could training undo it?
#
# <details><summary>Solution</summary>
#
# Estimate and gradient grow tenfold. The penalty jumps from 0 to $10 \cdot (10 - 1)^2$, so training
# brings the slope back to one. With clipping nothing fixes the scale: its estimate has no units.
#
# </details>
#
# **2 ★ Predict first:** 100 critic updates per generator update in place of 5: does the generator's
# gradient vanish? And with an ordinary discriminator and the saturating loss?
#
# <details><summary>Solution</summary>
#
# No: the critic comes nearer to the best 1-Lipschitz function, a better gradient that costs time.
# The discriminator comes nearer to the cliff of the first figure.
#
# </details>
#
# **3 ★★ Predict first, then derive with pencil and paper:** on the two lines, a critic with slope
# $s$ opens the gap $s\,|\theta|$ and pays $\lambda (s - 1)^2$. Is the best slope exactly one? Which
# estimate does the critic report at $|\theta| = 1$, $\lambda = 10$?
#
# <details><summary>Solution</summary>
#
# Set the derivative of $s|\theta| - \lambda (s-1)^2$ to zero: $|\theta| = 2\lambda(s - 1)$, so $s =
# 1 + |\theta| / 2\lambda$. The critic overshoots, here to $s = 1.05$, and reports 1.05 in place of
# 1, as trained networks do ([study](../book/studies/critic.md)).
#
# </details>
#
# **4 ★★★ Predict first:** a common mistake is *one* mixing factor for the whole batch. Does the
# mean of the penalty change? Its spread over many draws? Measure both with the trained critic.

# %% tags=["hide-cell"]
reals, fakes = tf.constant(real_sample), tf.constant(penalized.generate(16, seed=SEED + 1))
penalties = []
for index in range(profile.samples(full=200, quick=60, smoke=5)):
    factor = tf.random.stateless_uniform((), (SEED, index))
    mixed = factor * reals + (1 - factor) * fakes  # mixed with itself, it stays what it is
    for pair in ((reals, fakes), (mixed, mixed)):
        penalties.append(gradient_penalty(penalized.discriminator, *pair, (SEED, index)))
for name, values in (("one factor per image", penalties[::2]), ("one for all", penalties[1::2])):
    print(f"{name:<22} mean {np.mean(values):.3f}, standard deviation {np.std(values):.3f}")

# %% [markdown]
# Both means estimate the same number, but one factor holds the slope at a single place per update.

# %% [markdown]
# ## Summary
#
# - Without overlap Jensen-Shannon is flat; the earth mover's distance, which a 1-Lipschitz critic
#   estimates, is not.
# - Clipped weights pile up at their bounds. A penalty on the slope needs none.
# - No batch normalization in a WGAN-GP's critic.
#
# ## References
#
# - M. Arjovsky et al., *Wasserstein GAN*, ICML 2017. <https://arxiv.org/abs/1701.07875>
# - I. Gulrajani et al., *Improved Training of Wasserstein GANs*, NeurIPS 2017.
#   <https://arxiv.org/abs/1704.00028>
# - C. Villani, *Optimal Transport: Old and New*, Springer, 2009 (theorem 5.10).

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "clip_epochs": CLIP_EPOCHS,
    "critic_steps": CRITIC_STEPS,
    "distance_before": untrained["distance"],
    "distance_after": rows["WGAN-GP"]["distance"],
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "weights_at_bounds": at_bounds,
    "gradient_norms": norms,
}
if profile.name != "quick":
    found |= {"spearman": {"critic in training": spearman}, "distances": distances}
    found["distance_clipped"] = rows["WGAN, clipped"]["distance"]
    found["running_estimates"] = estimates

# %% tags=["remove-cell"]
seconds = clipped.seconds + penalized.seconds
settings = SETTINGS | ({"stages": STAGES} if SETTINGS is FULL else {})
made = {"settings": settings, "comparison": rows, "data": train_set, "seed": SEED}
records.record("10_wgan", found, seconds=seconds, **made)

assert moves.movers[-1] == ("generator", ["generator"])
assert generated.shape == (SAMPLES, 28, 28, 1)
assert max(np.abs(w.numpy()).max() for w in clipped.discriminator.weights) <= CLIP * (1 + 1e-6)
assert len(steps.rows) == EPOCHS * STEPS_PER_EPOCH
assert drawn.shape == (10, 28, 28, 1)
# Without batch normalization the slopes across images are exactly zero, but for rounding.
assert leaks["batch norm (wrong)"] > 0
assert max(leaks["none (right)"], leaks["layer norm (right)"]) < 1e-5
