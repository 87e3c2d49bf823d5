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
# # GANs and diffusion, side by side

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/20_gans_and_diffusion.ipynb)

# %% [markdown]
# **What you will do with about 300 lines of code.** Train a small diffusion model on MNIST for as
# long as lesson 01's GAN, draw in 1,000, 50 and 10 steps, and compare.
#
# **Time and size.** 7 minutes to read; less than a minute of training on two CPU cores; a download
# of 12 MB (MNIST, once).
#
# **What you will learn.** How a network that only removes noise becomes a generator; what each of
# the two kinds of model costs, and what it is for.
#
# **What you need.** Lessons 01 and 13.

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
import time
from itertools import pairwise

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import gan_utils
from gan_utils import callbacks, evaluation, images, io, plots, process, profile, records
from gan_utils.ema import MovingAverage
from gan_utils.fit import prepared

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `BUDGET` is **processor seconds**, summed over cores: in `full` those of lesson 01's GAN. An epoch
# is part of a pass.

# %%
LESSON = "20_gans_and_diffusion"
SEED = profile.seed(20)
SEEDS = [SEED + index for index in range(profile.samples(full=3, quick=1, smoke=1))]
GAN_RUN = records.recorded("01_gan", "full")
GAN_ROW = GAN_RUN["comparison"]["GAN, dense"] if GAN_RUN else {"seconds": 700.0}
BUDGET = {"full": GAN_ROW["seconds"], "quick": 80.0, "smoke": 1.0}[profile.name]
NUM_STEPS = 1000
WIDTHS = (32, 64)
TIME_FEATURES = 32
FULL = {"batch_size": 32, "rate": 2e-3, "ema_decay": 0.9995}
SHORT = {"batch_size": 32, "rate": 2e-3, "ema_decay": 0.995}
SETTINGS = profile.settings(full=FULL, short=SHORT)
STEPS_PER_EPOCH = profile.steps(full=400, quick=50, smoke=2)
DRAWN_AT_ONCE = 250

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The data, and what the recorded run reached
#
# *Distance* (Fréchet, LeNet), precision and recall use the first column's number of images,
# *of all* all drawn; *seconds* are the processor's per 1,000. Means over seeds.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder(LESSON, train_set)
SAMPLES = profile.samples(full=10_000, quick=500, smoke=100, available=len(test_set))
FEW = profile.samples(full=1_000, quick=500, smoke=100, available=len(test_set))
print(train_set)
COLUMNS = ("samples", "distance", "distance_of_all", "precision", "recall", "seconds")


def show_table(found):
    print(f"{'':<18}{'images':>7}{'distance':>9}{'of all':>7}", end="")
    print(f"{'precision':>10}{'recall':>7}{'seconds':>8}")
    for name, rows in found["cases"].items():
        means = [np.mean([row[key] for row in rows]) for key in COLUMNS]
        print("{:<18}{:>7,.0f}{:>9.1f}{:>7.1f}{:>10.2f}{:>7.2f}{:>8.2f}".format(name, *means))
    print(f"noise floor (distance) {found['real_vs_real']:.2f}; seeds: {found['seeds']}")


def show_sheets(found, title):
    sheets = [evaluation.decode_image(sheet) for sheet in found["sheets"].values()]
    plt.figure(figsize=(6.4, 0.4 + 1.3 * len(sheets)), layout="constrained")
    plt.imshow(np.concatenate(sheets))
    plt.title(f"{title}, two rows each: {'; '.join(found['sheets'])}", fontsize=8)
    plt.axis("off")
    plt.show()


# %% [markdown]
# The record:


