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
# # InfoGAN: a code that nobody explained

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/08_infogan.ipynb)

# %% [markdown]
# **What you will do.** Give a generator a code of ten values, show it no label at all, and ask of
# it one thing only: that the code can be read off the image. Then look at what it made of the
# ten values.
#
# **What you will learn**
#
# - what mutual information is, and why a classifier on fakes is a bound on it;
# - how discriminator and recognizer share a trunk, and who may move what;
# - how to say how pure a code is, with an independent reference classifier, and how well the
#   recognizer sorts real digits it was never told about;
# - what batch normalization does to a network that was trained on fakes and is used on real
#   images;
# - how to add continuous codes, and what the mean-squared-error short cut leaves out.
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
import json

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers
from scipy.optimize import linear_sum_assignment

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, plots, profile, records
from gan_utils.gan import keep_statistics, minimize

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. `TUTORIAL` is the classic recipe: the discriminator sees 32
# real and 32 fake images, generator and recognizer learn from 64 fakes, both learning rates are
# 2e-4, for 100 epochs of 937 updates; no EMA of the generator's weights, full noise, no distortion.
# On two CPU cores that takes hours, as printed below. The page and its recorded `full` run take
# smaller batches, larger steps and an EMA, and two things that are **ours, not InfoGAN's**: a noise
# gain below one (explained with the generator) and distorted copies ("What the code must survive").
# Set `SETTINGS = TUTORIAL` to switch all of that off.

# %%
SEED = profile.seed(8)
NOISE_DIM = 62
NUM_CODES = 10
INFORMATION_WEIGHT = 1.0
BETA_1 = 0.5
PLAIN = {"average": None, "noise_gain": 1.0, "distorts": False}
OURS = {"average": 0.995, "noise_gain": 0.3, "distorts": True}
TUTORIAL = PLAIN | {"real_images": 32, "d_rate": 2e-4, "g_rate": 2e-4, "epochs": 100}
SHORT = OURS | {"real_images": 8, "d_rate": 2e-4, "g_rate": 1e-3}
LONG = SHORT | {"average": 0.999}
SETTINGS = LONG if profile.name == "full" else SHORT
NOISE_GAIN = SETTINGS["noise_gain"]
EPOCHS = profile.epochs(full=100, quick=8, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // 64, quick=32, smoke=2)
SAMPLES = profile.samples(full=10_000, quick=2_000, smoke=100)
WATCHED = profile.samples(full=1_000, quick=400, smoke=30)
TIGHTEN_STEPS = profile.steps(full=800, quick=30, smoke=2)
TIGHTEN_NOISE = 0.3
DISTORTIONS = {"turn": 20.0, "slant": 0.4, "scale": 0.15, "move": 2.0, "pen": 0.7}
DISTORTION_STREAM = 77
EXPERIMENT_EPOCHS = profile.epochs(full=1, quick=3, smoke=1)
EXERCISE_STEPS = profile.steps(full=300, quick=15, smoke=2)
CONTINUOUS_STEPS = profile.steps(full=1_000, quick=15, smoke=2)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# The generator of the DCGAN lesson takes noise. Somewhere in its hundred numbers is "which digit",
# tangled up with "how thick" and "how slanted"; nothing in the game asks for order. InfoGAN (Chen
# et al., 2016) splits the input in two: noise $z$, and a **code** $c$, here one of ten values,
# drawn at random. And it adds one wish: from the image $G(z, c)$ one should be able to tell $c$.
# How much an image tells about the code is their **mutual information**
#
# $$
# I(c;\,G(z,c)) = H(c) - H(c \mid G(z,c)).
# $$
#
# The second term needs the true distribution of codes given an image, which we do not have. So a
# network $Q(c \mid x)$, the **recognizer**, guesses it. Any guess gives a *lower bound*
# (equation 4 of the paper):
#
# $$
# I(c;\,G(z,c)) \;\ge\; L_I(G, Q)
#   = \mathbb{E}_{c,\,z}\,\bigl[\log Q(c \mid G(z,c))\bigr] + H(c).
# $$
#
# The better $Q$ guesses, the tighter the bound. The game becomes (equation 6)
#
# $$
# \min_{G,\,Q}\;\max_D\; V(D, G) - \lambda\,L_I(G, Q).
# $$
#
# With ten equally likely codes, $H(c) = \ln 10$ is a constant. What is left of $-L_I$ is
# $-\mathbb{E} \log Q(c \mid x)$: the categorical **cross-entropy** of a classifier that is shown
# fakes and has to name their code. $\lambda$ is the exchange rate between the two wishes: how much
# realism one nat of information may cost. For a code of a few values both losses have the same
# scale, a few nats, and $\lambda = 1$ will do. For continuous codes the likelihood is a density,
# which has no upper limit, and $\lambda$ should be smaller.

# %% [markdown]
# ### Symbols and names
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $z$ | `inputs[:, :NOISE_DIM]` | 62 numbers from a standard normal distribution |
# | $c$ | `inputs[:, NOISE_DIM:]` | the code, one-hot, 10 numbers |
# | $G(z, c)$ | `fake_images` | what the generator draws |
# | trunk | `trunk` | the convolutions that $D$ and $Q$ share |
# | $\mathrm{logit}\,D$ | `discriminator` | trunk and one dense layer |
# | $\log Q$ (not yet normalized) | `recognizer` | trunk and Q's own layers, `q_head` |
# | $T(x)$ | `distort(pictures, seed)` | a copy, slanted, moved, redrawn with another pen |
# | $-\mathbb{E} \log Q(c \mid T(G(z, c)))$ | `q_loss` | cross-entropy of naming the code |
# | $\lambda$ | `INFORMATION_WEIGHT` | weight of `q_loss` |
# | $L_I$ | $\ln 10\ -$ `q_loss` | the bound, in nats |
#
# Note who sees what. $Q$ learns on fakes only, where the code is known. No real image has a code,
# and no label is used anywhere in training.

# %% [markdown]
# ## The data
#
# MNIST again. The labels are loaded with the images, but only the evaluation below looks at them.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
TEST_COUNT = profile.samples(full=10_000, quick=10_000, smoke=200, available=len(test_set))
RUN = records.run_folder("08_infogan", train_set)
print(train_set)
real_sample = images.to_float(train_set.images[:16])
plots.show_images(real_sample, columns=8, title="Real digits, without their labels")
plt.show()

# %% [markdown]
# Sixteen of the images that $D$ will see. Ask yourself how you would sort them into ten heaps if
# you had never seen a digit: by shape? by slant? by the amount of ink? All of these would be fair.

# %% [markdown]
# ## What the recorded run reached
#
# This page trains for less than a minute, which is little for this lesson. So first the result of a
# longer training: the generator of the recorded `full` run comes with the project. It is found in a
# checkout, or downloaded once and checked; where neither is possible, the cell says so. It was
# shown no label. Here it generates one code at a time, each time from the same ten noise vectors.


# %%
def every_code(noise, num_codes=NUM_CODES):
    codes = np.tile(np.eye(num_codes, dtype="float32"), (len(noise), 1))
    return np.concatenate([np.repeat(noise, num_codes, axis=0), codes], axis=1)


fixed_noise = keras.random.normal((10, NOISE_DIM), seed=SEED).numpy()
trained_generator, sentence = gan_utils.weights.try_generator("infogan")
print(sentence)
if trained_generator is not None:
    meanings = gan_utils.weights.facts("infogan")["classes"]
    sheet = trained_generator(every_code(fixed_noise), training=False).numpy()
    columns = sheet.reshape(10, NUM_CODES, *sheet.shape[1:]).swapaxes(0, 1)
    plots.show_images(
        columns.reshape(sheet.shape),
        columns=10,
        row_labels=[f"code {code}: {digit}" for code, digit in enumerate(meanings)],
        title="The recorded run's generator: a row for each code",
    )
    plt.show()

# %% [markdown]
# Left of each row its code, and the digit that LeNet read most often for it in the recorded run.
# Down a column the noise stays the same, and with it the style. From a terminal,
# `gan-utils generate infogan --label 3 page.png` generates a page of code 3.
#
# The record (purity, agreement and clustering error are explained under "How to score a code"):


# %%
def print_recorded(run):
    found = run["metrics"]
    updates = found["epochs"] * found["steps_per_epoch"]
    passes = updates * run["settings"]["real_images"] / run["data"]["count"]
    print(records.origin(run))
    print(f"{updates:,} updates, {passes:.1f} passes over the data,", end=" ")
    print(f"{run['seconds'] / 60:.0f} minutes")
    print(f"{found['samples']:,} fakes, read by LeNet: purity {found['purity']:.1%}, ", end="")
    print(f"agreement {found['agreement']:.1%}; code -> digit: {found['digits_of_codes']}")
    print(f"clustering error on {found['test_pictures']:,} real test images: ", end="")
    print(f"{found['error']:.1%} one-to-one, {found['majority_error']:.1%} by majority")


full_run = records.recorded("08_infogan", "full")
if full_run:
    print_recorded(full_run)
else:
    print("no recorded full run yet")
speed = records.recorded("bench_lessons", "full")
if speed:
    hours = speed["metrics"]["lessons"]["08"]["fit_ms"] * 100 * 937 / 3.6e6
    print(f"the tutorial's {100 * 937:,} updates would take {hours:.1f} hours", end=" ")
    print(f"on {speed['hardware']['cores']} cores of {speed['hardware']['cpu']}")

# %% [markdown]
# ## The generator
#
# The first layer is a volume knob without parameters: it multiplies the noise by `NOISE_GAIN` and
# leaves the code as it is. The knob is ours, it is not part of InfoGAN. Why? Noise of 62 standard
# normal numbers has a length of about 8, a one-hot code of 1. The code is a whisper then, and the
# easiest way to make it readable is a faint mark on an otherwise unrelated image. With the noise
# turned down, the code can make the *largest* difference between two images, and the largest
# difference between two digits is which digit they are. (The authors' own program draws its noise
# uniformly from -1 to 1, which is quieter too: 0.58 in place of 1.) Set the gain to 1 for the
# network without the knob; "What goes wrong" measures what it does.
#
# The rest is the classic network: weights from a normal distribution with standard deviation 0.02,
# and batch normalization *behind* the ReLU.


# %%
def normal_weights():
    return keras.initializers.RandomNormal(stddev=0.02)


# %% [markdown]
# The layers in order; the arguments besides the first are for experiments and exercises.


# %%
def build_generator(num_codes=NUM_CODES, extra_codes=0, noise_gain=NOISE_GAIN):
    def convolution(kind, filters, activation="relu", **options):
        return kind(
            filters,
            4,
            padding="same",
            activation=activation,
            kernel_initializer=normal_weights(),
            **options,
        )

    code_dim = num_codes + extra_codes
    dense = layers.Dense(7 * 7 * 512, activation="relu", kernel_initializer=normal_weights())
    blocks = [
        layers.Input((NOISE_DIM + code_dim,)),
        layers.Rescaling([noise_gain] * NOISE_DIM + [1.0] * code_dim),
        *(dense, layers.BatchNormalization(), layers.Reshape((7, 7, 512))),
        *(convolution(layers.Conv2D, 128), layers.BatchNormalization()),
        *(convolution(layers.Conv2DTranspose, 64, strides=2), layers.BatchNormalization()),
        convolution(layers.Conv2DTranspose, 1, "tanh", strides=2),
    ]
    return keras.Sequential(blocks, name="generator")


# %% [markdown]
# Its shapes, and its number of parameters, which would stop the page if it were another.

# %%
generator = build_generator()
for layer in generator.layers:
    print(f"{layer.name:<26}{tuple(layer.output.shape[1:])!s:<16}{layer.count_params():>10,}")
print(f"parameters: {generator.count_params():,}")
assert generator.count_params() == 3_113_409

# %% [markdown]
# ## The trunk and its two heads
#
# Discriminator and recognizer look at the same things in an image: strokes, loops, ends. So they
# share a **trunk**. On top of it, $D$ has one dense layer that returns a logit, and $Q$ has two
# dense layers that return ten.


# %%
def build_trunk():
    def convolution(filters, strides, normalize=True):
        norm = [layers.BatchNormalization()] if normalize else []
        conv = layers.Conv2D(
            filters, 4, strides=strides, padding="same", kernel_initializer=normal_weights()
        )
        return [conv, layers.LeakyReLU(negative_slope=0.1), *norm]

    blocks = [*convolution(64, 2, normalize=False), *convolution(128, 2), *convolution(256, 1)]
    return keras.Sequential([layers.Input((28, 28, 1)), *blocks, layers.Flatten()], name="trunk")


def build_q_head(outputs=NUM_CODES):
    return keras.Sequential(
        [
            layers.Input((7 * 7 * 256,)),
            layers.Dense(128, kernel_initializer=normal_weights()),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.1),
            layers.Dense(outputs, kernel_initializer=normal_weights()),
        ],
        name="q_head",
    )


