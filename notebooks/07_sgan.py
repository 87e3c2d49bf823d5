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
# # SGAN: a classifier from a handful of labels

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/07_sgan.ipynb)

# %% [markdown]
# **What you will do.** Teach a network to read digits when only ten of each kind have a label. The
# other images have none, and a generator helps to make use of them.
#
# **What you will learn**
#
# - how one discriminator names $N$ classes *and* tells real from fake, written in two ways, and why
#   the two ways are the same;
# - how labeled, unlabeled and generated images enter one loss;
# - two losses for the generator, feature matching and fooling, and what each gives;
# - how to measure what few labels are worth: several draws of them, a fair baseline, a spread;
# - how a discriminator that wins leaves the generator without a gradient, how to see that, and
#   what brings the gradient back.
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
import hashlib
import inspect
import json
from dataclasses import replace

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers, ops

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, losses, metrics, plots, profile, records
from gan_utils.data.batches import check_labels
from gan_utils.io import whole_file
from gan_utils.precision import to_float32

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. First the networks and their training.

# %%
SEED = profile.seed(7)
LATENT_DIM = 100
NUM_CLASSES = 10
FIXED_COUNT = 16
BATCH_SIZE = 32
LABELED_BATCH = 16
LABEL_STREAM = 1_000
NOISE = 0.3
DROPOUT = 0.3
ENTROPY_WEIGHT = 1.0
D_RATE = 1e-3
G_RATE = 2e-3
BETA_1 = 0.5
AVERAGE = 0.99
EPOCHS = profile.epochs(full=24, quick=5, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=250, quick=200, smoke=2)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# The second half is about the experiment: how many labels, how often, for how long. `PUBLISHED`
# holds what Odena (2016) reports: test accuracy of his SGAN and of his plain network.

# %%
LABEL_COUNTS = {"full": (25, 50, 100, 1_000)}.get(profile.name, (100,))
DRAWS = [profile.seed(number) for number in range(profile.samples(full=3, quick=1, smoke=1))]
BASELINE_RATES = {"full": (1e-3, 3e-4)}.get(profile.name, (1e-3,))
BASELINE_STEPS = profile.steps(full=500, quick=250, smoke=2)
BASELINE_STAGES = profile.epochs(full=4, quick=3, smoke=1)
FAILURE_STEPS = profile.steps(full=150, quick=80, smoke=3)
HASTY_RATE = 5e-3
PUBLISHED = {1_000: (0.964, 0.965), 100: (0.928, 0.895), 50: (0.883, 0.859), 25: (0.802, 0.750)}
SETTINGS = {
    "sgan": [BATCH_SIZE, LABELED_BATCH, ENTROPY_WEIGHT, D_RATE, G_RATE, NOISE, DROPOUT, EPOCHS],
    "baseline": [*BASELINE_RATES, BASELINE_STEPS, BASELINE_STAGES],
}

# %% [markdown]
# ## The idea
#
# A classifier needs labels, and labels cost work. Images without labels cost little. A
# **semi-supervised** method learns from a few labeled images and many unlabeled ones.
#
# SGAN (Odena, 2016; Salimans et al., 2016) lets the discriminator do it. It gets $N + 1$
# classes: the $N$ real ones, and *fake*. Three kinds of images then teach it:
#
# - a **labeled** image should get its class;
# - an **unlabeled** image should get any class but *fake*;
# - a **generated** image should get the class *fake*.
#
# To tell real from fake, it must find out what the strokes of real digits look like, and the
# layers that do so are the ones that also name the class.
#
# ### One softmax over N + 1 classes
#
# Let $\ell_1, \dots, \ell_N$ be the logits of the real classes. The logit of *fake* is set to 0.
# Nothing is lost by that: a softmax does not change when the same number is added to all logits,
# so one of them may be chosen. With $Z(x) = \sum_{k=1}^{N} e^{\ell_k(x)}$,
#
# $$
# p(y = k \mid x) = \frac{e^{\ell_k(x)}}{Z(x) + 1} \;\; (k \le N),
# \qquad
# p(\text{fake} \mid x) = \frac{1}{Z(x) + 1} .
# $$
#
# ### Two heads that share everything
#
# The probability of *real* is the rest, and it is the sigmoid of one number:
#
# $$
# D(x) = 1 - p(\text{fake} \mid x) = \frac{Z(x)}{Z(x) + 1} = \sigma\bigl(\log Z(x)\bigr),
# \qquad
# \log Z(x) = \log \sum_{k=1}^{N} e^{\ell_k(x)} .
# $$
#
# So the same $N$ logits serve two heads: a softmax over them names the class, and their
# **log-sum-exp** is the logit of real against fake, without a weight of its own. The class head
# gives $p(y = k \mid x, \text{real}) = e^{\ell_k} / Z$, and the product of the two heads is the
# softmax above.

# %% [markdown]
# ## The losses
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $N$ | `NUM_CLASSES` | number of real classes |
# | $\ell_1, \dots, \ell_N$ | `class_logits` | the discriminator's outputs |
# | $\log Z(x)$ | `real_logit(class_logits)` | logit of real against fake |
# | $D(x) = Z / (Z + 1)$ | `tf.sigmoid(real_logit(...))` | probability of real |
# | $-\log p(y \mid x, \text{real})$ | `class_loss` | for labeled images |
# | $-\tfrac12 \log D(x) - \tfrac12 \log(1 - D(G(z)))$ | `real_or_fake_loss` | unlabeled, fake |
# | $H(x)$, entropy of $p(k \mid x, \text{real})$ over $k$ | `entropy` | for unlabeled images |
# | $f(x)$ | `trunk(images)` | features: all layers but the last |
# | $\lVert \mathbb{E} f(x) - \mathbb{E} f(G(z)) \rVert^2$, per feature | `matching_loss` | for G |
# | $-\log D(G(z))$ | `fooling_loss` | the usual loss of G |
#
# First the two heads.


# %%
def real_logit(class_logits):
    return tf.reduce_logsumexp(class_logits, axis=-1)


def class_loss(class_logits, class_labels):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(class_labels, class_logits)
    )


def real_or_fake_loss(unlabeled_logits, fake_logits):
    return 0.5 * losses.cross_entropy_discriminator_loss(
        real_logit(unlabeled_logits), real_logit(fake_logits)
    )


# %% [markdown]
# Now the single softmax: a column of zeros is added for *fake*, and each loss is the negative
# logarithm of a probability out of that one softmax. For a labeled image we know that it is
# real, so its class probability is divided by the probability of real.


# %%
def log_probabilities(class_logits):
    zeros = tf.zeros_like(class_logits[:, :1])
    return tf.nn.log_softmax(tf.concat([class_logits, zeros], axis=1))


def single_class_loss(class_logits, class_labels):
    logs = log_probabilities(class_logits)
    of_label = tf.gather(logs, class_labels, axis=1, batch_dims=1)
    return tf.reduce_mean(tf.reduce_logsumexp(logs[:, :-1], axis=1) - of_label)