# %%
def show_rows(rows, title):
    drawn = np.concatenate([np.clip(part, -1, 1) for part in rows.values()])
    plots.show_images(drawn, columns=len(drawn) // len(rows), row_labels=[*rows], title=title)
    plt.show()


recorded_run = records.recorded(LESSON, "full")
if recorded_run:
    print(records.origin(recorded_run))
    show_table(recorded_run["metrics"])
    modern = records.recorded("16_modern_objectives", "full") or {}
    for name, row in modern.get("comparison", {}).items():
        print(f"lesson 16, {name}: distance {row['distance']:.1f}, {row['seconds']:.0f} s")
    show_sheets(recorded_run["metrics"], "recorded full run")
else:
    print("no recorded full run yet")

# %% [markdown]
# ## The idea
#
# A GAN turns noise into an image in one go. Nobody knows which image a given noise should become,
# so a second network has to score the result. Diffusion (Ho et al., 2020) *destroys* images: it
# adds a little noise, again and again. A network that can undo one small step leads, in a thousand
# of them, from pure noise to an image. And undoing has a ground truth: we know the noise that we
# added. Training is a regression: one network, one loss.
#
# Many noise steps at once are again one normal distribution. With the image $x_0$ and standard
# normal noise $\varepsilon$ (Ho et al., 2020, equation 4),
#
# $$
# x_t=\sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\varepsilon ,
# \qquad t=1,\dots,T .
# $$
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x_0$, $x_t$ | `clean`, `noisy` | an image, and the same after $t$ noise steps |
# | $\bar\alpha_t$ | `ALPHA_BAR` | the image's share of the variance: from 1 to nearly 0 |
# | $\sqrt{\bar\alpha_t}$, $\sqrt{1-\bar\alpha_t}$ | `SIGNAL`, `NOISE` | the two factors |
# | $\varepsilon$, $v$ | `noise`, `v` | what was added; what the network predicts |

# %% [markdown]
# ## The noise schedule
#
# The first paper's schedule has destroyed a small image long before its last step. The cosine
# schedule (Nichol and Dhariwal, 2021, equation 17) destroys it more evenly:
#
# $$
# \bar\alpha_t=\frac{f(t)}{f(0)}, \qquad
# f(t)=\cos^2\Bigl( \frac{t/T+s}{1+s}\cdot\frac{\pi}{2} \Bigr), \qquad s=0.008 .
# $$
#
# No step removes more than 99.9 % of what is left: $\bar\alpha_T > 0$.


# %%
def cosine_schedule(num_steps=NUM_STEPS, offset=0.008):
    progress = np.arange(num_steps + 1) / num_steps
    curve = np.cos((progress + offset) / (1 + offset) * np.pi / 2) ** 2
    betas = np.minimum(1 - curve[1:] / curve[:-1], 0.999)
    return np.concatenate([[1.0], np.cumprod(1 - betas)])


ALPHA_BAR = cosine_schedule()
SIGNAL = np.sqrt(ALPHA_BAR).astype("float32")
NOISE = np.sqrt(1 - ALPHA_BAR).astype("float32")


def factors(t):
    """Return the two factors of x_t, for one step () or a step for each image (n,)."""
    return (tf.reshape(tf.gather(table, t), (-1, 1, 1, 1)) for table in (SIGNAL, NOISE))


def add_noise(clean, noise, t):
    """Return the noisy images, and the v that belongs to them."""
    signal, scale = factors(t)
    return signal * clean + scale * noise, signal * noise - scale * clean


# %% [markdown]
# One digit on its way to noise, from $t=0$ to $1000$ in steps of 100:

# %%
shown_steps = np.arange(0, NUM_STEPS + 1, 100, dtype="int32")
one_digit = images.to_float(test_set.images[:1])
one_noise = np.random.default_rng(SEED).normal(size=one_digit.shape).astype("float32")
noisy_digit = add_noise(one_digit, one_noise, shown_steps)[0].numpy()
show_rows({"noisy": noisy_digit}, "One image, more and more noise")

# %% [markdown]
# ## What to predict
#
# The network's answer has to give both $x_0$ and $\varepsilon$; either gives the other. Ho et al.
# predict $\varepsilon$. But near $t=T$ the input nearly *is* the noise: copying it says nothing
# about the image, and in $x_0$ any error is multiplied by
# $\sqrt{1-\bar\alpha_t}/\sqrt{\bar\alpha_t}$, a huge number. We predict (Salimans and Ho, 2022)
#
# $$
# v=\sqrt{\bar\alpha_t}\,\varepsilon-\sqrt{1-\bar\alpha_t}\,x_0 ,
# \qquad\text{so that}\qquad
# x_0=\sqrt{\bar\alpha_t}\,x_t-\sqrt{1-\bar\alpha_t}\,v .
# $$
#
# With little noise that asks for $\varepsilon$, with much for $-x_0$: for what the input hides.
#
# ## The network
#
# A **U-Net**, as in Pix2Pix: an encoder halves the size twice, a decoder doubles it twice, a skip
# connection hands fine features across. Moreover:
#
# - *residual blocks* begin as the identity (their last convolution starts at zero);
# - the step $t$ is looked up in a fixed table of sines and cosines, and added in each block;
# - at 7 by 7, two dense layers see the whole image. They hold most parameters and cost little: a
#   dense layer uses a weight once for an image, a convolution at each place.
#
# There is no batch normalization: a batch mixes all levels of noise.


# %%
def time_table():
    angles = np.linspace(0, 1, NUM_STEPS + 1)[:, None] * np.geomspace(1, 500, TIME_FEATURES // 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def residual_block(features, moment, width):
    hidden = layers.Activation("swish")(features)
    hidden = layers.Conv2D(width, 3, padding="same")(hidden)
    shift = layers.Reshape((1, 1, width))(layers.Dense(width)(moment))
    hidden = layers.Activation("swish")(layers.Add()([hidden, shift]))
    hidden = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(hidden)
    return layers.Add()([features, hidden])


def dense_block(features, moment, width, channels=32, code_size=512):
    small = layers.Flatten()(layers.Conv2D(channels, 1)(features))
    code = layers.Dense(code_size, activation="swish")(layers.Concatenate()([small, moment]))
    spread = layers.Reshape((7, 7, channels))(layers.Dense(7 * 7 * channels)(code))
    return layers.Add()([features, layers.Conv2D(width, 1)(spread)])


# %% [markdown]
# Put together:


# %%
def build_denoiser():
    noisy = layers.Input((28, 28, 1), name="noisy")
    t = layers.Input((1,), dtype="int32", name="t")
    table = layers.Embedding(NUM_STEPS + 1, TIME_FEATURES, trainable=False, name="time")
    moment = layers.Dense(128, activation="swish")(layers.Flatten()(table(t)))
    table.set_weights([time_table()])
    fine_width, width = WIDTHS
    fine = layers.Conv2D(fine_width, 4, strides=2, padding="same")(noisy)
    fine = residual_block(fine, moment, fine_width)  # 14 x 14
    features = layers.Conv2D(width, 4, strides=2, padding="same")(fine)
    features = residual_block(features, moment, width)  # 7 x 7
    features = dense_block(features, moment, width)
    features = residual_block(features, moment, width)
    features = layers.Conv2DTranspose(fine_width, 4, strides=2, padding="same")(features)
    features = layers.Conv2D(fine_width, 1)(layers.Concatenate()([features, fine]))
    features = layers.Activation("swish")(residual_block(features, moment, fine_width))
    v = layers.Conv2DTranspose(1, 4, strides=2, padding="same", dtype="float32")(features)
    return keras.Model([noisy, t], v, name="denoiser")


denoiser = build_denoiser()
print(f"denoiser: {denoiser.count_params():,} parameters")
if GAN_RUN:
    print("GAN: generator {:,}, discriminator {:,}".format(*GAN_ROW["parameters"]))
assert denoiser.count_params() == 1_991_937

# %% [markdown]
# ## Training: one loss
#
# Draw an image, a step $t$ and noise; mix them; ask for $v$; take the squared error. No second
# network has to keep pace. An exponential moving average (EMA) of the weights draws the images.


# %%
class Diffusion(keras.Model):
    batches_per_step = 1

    def __init__(self, denoiser, ema_decay, seed):
        super().__init__()
        self.denoiser, self.seed, self.seconds = denoiser, seed, 0.0
        example = [tf.zeros((1, 28, 28, 1)), tf.zeros((1, 1), tf.int32)]
        self.ema = MovingAverage(denoiser, ema_decay, example)
        self.ema_denoiser = self.ema.network
        self.random = keras.random.SeedGenerator(seed)
        # A variable, so that a checkpoint keeps it: processor seconds used so far.
        self.spent = self.add_weight(name="spent", initializer="zeros", trainable=False)
        self.built = True

    def train_step(self, clean):
        # Every image gets its own level of noise, so that a batch sees many.
        t = keras.random.randint((clean.shape[0],), 1, NUM_STEPS + 1, seed=self.random)
        noise = keras.random.normal(clean.shape, dtype="float32", seed=self.random)
        noisy, v = add_noise(clean, noise, t)
        with tf.GradientTape() as tape:
            predicted = self.denoiser([noisy, t[:, None]], training=True)
            loss = tf.reduce_mean(tf.square(predicted - v))
            scaled = self.optimizer.scale_loss(loss)  # the loss itself, except in float16
        variables = self.denoiser.trainable_variables
        self.optimizer.apply_gradients(
            zip(tape.gradient(scaled, variables), variables, strict=True)
        )
        self.ema.update(self.optimizer.iterations)
        return {"loss": loss}

    def fit(self, batches, **options):
        # `prepared` resumes from the last checkpoint, as for the GANs.
        with prepared(self, batches, None, batches.batch_size, **options) as (data, rest):
            return super().fit(data, **rest)


# %% [markdown]
# The clock ends the run with the budget. The learning rate rises over the budget's first 2 %, and
# falls to zero over its last 70 %.


# %%
class Clock(keras.callbacks.Callback):
    def __init__(self, budget, rate):
        super().__init__()
        self.budget, self.rate = budget, rate

    def on_train_begin(self, logs=None):
        self.start = time.process_time() - float(self.model.spent)

    def on_train_batch_begin(self, batch, logs=None):
        share = (time.process_time() - self.start) / self.budget
        factor = max(0.0, min(1.0, share / 0.02, (1 - share) / 0.7))
        self.model.optimizer.learning_rate = self.rate * factor

    def on_epoch_end(self, epoch, logs=None):
        self.model.spent.assign(time.process_time() - self.start)
        self.model.stop_training = float(self.model.spent) >= self.budget


def make_diffusion(seed=SEED, settings=SETTINGS):
    keras.utils.set_random_seed(seed)
    model = Diffusion(build_denoiser(), settings["ema_decay"], seed)
    model.compile(optimizer=keras.optimizers.Adam(settings["rate"]))
    model.optimizer.build(model.denoiser.trainable_variables)
    return model


# %% [markdown]
# Train, once for each seed; an interrupted run resumes where it stopped.


# %%
def train(seed):
    model, folder = make_diffusion(seed), RUN / f"seed-{seed}"
    options = {"batch_size": SETTINGS["batch_size"], "steps_per_epoch": STEPS_PER_EPOCH}
    batches = gan_utils.Batches(train_set.images, seed=seed, **options)
    history = callbacks.StepHistory(folder / "steps.csv", every=profile.steps(full=50, quick=5))
    checkpoint = callbacks.Checkpoint(folder / "checkpoints")
    done = checkpoint.resume(model)
    epochs = done if float(model.spent) >= BUDGET else 10_000  # which the clock ends much earlier
    watching = [Clock(BUDGET, SETTINGS["rate"]), history, checkpoint]
    model.fit(batches, epochs=epochs, callbacks=watching, verbose=0)
    print(f"seed {seed}: {int(model.optimizer.iterations):,} updates", end=", ")
    print(f"{float(model.spent):.0f} processor seconds of {BUDGET:.0f}")
    return model, history


runs = {seed: train(seed) for seed in SEEDS}
diffusion, steps = runs[SEED]

# %% [markdown]
# The loss of a regression falls; its scatter is that of the noise levels.

# %%
plt.figure(figsize=(6.4, 2.8), layout="constrained")
plt.plot(steps.history["step"], steps.history["loss"], color="#0072B2", linewidth=1)
plt.gca().set(xlabel="update", ylabel="squared error of v", yscale="log", title="Training")
plt.show()

# %% [markdown]
# ## What one call can do
#
# The noisy digit, and what the network takes for the clean one.


# %%
def predict(network, noisy, t):
    noisy = tf.convert_to_tensor(noisy)
    t = tf.broadcast_to(tf.reshape(t, (-1, 1)), (tf.shape(noisy)[0], 1))
    return network([noisy, t], training=False)


def clean_guess(noisy, v, t):
    signal, scale = factors(t)
    return tf.clip_by_value(signal * noisy - scale * v, -1.0, 1.0)


v = predict(diffusion.ema_denoiser, noisy_digit, shown_steps)
guesses = clean_guess(noisy_digit, v, shown_steps)
show_rows({"noisy": noisy_digit, "guess": guesses}, "The guess of the clean image")

# %% [markdown]
# With little noise the guess is the digit. From noise alone it is a blur: the *mean* of all images
# that could be behind the noise has the smallest squared error. One call cannot draw. So we take
# only a small step towards the guess, and ask again.
#
# ## The sampler
#
# From $x_t$ to a step $s < t$, not necessarily the next one (Song et al., 2021, equations 12 and
# 16): mix the guessed $x_0$ and $\varepsilon$ anew, and replace a part of the noise by fresh noise
# $z$:
#
# $$
# x_s=\sqrt{\bar\alpha_s}\,x_0+\sqrt{1-\bar\alpha_s-\sigma^2}\,\varepsilon+\sigma z ,
# \qquad \sigma=\eta\,\sqrt{\tfrac{1-\bar\alpha_s}{1-\bar\alpha_t}}
# \sqrt{1-\tfrac{\bar\alpha_t}{\bar\alpha_s}} .
# $$
#
# With $\eta=1$ and all 1,000 steps this is **DDPM**, the sampler of Ho et al.; with $\eta=0$,
# **DDIM**, without fresh noise. The network is the same: the sampler is chosen after training.


# %%
def step_back(noisy, v, times, eta=0.0, fresh=0.0):
    t, s = times
    (signal_t, scale_t), (signal_s, scale_s) = factors(t), factors(s)
    clean = clean_guess(noisy, v, t)
    noise = (noisy - signal_t * clean) / scale_t
    spread = eta * scale_s / scale_t * tf.sqrt(1 - (signal_t / signal_s) ** 2)
    along = tf.sqrt(tf.maximum(scale_s**2 - spread**2, 0.0))
    return signal_s * clean + along * noise + spread * fresh


# %% [markdown]
# All steps, for a batch and for many:


# %%
def make_sampler(network):
    @tf.function(reduce_retracing=True)
    def one_step(noisy, t, s, eta, seed):
        v = predict(network, noisy, t)
        return step_back(noisy, v, (t, s), eta, tf.random.stateless_normal(tf.shape(noisy), seed))

    def denoise(noisy, steps, eta=0.0, seed=(0, 0)):
        path = np.linspace(NUM_STEPS, 0, steps + 1).round().astype("int32")
        for t, s in pairwise(path):
            fresh_seed = tf.constant([seed[0], seed[1] + t], tf.int32)
            noisy = one_step(noisy, *map(tf.constant, (t, s, np.float32(eta))), fresh_seed)
        return noisy.numpy()

    return denoise


def draw(denoise, count, steps, eta=0.0, seed=SEED):
    parts = []
    for start in range(0, count, DRAWN_AT_ONCE):
        shape = (min(DRAWN_AT_ONCE, count - start), 28, 28, 1)
        place = (seed, start * 10 * NUM_STEPS)
        begin = tf.random.stateless_normal(shape, (place[0], place[1] + NUM_STEPS + 1))
        parts.append(denoise(begin, steps, eta, place))
    return np.clip(np.concatenate(parts), -1, 1)


# %% [markdown]
# <!-- interactive: denoiser -->
#
# ## Side by side
#
# The GAN's generator ships with this project. In `full` both had the same time, the denoiser in
# bfloat16, the GAN in float32. In `quick` diffusion has far less, and few images, whose distance is
# larger by bias alone (lesson 13).

# %%
EVERY = {
    "DDPM, 1,000 steps": (1000, 1.0, FEW),
    "DDIM, 50 steps": (50, 0.0, SAMPLES),
    "DDIM, 10 steps": (10, 0.0, SAMPLES),
}
CASES = {name: c for name, c in EVERY.items() if profile.name == "full" or c[0] <= 50}


def measure(drawn, seconds):
    found, everything = (
        evaluation.scores(part, real_images=test_set.images) for part in (drawn[:FEW], drawn)
    )
    row = {key: found[key] for key in ("samples", "distance", "precision", "recall")}
    return row | {"distance_of_all": everything["distance"], "seconds": 1e3 * seconds / len(drawn)}


def timed(path, work, *arguments):
    if not path.exists():
        started = time.process_time()
        drawn = work(*arguments)
        seconds = time.process_time() - started
        with io.whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, drawn=drawn, seconds=seconds)
    with np.load(path) as archive:
        return archive["drawn"], float(archive["seconds"])


# %% [markdown]
# Seed by seed:

# %%
generator, message = gan_utils.weights.try_generator("gan")
print(message)
found = {"cases": {}, "sheets": {}, "seeds": SEEDS}


def keep(name, drawn, seconds):
    found["cases"].setdefault(name, []).append(measure(drawn, seconds))
    sheet = evaluation.encode_image(images.grid(drawn[:20], columns=10))
    found["sheets"].setdefault(name, sheet)


if generator is not None:
    drawer = gan_utils.weights.drawer("gan", generator, SAMPLES, SEED)
    keep("GAN, one call", *timed(RUN / "gan.npz", lambda: np.concatenate([*drawer(DRAWN_AT_ONCE)])))
for seed, (model, _) in runs.items():
    sampler = make_sampler(model.ema_denoiser)
    draw(sampler, DRAWN_AT_ONCE, 1)  # builds the graph, which is not timed
    for name, (count, eta, size) in CASES.items():
        path = RUN / f"seed-{seed}" / f"{count}-steps.npz"
        keep(name, *timed(path, draw, sampler, size, count, eta, seed))
real = images.to_float(train_set.sample(FEW).images)
found["real_vs_real"] = evaluation.scores(real, real_images=test_set.images)["distance"]

# %% [markdown]
# Not cherry-picked; all of diffusion's images start from the same noise.

# %%
show_table(found)
show_sheets(found, f"profile {profile.name}")

# %% [markdown]
# **Memory.** What a call on 250 images adds to a fresh process; more sampling steps add nothing.


# %%
def memory_of(name, network):
    path, count = RUN / f"{name}.keras", network.count_params()
    network.save(path)
    inputs = [np.zeros((DRAWN_AT_ONCE, *part.shape[1:]), part.dtype) for part in network.inputs]
    peak = process.memory_of_a_call(path, *inputs)
    return {"parameters": count, "weights_mb": 4 * count / 1e6, "peak_mb": peak}


networks = {"generator": generator, "denoiser": diffusion.ema_denoiser}
memory = records.measured(LESSON, "memory") or {
    name: memory_of(name, network) for name, network in networks.items() if network is not None
}
for name, row in memory.items():
    print(f"{name}: {row['parameters']:,} parameters, {row['weights_mb']:.1f} MB", end=", ")
    print(f"{row['peak_mb'] or np.nan:.0f} MB more for {DRAWN_AT_ONCE} images at once")

# %% [markdown]
# To draw, a GAN needs its generator alone; its discriminator only taught it.
#
# ## What each is for in 2026
#
# - **Time to draw** (last column). A GAN calls its network once, diffusion once a step, so it is
#   *distilled* into one to four steps, often with an adversarial loss (Sauer et al., 2023).
# - **Quality.** By distance, diffusion beats lesson 01's GAN, trained as long, in 1,000 steps, not
#   in 50; lesson 16's, trained three times as long, beats both. On photographs, large diffusion
#   models overtook GANs (Dhariwal and Nichol, 2021); modern ones come close (Huang et al., 2024).
# - **Training.** Diffusion has one loss, nothing to balance. A squared error asks for *all*
#   images, a discriminator only whether what is drawn passes.
# - **Steering.** A sampler can be changed after training: more steps, a part held fixed. A GAN has
#   one latent vector an image.
#
# So: diffusion where quality counts more than time; a GAN, or diffusion distilled with one, where
# images must be cheap; an adversarial term where a squared error would blur, as in Pix2Pix.
#
# ## What goes wrong: noise of the wrong size
#
# The recorded run's denoiser draws. The sampler must begin where noising ended. A schedule that
# stops early, or images in another range, break that:

# %%
trained, message = gan_utils.weights.try_generator("denoiser")
print(message)
denoise = make_sampler(diffusion.ema_denoiser if trained is None else trained)
begin = tf.random.stateless_normal((10, 28, 28, 1), (SEED, 5))
wrong = {f"{scale:g}": denoise(scale * begin, 20) for scale in (0.5, 1.0, 1.5)}
show_rows(wrong, "Starting noise times 0.5, 1 and 1.5")

# %% [markdown]
# No error message: missing or additional noise is taken for a part of the image.
#
# ## Exercises
#
# **1. ★ The same noise.** *Predict first:* does DDIM draw the same digits from the same noise in
# 10, 20 and 50 steps?

# %% tags=["hide-cell"]
show_rows({str(count): denoise(begin, count) for count in (10, 20, 50)}, "From the same noise")

# %% [markdown]
# <details><summary>Solution</summary>
#
# Mostly. Without fresh noise the way is that of a differential equation; more steps only follow it
# more finely. The starting noise is a latent vector. With $\eta=1$ it is not.
#
# </details>
#
# **2. ★ A lazy network.** *Predict first:* a denoiser answers 0 everywhere. What is its loss, for
# pixels with a mean square near 1, as MNIST has?
#
# <details><summary>Solution</summary>
#
# $\mathbb{E} v^2=\bar\alpha_t\,\mathbb{E}\varepsilon^2+(1-\bar\alpha_t)\,\mathbb{E}x_0^2$: about
# 1 at all levels. The curve starts below.
#
# </details>
#
# **3. ★★ A rotation (pencil and paper).** *Predict first:* with
# $\sqrt{\bar\alpha_t}=\cos\varphi_t$ and $\sqrt{1-\bar\alpha_t}=\sin\varphi_t$, which simple
# formula takes $x_t$ and $v$ to $x_s$ if $\eta=0$?
#
# <details><summary>Solution</summary>
#
# $x_t=\cos\varphi_t\,x_0+\sin\varphi_t\,\varepsilon$ and
# $v=\cos\varphi_t\,\varepsilon-\sin\varphi_t\,x_0$. Solve for $x_0$ and $\varepsilon$, insert
# them: $x_s=\cos(\varphi_t-\varphi_s)\,x_t-\sin(\varphi_t-\varphi_s)\,v$, a rotation.
#
# </details>
#
# **4. ★★★ Why not predict the noise?** *Predict first:* two networks predict $\varepsilon$ and $v$
# with the same error in each pixel. Which factor does it get in $x_0$, at $t$ near 0 and near $T$?
#
# <details><summary>Solution</summary>
#
# $\sqrt{1-\bar\alpha_t}/\sqrt{\bar\alpha_t}$, from 0 to 20,000, and
# $\sqrt{1-\bar\alpha_t}$, from 0 to 1. The sampler's first step uses that guess.
#
# </details>
#
# ## Summary
#
# - A network learns to undo noise, by plain regression.
# - One call guesses a mean. Many small steps draw an image, and each costs a call.
#
# ## References
#
# - J. Ho et al., *Denoising Diffusion Probabilistic Models*, 2020.
#   <https://arxiv.org/abs/2006.11239>
# - A. Nichol, P. Dhariwal, *Improved Denoising Diffusion Probabilistic Models*, 2021.
#   <https://arxiv.org/abs/2102.09672>
# - J. Song et al., *Denoising Diffusion Implicit Models*, 2021. <https://arxiv.org/abs/2010.02502>
# - T. Salimans, J. Ho, *Progressive Distillation for Fast Sampling of Diffusion Models*, 2022.
#   <https://arxiv.org/abs/2202.00512>
# - P. Dhariwal, A. Nichol, *Diffusion Models Beat GANs on Image Synthesis*, 2021.
#   <https://arxiv.org/abs/2105.05233>
# - A. Sauer et al., *Adversarial Diffusion Distillation*, 2023. <https://arxiv.org/abs/2311.17042>
# - Y. Huang et al., *The GAN is dead; long live the GAN!*, 2024. <https://arxiv.org/abs/2501.05441>

# %% tags=["remove-cell"]
spent = [float(model.spent) for model, _ in runs.values()]
updates = [int(model.optimizer.iterations) for model, _ in runs.values()]
found |= {"updates": updates[0], "updates_of_seeds": updates, "memory": memory}
found |= {"budget": BUDGET, "seconds_of_seeds": spent, "samples": SAMPLES}
found |= {"distance_after": found["cases"]["DDIM, 50 steps"][0]["distance_of_all"]}
found |= {"loss": [[row["step"], row["loss"]] for row in steps.rows]}
found |= {"extractor": "LeNet on MNIST, 84 features", "batch_size": SETTINGS["batch_size"]}
facts = {"settings": SETTINGS, "data": train_set, "seed": SEED}
records.record(LESSON, found, seconds=float(np.mean(spent)), **facts)
assert np.isfinite(steps.history["loss"]).all()