# %% [markdown]
# Two models, one trunk. There is no softmax at the end of $Q$: as everywhere in this book, the loss
# takes logits, and the softmax is inside the loss.


# %%
def with_head(trunk, head, name):
    return keras.Sequential([layers.Input((28, 28, 1)), trunk, head], name=name)


def build_players(outputs=NUM_CODES):
    trunk = build_trunk()
    d_head = layers.Dense(1, kernel_initializer=normal_weights())
    discriminator = with_head(trunk, d_head, "discriminator")
    return discriminator, with_head(trunk, build_q_head(outputs), "recognizer")


discriminator, recognizer = build_players()
for network in (discriminator, recognizer):
    print(f"{network.name:<16}{network.output_shape!s:<14}{network.count_params():>10,} parameters")
print(f"shared by both: {discriminator.layers[0].count_params():,}")
assert discriminator.layers[0] is recognizer.layers[0]
assert discriminator.count_params() == 670_913
assert recognizer.count_params() == 2_265_930

# %% [markdown]
# ## The losses
#
# The game between $G$ and $D$ is the one of the DCGAN lesson. New is one cross-entropy.


# %%
def code_loss(codes, code_logits):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(codes, code_logits))


# %% [markdown]
# By hand: two images and three codes. $Q$ gives the right code a probability of 1/2 for the
# first and 1/4 for the second. And what does a recognizer pay that knows nothing?

