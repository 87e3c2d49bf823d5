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
# **What you will do with about 300 lines of code.** Give a generator a code of ten values, show it
# no label at all, and ask one thing: that the code can be read off the image. Then look at what it
# made of the ten values.
#
# **Time and size.** 8 minutes to read, a minute of training on two CPU cores, 12 MB of download
# (MNIST).
#
# **What you will learn**
#
# - why a classifier on fakes bounds mutual information, and who may move what;
# - how to score a code, and to use a network on real images that learned from fakes.
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
# Imports, and the versions that made this page.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers
from scipy.optimize import linear_sum_assignment

import gan_utils
from gan_utils import GAN, callbacks, ema, evaluation, images, lenet, plots, precision, profile
from gan_utils.augment import distort
from gan_utils.gan import minimize
from gan_utils.records import record, recorded, run_folder, summary
from gan_utils.steps import ClassicOrder

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL`, chosen with `GAN_RECIPE=tutorial`, is the classic recipe: 100 epochs of 937 steps, in
# which the discriminator is updated on 32 real images, then on 32 fakes, and generator and
# recognizer on 64 new fakes; no exponential moving average (EMA) of the generator's
# weights. `FULL`, twenty passes over the data, and `SHORT`, with smaller batches, have a larger
# rate, an EMA, and two additions that are **ours, not InfoGAN's**: a noise gain below one and
# distorted copies. From `decay_after` of the epochs on, `FULL`'s rates decay to zero.

# %%
SEED = profile.seed(8)
NOISE_DIM = 62
NUM_CODES = 10
DISTORTION_STREAM = 77
TUTORIAL = {
    **{"order": "classic", "real_images": 32, "epochs": 100, "steps": 60_000 // 64},
    **{"rates": (2e-4, 2e-4), "decay_after": None, "ema_decay": None},
    **{"fakes_per_real": 1, "noise_gain": 1.0, "distorts": False},
}
FULL = {
    **{"order": "alternating", "real_images": 32, "epochs": 20, "steps": 60_000 // 32},
    **{"rates": (3e-4, 1e-3), "decay_after": 0.4, "ema_decay": 0.9995},
    **{"fakes_per_real": 1, "noise_gain": 0.3, "distorts": True},
}
SHORT = FULL | {"real_images": 8, "fakes_per_real": 2, "epochs": 8, "steps": 32}
SHORT = SHORT | {"rates": (2e-4, 1e-3), "decay_after": None, "ema_decay": 0.995}
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=SETTINGS["epochs"], smoke=2)
STEPS_PER_EPOCH = profile.steps(full=SETTINGS["steps"], quick=SETTINGS["steps"], smoke=2)
TIGHTEN_STEPS = profile.steps(full=800, quick=30, smoke=2)

# %% [markdown]
# ## The idea
#
# Somewhere in a DCGAN's noise is "which digit", tangled up with "how thick" and "how slanted";
# nothing in the game asks for order. InfoGAN (Chen et al., 2016) splits the input in two, noise $z$
# and a **code** $c$, here one of ten values. And it adds one requirement: $c$ should be readable
# off the image $G(z, c)$. How much an image tells about the code is their **mutual information**
#
# $$
# I(c;\,G(z,c)) = H(c) - H(c \mid G(z,c)).
# $$
#
# The second term needs the true distribution of codes given an image. A network $Q(c \mid x)$, the
# **recognizer**, guesses it, and any guess gives a *lower bound* (equation 4 of the paper; exercise
# 4):
#
# $$
# I(c;\,G(z,c)) \;\ge\; L_I(G, Q)
#   = \mathbb{E}_{c,\,z}\,\bigl[\log Q(c \mid G(z,c))\bigr] + H(c).
# $$
#
# The game becomes (equation 6)
#
# $$
# \min_{G,\,Q}\;\max_D\; V(D, G) - \lambda\,L_I(G, Q).
# $$
#
# With ten equally likely codes, $H(c) = \ln 10$ is a constant. What is left of $-L_I$ is the
# **cross-entropy** of a classifier that is shown fakes and has to name their code. $\lambda$
# weighs information against realism; for a code of a few values, 1 will do. No label is
# used anywhere in training.

# %% [markdown]
# ## The data
#
# MNIST, without labels. How would you sort these into ten piles if you had never seen a digit: by
# shape? by slant? by ink? All would be fair.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = run_folder("08_infogan", train_set)
SAMPLES = evaluation.count(test_set)
print(train_set)
real_sample = images.to_float(train_set.images[:16])
plots.show_images(real_sample, columns=8, title="Real digits, without their labels")
plt.show()

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded `full` run was shown no label. Each row has a code, each column its
# noise; left of a row is the digit that LeNet read most often for that code. (Agreement and
# clustering error are explained below.)


# %%
def every_code(noise):
    codes = np.tile(np.eye(NUM_CODES, dtype="float32"), (len(noise), 1))
    return np.concatenate([np.repeat(noise, NUM_CODES, axis=0), codes], axis=1)


fixed_noise = np.random.default_rng(SEED).normal(size=(10, NOISE_DIM)).astype("float32")
trained_generator, message = gan_utils.weights.try_generator("infogan")
print(message)
if trained_generator is not None:
    meanings = gan_utils.weights.facts("infogan")["classes"]
    sheet = trained_generator(every_code(fixed_noise), training=False).numpy()
    by_code = sheet.reshape(10, NUM_CODES, 28, 28, 1).swapaxes(0, 1).reshape(-1, 28, 28, 1)
    labels = [f"code {code}: {digit}" for code, digit in enumerate(meanings)]
    plots.show_images(by_code, columns=10, row_labels=labels, title="The recorded generator")
    plt.show()
full_run = recorded("08_infogan", "full")
print(summary(full_run, "InfoGAN"))
if full_run:
    found = full_run["metrics"]
    print(f"  agreement {found['agreement']:.1%} of {found['samples']:,} fakes;", end=" ")
    print(f"clustering error {found['error']:.1%} of {found['test_images']:,} real test images")

# %% [markdown]
# ## The generator
#
# A noise vector of 62 standard normals has norm about 8, a one-hot code norm 1, so the code may
# end as a faint mark on an unrelated image. Our first layer multiplies the noise by a **gain** of
# 0.3: each noise entry is then weaker than the code, and the code can decide the *largest*
# difference between images. Between digits, that is the class.
# (The authors draw their noise uniformly from -1 to 1, which is quieter too.) [A
# study](../book/studies/infogan-code.md) measures what the gain does.
#
# The rest is the classic network, with batch normalization *behind* the ReLU.


# %%
def small_normal(layer, *arguments, **options):
    start = keras.initializers.RandomNormal(stddev=0.02)
    options |= {} if layer is layers.Dense else {"padding": "same"}
    return layer(*arguments, kernel_initializer=start, **options)


def build_generator(code_dim=NUM_CODES, noise_gain=SETTINGS["noise_gain"]):
    up = layers.Conv2DTranspose
    blocks = [
        layers.Input((NOISE_DIM + code_dim,)),
        layers.Rescaling([noise_gain] * NOISE_DIM + [1.0] * code_dim),
        small_normal(layers.Dense, 7 * 7 * 512, activation="relu"),
        *(layers.BatchNormalization(), layers.Reshape((7, 7, 512))),
        small_normal(layers.Conv2D, 128, 4, activation="relu"),
        layers.BatchNormalization(),
        small_normal(up, 64, 4, strides=2, activation="relu"),
        layers.BatchNormalization(),
        small_normal(up, 1, 4, strides=2, activation="tanh"),
    ]
    return keras.Sequential(blocks, name="generator")


# %% [markdown]
# ## The trunk and its two heads
#
# Discriminator and recognizer look for the same things: strokes, loops, ends. So they share a
# **trunk**, under a head of one logit and one of ten.


# %%
def build_players(outputs=NUM_CODES):
    blocks = [layers.Input((28, 28, 1))]
    for filters, strides in ((64, 2), (128, 2), (256, 1)):
        blocks += [small_normal(layers.Conv2D, filters, 4, strides=strides)]
        blocks += [layers.LeakyReLU(negative_slope=0.1)]
        blocks += [layers.BatchNormalization()] if filters > 64 else []
    trunk = keras.Sequential([*blocks, layers.Flatten()], name="trunk")
    d_head, hidden, last = (small_normal(layers.Dense, units) for units in (1, 128, outputs))
    q_layers = [hidden, layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.1), last]
    heads = {"discriminator": d_head, "recognizer": keras.Sequential(q_layers, name="q_head")}
    inputs = layers.Input((28, 28, 1))
    return [keras.Sequential([inputs, trunk, head], name=name) for name, head in heads.items()]


# %% [markdown]
# The composite graph: an image of the generator goes to both.

# %%
generator, (discriminator, recognizer) = build_generator(), build_players()
(fakes,) = generator.outputs
composite = keras.Model(generator.inputs, [discriminator(fakes), recognizer(fakes)], name="InfoGAN")
plots.show_graph(composite, RUN / "composite.png")
counts = [network.count_params() for network in (generator, discriminator, recognizer)]
print("G {:,}, D {:,}, Q {:,} parameters".format(*counts))
assert counts == [3_113_409, 670_913, 2_265_930]

# %% [markdown]
# ## The losses
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $\log Q$ + constant | `recognizer` | trunk and Q's own layers, `q_head` |
# | $-\mathbb{E} \log Q(c \mid G(z, c))$ | `q_loss` | cross-entropy of naming the code |
# | $\lambda$ | `information_weight` | weight of `q_loss` |
# | $L_I$ | $\ln 10\ -$ `q_loss` | the bound, in nats |
#
# $G$ and $D$ play the game of the DCGAN lesson. New is one cross-entropy.


# %%
def code_loss(codes, code_logits):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(codes, code_logits))


ignorant = code_loss(tf.eye(NUM_CODES), tf.zeros((NUM_CODES, NUM_CODES)))
print(f"a recognizer that knows nothing: {ignorant:.4f} = ln 10")

# %% [markdown]
# A readable code could as well encode slant as class. So $Q$ names the code from a **distorted
# copy** of the fake, randomly turned, slanted, scaled, moved and redrawn with another pen. The
# bound stays a bound, since a copy cannot tell more about the code than the image. (Hu et al.,
# 2017, cluster real images with the idea.)

# %%
copies = distort(tf.constant(real_sample[:8]), [SEED, 0])
shown = np.concatenate([real_sample[:8], copies])
plots.show_images(shown, columns=8, row_labels=["original", "copy"], title="What Q is shown")
plt.show()

# %% [markdown]
# ## One step
#
# $Q$'s **own layers** move with $G$, since both want the code to be readable. The **trunk** belongs
# to $D$, as in the tutorial. (The authors' own program adds the information term to $D$'s loss too,
# so there the trunk learns from it.) In the short run and the tutorial, $G$ and $Q$ learn from
# twice as many fakes as $D$.


# %%
class CodedGAN(GAN):
    def __init__(self, num_codes=NUM_CODES, *, extra_codes=0, settings=SETTINGS, **options):
        self.information_weight = options.pop("information_weight", 1.0)
        generator = build_generator(num_codes + extra_codes, settings["noise_gain"])
        discriminator, recognizer = build_players(num_codes + 2 * extra_codes)
        options["ema_decay"] = settings["ema_decay"]
        super().__init__(generator, discriminator, generator.input_shape[1], **options)
        self.num_codes, self.distorts = num_codes, settings["distorts"]
        self.fakes_per_real = settings["fakes_per_real"]
        self.recognizer, self.q_head = recognizer, recognizer.layers[-1]

    def draw_codes(self, count, seed):
        values = tf.random.stateless_uniform((count,), seed, 0, self.num_codes, tf.int32)
        return tf.one_hot(values, self.num_codes)

    def generator_inputs(self, batch, seed, count=None):
        count = count or self.fakes_per_real * batch.shape[0]
        noise_seed, code_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        noise = tf.random.stateless_normal((count, NOISE_DIM), noise_seed)
        return tf.concat([noise, self.draw_codes(count, code_seed)], axis=1)


# %% [markdown]
# The objectives, and who moves.


# %%
class InfoGAN(CodedGAN):
    def discriminator_objective(self, batch, inputs, fake_images):
        return super().discriminator_objective(batch, inputs, fake_images[: batch.shape[0]])

    def information_loss(self, codes, fake_images):
        if self.distorts:
            fake_images = distort(fake_images, self.next_seed(stream=DISTORTION_STREAM))
        return code_loss(codes, self.recognizer(fake_images, training=True))

    def generator_objective(self, batch, inputs, fake_images):
        g_loss = self.generator_loss(self.discriminator(fake_images, training=True))
        q_loss = self.information_loss(inputs[:, NOISE_DIM:], fake_images)
        loss = g_loss + self.information_weight * q_loss
        return loss, {"g_loss": g_loss, "q_loss": q_loss}

    def generator_variables(self):
        return self.generator.trainable_variables + self.q_head.trainable_variables


# %% [markdown]
# The tutorial's order, and the model.


# %%
class ClassicInfoGAN(ClassicOrder, InfoGAN):
    """Discriminator on real images, then on fakes, then generator and recognizer."""


def make_gan(settings=SETTINGS, kind=None, seed=SEED, **options):
    keras.utils.set_random_seed(seed)
    kind = kind or (ClassicInfoGAN if settings["order"] == "classic" else InfoGAN)
    gan = kind(settings=settings, seed=seed, **options)
    gan.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in settings["rates"]))
    return gan


# %% [markdown]
# Who moved? A recipe that freezes "all but batch normalization" would fail in the last column.


# %%
def parts_of(gan):
    trunk, d_head = gan.discriminator.layers
    return {
        **{"generator": gan.generator.trainable_weights, "Q's own": gan.q_head.trainable_weights},
        **{"trunk": trunk.trainable_weights, "D's head": d_head.trainable_weights},
        "trunk's statistics": trunk.non_trainable_weights,
    }


trial = make_gan()
moves = gan_utils.who_moved(trial, tf.constant(real_sample), parts_of(trial))
print(moves)
assert [parts for _, parts in moves.movers] == [
    ["trunk", "D's head", "trunk's statistics"],
    ["generator", "Q's own"],
]

# %% [markdown]
# ## How to score a code
#
# **Is a code one digit?** A LeNet, which took no part in the training, reads many fakes. The
# **agreement**: give each code a digit of its own, in the best one-to-one way, and count the images
# that show it; a code that means nothing has about 1/10. The **purity** lets every code choose its
# most frequent digit.
#
# **Does $Q$ sort real digits?** Which code is which digit is settled on *training* images,
# one-to-one; the **clustering error** is the share of test images whose code's digit is not their
# label.


# %%
def count_table(codes, digits):
    table = np.zeros((NUM_CODES, 10), int)
    np.add.at(table, (codes, digits), 1)
    return table


def agreement(table):
    return float(table[linear_sum_assignment(-table)].sum() / table.sum())


def purity(table):
    return float(table.max(axis=1).sum() / table.sum())


def clustering_error(train_table, test_table):
    return float(1 - test_table[linear_sum_assignment(-train_table)].sum() / test_table.sum())


def read_codes(gan, count, seed=SEED):
    inputs = gan.generator_inputs(None, tf.constant([seed, 0]), count)
    drawn = gan.translate(inputs)
    codes = inputs.numpy()[:, NOISE_DIM:].argmax(axis=1)
    return drawn, count_table(codes, lenet.probabilities(drawn).argmax(axis=1))


# %% [markdown]
# ## Training
#
# The grid has the same noise in each row, the same code in each column. An interrupted run
# resumes from its last checkpoint.

# %%
gan = make_gan()
grid = callbacks.SampleGrid(tf.constant(every_code(fixed_noise)), columns=10, folder=RUN / "grids")
history = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints")
options = {"batch_size": SETTINGS["real_images"], "steps_per_epoch": STEPS_PER_EPOCH}
batches = gan_utils.Batches(train_set.images, seed=SEED, **options)
watching = [grid, history, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS["decay_after"]:
    stages = (0, *SETTINGS["rates"]), (SETTINGS["decay_after"], *SETTINGS["rates"])
    watching.append(callbacks.LinearDecay(*stages))
gan.fit(batches, epochs=EPOCHS, callbacks=watching, verbose=2)
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * batches.batch_size
print(f"{updates:,} updates, {seen:,} real images, {seen / len(train_set):.2f} passes", end=" ")
print(f"over the data, {gan.seconds:.0f} s")

# %% [markdown]
# In the middle panel is the bound $L_I$ in bits: $\log_2 10$ is all there is to know. $Q$ can read
# the code long before it means a digit: any mark will do. What turns marks into digits is $D$,
# which rejects marks that real digits lack. So the bound alone does not show whether the code is
# good; the agreement does.

# %%
curves = history.history
curves["bound"] = [(np.log(NUM_CODES) - loss) / np.log(2) for loss in curves["q_loss"]]
panels = {
    "Losses": ["d_loss", "g_loss", "q_loss"],
    "Information about the code, in bits": ["bound"],
    "Probability of real": ["d_real", "d_fake"],
}
plots.plot_history(curves, panels, labels={"bound": "lower bound L_I"})
plt.show()
titles = ["before training", f"after {updates:,} updates: a column for each code"]
first_and_last = np.stack([grid.frames[0], grid.frames[-1]])
plots.show_images(first_and_last, columns=1, titles=titles, scale=4.5)
plt.show()
animation = grid.save_gif(RUN / "infogan.gif")
display(Image(filename=animation, alt="A grid of digits forming out of noise, code by code"))

# %% [markdown]
# ## Results: what the codes became
#
# A page for each of four codes, from the same noise; then the table of codes and digits. One large
# number in each row and column would be a perfect code; two in one column are two codes for one
# digit.

# %%
generated, table = read_codes(gan, SAMPLES)
noise = np.random.default_rng(SEED + 1).normal(size=(25, NOISE_DIM)).astype("float32")
pages = gan.translate(tf.constant(every_code(noise))).reshape(25, NUM_CODES, 28, 28, 1)
titles = [f"code {code}: mostly {table[code].argmax()}" for code in range(4)]
grids = np.stack([images.grid(pages[:, code], columns=5) for code in range(4)])
plots.show_images(grids, columns=2, titles=titles, scale=3)
plt.show()
print("share of each digit (column) among the fakes of each code (row), in %")
print(np.round(100 * table / table.sum(axis=1, keepdims=True)).astype(int))
row = evaluation.row(gan, generated, real_images=test_set.images, batch_size=batches.batch_size)
print(
    f"agreement {agreement(table):.1%}, purity {purity(table):.1%} of {SAMPLES:,} fakes;", end=" "
)
print(f"Fréchet distance {row['distance']:.1f}")

# %% [markdown]
# ## Results: sorting real digits
#
# The moving statistics of $Q$'s own layers come from fakes only; those of the trunk mix real and
# fake. For real images, both are **recomputed** on real training images, without labels.
#
# And now that the generator is fixed, $Q$ can catch up: $I = \max_Q L_I$, so a better $Q$ makes the
# bound **tighter**. We train its own layers further, on distorted fakes with added noise, which
# drowns faint marks.


# %%
def predict_codes(recognizer, some_images):
    parts = np.array_split(some_images, max(1, len(some_images) // 250))
    logits = [recognizer(images.to_float(part), training=False) for part in parts]
    return np.concatenate(logits).argmax(axis=1)


def recompute(recognizer, real_images):
    parts = np.array_split(real_images, max(1, len(real_images) // 250))
    ema.recompute_statistics(recognizer, (images.to_float(part) for part in parts))


def tighten(gan, count, batch_size=64):
    trunk, q_head = gan.recognizer.layers
    rate = keras.optimizers.schedules.CosineDecay(1e-3, count)
    optimizer = precision.scaled(keras.optimizers.Adam(rate), q_head)
    optimizer.build(q_head.trainable_variables)

    @tf.function
    def step(number):
        inputs = gan.generator_inputs(None, tf.stack([SEED, number]), batch_size)
        copies = distort(gan.ema_generator(inputs, training=False), tf.stack([SEED + 1, number]))
        copies += 0.3 * tf.random.stateless_normal(copies.shape, tf.stack([number, SEED]))
        features = trunk(copies, training=False)
        with tf.GradientTape() as tape:
            loss = code_loss(inputs[:, NOISE_DIM:], q_head(features, training=True))
        minimize(optimizer, tape, loss, q_head.trainable_variables)

    for number in range(count):
        step(tf.constant(number))


# %% [markdown]
# The errors:

# %%
settle, exam = train_set.sample(min(SAMPLES, 5_000)), test_set.sample(SAMPLES)


def sort_real(network):
    tables = [count_table(predict_codes(network, x.images), x.labels) for x in (settle, exam)]
    return clustering_error(*tables)


errors = {"as trained": sort_real(gan.recognizer)}
recompute(gan.recognizer, settle.images)
errors["recomputed statistics"] = sort_real(gan.recognizer)
tighten(gan, TIGHTEN_STEPS)
recompute(gan.recognizer, settle.images)
errors["tightened too"] = sort_real(gan.recognizer)
for name, error in (errors | {"guessing": 0.9, "published (Chen et al., 2016)": 0.05}).items():
    print(f"{name:<32}{error:>7.1%}")

# %% [markdown]
# ## Use it
#
# New processes load generator and recognizer; one draws two codes, one reads them back. For a
# certain *digit*, look up its code in the table.

# %%
gan.ema_generator.save(RUN / "generator.keras")
gan.recognizer.save(RUN / "recognizer.keras")
codes = np.repeat(np.eye(NUM_CODES, dtype="float32")[:2], 10, axis=0)
order = np.concatenate([np.tile(fixed_noise, (2, 1)), codes], axis=1)
drawn = gan_utils.call_in_fresh_process(RUN / "generator.keras", order)
read = gan_utils.call_in_fresh_process(RUN / "recognizer.keras", drawn).argmax(axis=1)
plots.show_images(drawn, columns=10, row_labels=["code 0", "code 1"])
plt.show()
print("read back by Q:", read)

# %% [markdown]
# Code 3, from a terminal: `gan-utils generate infogan --label 3 page.png`. On the book's page the
# generator draws while you watch:
#
# <!-- interactive: infogan -->

# %% [markdown]
# ## What goes wrong: the information never arrives
#
# The classic mistake is not a crash. If the recognizer's loss never reaches the generator, with
# $\lambda = 0$ or a `stop_gradient` too many, nothing asks for a code that can be read, and the
# curves may still look healthy. So measure the gradient of $\lambda$ times $Q$'s loss at the
# generator.


# %%
def information_gradient(gan, weight):
    inputs = gan.generator_inputs(tf.constant(real_sample), gan.next_seed())
    with tf.GradientTape() as tape:
        fakes = gan.generator(inputs, training=True)
        share = weight * gan.information_loss(inputs[:, NOISE_DIM:], fakes)
    return tf.linalg.global_norm(tape.gradient(share, gan.generator.trainable_variables))


for weight in (1.0, 0.0):
    size = information_gradient(trial, weight)
    print(f"lambda = {weight:.0f}: gradient at the generator {size:.1e}")
    assert (size > 0) == (weight > 0)

# %% [markdown]
# Print this number once in every program that adds a loss.

# %% [markdown]
# ## Exercises
#
# **1. ★ Nothing but eights.** *Predict first:* a generator draws an eight for every code. What are
# purity and agreement?
#
# <details><summary>Solution</summary>
#
# Every code shows one digit only: purity 1. One to one, a single code may have the eight: agreement
# 1/10.
#
# </details>
#
# **2. ★★ A separate recognizer.** *Predict first:* make $Q$ a separate LeNet that does not share
# the trunk. Who moves in which update? What could this $Q$ miss that the
# shared one has?


# %% tags=["hide-cell"]
class SeparateInfoGAN(InfoGAN):
    def __init__(self, **options):
        super().__init__(**options)
        self.recognizer = self.q_head = lenet.build_lenet()


separate = make_gan(kind=SeparateInfoGAN)
print(f"{separate.recognizer.count_params():,} parameters")
print(gan_utils.who_moved(separate, tf.constant(real_sample), parts_of(separate)))

# %% [markdown]
# All of $Q$ moves with $G$. It sees no real image, not even through a trunk, so nothing keeps it
# from reading marks that real digits lack.
#
# **3. ★★ A large weight.** *Predict first:* with $\lambda = 100$, what becomes of the images, and
# of $L_I$?
#
# <details><summary>Solution</summary>
#
# $L_I$ cannot exceed $\ln 10$, so it is soon full and its gradient small. On the way, realism
# counts for little: the generator takes the most reliable mark.
#
# </details>
#
# **4. ★★★ The bound, and a short cut (pencil and paper).** *Predict first:* when is the bound
# exact? Derive it. Then take a continuous code with a Gaussian $Q$ and show that training with the
# squared error fixes its variance at 1/2.
#
# <details><summary>Solution</summary>
#
# $H(c \mid x) = -\mathbb{E} \log p(c \mid x) = -\mathbb{E} \log Q(c \mid x) -
# \mathbb{E}\,\mathrm{KL}(p(\cdot \mid x) \,\|\, Q(\cdot \mid x)) \le -\mathbb{E} \log Q(c \mid x)$,
# with equality when $Q$ is the true posterior. For a Gaussian, $-\log Q = \frac{(c - \mu)^2}{2
# \sigma^2} + \log \sigma + \tfrac12 \log 2\pi$; with $\sigma^2 = \tfrac12$ that is the squared
# error plus a constant. Such a $Q$ cannot say how sure it is.
#
# </details>
#
# [A study](../book/studies/infogan-code.md) trains continuous codes, and codes of 5 and of 20
# values.

# %% [markdown]
# ## Summary
#
# - A classifier on fakes bounds the mutual information of code and image from below.
# - $D$ and $Q$ share a trunk, which belongs to $D$; $G$ moves with $Q$'s own layers.
# - A readable mark is enough for the bound. Agreement, and the error on real images, show whether
#   the code means something.
# - More control: [pointers](../book/models.md#beyond-this-book).
#
# ## References
#
# - X. Chen et al., *InfoGAN: Interpretable Representation Learning by Information Maximizing
#   Generative Adversarial Nets*, NeurIPS 2016. <https://arxiv.org/abs/1606.03657>
# - W. Hu et al., *Learning Discrete Representations via Information Maximizing Self-Augmented
#   Training*, ICML 2017. <https://arxiv.org/abs/1702.08720>

# %% tags=["remove-cell"]
found = {
    **{"epochs": EPOCHS, "steps_per_epoch": STEPS_PER_EPOCH, "tutorial_epochs": 100},
    **{"purity": purity(table), "agreement": agreement(table)},
    **{"digits_of_codes": table.argmax(axis=1), "error": errors["tightened too"]},
    **{"errors": errors, "test_images": len(exam), "samples": SAMPLES},
    "extractor": "LeNet on MNIST",
}
facts = {"settings": SETTINGS, "comparison": {"InfoGAN": row}}
record("08_infogan", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert len(grid.frames) == EPOCHS + 1
assert read.shape == (20,)