def single_real_or_fake_loss(unlabeled_logits, fake_logits):
    of_real = tf.reduce_logsumexp(log_probabilities(unlabeled_logits)[:, :-1], axis=1)
    of_fake = log_probabilities(fake_logits)[:, -1]
    return -0.5 * tf.reduce_mean(of_real) - 0.5 * tf.reduce_mean(of_fake)


# %% [markdown]
# Are they the same? Random logits of several sizes, both losses, and the gradients with respect to
# every logit.


# %%
def compare_formulations(logits, class_labels):
    found = []
    for of_class, of_kind in (
        (class_loss, real_or_fake_loss),
        (single_class_loss, single_real_or_fake_loss),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            labeled, unlabeled, fake = tf.split(logits, 3)
            loss = of_class(labeled, class_labels) + of_kind(unlabeled, fake)
        found.append((loss.numpy(), tape.gradient(loss, logits).numpy()))
    return found


print(f"{'logits':>8}{'two heads':>12}{'one softmax':>13}{'loss apart':>12}{'gradient apart':>16}")
for size in (0.1, 1.0, 5.0, 20.0):
    logits = size * tf.random.stateless_normal((48, NUM_CLASSES), (SEED, 1))
    class_labels = tf.range(16) % NUM_CLASSES
    heads, softmax = compare_formulations(logits, class_labels)
    apart = abs(heads[0] - softmax[0]), np.abs(heads[1] - softmax[1]).max()
    print(f"{size:>8}{heads[0]:>12.6f}{softmax[0]:>13.6f}{apart[0]:>12.1e}{apart[1]:>16.1e}")
    assert apart[0] < 1e-5 * max(1, heads[0])
    assert apart[1] < 1e-5

# %% [markdown]
# Equal to the precision of 32-bit numbers, gradients included. The rest of the lesson uses the two
# heads, which need one function less.
#
# Two remarks. If one takes the plain cross-entropy of the $N + 1$ softmax for labeled images,
# then $-\log p(y \mid x) = -\log p(y \mid x, \text{real}) - \log D(x)$: the labeled images count
# as real ones once more. And $D(x)$ should never be computed as $Z / (Z + 1)$:

# %%
for level in (-110.0, 3.0, 100.0):
    one_picture = tf.fill((1, NUM_CLASSES), level)
    total = tf.reduce_sum(tf.exp(one_picture))
    ratio = total / (total + 1)
    print(f"all logits {level:+6.0f}: Z / (Z + 1) = {ratio:.4g},", end=" ")
    print(f"log Z = {real_logit(one_picture)[0]:+.2f}")
check = tf.constant([[1.0, -2.0, 0.5]])
full_loss = -log_probabilities(check)[0, 0]
parts = class_loss(check, [0]) + tf.nn.softplus(-real_logit(check))[0]
print(f"-log p(y | x) = {full_loss:.6f}, class loss - log D(x) = {parts:.6f}")
np.testing.assert_allclose(full_loss, parts, rtol=1e-5)

# %% [markdown]
# Where the logits are small, $Z$ becomes exactly zero, and the logarithm of that is lost; where
# they are large, $Z$ is infinite and the quotient is no number. The log-sum-exp stays exact. We
# shall meet this again in *What goes wrong*.

# %% [markdown]
# ### A term for unlabeled images: be sure
#
# An unlabeled image has a class, we only do not know which. So the class head should decide for
# one: its **entropy** $H$ should be small (Springenberg, 2016; Dai et al., 2017). This is an
# addition to Odena's loss, with the weight `ENTROPY_WEIGHT`; the experiment below also leaves it
# out, so that one sees what it is worth.


# %%
def entropy(class_logits):
    logs = tf.nn.log_softmax(class_logits)
    return -tf.reduce_mean(tf.reduce_sum(tf.exp(logs) * logs, axis=1))


for title, row in {"undecided": [0.0] * 10, "two classes": [9.0, 9.0] + [-9.0] * 8}.items():
    print(f"{title:<12} entropy {entropy(tf.constant([row])):.4f}")
print(f"ln 10 = {np.log(10):.4f}, ln 2 = {np.log(2):.4f}")

# %% [markdown]
# Together, the discriminator minimizes
#
# $$
# -\mathbb{E}_{x, y} \log p(y \mid x, \text{real})
# - \tfrac12 \mathbb{E}_x \log D(x) - \tfrac12 \mathbb{E}_z \log(1 - D(G(z)))
# + \lambda\, \mathbb{E}_x H(x) .
# $$

# %% [markdown]
# ### The generator's loss
#
# The usual one is to fool the discriminator, $-\log D(G(z))$. Salimans et al. (2016, section 3.1)
# propose **feature matching**: the mean features of generated images should equal those of real
# ones. The discriminator's features are what it finds useful at the moment; the generator is asked
# for the right statistics and no more. The main run below uses feature matching; the experiment
# compares both.


# %%
def matching_loss(real_features, fake_features):
    # Means in float32, also where the trunk computes in 16 bits.
    real_features, fake_features = to_float32((real_features, fake_features))
    real_mean = tf.stop_gradient(tf.reduce_mean(real_features, axis=0))
    return tf.reduce_mean(tf.square(tf.reduce_mean(fake_features, axis=0) - real_mean))


def fooling_loss(fake_logits):
    return losses.cross_entropy_generator_loss(real_logit(fake_logits))


# %% [markdown]
# By hand: features (1, 3) and (3, 5) have the mean (2, 4); a fake with (0, 5) is off by 2 and 1.
# With ten logits of zero, $Z = 10$, so $D = 10/11$: a network that has no opinion on the class
# already has one on *real*.

# %%
off = matching_loss(tf.constant([[1.0, 3.0], [3.0, 5.0]]), tf.constant([[0.0, 5.0]]))
print(f"matching_loss {off:.4f}, by hand {(4 + 1) / 2}")
np.testing.assert_allclose(off, 2.5)
zeros = tf.zeros((1, NUM_CLASSES))
print(f"no opinion: D = {tf.sigmoid(real_logit(zeros))[0]:.4f} = 10/11,", end=" ")
print(f"class_loss {class_loss(zeros, [3]):.4f} = ln 10,", end=" ")
print(f"fooling_loss {fooling_loss(zeros):.4f} = ln 1.1")
np.testing.assert_allclose(fooling_loss(zeros), np.log(1.1), rtol=1e-5)

# %% [markdown]
# ## The data, and who gets a label
#
# MNIST. All training images may be looked at; a hundred of them keep their labels. They are drawn
# evenly over the classes, by a seed, so that another draw is one number away. The labels of another
# part are held out: they serve to choose for a baseline and to draw a curve, never to train. Where
# the data are few, so are the labels that can be drawn evenly.


# %%
def draw_labeled(class_labels, count, seed):
    rng = np.random.default_rng([seed, count])
    each, extra = divmod(count, NUM_CLASSES)
    sizes = np.full(NUM_CLASSES, each)
    sizes[rng.permutation(NUM_CLASSES)[:extra]] += 1
    parts = [
        rng.choice(np.flatnonzero(class_labels == label), size, replace=False)
        for label, size in enumerate(sizes)
    ]
    return np.concatenate(parts)


# %% [markdown]
# The data, the counts that depend on how much of it there is, and a first draw.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("07_sgan", train_set)
print(train_set)
HELD_OUT = profile.samples(full=5_000, quick=2_000, smoke=100, available=len(train_set) // 5)
SAMPLES = profile.samples(full=5_000, quick=3_000, smoke=100, available=len(test_set))
candidates = train_set.labels[:-HELD_OUT]
most = NUM_CLASSES * int(np.bincount(candidates, minlength=NUM_CLASSES).min())
LABEL_COUNTS = sorted({min(count, most) for count in LABEL_COUNTS})
MAIN_COUNT = min(100, most)
SETTINGS["counted_on"] = [len(train_set), HELD_OUT, SAMPLES]
labeled = draw_labeled(candidates, MAIN_COUNT, DRAWS[0])
print(f"labeled: {len(labeled)}, of each class {np.bincount(candidates[labeled])}")
print(f"held out: {HELD_OUT:,}; unlabeled: {len(train_set):,} (all training images)")

# %% [markdown]
# These are all the labels that the next network will ever see.

# %%
by_class = labeled.reshape(NUM_CLASSES, -1).T.ravel()
plots.show_images(
    train_set.images[by_class],
    columns=NUM_CLASSES,
    title=f"The {MAIN_COUNT} labeled digits: a column for each class",
)
plt.show()

# %% [markdown]
# A few ways to write each digit. Many ways that occur in the test set are not among them.

# %% [markdown]
# ## What the recorded run reached
#
# This page trains for less than a minute, with one draw of the labels. The recorded `full` run
# trained longer, with four label counts and three draws of the labels for each. For each count, the
# mean test accuracy, and the lowest and the highest of the three: of the network that learns from
# the labels alone, and of the SGAN. "Published" is Odena's plain network and his SGAN.


# %%
def print_accuracies(found):
    print(f"{'labels':>7}{'labels alone':>24}{'SGAN':>24}{'published':>18}")
    for count in found["sgan"]:
        row = f"{int(count):>7,}"
        for kind in ("baseline", "sgan"):
            tests = [entry["test"] for entry in found[kind][count]]
            spread = f"({min(tests):.1%} to {max(tests):.1%})"
            row += f"{np.mean(tests):>7.1%} {spread:<16}"
        ours, plain = PUBLISHED.get(int(count), (None, None))
        print(row if ours is None else f"{row}  {plain:.1%} / {ours:.1%}")


full_run = records.recorded("07_sgan", "full")
if full_run:
    found = full_run["metrics"]
    print(records.origin(full_run))
    print(f"{found['steps']:,} updates of {found['batch_size']} unlabeled images", end="; ")
    print(f"{found['seconds_per_run'] / 60:.0f} minutes a run on a shared core")
    print_accuracies(found)
else:
    print("no recorded full run yet")

# %% [markdown]
# At every label count the SGAN is ahead of the same network without unlabeled images, most with 50
# and 100 labels. With a thousand labels little is left to gain, and with 25 the gain is small too.
# The rest of this page builds such a classifier.

# %% [markdown]
# ## The networks
#
# The discriminator is a small convolutional classifier. All of it but the last layer is the
# **trunk**, whose outputs are the features to match. Noise on the images and dropout keep it from
# learning the few labeled images by heart, and from winning too soon.


# %%
def build_discriminator(noise=NOISE, dropout=DROPOUT):
    trunk = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.GaussianNoise(noise),
            layers.Conv2D(16, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(dropout),
            layers.Conv2D(32, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(128),
            layers.LeakyReLU(negative_slope=0.2),
        ],
        name="trunk",
    )
    pictures = keras.Input((28, 28, 1), name="pictures")
    features = layers.Dropout(dropout)(trunk(pictures))
    class_logits = layers.Dense(NUM_CLASSES, name="class_logits")(features)
    return keras.Model(pictures, class_logits, name="discriminator")


# %% [markdown]
# The generator is a small brother of DCGAN's.


# %%
def build_generator(latent_dim=LATENT_DIM):
    return keras.Sequential(
        [
            layers.Input((latent_dim,)),
            layers.Dense(7 * 7 * 32, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Reshape((7, 7, 32)),
            layers.Conv2DTranspose(16, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh"),
        ],
        name="generator",
    )


# %% [markdown]
# Shapes and counts. The two heads can also be seen as a network of their own: same input, same
# weights, two outputs.

# %%
discriminator, generator = build_discriminator(), build_generator()
for layer in discriminator.get_layer("trunk").layers:
    print(f"{layer.name:<24} {tuple(layer.output.shape[1:])}")
class_logits = discriminator.output
log_sum = ops.logsumexp(class_logits, axis=1, keepdims=True)
both_heads = keras.Model(discriminator.input, [class_logits, log_sum], name="both_heads")
print("two heads:", [tuple(head.shape[1:]) for head in both_heads.outputs])
for network in (discriminator, generator, both_heads):
    print(f"{network.name:<16}{network.count_params():>10,} parameters")
assert discriminator.count_params() == 215_370
assert generator.count_params() == 176_337
assert both_heads.count_params() == discriminator.count_params()

# %% [markdown]
# Many texts add a second output layer for real against fake, or an eleventh logit. Neither is
# needed: the second head has no parameter.

# %% [markdown]
# ## The variant
#
# `gan_utils.GAN` alternates the two updates. What differs are the two objectives: the
# discriminator's has three kinds of images, the generator's matches features (or fools, for
# comparison). The few labeled images are held by the model, and each step draws a batch of them,
# with a seed that follows from the number of the step. That part first, with the generator's
# objective.


# %%
class LabeledGAN(GAN):
    def __init__(self, *networks, labeled, matching=True, entropy_weight=0.0, **options):
        super().__init__(*networks, LATENT_DIM, **options)
        self.labeled_images = tf.constant(images.to_float(labeled[0]))
        class_labels = check_labels(labeled[1], len(labeled[0]), NUM_CLASSES)
        self.class_labels = tf.constant(class_labels, tf.int32)
        self.matching = matching
        self.entropy_weight = entropy_weight

    def labeled_batch(self, count=LABELED_BATCH):
        total = len(self.class_labels)
        seed = self.next_seed(stream=LABEL_STREAM)
        places = tf.random.stateless_uniform((count,), seed, 0, total, tf.int32)
        return tf.gather(self.labeled_images, places), tf.gather(self.class_labels, places)

    def generator_objective(self, batch, inputs, fake_images):
        if self.matching:
            trunk = self.discriminator.get_layer("trunk")
            loss = matching_loss(trunk(batch, training=True), trunk(fake_images, training=True))
        else:
            loss = fooling_loss(self.discriminator(fake_images, training=True))
        return loss, {"g_loss": loss}


# %% [markdown]
# And the discriminator's objective. The three kinds of images go through it together, as one
# batch: it has no batch normalization, so they do not touch each other.


# %%
class SGAN(LabeledGAN):
    def discriminator_objective(self, batch, inputs, fake_images):
        labeled_images, class_labels = self.labeled_batch()
        parts = labeled_images, batch, fake_images
        logits = self.discriminator(tf.concat(parts, axis=0), training=True)
        labeled_logits, unlabeled_logits, fake_logits = tf.split(
            logits, [part.shape[0] for part in parts]
        )
        of_class = class_loss(labeled_logits, class_labels)
        of_kind = real_or_fake_loss(unlabeled_logits, fake_logits)
        unsure = entropy(unlabeled_logits)
        loss = of_class + of_kind + self.entropy_weight * unsure
        return loss, {
            "d_loss": loss,
            "class_loss": of_class,
            "entropy": unsure,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logit(unlabeled_logits))),
            "d_fake": tf.reduce_mean(tf.sigmoid(real_logit(fake_logits))),
        }


# %% [markdown]
# One function makes a model ready to train.


# %%
def make_sgan(labeled, *, seed=SEED, kind=SGAN, rates=(D_RATE, G_RATE), settings=None, **network):
    keras.utils.set_random_seed(seed)
    sgan = kind(
        build_generator(),
        build_discriminator(**network),
        labeled=labeled,
        ema_decay=AVERAGE,
        seed=seed,
        **{"entropy_weight": ENTROPY_WEIGHT} | (settings or {}),
    )
    sgan.compile(
        d_optimizer=keras.optimizers.Adam(rates[0], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(rates[1], beta_1=BETA_1),
    )
    return sgan


# %% [markdown]
# ## One update: who moved?
#
# One player at a time gets a learning rate of zero. Under feature matching, the generator's loss
# does not depend on the discriminator's last layer, and nothing is missing: the generator's
# update asks for gradients of the generator's weights only.

# %%
few_labeled = train_set.images[labeled], train_set.labels[labeled]
unlabeled_batch = tf.constant(images.to_float(train_set.images[:BATCH_SIZE]))
print(f"{'update of':<12}{'generator':>12}{'trunk':>12}{'class head':>12}")
for title, rates in {"both": (1e-4, 1e-4), "D alone": (1e-4, 0.0), "G alone": (0.0, 1e-4)}.items():
    trial = make_sgan(few_labeled, rates=rates)
    parts = trial.generator, *(trial.discriminator.get_layer(n) for n in ("trunk", "class_logits"))
    before = [[w.numpy() for w in part.trainable_weights] for part in parts]
    trial.train_step(unlabeled_batch)
    moved = [
        max(np.abs(w.numpy() - o).max() for w, o in zip(p.trainable_weights, old, strict=True))
        for p, old in zip(parts, before, strict=True)
    ]
    print(f"{title:<12}" + "".join(f"{value:>12.1e}" for value in moved))
    d_moves, g_moves = title != "G alone", title != "D alone"
    assert [value > 0 for value in moved] == [g_moves, d_moves, d_moves]

# %% [markdown]
# Each update moves its own player only, and the discriminator's moves both of its parts.

# %% [markdown]
# ## The baseline
#
# What are the unlabeled images worth? For an answer we need the *same* network, with the same
# noise and dropout, trained on the labeled images alone. How long, and with which learning rate?
# We choose in the baseline's favor: each setting is scored several times along the way on held-out
# images *with* labels, and the best one counts. The SGAN gets no such help: its settings are
# fixed for all label counts, and what it is at the end counts.


# %%
def accuracy(classifier, pictures, class_labels):
    step = 500
    parts = [
        classifier(images.to_float(pictures[i : i + step]), training=False).numpy()
        for i in range(0, len(pictures), step)
    ]
    return float((np.concatenate(parts).argmax(axis=1) == class_labels).mean())


# %% [markdown]
# The training of a baseline: in stages, and the weights of the best stage are kept.


# %%
def train_baseline(labeled, held_out, *, seed, rate, change=None):
    keras.utils.set_random_seed(seed)
    classifier = build_discriminator()
    classifier.compile(
        optimizer=keras.optimizers.Adam(rate, beta_1=BETA_1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    source = gan_utils.Batches(*labeled, batch_size=LABELED_BATCH, seed=seed).dataset()
    if change:
        source = source.enumerate().map(change)
    best = {"held_out": -1.0}
    for stage in range(1, BASELINE_STAGES + 1):
        classifier.fit(source, steps_per_epoch=BASELINE_STEPS, verbose=0)
        score = accuracy(classifier, held_out.images, held_out.labels)
        if score > best["held_out"]:
            best = {"held_out": score, "rate": rate, "steps": stage * BASELINE_STEPS}
            best_weights = classifier.get_weights()
    classifier.set_weights(best_weights)
    return classifier, best


# %% [markdown]
# ## Training with a hundred labels
#
# The labeled images are drawn from those that are not held out. As *unlabeled* images, all of the
# training set is used.

# %%
held_out = replace(
    train_set, images=train_set.images[-HELD_OUT:], labels=train_set.labels[-HELD_OUT:]
)


def labeled_pictures(count, seed):
    places = draw_labeled(candidates, count, seed)
    return train_set.images[places], train_set.labels[places]


class HeldOutAccuracy(keras.callbacks.Callback):
    def __init__(self, pictures, class_labels):
        super().__init__()
        self.pictures, self.class_labels = pictures, class_labels
        self.values = []

    def on_epoch_end(self, epoch, logs=None):
        score = accuracy(self.model.discriminator, self.pictures, self.class_labels)
        self.values.append(score)


# %% [markdown]
# Before training, both sides know nothing. The run itself is as in the other lessons: a grid per
# epoch, the losses of each step, a checkpoint to go on from.

# %%
main_labeled = labeled_pictures(MAIN_COUNT, DRAWS[0])
gan = make_sgan(main_labeled, seed=DRAWS[0])
before = accuracy(gan.discriminator, held_out.images, held_out.labels)
print(f"untrained: {before:.1%} of {len(held_out)} held-out digits right")
fixed_latents = keras.random.normal((FIXED_COUNT, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=max(1, EPOCHS // 4))
watch = HeldOutAccuracy(held_out.images, held_out.labels)
batches = gan_utils.Batches(
    train_set.images, batch_size=BATCH_SIZE, steps_per_epoch=STEPS_PER_EPOCH, seed=DRAWS[0]
)
gan.fit(
    batches,
    epochs=EPOCHS,
    callbacks=[grid, steps, watch, checkpoint, callbacks.TerminateOnNaN()],
    verbose=2,
)
images_seen = EPOCHS * batches.steps_per_epoch * BATCH_SIZE
print(f"{EPOCHS * batches.steps_per_epoch:,} updates, {gan.seconds:.0f} s;", end=" ")
print(f"{images_seen:,} unlabeled images, {images_seen / len(train_set):.2f} passes over the data")

# %% [markdown]
# And the baseline, on the same labeled images. All other runs of this page are kept too: each
# leaves a file with what it found and with the settings and the code it was made with. So an
# interrupted experiment goes on, and a changed one starts anew.


# %%
def best_baseline(labeled, seed):
    tries = [train_baseline(labeled, held_out, seed=seed, rate=rate) for rate in BASELINE_RATES]
    classifier, chosen = max(tries, key=lambda pair: pair[1]["held_out"])
    return chosen | {"test": accuracy(classifier, test_set.images, test_set.labels)}


def remembered(name, make, *arguments):
    path = RUN / "experiment" / f"{name}.json"
    code = (build_discriminator, build_generator, make_sgan, train_baseline, matching_loss)
    source = "".join(inspect.getsource(function) for function in code)
    made_with = SETTINGS | {"code": hashlib.sha256(source.encode()).hexdigest()}
    if path.is_file():
        content = json.loads(path.read_text())
        if content["made_with"] == made_with:
            return content["found"]
    found = make(*arguments)
    path.parent.mkdir(exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps({"made_with": made_with, "found": found}))
    return found


# %% [markdown]
# The comparison for one draw of the labels.

# %%
main_name = f"baseline-{MAIN_COUNT}-{DRAWS[0]}"
main_baseline = remembered(main_name, best_baseline, main_labeled, DRAWS[0])
main_test = accuracy(gan.discriminator, test_set.images, test_set.labels)
print(f"baseline: best after {main_baseline['steps']} steps at rate {main_baseline['rate']}")
print(f"{len(test_set):,} test images, {MAIN_COUNT} labels, one draw of them:")
for title, mine, kind in (
    ("labels alone", main_baseline["test"], "baseline"),
    ("SGAN", main_test, "sgan"),
):
    recorded = (full_run or {"metrics": {}})["metrics"].get(kind, {}).get("100", [])
    tests = ", ".join(f"{row['test']:.1%}" for row in recorded) or "none yet"
    print(f"  {title:<14}{mine:.1%}; recorded run, 100 labels: {tests}")

# %% [markdown]
# ### The curves
#
# The losses, the class loss among them, and the discriminator's output for unlabeled and generated
# images.

# %%
plots.plot_history(
    steps.history,
    {
        "Losses": ["d_loss", "class_loss", "entropy", "g_loss"],
        "Probability of real": ["d_real", "d_fake"],
    },
    labels={"class_loss": "class loss", "entropy": "entropy", "g_loss": "feature matching"},
)
plt.show()

# %% [markdown]
# A hundred labeled images are soon learned: look how fast the class loss falls. What can still make
# the classifier better after that is in the other terms. Its accuracy on held-out images:

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.6))
epochs_seen = np.arange(EPOCHS - len(watch.values), EPOCHS) + 1
axis.plot(epochs_seen, watch.values, "o-", color="#0072B2", label="SGAN")
axis.axhline(
    main_baseline["held_out"], color="#D55E00", linestyle="--", label="labels alone, at its best"
)
axis.set(xlabel="epoch", ylabel="held-out accuracy", title=f"{MAIN_COUNT} labels")
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# The dashed line is the best that the same network reached without the unlabeled images.

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
animation = grid.save_gif(RUN / "sgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Fewer labels, more labels, other labels
#
# One draw of labels proves little: with 25 of them, luck decides which ways of writing a digit are
# among them. So: several label counts, several draws with other initial weights, and for each the
# SGAN and its baseline on the same labeled images. That takes many trainings, so `quick` shows
# those of the recorded full run.


# %%
def describe(sgan):
    drawn = sgan.generate(SAMPLES)
    return {
        "test": accuracy(sgan.discriminator, test_set.images, test_set.labels),
        "distance": metrics.fid(real_features, lenet.features(drawn)),
        "seconds": sgan.seconds,
    }


def run_sgan(labeled, seed, settings=None):
    sgan = make_sgan(labeled, seed=seed, settings=settings)
    source = gan_utils.Batches(
        train_set.images, batch_size=BATCH_SIZE, steps_per_epoch=STEPS_PER_EPOCH, seed=seed
    )
    sgan.fit(source, epochs=EPOCHS, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    return describe(sgan)


# %% [markdown]
# The experiment. The run above is its first SGAN.


# %%
def run_experiment():
    found = {"sgan": {}, "baseline": {}}
    for count in LABEL_COUNTS:
        found["sgan"][count], found["baseline"][count] = [], []
        for seed in DRAWS:
            pictures = labeled_pictures(count, seed)
            alone = remembered(f"baseline-{count}-{seed}", best_baseline, pictures, seed)
            if (count, seed) == (MAIN_COUNT, DRAWS[0]):
                sgan = main_found
            else:
                sgan = remembered(f"sgan-{count}-{seed}", run_sgan, pictures, seed)
            found["baseline"][count].append(alone)
            found["sgan"][count].append(sgan)
    return found


# %% [markdown]
# Which part of the recipe matters? The same runs with the main count of labels, but the generator
# fools in place of matching, or the entropy term is left out.


# %%
VARIANTS = {"fooling": {"matching": False}, "no entropy term": {"entropy_weight": 0.0}}


def run_variants():
    found = {"as above": results["sgan"][MAIN_COUNT]}
    for title, settings in VARIANTS.items():
        found[title] = []
        for seed in DRAWS:
            name = f"{title.replace(' ', '-')}-{MAIN_COUNT}-{seed}"
            pictures = labeled_pictures(MAIN_COUNT, seed)
            found[title].append(remembered(name, run_sgan, pictures, seed, settings))
    return found


# %% [markdown]
# Both, run here or read from the record. The images that the distances compare are drawn evenly
# over the test set, and for the noise floor over the training set.

# %%
real_features = lenet.features(test_set.sample(SAMPLES).images)
floor = metrics.fid(real_features, lenet.features(train_set.sample(SAMPLES).images))
main_found = describe(gan)
variants = records.measured("07_sgan", "variants")
measured_here = variants is None
if measured_here:
    results = run_experiment()
    variants = run_variants()
else:
    print("not repeated here:", records.origin(full_run))
    results = {
        kind: {int(count): rows for count, rows in full_run["metrics"][kind].items()}
        for kind in ("sgan", "baseline")
    }
print_accuracies(results)
for title, rows in variants.items():
    tests, distances = (np.mean([row[key] for row in rows]) for key in ("test", "distance"))
    print(f"{title:<16} test accuracy {tests:.1%}, distance of the images {distances:.0f}")

# %% [markdown]
# The last lines compare the variants. The distance is the Fréchet distance on LeNet features, as in
# the DCGAN lesson: lower is nearer to real images. With three seeds, a difference of a point or two
# in accuracy says nothing. So the record does not say that one of these classifiers is better. It
# does say that fooling gives much better images, with as good a classifier; Salimans et al. (2016)
# found feature matching the better choice for theirs.
#
# ### Against the published figures
#
# A dot for each run, a line through the means. The gray lines are Odena's figures. His networks,
# his steps and his draws of labels are not ours, so compare the distance between the two curves of
# a color, not the colors.

# %%
figure, axis = plt.subplots(figsize=(6.4, 4.2))
styles = {"sgan": ("SGAN", "#0072B2", "o", "-"), "baseline": ("labels alone", "#D55E00", "s", "--")}
for kind, (title, color, marker, line) in styles.items():
    counts = list(results[kind])
    tests = [[row["test"] for row in results[kind][count]] for count in counts]
    axis.plot(counts, np.mean(tests, axis=1), color=color, linestyle=line, label=title)
    places = np.repeat(counts, len(tests[0]))
    axis.plot(places, np.ravel(tests), marker, color=color, alpha=0.7)
published = sorted(PUBLISHED.items())
for place, (title, line) in enumerate((("SGAN, published", "-"), ("CNN, published", "--"))):
    values = [figures[place] for _, figures in published]
    axis.plot([count for count, _ in published], values, color="0.5", linestyle=line, label=title)
axis.set_xscale("log")
axis.set_xticks(list(PUBLISHED), [f"{count:,}" for count in PUBLISHED])
axis.minorticks_off()
axis.set(xlabel="labeled images", ylabel="test accuracy", title="What few labels are worth")
axis.legend()
plt.show()

# %% [markdown]
# The gap between line and dashed line is what the unlabeled images gave.
#
# And the generated images: with feature matching the generator was never asked for sharp digits,
# only for the right mean features.

# %%
generated = gan.generate(SAMPLES)
readable, readable_real = (
    float((lenet.probabilities(pictures).max(axis=1) >= 0.9).mean())
    for pictures in (generated, test_set.sample(SAMPLES).images)
)
print(f"Fréchet distance on LeNet features, {len(real_features)} images on each side:", end=" ")
print(f"{main_found['distance']:.0f}, noise floor (real against real) {floor:.1f}")
print(f"read with at least 90 % confidence: generated {readable:.0%}, real {readable_real:.0%}")
plots.show_images(generated[:64], columns=8, title=f"Generated digits, profile {profile.name}")
plt.show()

# %% [markdown]
# The first 64, not chosen. Many have the strokes of digits without being one. A good classifier
# does not need more. Dai et al. (2017) even argue that images *near* the digits, not on them, push
# the borders between the classes to where there is no data; the recorded comparison above does not
# show such an advantage.

# %% [markdown]
# ## Use it
#
# What we wanted is the classifier, and that is the discriminator as it stands. It is saved, and a
# fresh process that knows nothing of this lesson loads it and reads the test digits. Noise and
# dropout rest when `training` is false.

# %%
classifier_file = RUN / "classifier.keras"
gan.discriminator.save(classifier_file)
use_script = f"""
import keras, numpy as np
import gan_utils
from gan_utils import images
classifier = keras.saving.load_model({str(classifier_file)!r}, compile=False)
digits = gan_utils.load_images("mnist", split="test").sample(1000)
logits = classifier(images.to_float(digits.images), training=False).numpy()
np.save({str(RUN / "logits.npy")!r}, logits)
print(f"{{(logits.argmax(axis=1) == digits.labels).mean():.4f}}")
"""
share_right = gan_utils.run_in_fresh_process(use_script)
elsewhere = np.load(RUN / "logits.npy")
few_tests = test_set.sample(1000)
here = gan.discriminator(images.to_float(few_tests.images), training=False)
print(f"file: {classifier_file.stat().st_size / 1e6:.1f} MB; right in the other process:", end=" ")
print(f"{share_right} of {len(elsewhere)} test digits")
np.testing.assert_allclose(elsewhere, here, rtol=1e-3, atol=1e-2)  # sums in another order

# %% [markdown]
# The first of them, with the answers, and those it gets wrong with the greatest confidence.

# %%
probabilities = tf.nn.softmax(elsewhere).numpy()
answers, truth = probabilities.argmax(axis=1), few_tests.labels
wrong = np.flatnonzero(answers != truth)
worst = wrong[np.argsort(-probabilities[wrong].max(axis=1))][:8]
chosen = np.concatenate([np.arange(16 - len(worst)), worst])
plots.show_images(
    few_tests.images[chosen],
    columns=8,
    titles=[f"{truth[i]}: {answers[i]}" for i in chosen],
    title="True class: answer. Last row: its surest mistakes",
)
plt.show()

# %% [markdown]
# ## What goes wrong
#
# A convolutional discriminator is strong. Without noise and dropout, and with a large learning
# rate (`HASTY_RATE`), it can tell the first fakes from digits within a few updates. What then
# reaches the generator depends on its loss. Four of them, for the same fakes:
#
# | name in the code | what the generator minimizes |
# |---|---|
# | `minimax` | $\log(1 - D(G(z)))$, the second term of the game itself |
# | `quotient` | $-\log D$ with $D = Z / (Z + 1)$ as it stands, and Keras' loss on probabilities |
# | `fooling` | $-\log D$ from the logit $\log Z$ |
# | `matching` | feature matching |


# %%
PROBABILITY_LOSS = keras.losses.BinaryCrossentropy(from_logits=False)


def minimax_loss(fake_logits):
    return -tf.reduce_mean(tf.nn.softplus(real_logit(fake_logits)))


def quotient_loss(fake_logits):
    total = tf.reduce_sum(tf.exp(fake_logits), axis=1, keepdims=True)
    return PROBABILITY_LOSS(tf.ones_like(total), total / (total + 1))


# %% [markdown]
# All four on the same fakes, and the size of the gradient that each sends to the generator.


# %%
def gradient_norms(sgan, real_images, latents):
    trunk = sgan.discriminator.get_layer("trunk")
    with tf.GradientTape(persistent=True) as tape:
        fake_images = sgan.generator(latents, training=True)
        fake_logits = sgan.discriminator(fake_images, training=True)
        found = {
            "minimax": minimax_loss(fake_logits),
            "quotient": quotient_loss(fake_logits),
            "fooling": fooling_loss(fake_logits),
            "matching": matching_loss(
                trunk(real_images, training=True), trunk(fake_images, training=True)
            ),
        }
    variables = sgan.generator.trainable_variables
    return {
        name: tf.linalg.global_norm(tape.gradient(loss, variables)) for name, loss in found.items()
    }


# %% [markdown]
# First the discriminator alone learns, against the fakes of a generator that does not change. At
# each step we ask what gradient each loss would send to the generator's weights.

# %%
frozen = make_sgan(main_labeled, rates=(HASTY_RATE, 0.0), noise=0.0, dropout=0.0)


@tf.function
def one_more_step(batch):
    latents = frozen.generator_inputs(batch, frozen.next_seed())
    fake_images = frozen.generator(latents, training=True)
    logs = frozen.update_discriminator(batch, latents, fake_images)
    return logs["d_fake"], gradient_norms(frozen, batch, latents)


norms, winning = [], []
for batch in batches.dataset().take(FAILURE_STEPS):
    judged, found = one_more_step(batch)
    winning.append(float(judged))
    norms.append({name: float(norm) for name, norm in found.items()})
print(f"D(G(z)) after step 1: {winning[0]:.3f}; after step {FAILURE_STEPS}: {winning[-1]:.1e}")
last_norms = {name: np.median([row[name] for row in norms[-20:]]) for name in norms[0]}
recorded_norms = full_run["metrics"]["gradients_last"] if full_run else {}
for name, norm in last_norms.items():
    print(
        f"{name:<10} gradient {norms[0][name]:.1e} at first, {norm:.1e} at the end (median);",
        end="",
    )
    print(f" recorded run {recorded_norms.get(name, np.nan):.1e}")

# %% [markdown]
# The norms of these gradients, step by step, on a logarithmic scale.

# %%
LINES = {
    "minimax": ("#D55E00", "--"),
    "quotient": ("#CC79A7", ":"),
    "fooling": ("#009E73", "-."),
    "matching": ("#0072B2", "-"),
}
figure, axis = plt.subplots(figsize=(6.4, 4))
for name, (color, line) in LINES.items():
    values = np.array([row[name] for row in norms])
    axis.semilogy(np.where(values > 0, values, np.nan), color=color, linestyle=line, label=name)
axis.set(xlabel="discriminator's updates", ylabel="gradient at the generator, norm")
axis.set_title("What a winning discriminator sends back")
axis.legend()
plt.show()

# %% [markdown]
# The fakes are the same for all four. The gradient of the minimax loss has the factor $D(G(z))$,
# and that is what the discriminator takes to zero: nothing is left to learn from. $-\log D$ keeps
# its gradient, if it is taken from the logit. The quotient looks the same for a while; but a
# fake whose $D$ is below the smallest probability that Keras' loss allows, $10^{-7}$, gets a
# gradient of *exactly* zero, and the surer the discriminator, the more fakes get none. Feature
# matching does not ask how sure the discriminator is.
#
# Now both learn. Three trainings with the same number of steps: the failing pair (a hasty
# discriminator, the minimax loss), the same discriminator with feature matching, and the lesson's
# own settings: noise, dropout and the smaller learning rate too. `quick` shows the distances that
# the recorded full run reached; the curves and the images are drawn where the three trainings run.


# %%
class MinimaxSGAN(SGAN):
    def generator_objective(self, batch, inputs, fake_images):
        loss = minimax_loss(self.discriminator(fake_images, training=True))
        return loss, {"g_loss": loss}


def train_watched(sgan, source, count):
    @tf.function
    def step(batch):
        latents = sgan.generator_inputs(batch, sgan.next_seed())
        with tf.GradientTape(persistent=True) as tape:
            fake_images = sgan.generator(latents, training=True)
        logs = sgan.update_discriminator(batch, latents, fake_images)
        with tape:
            loss, _ = sgan.generator_objective(batch, latents, fake_images)
        gradients = tape.gradient(loss, sgan.generator.trainable_variables)
        sgan.g_optimizer.apply_gradients(
            zip(gradients, sgan.generator.trainable_variables, strict=True)
        )
        return logs["d_fake"], tf.linalg.global_norm(gradients)

    rows = [[float(value) for value in step(batch)] for batch in source.dataset().take(count)]
    return dict(zip(("d_fake", "gradient"), np.transpose(rows), strict=True))


# %% [markdown]
# The three cases.

# %%
HASTY = {"rates": (HASTY_RATE, G_RATE), "noise": 0.0, "dropout": 0.0}
CASES = {
    "hasty, minimax": (MinimaxSGAN, HASTY),
    "hasty, matching": (SGAN, HASTY),
    "level, matching": (SGAN, {}),
}


def run_case(kind, options):
    trial = make_sgan(main_labeled, kind=kind, **options)
    rows = train_watched(trial, batches, FAILURE_STEPS)
    latents = keras.random.normal((min(SAMPLES, 1_000), LATENT_DIM), seed=SEED)
    fakes = trial.generator(latents, training=True).numpy()
    return rows, fakes[:8], metrics.fid(real_features, lenet.features(fakes))


# %% [markdown]
# The Fréchet distance is taken on few images here: it serves to compare the three.

# %%
cases, watched, gallery = records.measured("07_sgan", "cases"), {}, []
if cases is None:
    cases = {}
    for name, case in CASES.items():
        watched[name], fakes, cases[name] = run_case(*case)
        gallery.append(fakes)
        last = {key: np.mean(values[-10:]) for key, values in watched[name].items()}
        print(f"{name:<18}D(G(z)) {last['d_fake']:.1e}, gradient {last['gradient']:.1e}", end=" ")
        print(f"in the last ten of {FAILURE_STEPS} steps", flush=True)
else:
    print("not repeated here:", records.origin(full_run))
for name, value in cases.items():
    print(f"{name:<18}distance {value:.0f}")

# %% [markdown]
# Where they ran here: above, the discriminator's output for the fakes, below, the gradient that
# reaches the generator.

# %%
if watched:
    figure, panels = plt.subplots(2, 1, figsize=(6.4, 6), sharex=True, layout="constrained")
    for (name, rows), color, line in zip(
        watched.items(), ("#D55E00", "#009E73", "#0072B2"), ("--", "-.", "-"), strict=True
    ):
        panels[0].semilogy(rows["d_fake"], color=color, linestyle=line, label=name)
        panels[1].semilogy(rows["gradient"], color=color, linestyle=line, label=name)
    panels[0].set(ylabel="D(G(z))", title="Failing, and fixed")
    panels[1].set(ylabel="gradient at the generator", xlabel="step")
    panels[0].legend()
    fakes = np.concatenate(gallery)
    plots.show_images(fakes, columns=8, row_labels=list(CASES), title="What they generate")
    plt.show()

# %% [markdown]
# In the recorded run the distances fall from line to line. What to look for in a run of your own:
# D(G(z)) near zero *and* a tiny gradient at the generator means that the game is over. The loss is
# the first thing to change; noise, dropout and a smaller learning rate of the discriminator keep
# the game level for longer.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. What is a simple trick worth?** A digit that is moved by two pixels is the same digit. Train
# the baseline on labeled images that are moved at random in each step. How much of the gap to
# the SGAN does that close? (`quick` shows the recorded full run's figures.)


# %% tags=["hide-cell"]
def shift_pictures(pictures, seed, reach=2):
    count, size = pictures.shape[:2]
    border = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    padded = tf.pad(pictures, border, constant_values=-1.0)
    starts = tf.random.stateless_uniform((count, 2), seed, 0, 2 * reach + 1, tf.int32)
    rows, columns = (starts[:, axis, None] + tf.range(size) for axis in (0, 1))
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(padded, columns, axis=2, batch_dims=1)


def shift_batch(index, batch):
    pictures, class_labels = batch
    return shift_pictures(pictures, tf.stack([index, SEED])), class_labels


shifted_test = records.measured("07_sgan", "baseline_with_shifts")
if shifted_test is None:
    shifted, _ = train_baseline(
        main_labeled, held_out, seed=DRAWS[0], rate=BASELINE_RATES[0], change=shift_batch
    )
    shifted_test = accuracy(shifted, test_set.images, test_set.labels)
count = MAIN_COUNT if measured_here else 100
alone, sgan = (results[kind][count][0]["test"] for kind in ("baseline", "sgan"))
print(f"{count} labels, one draw: labels alone {alone:.1%},", end=" ")
print(f"moved about {shifted_test:.1%}, SGAN {sgan:.1%}")

# %% [markdown]
# Knowledge about images, put in by hand, is worth a lot: in the recorded run it closes more than
# half of the gap. The two do not exclude each other: give the SGAN's labeled images the same
# treatment.
#
# **2. What does *real* mean to it?** Ask the second head, $D(x)$, about images it never saw: test
# digits, its generator's fakes, digits upside down, negatives, and noise.

# %% tags=["hide-cell"]
digits = images.to_float(test_set.sample(500).images)
kinds = {
    "test digits": digits,
    "fakes": gan.generate(len(digits), seed=SEED),
    "upside down": digits[:, ::-1],
    "negatives": -digits,
    "noise": np.random.default_rng(SEED).uniform(-1, 1, digits.shape).astype("float32"),
}
opinions = {}
for name, pictures in kinds.items():
    logits = gan.discriminator(pictures, training=False)
    opinions[name] = float(tf.reduce_mean(tf.sigmoid(real_logit(logits))))
    sure = float(tf.reduce_mean(tf.reduce_max(tf.nn.softmax(logits), axis=1)))
    print(f"{name:<12} D(x) {opinions[name]:.2f}, confidence in its class {sure:.2f}")
plots.show_images(
    np.concatenate([pictures[:6] for pictures in kinds.values()]),
    columns=6,
    row_labels=[f"{name}: {opinions[name]:.2f}" for name in kinds],
    title="D(x) of five kinds of images",
)
plt.show()

# %% [markdown]
# $D$ is trained to tell digits from *its generator's fakes*. On other images its answer may be
# anything: it was never asked. A discriminator is no detector of strange input.
#
# **3. Which digits are confused?** Make the confusion matrix on the test set. Does the SGAN confuse
# what you would confuse?

# %% tags=["hide-cell"]
answers = np.concatenate(
    [
        gan.discriminator(images.to_float(test_set.images[i : i + 500]), training=False)
        .numpy()
        .argmax(axis=1)
        for i in range(0, len(test_set), 500)
    ]
)
confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), int)
np.add.at(confusion, (test_set.labels, answers), 1)
shares = confusion / confusion.sum(axis=1, keepdims=True)
figure, axis = plt.subplots(figsize=(5.6, 5), layout="constrained")
mistakes = shares - np.diag(np.diag(shares))
axis.imshow(mistakes, cmap="Blues")
for i, j in np.argwhere(shares >= 0.005):
    color = "white" if mistakes[i, j] > mistakes.max() / 2 else "black"
    axis.text(j, i, f"{100 * shares[i, j]:.0f}", ha="center", va="center", fontsize=9, color=color)
axis.set(xticks=range(10), yticks=range(10), xlabel="answer", ylabel="true class")
axis.set_title("Test digits, % of each class")
plt.show()
off_diagonal = confusion - np.diag(np.diag(confusion))
for place in np.argsort(-off_diagonal, axis=None)[:3]:
    truth, answer = divmod(int(place), NUM_CLASSES)
    print(f"{off_diagonal[truth, answer]} times a {truth} was called {answer}")

# %% [markdown]
# ## Summary
#
# - $N$ logits are enough for $N + 1$ classes: their softmax names the class, their log-sum-exp
#   tells real from fake. Two heads or one softmax, it is the same function.
# - Labeled, unlabeled and generated images each have their term in the discriminator's loss. In the
#   recorded run the unlabeled ones made the classifier better at every label count, most with 50
#   and 100 labels.
# - Feature matching asks the generator for the right statistics, and its gradient does not depend
#   on how sure the discriminator is. In the recorded run, fooling gave better images and as good a
#   classifier.
# - Say with how many labels, drawn how often, against which baseline, and with which spread.
#
# ## References
#
# - A. Odena, *Semi-Supervised Learning with Generative Adversarial Networks*, 2016.
#   <https://arxiv.org/abs/1606.01583>
# - T. Salimans et al., *Improved Techniques for Training GANs*, NeurIPS 2016 (feature matching, the
#   log-sum-exp). <https://arxiv.org/abs/1606.03498>
# - J. T. Springenberg, *Unsupervised and Semi-supervised Learning with Categorical Generative
#   Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06390>
# - Z. Dai et al., *Good Semi-supervised Learning that Requires a Bad GAN*, NeurIPS 2017.
#   <https://arxiv.org/abs/1705.09783>
# - M. Arjovsky, L. Bottou, *Towards Principled Methods for Training Generative Adversarial
#   Networks*, ICLR 2017 (vanishing gradients). <https://arxiv.org/abs/1701.04862>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps": EPOCHS * STEPS_PER_EPOCH,
    "batch_size": BATCH_SIZE,
    "seconds_per_run": main_found["seconds"],
    "sgan": {MAIN_COUNT: [main_found]},
    "baseline": {MAIN_COUNT: [main_baseline]},
    "readable": readable,
    "readable_real": readable_real,
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "gradients_first": norms[0],
    "gradients_last": last_norms,
}
if measured_here:  # not read from the record
    per_run = [row["seconds"] for row in results["sgan"][MAIN_COUNT]]
    found |= results | {"seconds_per_run": np.mean(per_run), "variants": variants}
    found |= {"baseline_with_shifts": shifted_test, "cases": cases}

# %% [markdown] tags=["remove-cell"]
# The row of the comparison, and the record.

# %% tags=["remove-cell"]
seconds = gan.seconds
if measured_here:
    all_runs = [*results["sgan"].values(), *(variants[title] for title in VARIANTS)]
    seconds = sum(row["seconds"] for rows in all_runs for row in rows)
drawn_now = gan.generate(gan_utils.evaluation.DRAWS)
facts = {"real_images": test_set.images, "batch_size": BATCH_SIZE}
facts = {
    "settings": SETTINGS,
    "comparison": {"SGAN": gan_utils.evaluation.row(gan, drawn_now, **facts)},
}
records.record("07_sgan", found, seconds=seconds, data=train_set, seed=SEED, **facts)

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(steps.history["step"]) == EPOCHS * STEPS_PER_EPOCH
assert all(norm >= 0 for norm in last_norms.values())
assert len(norms) == len(winning) == FAILURE_STEPS
assert np.isfinite([*last_norms.values(), *norms[0].values(), *cases.values()]).all()
assert confusion.sum() == len(test_set)
assert 0 <= main_test <= 1