# %%
codes = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
probabilities = tf.constant([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
by_hand = (np.log(2) + np.log(4)) / 2
print(f"q_loss {code_loss(codes, tf.math.log(probabilities)):.5f}, by hand {by_hand:.5f}")
np.testing.assert_allclose(code_loss(codes, tf.math.log(probabilities)), by_hand, rtol=1e-6)
ignorant = float(code_loss(tf.eye(NUM_CODES), tf.zeros((NUM_CODES, NUM_CODES))))
print(f"knowing nothing: q_loss {ignorant:.4f} = ln 10, so L_I = {np.log(10) - ignorant:.4f} nats")
print(f"knowing all:     q_loss 0, so L_I = {np.log(10):.4f} nats = {np.log2(10):.2f} bits")

# %% [markdown]
# ## What the code must survive
#
# A code that can be read off an image need not be the digit. It may as well be the slant: two
# codes for upright and for slanted ones, and none for the fives. All that the bound asks for is
# *some* difference. We can say which differences shall not count: $Q$ names the code from a copy
# $T(G(z, c))$ of the drawing, turned, slanted, scaled, moved and redrawn with a thicker or thinner
# pen, each by a random amount. What is lost in the copy is useless as a code, so the code has to be
# something that survives, and the digit does. The bound stays a bound, since a copy cannot tell
# more about the code than the drawing:
#
# $$
# I(c;\,G(z,c)) \;\ge\; I(c;\,T(G(z,c))) \;\ge\;
#   \mathbb{E}\,\bigl[\log Q(c \mid T(G(z,c)))\bigr] + H(c).
# $$
#
# This is our addition to the paper's recipe; the idea of asking for codes that survive distortions
# is that of Hu et al. (2017), who cluster real images with it. $D$ gets the fakes as they are. An
# experiment below leaves the distortion out.
#
# First the pen. The brightest of the nine pixels around a place makes strokes thicker, the darkest
# makes them thinner; a random share of either is taken.


# %%
def change_pen(pictures, amounts):
    thick = tf.nn.max_pool2d(pictures, 3, 1, "SAME")
    thin = -tf.nn.max_pool2d(-pictures, 3, 1, "SAME")
    share = DISTORTIONS["pen"] * amounts[:, None, None, None]
    more, less = tf.nn.relu(share), tf.nn.relu(-share)
    return pictures + more * (thick - pictures) + less * (thin - pictures)


# %% [markdown]
# Then the rest: a copy looks up, for each of its pixels, a place in the image. A 2 by 2 matrix
# turns, slants and scales about the middle, and a shift is added.


# %%
def distort(pictures, seed):
    count, size = pictures.shape[0], pictures.shape[1]
    amounts = tf.unstack(tf.random.stateless_uniform((7, count), seed, -1, 1))
    angle = DISTORTIONS["turn"] * np.pi / 180 * amounts[0]
    slant = DISTORTIONS["slant"] * amounts[1]
    wide, high = (1 + DISTORTIONS["scale"] * amount for amount in amounts[2:4])
    xx, xy = tf.cos(angle) * wide, (tf.cos(angle) * slant - tf.sin(angle)) * high
    yx, yy = tf.sin(angle) * wide, (tf.sin(angle) * slant + tf.cos(angle)) * high
    middle = (size - 1) / 2
    x_shift = middle * (1 - xx - xy) + DISTORTIONS["move"] * amounts[4]
    y_shift = middle * (1 - yx - yy) + DISTORTIONS["move"] * amounts[5]
    zero = tf.zeros_like(angle)
    return keras.ops.image.affine_transform(
        change_pen(pictures, amounts[6]),
        tf.stack([xx, xy, x_shift, yx, yy, y_shift, zero, zero], axis=1),
        interpolation="bilinear",
        fill_mode="constant",
        fill_value=-1.0,
    )


# %% [markdown]
# Eight real digits and three distorted copies of each.

# %%
copies = [distort(tf.constant(real_sample[:8]), [SEED, row]) for row in range(3)]
plots.show_images(
    np.concatenate([real_sample[:8], *copies]),
    columns=8,
    row_labels=["original", "copy", "copy", "copy"],
    title="What Q is shown",
)
plt.show()

# %% [markdown]
# Nobody would read another digit in a copy than in the original. That is the test of a distortion:
# turned by 180 degrees, a six would be a nine.

# %% [markdown]
# ## The update
#
# First, what an InfoGAN holds and what its generator is given: noise and a random code, twice as
# many as there are real images in the batch.


# %%
class CodedGAN(GAN):
    def __init__(self, num_codes=NUM_CODES, *, noise_gain=NOISE_GAIN, extra_codes=0, **options):
        self.num_codes = num_codes
        self.information_weight = options.pop("information_weight", INFORMATION_WEIGHT)
        self.distorts = options.pop("distorts", SETTINGS["distorts"])
        generator = build_generator(num_codes, extra_codes, noise_gain)
        discriminator, recognizer = build_players(num_codes + 2 * extra_codes)
        super().__init__(generator, discriminator, generator.input_shape[1], **options)
        self.recognizer = recognizer
        self.trunk, self.q_head = recognizer.layers

    def draw_codes(self, count, seed):
        values = tf.random.stateless_uniform((count,), seed, 0, self.num_codes, tf.int32)
        return tf.one_hot(values, self.num_codes)

    def generator_inputs(self, batch, seed, count=None):
        count = count or 2 * batch.shape[0]
        noise_seed, code_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        noise = tf.random.stateless_normal((count, NOISE_DIM), noise_seed)
        return tf.concat([noise, self.draw_codes(count, code_seed)], axis=1)


# %% [markdown]
# Then what is special about its two updates.
#
# - $D$ learns from as many fakes as real images; $G$ and $Q$ learn from twice as many fakes.
# - $Q$'s **own layers** move together with $G$, since both want the code to be readable, in a
#   distorted copy of each fake.
# - The **trunk** belongs to $D$, as in the tutorial. In the update of $G$ and $Q$ it only passes
#   gradients on. It works with the statistics of its batch there, and its moving statistics are put
#   back afterwards. (The authors' own program subtracts the information term from $D$'s loss too,
#   so there the trunk learns from it as well.)


# %%
class InfoGAN(CodedGAN):
    def information_loss(self, codes, drawn_outputs, copy_outputs):
        return code_loss(codes, copy_outputs)

    def discriminator_objective(self, batch, inputs, fake_images):
        return super().discriminator_objective(batch, inputs, fake_images[: batch.shape[0]])

    def generator_objective(self, batch, inputs, fake_images):
        copies = fake_images
        if self.distorts:
            copies = distort(fake_images, self.next_seed(stream=DISTORTION_STREAM))
        features = self.trunk(tf.concat([fake_images, copies], axis=0), training=True)
        fake_logits = self.discriminator.layers[-1](features[: fake_images.shape[0]])
        q_outputs = tf.split(self.q_head(features, training=True), 2)
        g_loss = self.generator_loss(fake_logits)
        q_loss = self.information_loss(inputs[:, NOISE_DIM:], *q_outputs)
        logs = {"g_loss": g_loss, "q_loss": q_loss}
        return g_loss + self.information_weight * q_loss, logs

    def generator_variables(self):
        return self.generator.trainable_variables + self.q_head.trainable_variables


# %% [markdown]
# A helper that makes one ready to train.


# %%
def make_gan(kind=InfoGAN, *, seed=SEED, rates=None, **options):
    keras.utils.set_random_seed(seed)
    gan = kind(seed=seed, ema_decay=SETTINGS["average"], **options)
    d_rate, g_rate = rates or (SETTINGS["d_rate"], SETTINGS["g_rate"])
    gan.compile(
        d_optimizer=keras.optimizers.Adam(d_rate, beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(g_rate, beta_1=BETA_1),
        # Tracing a step takes longer than the two steps of a smoke run.
        run_eagerly=profile.name == "smoke",
    )
    return gan


def make_batches(train_images, steps, seed=SEED):
    return gan_utils.Batches(
        train_images, batch_size=SETTINGS["real_images"], steps_per_epoch=steps, seed=seed
    )


# %% [markdown]
# ### Who moved?
#
# As in every lesson: one player at a time gets a learning rate of zero. Here we look at five
# groups of variables, the trunk's moving statistics among them.


# %%
def groups(gan):
    return {
        "generator": gan.generator.trainable_weights,
        "Q's own": gan.q_head.trainable_weights,
        "trunk": gan.trunk.trainable_weights,
        "D's head": gan.discriminator.layers[-1].trainable_weights,
        "statistics": gan.trunk.non_trainable_weights,
    }


def who_moved(gan, update):
    before = {name: [w.numpy() for w in weights] for name, weights in groups(gan).items()}
    update()
    return {
        name: max(np.abs(w.numpy() - b).max() for w, b in zip(weights, before[name], strict=True))
        for name, weights in groups(gan).items()
    }


# %% [markdown]
# The largest change of any number in a group, in the update of $D$ alone, then in that of $G$ and
# $Q$ alone.

# %%
trial = make_gan(rates=(1e-4, 1e-4))
batch = tf.constant(real_sample)
inputs = trial.generator_inputs(batch, trial.next_seed())
with tf.GradientTape() as tape:
    fake_images = trial.generator(inputs, training=True)
moves = {
    "D": who_moved(trial, lambda: trial.update_discriminator(batch, inputs, fake_images)),
    "G and Q": who_moved(trial, lambda: trial.update_generator(batch, inputs, fake_images, tape)),
}
print(f"{'update of':<10}" + "".join(f"{name:>12}" for name in groups(trial)))
for name, changes in moves.items():
    print(f"{name:<10}" + "".join(f"{change:>12.1e}" for change in changes.values()))
assert [change > 0 for change in moves["D"].values()] == [False, False, True, True, True]
assert [change > 0 for change in moves["G and Q"].values()] == [True, True, False, False, False]

# %% [markdown]
# $D$ moves the trunk and its own head, and nothing of $G$ or of $Q$. The second update moves $G$
# and $Q$'s own layers, and neither the trunk nor its statistics. (A recipe that freezes "all but
# batch normalization" would fail in the last column, without a word.)

# %% [markdown]
# ## How to score a code
#
# Two scores, which look at different things.
#
# **Is a code one digit?** The independent LeNet reads many fakes. A table counts how often a code
# was read as a digit. The **purity** is the share of images that show the most frequent digit of
# their code. Purity has a hole: a generator that makes nothing but eights is perfectly pure. So
# there is a second number, the **agreement**: give each code a digit of its own, in the best
# one-to-one way, and count the images that show the digit of their code. One digit for all codes
# has a purity of 1 and an agreement of 1/10.
#
# **Does $Q$ sort real digits?** $Q$ names a code for each real test image. Which code is which
# digit is settled on *training* images, again by the best one-to-one assignment. The
# **clustering error** is the share of test images whose code's digit is not their label. If two
# codes took the same digit, one of them counts as wrong; the milder rule, where every code may
# choose its most frequent digit, is printed beside it.


# %%
def count_table(codes, digits, num_codes=NUM_CODES):
    table = np.zeros((num_codes, 10), int)
    np.add.at(table, (codes, digits), 1)
    return table


def purity(table):
    return float(table.max(axis=1).sum() / table.sum())


def agreement(table):
    return float(table[linear_sum_assignment(-table)].sum() / table.sum())


def clustering_errors(train_table, test_table):
    codes, digits = linear_sum_assignment(-train_table)
    one_to_one = 1 - test_table[codes, digits].sum() / test_table.sum()
    every_code = np.arange(len(test_table))
    majority = 1 - test_table[every_code, train_table.argmax(axis=1)].sum() / test_table.sum()
    return float(one_to_one), float(majority)


# %% [markdown]
# The first score: generate fakes with random codes, let LeNet read them, and count.


# %%
def read_codes(gan, count, seed=SEED):
    inputs = gan.generator_inputs(None, tf.constant([seed, 0]), count)
    drawn = gan.translate(inputs)
    codes = inputs.numpy()[:, NOISE_DIM : NOISE_DIM + gan.num_codes].argmax(axis=1)
    digits = lenet.probabilities(drawn).argmax(axis=1)
    return drawn, count_table(codes, digits, gan.num_codes)


# %% [markdown]
# A check of the rules on a table small enough to do in the head: two codes share the digit 3, so
# one of them must take a digit it never shows.

# %%
toy = np.zeros((10, 10), int)
toy[np.arange(10), [3, 3, 0, 1, 2, 4, 5, 6, 7, 8]] = 10
strict, mild = clustering_errors(toy, toy)
print(f"purity {purity(toy):.2f}, agreement {agreement(toy):.2f}")
print(f"error one-to-one {strict:.2f}, by majority {mild:.2f}")
assert np.allclose([strict, mild], [0.1, 0.0])

# %% [markdown]
# ## Training
#
# A callback keeps purity and agreement after each epoch, in a file too, so that a resumed run has
# all of them.


# %%
class CodeWatch(keras.callbacks.Callback):
    def __init__(self, path, count=WATCHED):
        super().__init__()
        self.path, self.count, self.purity, self.agreement = path, count, [], []

    def on_train_begin(self, logs=None):
        done = self.model.first_epoch
        if done:
            self.purity, self.agreement = (
                values[: done + 1] for values in json.loads(self.path.read_text())
            )
        else:
            self.look()

    def on_epoch_end(self, epoch, logs=None):
        self.look()
        self.path.write_text(json.dumps([self.purity, self.agreement]))

    def look(self):
        table = read_codes(self.model, self.count)[1]
        self.purity.append(purity(table))
        self.agreement.append(agreement(table))


# %% [markdown]
# The fixed inputs of the grid: ten rows with the same noise in each, ten columns with the same
# code. If the code comes to mean a digit, a column will show it.

# %%
gan = make_gan()
grid = callbacks.SampleGrid(tf.constant(every_code(fixed_noise)), columns=10, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
watch = CodeWatch(RUN / "codes.json")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=1)
batches = make_batches(train_set.images, STEPS_PER_EPOCH)
gan.fit(
    batches,
    epochs=EPOCHS,
    callbacks=[grid, steps, watch, checkpoint, callbacks.TerminateOnNaN()],
    verbose=2,
)
images_seen = EPOCHS * STEPS_PER_EPOCH * batches.batch_size
print(f"{EPOCHS * STEPS_PER_EPOCH:,} updates, {gan.seconds:.0f} s; {images_seen:,} real", end=" ")
print(f"images, {images_seen / len(train_set):.2f} passes over the data")

# %% [markdown]
# ### The curves
#
# Above, the losses. In the middle, the bound $L_I$ in bits: $\log_2 10$ is all there is to know.
# Below, $D$'s output for real images and for fakes.

# %%
history = steps.history
history["bound"] = [(np.log(NUM_CODES) - loss) / np.log(2) for loss in history["q_loss"]]
plots.plot_history(
    history,
    {
        "Losses": ["d_loss", "g_loss", "q_loss"],
        "Information about the code, in bits": ["bound"],
        "Probability of real": ["d_real", "d_fake"],
    },
    labels={"q_loss": "cross-entropy of the code", "bound": "lower bound L_I"},
)
plt.show()

# %% [markdown]
# $Q$ can learn to read the code long before the code means a digit: any mark will do. What can turn
# marks into digits is $D$, which learns to reject a mark that real digits lack. So the bound alone
# does not tell whether the code is a good one. LeNet does, epoch by epoch:

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
axis.plot(watch.purity, "o--", color="#D55E00", label="purity")
axis.plot(watch.agreement, "s-", color="#0072B2", label="agreement, one-to-one")
axis.axhline(1, color="black", linewidth=1, linestyle=":")
axis.set(xlabel="epoch", ylabel="share of fakes", ylim=(0, 1.05))
axis.set_title(f"Are the codes digits? (LeNet, {WATCHED} fakes a point)")
axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
plt.show()
for name, values in {"purity": watch.purity, "agreement": watch.agreement}.items():
    print(f"{name}: before training {values[0]:.2f}, at the end {values[-1]:.2f}", end="")
    print(f"; recorded run {full_run['metrics'][name]:.2f}" if full_run else "")

# %% [markdown]
# The dotted line is a perfect code. The agreement is the honest curve: a code that means nothing
# has about 1/10. The purity starts anywhere, since LeNet reads even the noise of the untrained
# network as some digit, often always the same.

# %% [markdown]
# ### The fixed inputs, epoch by epoch
#
# Before training and at the end. Columns have a code in common, rows have their noise in common.

# %%
plots.show_images(
    np.stack([grid.frames[0], grid.frames[-1]]),
    columns=1,
    titles=["before training", f"after {EPOCHS} epochs: a column for each code"],
    scale=4.5,
)
plt.show()

# %% [markdown]
# Read the lower grid by columns: where a column shows one digit, the code has become that digit.
# Then by rows: what images of one row share is the style that the noise carries. The way there:

# %%
animation = grid.save_gif(RUN / "infogan.gif")
display(Image(filename=animation, alt="A grid of digits; its columns become one digit each"))
if "google.colab" in sys.modules:
    from google.colab import files

    files.download(str(animation))

# %% [markdown]
# ## Results: the images
#
# A hundred images with random codes, not chosen.

# %%
generated, table = read_codes(gan, SAMPLES)
plots.show_images(generated[:100], columns=10, title=f"Random codes, profile {profile.name}")
plt.show()

# %% [markdown]
# And four pages of 25 images, each page with one code. Which digit would you call each page? The
# titles say what LeNet calls it.

# %%
PAGE_CODES = (0, 1, 2, 3)


def page_of(gan, code, count=25, seed=SEED + 1):
    noise = keras.random.normal((count, NOISE_DIM), seed=seed).numpy()
    codes = np.tile(np.eye(NUM_CODES, dtype="float32")[code], (count, 1))
    return images.grid(gan.translate(tf.constant(np.concatenate([noise, codes], 1))), columns=5)


plots.show_images(
    np.stack([page_of(gan, code) for code in PAGE_CODES]),
    columns=2,
    titles=[f"code {code}: mostly {table[code].argmax()}" for code in PAGE_CODES],
    scale=3,
)
plt.show()

# %% [markdown]
# All four pages use the same 25 noise vectors in the same places. Where a page mixes two digits,
# the code is not pure yet; the table below counts it.

# %% [markdown]
# ## Results: the table
#
# Rows are codes, columns are digits as LeNet reads them. The share of a row is written in the cell.

# %%
shares = table / table.sum(axis=1, keepdims=True)
figure, axis = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
for (code, digit), share in np.ndenumerate(shares):
    if share >= 0.05:
        color = "white" if share > 0.5 else "black"
        axis.text(digit, code, f"{share:.0%}", ha="center", va="center", color=color, size=10)
axis.set(xlabel="digit, read by LeNet", ylabel="code", xticks=range(10), yticks=range(10))
axis.set_title(f"What the codes became ({SAMPLES} fakes)")
plt.show()
code_purity = purity(table)
for code, row in enumerate(table):
    print(f"code {code} -> digit {row.argmax()} ({row.max() / row.sum():.0%})", end="; ")
print(f"\npurity {code_purity:.1%}, agreement {agreement(table):.1%}", end="; ")
print(f"different digits {len(set(table.argmax(axis=1)))} of 10")
print(f"LeNet itself is right on {lenet.test_accuracy():.2%} of the real test images")

# %% [markdown]
# One dark cell in each row and in each column would be a perfect code. Two dark cells in one column
# are two codes for one digit; then another digit has no code of its own.

# %% [markdown]
# ## Results: sorting real digits
#
# $Q$ has never seen a real image in its own updates. Its trunk has, in those of $D$. Batch
# normalization makes this delicate, and there are three ways to run $Q$ on real images:
#
# 1. `training=False` as it stands: the trunk's moving statistics are a mixture, since the trunk saw
#    real and fake batches in turn; those of $Q$'s own layer come from fakes only;
# 2. `training=True`: the statistics of the batch at hand. The answer for an image then depends on
#    its neighbors, and the moving statistics change unless they are put back;
# 3. `training=False` after the statistics were **recomputed** on real training images, without
#    labels ("measured again" below). The answer depends on the image alone.
#
# We go on with the third, and print all three.


# %%
def predict_codes(recognizer, pictures, training=False, num_codes=NUM_CODES):
    with keep_statistics(recognizer):
        logits = [
            recognizer(images.to_float(pictures[i : i + 250]), training=training)
            for i in range(0, len(pictures), 250)
        ]
    return np.concatenate(logits)[:, :num_codes].argmax(axis=1)


# %% [markdown]
# For the third way, a copy of the network gets the mean of the batch statistics of real images.


# %%
def measured_again(recognizer, pictures, batch_size=250):
    batch_size = min(batch_size, len(pictures))
    trunk, q_head = (keras.models.clone_model(part) for part in recognizer.layers)
    network = with_head(trunk, q_head, "recognizer")
    network.set_weights(recognizer.get_weights())
    norms = [
        layer
        for layer in trunk.layers + q_head.layers
        if isinstance(layer, layers.BatchNormalization)
    ]
    for index in range(len(pictures) // batch_size):
        for norm in norms:
            norm.momentum = index / (index + 1)  # so that every batch counts the same
        network(images.to_float(pictures[index * batch_size :][:batch_size]), training=True)
    for norm in norms:
        norm.momentum = 0.99
    return network


# %% [markdown]
# The error of each way. The assignment of codes to digits comes from training images, the error
# from test images; both are drawn evenly over their sets.

# %%
settle = train_set.sample(min(TEST_COUNT, 5_000))
exam = test_set.sample(TEST_COUNT)


def sort_real(recognizer, training=False):
    tables = [
        count_table(predict_codes(recognizer, part.images, training), part.labels)
        for part in (settle, exam)
    ]
    return clustering_errors(*tables)


measured = measured_again(gan.recognizer, settle.images)
ways = {
    "training=False, as it stands": sort_real(gan.recognizer),
    "training=True, batch statistics": sort_real(gan.recognizer, training=True),
    "training=False, measured again": sort_real(measured),
}


# %% [markdown]
# The errors beside those of guessing and of the paper.


# %%
def print_errors(ways):
    print(f"{'clustering error on ' + str(len(exam)) + ' test images':<40}one-to-one   majority")
    for name, (one_to_one, majority) in ways.items():
        print(f"  {name:<38}{one_to_one:>10.1%}{majority:>11.1%}")
    print(f"  {'guessing':<38}{0.9:>10.1%}")
    print(f"  {'published (Chen et al., 2016)':<38}{0.05:>10.1%}")


print_errors(ways)

# %% [markdown]
# ### A tighter bound
#
# There is one thing more to be had without labels. During training $Q$ runs after a generator that
# changes with each update, and it may read the code off faint marks that no real digit has. Now the
# generator is finished, so $Q$ can catch up: $L_I$ is a maximum over $Q$, and a better $Q$ only
# makes the bound tighter. $Q$'s own layers go on alone, on distorted fakes of the generator with
# its EMA weights, with some noise on the pixels that drowns faint marks. Generator and trunk stay
# as they are, and the learning rate falls to zero.


# %%
def tighten(gan, recognizer, steps, batch_size=64):
    trunk, q_head = recognizer.layers
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(q_head.trainable_variables)

    @tf.function
    def step(number):
        inputs = gan.generator_inputs(None, tf.stack([SEED, number]), batch_size)
        fake_images = gan.ema_generator(inputs, training=False)
        pixel_noise = tf.random.stateless_normal(fake_images.shape, tf.stack([number, SEED]))
        copies = distort(fake_images, tf.stack([SEED + 1, number]))
        features = trunk(copies + TIGHTEN_NOISE * pixel_noise, training=False)
        with tf.GradientTape() as tape:
            loss = code_loss(inputs[:, NOISE_DIM:], q_head(features, training=True))
        minimize(optimizer, tape, loss, q_head.trainable_variables)
        return loss

    return [float(step(tf.constant(number))) for number in range(steps)]


# %% [markdown]
# The same test once more.

# %%
tighten_losses = tighten(gan, measured, TIGHTEN_STEPS)
final_recognizer = measured_again(measured, settle.images)
ways["tightened, measured again"] = sort_real(final_recognizer)
print_errors(ways)
error, majority_error = ways["tightened, measured again"]
if full_run:
    print(f"recorded run: {full_run['metrics']['error']:.1%} one-to-one")

# %% [markdown]
# The line that counts is the last of ours, one-to-one. A network with no idea would be wrong nine
# times out of ten.

# %% [markdown]
# ## Turning the knob
#
# One noise vector, all ten codes in order; then the same with the code *between* two values, which
# training never showed: the one-hot vector slides from the first code to the second.

# %%
noise = np.repeat(fixed_noise[3:4], 10, axis=0)
slide = np.zeros((10, NUM_CODES), "float32")
slide[:, 0], slide[:, 1] = np.linspace(1, 0, 10), np.linspace(0, 1, 10)
rows = np.concatenate(
    [
        every_code(fixed_noise[2:4]),
        np.concatenate([noise, slide], axis=1),
    ]
).astype("float32")
plots.show_images(
    gan.translate(tf.constant(rows)),
    columns=10,
    row_labels=["codes 0-9", "other noise", "0 to 1"],
    title="The code, swept",
)
plt.show()

# %% [markdown]
# In the first two rows the noise stays and the code changes; compare their columns. In the last
# row an image of code 0 turns into one of code 1: the generator fills the gap by itself.

# %% [markdown]
# ## Use it
#
# Two files are worth keeping: the generator with its EMA weights, and the recognizer, an
# unsupervised sorter of digits. A new process loads both, generates a row for each of two codes,
# and lets $Q$ read them.

# %%
generator_file, recognizer_file = RUN / "generator.keras", RUN / "recognizer.keras"
gan.ema_generator.save(generator_file)
final_recognizer.save(recognizer_file)
use_script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
recognizer = keras.saving.load_model({str(recognizer_file)!r}, compile=False)
noise = keras.random.normal((20, {NOISE_DIM}), seed={SEED + 2})
codes = np.repeat(np.eye({NUM_CODES})[:2], 10, axis=0)
drawn = generator(np.concatenate([noise, codes], axis=1), training=False)
read = np.argmax(recognizer(drawn, training=False), axis=1)
np.savez({str(RUN / "drawn.npz")!r}, drawn=drawn, read=read)
"""
gan_utils.run_in_fresh_process(use_script)
with np.load(RUN / "drawn.npz") as archive:
    drawn, read = archive["drawn"], archive["read"]
plots.show_images(drawn, columns=10, row_labels=["code 0", "code 1"], title="Another process")
plt.show()
print("read back by Q:", read[:10], read[10:])
for file in (generator_file, recognizer_file):
    print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# At the left of each row is the code that was asked for; what $Q$ read is below. To generate a
# certain *digit*, look up its code in the table above.

# %% [markdown]
# ### In your browser
#
# On the page of the book, the generator of the recorded full run draws while you watch: turn
# the code and keep the noise, or keep the code and walk through the noise.
#
# <!-- interactive: infogan -->

# %% [markdown]
# ## What goes wrong
#
# The classic mistake is not a crash. If the recognizer's loss never reaches the generator, nothing
# asks for a code that can be read. That happens with $\lambda = 0$, with a `stop_gradient` too
# many, or when the two losses are handed to the wrong players. Three experiments change one thing
# each: $\lambda$ is zero; $Q$ sees the fakes themselves; and the noise gain of the generator is
# one. They are compared with the run above after as many updates. `quick` does not repeat them: it
# shows the figures of the recorded full run.


# %%
def experiment(train_images, **options):
    trial = make_gan(**options)
    batches = make_batches(train_images, STEPS_PER_EPOCH)
    trial.fit(batches, epochs=EXPERIMENT_EPOCHS, verbose=0)
    drawn = images.grid(trial.translate(tf.constant(every_code(fixed_noise))), columns=10)
    return drawn, agreement(read_codes(trial, WATCHED)[1])


def code_change(grid_image, pad=2):
    """Standard deviation over the codes of a row, as a share of that over the whole grid."""
    rows = np.pad(grid_image[..., 0].astype("float64"), ((0, pad), (0, pad)))
    cells = rows.reshape(10, 28 + pad, 10, 28 + pad)[:, :28, :, :28].transpose(0, 2, 1, 3)
    return float(cells.std(axis=1).mean() / cells.reshape(-1, 28, 28).std(axis=0).mean())


# %% [markdown]
# Next to the agreement, `code_change` asks how much of the difference between images is the code's
# doing: how much they differ when the noise is held still.

# %%
EXPERIMENTS = {
    "lambda = 0": {"information_weight": 0.0},
    "no distortion": {"distorts": False},
    "noise gain 1": {"noise_gain": 1.0},
}
experiment_steps = EXPERIMENT_EPOCHS * STEPS_PER_EPOCH
experiments = records.measured("08_infogan", "experiments")
measured_here = experiments is None
if measured_here:
    runs = {"lambda = 1": (grid.frames[EXPERIMENT_EPOCHS], watch.agreement[EXPERIMENT_EPOCHS])}
    for name, options in EXPERIMENTS.items():
        runs[name] = experiment(train_set.images, **options)
    experiments = {
        name: {"agreement": value, "change": code_change(frame)}
        for name, (frame, value) in runs.items()
    }
else:
    experiment_steps = records.measured("08_infogan", "experiment_steps")
    print("not repeated here:", records.origin(full_run))

# %% [markdown]
# The figures, and the images where the experiments ran here: four noise vectors, a column for each
# code.

# %%
print(f"after {experiment_steps} updates")
for name, numbers in experiments.items():
    print(f"{name:<14} agreement {numbers['agreement']:.2f}, ", end="")
    print(f"the code's share {numbers['change']:.2f}")
if measured_here:
    plots.show_images(
        np.stack([frame[:118] for frame, _ in runs.values()]), columns=1, titles=list(runs), scale=5
    )
    plt.show()

# %% [markdown]
# With $\lambda = 0$ the code is one more input among 72, and the generator is free to do with it
# what it likes. In the record it still does much of what we want: the agreement is lower than with
# $\lambda = 1$, but far from 1/10. The noise gain does most of the work: with a gain of 1 the
# agreement is near 1/10 after as many updates, although $\lambda = 1$. Without the distortion it is
# lower than with it. So these figures do not show what the information term is worth. For that,
# both values of $\lambda$ would have to be compared with a gain of 1, in longer trainings, and with
# several seeds.
#
# To find the mistake in a program of your own, check what the losses move: the gradient of
# $\lambda$ times $Q$'s loss with respect to the generator.

# %%
for weight in (0.0, 1.0):
    trial.information_weight = weight
    inputs = trial.generator_inputs(batch, trial.next_seed())
    with tf.GradientTape() as tape:
        fake_images = trial.generator(inputs, training=True)
        total, logs = trial.generator_objective(batch, inputs, fake_images)
        share = total - logs["g_loss"]
    size = tf.linalg.global_norm(tape.gradient(share, trial.generator.trainable_variables))
    print(f"lambda = {weight:.0f}: gradient of lambda * q_loss at the generator {size:.2e}")
    assert (size > 0) == (weight > 0)

# %% [markdown]
# Print this number once in every program that adds a loss: a zero here is never right.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution. All of them start from the trained networks and go on for
# some hundred updates; they are no finished trainings. `quick` does not repeat them and shows the
# figures of the recorded full run, without images.


# %%
def warm_start(gan, source, pick):
    """Copy the networks of a trained InfoGAN; code number i starts as the old code pick[i]."""
    rng = np.random.default_rng(SEED)

    def resized(weights, count):
        chosen = weights[pick] + rng.normal(0, 0.02, (len(pick), *weights.shape[1:]))
        spare = rng.normal(0, 0.02, (count - len(pick), *weights.shape[1:]))
        return np.concatenate([chosen, spare])

    kernel, *rest = source.generator.get_weights()
    code_dim = gan.latent_dim - NOISE_DIM
    rows = np.concatenate([kernel[:NOISE_DIM], resized(kernel[NOISE_DIM:], code_dim)])
    gan.generator.set_weights([rows, *rest])
    gan.ema_generator.set_weights([rows, *rest])
    gan.discriminator.set_weights(source.discriminator.get_weights())
    *body, kernel, bias = source.q_head.get_weights()
    outputs = gan.q_head.output_shape[1]
    ends = resized(kernel.T, outputs).T, np.resize(bias[pick], outputs) * 0
    gan.q_head.set_weights([*body, *ends])
    return gan


def go_on(gan, train_images, steps=EXERCISE_STEPS):
    gan.fit(make_batches(train_images, steps), epochs=1, verbose=0)
    return gan.seconds


# %% [markdown]
# **1. Other cardinalities.** Nothing says that there are ten kinds of digits. Train with 5 and with
# 20 values. What do you expect of the purity, and of the table?

# %% tags=["hide-cell"]
tf.get_logger().setLevel("ERROR")  # it remarks on every new network that has to be traced
PICKS = {5: np.arange(0, 10, 2), 20: np.tile(np.arange(10), 2)}
cardinalities, shown = records.measured("08_infogan", "cardinalities"), {}
if cardinalities is None:
    cardinalities = {}
    for num_codes, pick in PICKS.items():
        trial = warm_start(make_gan(num_codes=num_codes), gan, pick)
        go_on(trial, train_set.images)
        _, counts = read_codes(trial, SAMPLES)
        cardinalities[num_codes] = purity(counts)
        shown[num_codes] = trial.translate(tf.constant(every_code(fixed_noise[:3], num_codes)))
        print(f"{num_codes} codes, their digits:", *counts.argmax(axis=1))
for num_codes, value in cardinalities.items():
    print(f"{num_codes:>2} codes: purity {value:.2f}")
print(f"10 codes: purity {code_purity if measured_here else full_run['metrics']['purity']:.2f}")

# %% [markdown]
# Three noise vectors with each of the 5 codes, then with each of the 20, where they were trained
# here. The upper row of a noise vector has the codes 0 to 9, the lower one 10 to 19: codes above
# each other were twins.

# %% tags=["hide-cell"]
for num_codes, pictures in shown.items():
    columns = min(num_codes, 10)
    labels = [f"noise {name}" for name in "abc" for _ in range(num_codes // columns)]
    plots.show_images(
        pictures, columns=columns, row_labels=labels, title=f"{num_codes} codes", scale=0.55
    )
    plt.show()

# %% [markdown]
# With 5 codes, no purity near 1 is possible if all ten digits are to be drawn, since each code has
# to serve two of them; what is above one half then comes from digits that are no longer drawn. With
# 20 codes a digit can have two, and a pair can share its digit in two styles. The algorithm cannot
# know which number is "right": that is the user's decision.

# %% [markdown]
# **2. Two uniform continuous codes.** Add $c_2, c_3 \sim U(-1, 1)$ beside the ten values. For them,
# $Q$ gives a normal distribution with a mean and a standard deviation, independent for each code (a
# *factored* Gaussian). The standard deviation must be positive: let the network give any number and
# take its exponential. Write the negative log-likelihood, train, and sweep each code from -2 to 2,
# twice as far as training went.
#
# First the likelihood, with a check against the density of the standard normal distribution at 0
# and at 1.


# %% tags=["hide-cell"]
CONTINUOUS_WEIGHT = 0.3


def gaussian_loss(values, means, log_stds):
    """Mean over the batch of -log N(values; means, exp(log_stds)), summed over the codes; nats."""
    away = (values - means) * tf.exp(-log_stds)
    each = 0.5 * np.log(2 * np.pi) + log_stds + 0.5 * tf.square(away)
    return tf.reduce_mean(tf.reduce_sum(each, axis=1))


def squared_loss(values, means, log_stds):
    """Mean over the batch of the squared error, summed over the codes: the short cut."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(values - means), axis=1)) + 0 * tf.reduce_sum(
        log_stds
    )


for value, density in ((0.0, 0.39894228), (1.0, 0.24197072)):
    found = float(gaussian_loss(tf.constant([[value]]), tf.zeros((1, 1)), tf.zeros((1, 1))))
    print(f"at {value:.0f}: {found:.6f}, -ln of the density {-np.log(density):.6f}")
    assert np.isclose(found, -np.log(density), atol=1e-6)

# %% [markdown]
# The model: more inputs, more outputs, one term more in the loss. The weight of the continuous term
# is smaller than 1: a likelihood can grow without limit as the standard deviation shrinks. And $Q$
# reads the continuous codes off the drawing itself: a slant that the distortion hides could not be
# one of them.


# %% tags=["hide-cell"]
class ContinuousInfoGAN(InfoGAN):
    def __init__(self, distribution="uniform", likelihood=gaussian_loss, **options):
        super().__init__(extra_codes=2, **options)
        self.distribution = distribution
        self.likelihood = likelihood

    def draw_codes(self, count, seed):
        value_seed, code_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        if self.distribution == "uniform":
            continuous = tf.random.stateless_uniform((count, 2), value_seed, -1, 1)
        else:
            continuous = tf.random.stateless_normal((count, 2), value_seed)
        return tf.concat([super().draw_codes(count, code_seed), continuous], axis=1)

    def information_loss(self, codes, drawn_outputs, copy_outputs):
        _, means, log_stds = tf.split(drawn_outputs, [self.num_codes, 2, 2], axis=1)
        continuous = self.likelihood(codes[:, self.num_codes :], means, log_stds)
        ten = code_loss(codes[:, : self.num_codes], copy_outputs[:, : self.num_codes])
        return ten + CONTINUOUS_WEIGHT * continuous


# %% [markdown]
# How much does $Q$ know of a continuous code? Three numbers on fresh fakes: the correlation of its
# mean with the code, the mean squared error, and the bound $L_I = H(c) - \text{loss}$ in bits,
# where $H$ is $\ln 2$ for $U(-1, 1)$ and $\tfrac12 \ln(2 \pi e)$ for a normal code.


# %% tags=["hide-cell"]
ENTROPY = {"uniform": np.log(2.0), "normal": 0.5 * np.log(2 * np.pi * np.e)}


def what_q_knows(gan, count=WATCHED):
    inputs = gan.generator_inputs(None, tf.constant([SEED, 5]), count)
    fakes = gan.generator(inputs, training=True)
    with keep_statistics(gan.recognizer):
        outputs = gan.recognizer(fakes, training=True).numpy()
    values = inputs.numpy()[:, -2:].astype("float64")
    means, log_stds = outputs[:, -4:-2].astype("float64"), outputs[:, -2:].astype("float64")
    errors = ((values - means) ** 2).mean(axis=0)
    if gan.likelihood is squared_loss:  # the best constant standard deviation, afterwards
        log_stds = np.broadcast_to(0.5 * np.log(errors), means.shape)
    losses_in_nats = [
        float(gaussian_loss(values[:, [i]], means[:, [i]], log_stds[:, [i]])) for i in (0, 1)
    ]
    return {
        "correlation": [float(np.corrcoef(values[:, i], means[:, i])[0, 1]) for i in (0, 1)],
        "squared_error": errors.tolist(),
        "bits": [(ENTROPY[gan.distribution] - loss) / np.log(2) for loss in losses_in_nats],
        "std": np.exp(log_stds).mean(axis=0).tolist(),
    }


# %% [markdown]
# The helpers of a run: train, say what $Q$ knows, and sweep one code with all else held still.


# %% tags=["hide-cell"]
def continuous_run(distribution, likelihood):
    trial = make_gan(ContinuousInfoGAN, distribution=distribution, likelihood=likelihood)
    warm_start(trial, gan, np.arange(NUM_CODES))
    seconds = go_on(trial, train_set.images, CONTINUOUS_STEPS)
    return trial, what_q_knows(trial) | {"seconds": seconds}


def print_knowledge(name, found):
    for index, code in enumerate(("c2", "c3")):
        print(f"{name:<24}{code}: correlation {found['correlation'][index]:+.2f}, ", end="")
        print(f"squared error {found['squared_error'][index]:.3f}, ", end="")
        print(f"L_I {found['bits'][index]:+.2f} bits")


def sweep(gan, position, codes=(0, 1, 2)):
    rows = np.zeros((len(codes), 9, NOISE_DIM + NUM_CODES + 2), "float32")
    rows[:, :, :NOISE_DIM] = fixed_noise[0]
    for row, code in enumerate(codes):
        rows[row, :, NOISE_DIM + code] = 1
    rows[:, :, NOISE_DIM + NUM_CODES + position] = np.linspace(-2, 2, 9)
    return gan.translate(tf.constant(rows.reshape(-1, rows.shape[-1])))


# %% [markdown]
# The run with two uniform codes.

# %% tags=["hide-cell"]
continuous = {} if measured_here else records.measured("08_infogan", "continuous")
if measured_here:
    trial, continuous["uniform, Gaussian Q"] = continuous_run("uniform", gaussian_loss)
    for position, code in enumerate(("c2", "c3")):
        plots.show_images(
            sweep(trial, position),
            columns=9,
            row_labels=["code 0", "code 1", "code 2"],
            title=f"{code} from -2 (left) to 2 (right)",
        )
        plt.show()
print_knowledge("uniform, Gaussian Q", continuous["uniform, Gaussian Q"])

# %% [markdown]
# A continuous code that means something changes one thing from left to right, in the same way in
# each row: slant, width, or weight of the stroke. Training drew values from -1 to 1 only, which are
# the five columns in the middle; the outer ones are extrapolated. The correlations say how far a
# run has come: near zero, $Q$ cannot read the code yet, and a sweep shows little.

# %% [markdown]
# **3. Two Gaussian codes.** The same with $c_2, c_3 \sim N(0, 1)$. Is anything else to be changed?
#
# **4. The short cut.** Many programs replace the likelihood by a mean squared error. (The authors'
# own MNIST program fixes the standard deviation of $Q$, which comes to the same.) Show what it
# assumes, and compare it with the likelihood on uniform codes.

# %% tags=["hide-cell"]
mean, error_size = 0.2, np.linspace(-1, 1, 5)
values = tf.constant(mean + error_size[:, None], tf.float32)
means = tf.fill((5, 1), mean)
half = tf.fill((5, 1), np.float32(0.5 * np.log(0.5)))  # variance 1/2
constant = 0.5 * np.log(np.pi)
print(f"likelihood with variance 1/2  {gaussian_loss(values, means, half):.6f}")
print(f"squared error plus a constant {squared_loss(values, means, half) + constant:.6f}")
if measured_here:
    trial, continuous["normal, Gaussian Q"] = continuous_run("normal", gaussian_loss)
    normal_sweep = sweep(trial, 0)
    trial, continuous["uniform, squared error"] = continuous_run("uniform", squared_loss)
    plots.show_images(
        np.concatenate([normal_sweep[:9], sweep(trial, 0)[:9]]),
        columns=9,
        row_labels=["normal", "squared error"],
        title="c2 from -2 to 2, code 0",
    )
    plt.show()
for name, found in continuous.items():
    print_knowledge(name, found)

# %% [markdown]
# For normal codes only the draw changes (and the entropy, when one wants bits). Values up to 2 then
# belong to what training drew, so the whole sweep is inside.
#
# The squared error *is* a Gaussian likelihood, up to a constant, with a standard deviation nailed
# to $\sqrt{1/2}$: the first two lines agree. Its gradient shrinks with the error. The likelihood
# divides by the variance that $Q$ believes in, so a $Q$ that gets surer pulls harder, and $Q$ can
# say of each image *how sure* it is. The short cut cannot, and its loss is no bound on the
# information until a variance is put in.

# %% [markdown]
# ## Summary
#
# - Mutual information asks that the code can be read off the image. A classifier on fakes bounds
#   it from below, so the new loss is a cross-entropy.
# - $D$ and $Q$ share a trunk. Here it belongs to $D$; $G$ moves together with $Q$'s own layers.
# - The bound is not the goal: a readable mark is enough for it. Purity, read by an independent
#   classifier, and the error on real images say whether the code means something.
# - What helped the code to become the digit are two additions of ours: noise that is turned down,
#   which did most in the recorded experiments, and distorted copies for $Q$.
# - $Q$ is trained on fakes; before it sorts real images, its batch-norm statistics have to be
#   recomputed on real ones.
#
# ## References
#
# - X. Chen et al., *InfoGAN: Interpretable Representation Learning by Information Maximizing
#   Generative Adversarial Nets*, NeurIPS 2016. <https://arxiv.org/abs/1606.03657>
# - D. Barber, F. Agakov, *The IM Algorithm: A Variational Approach to Information Maximization*,
#   NeurIPS 2003 (the bound).
# - W. Hu et al., *Learning Discrete Representations via Information Maximizing Self-Augmented
#   Training*, ICML 2017. <https://arxiv.org/abs/1702.08720>
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. <https://arxiv.org/abs/1502.03167>
# - Y. LeCun et al., *Gradient-Based Learning Applied to Document Recognition*, 1998 (MNIST, LeNet).

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "tutorial_epochs": TUTORIAL["epochs"],
    "purity": code_purity,
    "agreement": agreement(table),
    "purity_by_epoch": watch.purity,
    "agreement_by_epoch": watch.agreement,
    "digits_of_codes": table.argmax(axis=1),
    "error": error,
    "majority_error": majority_error,
    "errors_by_way": ways,
    "test_pictures": len(exam),
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST",
}
if measured_here:  # not read from the record
    found |= {"experiment_steps": experiment_steps, "experiments": experiments}
    found |= {"exercise_steps": EXERCISE_STEPS, "cardinalities": cardinalities}
    found |= {"continuous_steps": CONTINUOUS_STEPS, "continuous": continuous}

# %% [markdown] tags=["remove-cell"]
# The row of the comparison, and the record.

# %% tags=["remove-cell"]
settings = SETTINGS | {"noise_gain": NOISE_GAIN, "beta_1": BETA_1, "distortions": DISTORTIONS}
facts = {"real_images": test_set.images, "batch_size": SETTINGS["real_images"]}
drawn_now = read_codes(gan, gan_utils.evaluation.DRAWS, seed=SEED + 1)[0]
row = gan_utils.evaluation.row(gan, drawn_now, **facts)
facts = {"settings": settings, "comparison": {"InfoGAN": row}}
records.record("08_infogan", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(grid.frames) == EPOCHS + 1
assert len(watch.agreement) == len(watch.purity) == EPOCHS + 1
assert table.sum() == SAMPLES
assert read.shape == (20,)
assert 0 <= error <= 1
assert np.isfinite(tighten_losses).all()
if trained_generator is not None:
    assert sheet.shape == (100, 28, 28, 1)
