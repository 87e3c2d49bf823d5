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
# # AC-GAN: a discriminator that also names the class

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/06_acgan.ipynb)

# %% [markdown]
# **What you will do with about 270 lines of code.** Train a generator that draws the item of
# clothing you ask for, then order a hundred sneakers from it in another process.
#
# **Time and size.** 8 minutes to read; about a minute of training on two CPU cores; a download of
# 31 MB (Fashion-MNIST).
#
# **What you will learn**
#
# - why a label becomes one channel, and what a second head gives both players;
# - how to measure label accuracy, and why a perfect one is no proof of good images.
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

import gan_utils
from gan_utils import GAN, callbacks, checkpoints, evaluation, images, lenet, plots, profile, steps
from gan_utils.data.batches import check_labels
from gan_utils.records import record, recorded, run_folder, summary

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL`, chosen with `GAN_RECIPE=tutorial`, is the classic recipe: 100 epochs of 937 steps, in
# which the discriminator is updated on 32 real images, then on 32 fakes, and the generator on 64
# new latent vectors; constant rates, no exponential moving average (EMA) of the
# generator's weights.
#
# A CPU gets further with larger steps and an EMA: `FULL`, twenty passes over the data, and `SHORT`,
# whose epochs are small parts of a pass, with small batches. `stages` is their learning-rate
# schedule: the share of the epochs after which a stage begins, and the rates of discriminator and
# generator, which fall to zero in the last one.

# %%
SEED = profile.seed(6)
LATENT_DIM = 100
NUM_CLASSES = 10
SNEAKER = 7
TUTORIAL = {
    **{"order": "classic", "half_batch": 32, "epochs": 100, "steps": 60_000 // 64},
    **{"stages": ((0, 2e-4, 2e-4),), "decays": False, "ema_decay": None},
    **{"fake_class_weight": 1.0, "embedding_spread": None},
}
FULL = {
    **{"order": "alternating", "half_batch": 32, "epochs": 20, "steps": 60_000 // 32},
    **{"stages": ((0, 1e-3, 3e-4), (0.4, 2.5e-4, 5e-4)), "decays": True, "ema_decay": 0.9995},
    **{"fake_class_weight": 0.0, "embedding_spread": 1.0},
}
SHORT = FULL | {
    **{"half_batch": 8, "epochs": 8, "steps": 40, "ema_decay": 0.998},
    "stages": ((0, 4e-4, 7e-4), (0.75, 4e-4, 7e-4)),
}
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=SETTINGS["epochs"], smoke=2)
STEPS_PER_EPOCH = profile.steps(full=SETTINGS["steps"], quick=SETTINGS["steps"], smoke=2)
CLASSIFIER = "fashion_mnist"

# %% [markdown]
# ## The idea
#
# A conditional GAN shows its discriminator the label; whether image and label fit has to be learned
# from one bit, "real or fake?". AC-GAN (Odena et al., 2017) hides the label and *asks* for it: a
# question with ten answers, which teaches more about clothes.
#
# The generator gets noise $z$ and a class $c$ and draws $G(z, c)$. The discriminator has two heads,
# $S$ for the source (real or fake) and $C$ for the class, and each has a sum of log-likelihoods
# (section 3 of the paper):
#
# $$
# L_S = \mathbb{E}[\log P(S = \text{real} \mid x)]
# + \mathbb{E}[\log P(S = \text{fake} \mid G(z, c))]
# $$
#
# $$
# L_C = \mathbb{E}[\log P(C = c_x \mid x)] + \mathbb{E}[\log P(C = c \mid G(z, c))]
# $$
#
# The discriminator maximizes $L_S + L_C$, the generator $L_C - L_S$. They compete over the first
# sum and cooperate on the second.
#
# Cooperation can go too far. The second half of $L_C$ teaches the discriminator that whatever
# was drawn for class $c$ *is* class $c$: two beginners may agree to call a trouser a dress. So that
# half has a weight in its loss, `fake_class_weight`: 1 in the paper, 0 in our runs, whose class
# head learns from real images alone.

# %% [markdown]
# ## The data
#
# Fashion-MNIST: 28 by 28 gray images of clothes in ten classes. The **reference classifier**, which
# took no part in the training of the GAN and measures its label accuracy, is a LeNet; what it
# reaches on real images is the yardstick. The figures reverse gray: clothes look more natural dark
# on white.


# %%
def show_reversed(floats, title):
    columns = len(floats) // NUM_CLASSES
    plots.show_images(-floats, columns=columns, row_labels=CLASS_NAMES, title=title)
    plt.show()


train_set = gan_utils.load_images("fashion_mnist")
test_set = gan_utils.load_images("fashion_mnist", split="test")
RUN = run_folder("06_acgan", train_set)
CLASS_NAMES = train_set.class_names
print(train_set)
classifier_accuracy = lenet.accuracy(test_set.images, test_set.labels, CLASSIFIER)
print(f"reference classifier: {classifier_accuracy:.2%} of {len(test_set):,} test images right")
count = min(10, np.bincount(train_set.labels).min())
rows = [train_set.of_class(label).images[:count] for label in range(NUM_CLASSES)]
show_reversed(images.to_float(np.concatenate(rows)), "Real images, a row for each class")

# %% [markdown]
# Within a class there is variety; between shirt, pullover and coat often little difference.

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded `full` run comes with the project. Each row has a class, each column
# a latent vector; nothing was cherry-picked. Look for near-duplicates in a row.


# %%
def sheet_inputs():
    latents = np.random.default_rng(SEED).normal(size=(10, LATENT_DIM)).astype("float32")
    class_labels = np.repeat(np.arange(NUM_CLASSES, dtype="int32"), 10)[:, None]
    return [tf.constant(np.tile(latents, (NUM_CLASSES, 1))), tf.constant(class_labels)]


trained_generator, message = gan_utils.weights.try_generator("acgan")
print(message)
if trained_generator is not None:
    sheet = trained_generator(sheet_inputs(), training=False).numpy()
    show_reversed(sheet, "The recorded run's generator")
full_run = recorded("06_acgan", "full")
print(summary(full_run, "AC-GAN"))

# %% [markdown]
# ## The generator
#
# Noise and label meet where the image is smallest. The noise becomes 384 channels of 7 by 7. The
# label goes through an embedding of 50 numbers and a dense layer of 49, and becomes **one channel**
# of 7 by 7. Why a channel? It is a small image, so the label can say another thing at each of 49
# places: "sole here, nothing there". Why only one? Each of the 192 filters of the next layer reads
# it with its own weights. Two transposed convolutions then double height and width to 28.
#
# Kernels start with a standard deviation of 0.02, as in the DCGAN paper, our embedding with 1, like
# the noise; Keras' default, the tutorial's, is 35 times smaller.


# %%
def small_normal():
    return {"kernel_initializer": keras.initializers.RandomNormal(0.0, 0.02)}


def build_generator(width=1.0, spread=SETTINGS["embedding_spread"]):
    latents = layers.Input((LATENT_DIM,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    start = "uniform" if spread is None else keras.initializers.RandomNormal(0.0, spread)
    label_map = layers.Embedding(NUM_CLASSES, 50, embeddings_initializer=start)(class_labels)
    label_map = layers.Dense(7 * 7, **small_normal())(layers.Flatten()(label_map))
    label_map = layers.Reshape((7, 7, 1), name="label_map")(label_map)
    filters = round(384 * width)
    noise_maps = layers.Dense(7 * 7 * filters, **small_normal())(latents)
    noise_maps = layers.Reshape((7, 7, filters), name="noise_maps")(layers.ReLU()(noise_maps))
    features = layers.Concatenate(name="together")([noise_maps, label_map])
    up = {"strides": 2, "padding": "same", **small_normal()}
    features = layers.Conv2DTranspose(round(192 * width), 5, **up)(features)
    features = layers.ReLU()(layers.BatchNormalization()(features))
    outputs = layers.Conv2DTranspose(1, 5, activation="tanh", **up)(features)
    return keras.Model([latents, class_labels], outputs, name="generator")


# %% [markdown]
# The shapes, and the ten label channels (of the recorded generator, where available).

# %%
generator = build_generator()
plots.show_summary(generator)
assert generator.get_layer("together").output.shape[1:] == (7, 7, 385)
assert generator.count_params() == 3_757_176
network = trained_generator or generator
label_maps = keras.Model(network.input, network.get_layer("label_map").output)
maps = label_maps([part[::10] for part in sheet_inputs()]).numpy()
plots.show_images(maps / np.abs(maps).max(), columns=5, titles=CLASS_NAMES, title="Label channels")
plt.show()

# %% [markdown]
# ## The discriminator
#
# Four convolutions are the trunk of both heads, with strong dropout, and batch normalization after
# all but the first. Both heads return **logits**: one number for the source, ten for the class.
# Ten, not eleven: "fake" is the other head's business.


# %%
def build_discriminator(filters=(32, 64, 128, 256), image_shape=(28, 28, 1), dropout=0.5):
    inputs = layers.Input(image_shape, name="images")
    features = inputs
    for index, count in enumerate(filters):
        options = {"strides": 2 if index % 2 == 0 else 1, "padding": "same", **small_normal()}
        features = layers.Conv2D(count, 3, **options)(features)
        if index > 0:
            features = layers.BatchNormalization()(features)
        features = layers.LeakyReLU(negative_slope=0.2)(features)
        features = layers.Dropout(dropout)(features)
    features = layers.Flatten(name="features")(features)
    source = layers.Dense(1, name="source", **small_normal())(features)
    class_logits = layers.Dense(NUM_CLASSES, name="class", **small_normal())(features)
    return keras.Model(inputs, [source, class_logits], name="discriminator")


# %% [markdown]
# Both heads read the same features:

# %%
discriminator = build_discriminator()
plots.show_graph(discriminator, RUN / "discriminator.png")
assert discriminator.get_layer("features").output.shape[1] == 12_544
assert discriminator.count_params() == 527_627

# %% [markdown]
# ## The losses
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $G(z, c)$ | `fake_images` | what the generator draws |
# | logit of $P(S = \text{real})$ | `logits` | source head, (n, 1) |
# | logits of $P(C)$ | `class_logits` | class head, (n, 10) |
# | $-(L_S + L_C)$ | `d_loss` | the discriminator's |
# | $-\log P(\text{real} \mid G) - \log P(C = c \mid G)$ | `g_loss` | the generator's |
#
# The source's part is the cross-entropy pair of the DCGAN lesson, the generator's non-saturating.
# The class's part is one cross-entropy; an undecided head gives equal logits and has the loss
# $\ln 10$.

# %%
CLASS_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
undecided = CLASS_LOSS(tf.constant([SNEAKER]), tf.zeros((1, NUM_CLASSES)))
print(f"undecided: {undecided:.4f}, ln 10 = {np.log(10):.4f}")

# %% [markdown]
# ## One step
#
# `gan_utils.GAN` alternates the updates of discriminator and generator; a variant says what
# differs. Here the generator's inputs are noise and classes, and each objective has a second term.
# Real and fake images go through the discriminator **one after the other**, so that batch
# normalization standardizes each half by itself (exercise 4 shows why).


# %%
class LabeledGAN(GAN):
    def generator_inputs(self, batch, seed, count=None):
        latents = super().generator_inputs(batch, seed, count)
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        shape = (latents.shape[0], 1)
        return [latents, tf.random.stateless_uniform(shape, seed, 0, NUM_CLASSES, tf.int32)]

    def half_loss(self, half, class_labels, sign, name, class_weight=1.0):
        logits, class_logits = self.discriminator(half, training=True)
        source_loss = tf.reduce_mean(tf.nn.softplus(-sign * logits))
        right = keras.metrics.sparse_categorical_accuracy(class_labels, class_logits)
        return source_loss + class_weight * CLASS_LOSS(class_labels, class_logits), {
            f"d_{name}": tf.reduce_mean(tf.sigmoid(logits)),
            f"class_{name}": tf.reduce_mean(right),
        }


# %% [markdown]
# Now the objectives of the two players.


# %%
class ACGAN(LabeledGAN):
    fake_class_weight = 1.0

    def real_objective(self, batch):
        if not isinstance(batch, tuple | list):
            raise ValueError("an AC-GAN learns from images with labels: give fit both")
        return self.half_loss(*batch, 1, "real")

    def fake_objective(self, inputs, fake_images):
        return self.half_loss(fake_images, inputs[1], -1, "fake", self.fake_class_weight)

    def discriminator_objective(self, batch, inputs, fake_images):
        loss, logs = self.real_objective(batch)
        fake_loss, fake_logs = self.fake_objective(inputs, fake_images)
        return loss + fake_loss, {"d_loss": loss + fake_loss, **logs, **fake_logs}

    def generator_objective(self, batch, inputs, fake_images):
        logits, class_logits = self.discriminator(fake_images, training=True)
        loss = self.generator_loss(logits) + CLASS_LOSS(inputs[1], class_logits)
        return loss, {"g_loss": loss}


# %% [markdown]
# The package has the tutorial's update order as a mixin class.


# %%
class ClassicACGAN(steps.ClassicOrder, ACGAN):
    pass


def make_gan(networks, settings):
    kind = ClassicACGAN if settings["order"] == "classic" else ACGAN
    gan = kind(*networks, LATENT_DIM, ema_decay=settings["ema_decay"], seed=SEED)
    gan.fake_class_weight = settings["fake_class_weight"]
    rates = settings["stages"][0][1:]
    gan.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates))
    return gan


def labeled_batches(image_set, settings, steps_per_epoch):
    class_labels = check_labels(image_set.labels, len(image_set), NUM_CLASSES)
    options = {"batch_size": settings["half_batch"], "steps_per_epoch": steps_per_epoch}
    return gan_utils.Batches(image_set.images, class_labels, seed=SEED, **options)


# %% [markdown]
# Who moved? The largest change in each part in one training step. The generator's update leaves the
# discriminator untouched, its moving statistics included.

# %%
batch = tf.constant(images.to_float(train_set.images[:16])), tf.constant(train_set.labels[:16])
moves = gan_utils.who_moved(make_gan((build_generator(), discriminator), SETTINGS), batch)
print(moves)
assert moves.movers[-1] == ("generator", ["generator"])

# %% [markdown]
# ## Training
#
# If the run is interrupted, the same cell resumes from the last checkpoint.

# %%
keras.utils.set_random_seed(SEED)
gan = make_gan((build_generator(), build_discriminator()), SETTINGS)
grid = callbacks.SampleGrid(sheet_inputs(), columns=10, folder=RUN / "grids")
history = callbacks.StepHistory(RUN / "steps.csv")
every = max(1, EPOCHS // 20)
checkpoint = callbacks.Checkpoint(RUN / "checkpoints", every=every, keep=EPOCHS)
schedule = [callbacks.LinearDecay(*SETTINGS["stages"])] * SETTINGS["decays"]
batches = labeled_batches(train_set, SETTINGS, STEPS_PER_EPOCH)
watching = [grid, history, checkpoint, *schedule, callbacks.TerminateOnNaN()]
gan.fit(batches, epochs=EPOCHS, callbacks=watching, verbose=2)
updates = EPOCHS * batches.steps_per_epoch
seen = updates * batches.batch_size
print(f"{updates:,} updates, {seen:,} real images, {seen / len(train_set):.2f} passes", end=" ")
print(f"over the data, {gan.seconds:.0f} s")

# %% [markdown]
# The curves, lowest panel first: both players want the class to be recognized. In the middle panel
# they compete; there, neither side should win for good.

# %%
panels = {
    "Loss": ["d_loss", "g_loss"],
    "Probability of real, source head": ["d_real", "d_fake"],
    "Named right by the class head": ["class_real", "class_fake"],
}
labels = {"class_real": "real images", "class_fake": "fakes: the class asked for"}
plots.plot_history(history.history, panels, labels=labels)
plt.show()

# %% [markdown]
# The grid before and after, and the way there. A row should keep its class from left to right; a
# column changes the item with the same noise.

# %%
titles = ["before training", f"after {updates:,} updates"]
first_and_last = np.stack([255 - grid.frames[i] for i in (0, -1)])
plots.show_images(first_and_last, columns=2, titles=titles, scale=3.1)
plt.show()
animation = grid.save_gif(RUN / "acgan.gif")
display(Image(filename=animation, alt="A grid of ten classes of clothes forming out of noise"))

# %% [markdown]
# ## Results
#
# The **label accuracy** is the share of generated images in which the reference classifier sees the
# class that was asked for; chance is one in ten. Never ask the discriminator: its class head is
# what the generator learns to please. The Fréchet distance is the one of the DCGAN lesson; its
# noise floor is that of real images from real ones.


# %%
def evenly(count):
    return np.arange(count, dtype="int32") % NUM_CLASSES


def draw(gan, class_labels, seed=SEED):
    class_labels = check_labels(class_labels, len(class_labels), NUM_CLASSES)[:, None]
    shape = (len(class_labels), LATENT_DIM)
    noise = np.random.default_rng(seed).normal(size=shape).astype("float32")
    return gan.translate([tf.constant(noise), tf.constant(class_labels, tf.int32)])


SAMPLES = evaluation.count(test_set)
asked = evenly(SAMPLES)
generated = draw(gan, asked)
facts = {"real_images": test_set.images, "classifier": CLASSIFIER}
row = evaluation.row(gan, generated, asked, batch_size=SETTINGS["half_batch"], **facts)
floor = evaluation.noise_floor(train_set, test_set, classifier=CLASSIFIER)
print(f"{SAMPLES:,} generated images: label accuracy {row['agreement']:.1%};", end=" ")
print(f"Fréchet distance {row['distance']:.1f}, noise floor {floor:.2f}")

# %% [markdown]
# ## Use it: a hundred sneakers
#
# To generate images, one needs only the generator with its EMA weights. A new process, which has
# none of this lesson's code, loads its file and draws. The page shown is the recorded generator's,
# where available.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
latents = np.random.default_rng(SEED).normal(size=(100, LATENT_DIM)).astype("float32")
order = [latents, np.full((100, 1), SNEAKER, "int32")]
page, made_by = gan_utils.call_in_fresh_process(generator_file, *order), "this page's run"
if trained_generator is not None:
    page, made_by = trained_generator(order, training=False).numpy(), "the recorded run"
print(f"label accuracy {lenet.accuracy(page, np.full(100, SNEAKER), CLASSIFIER):.0%}")
plots.show_images(-page, columns=10, title=f"100 times class {SNEAKER}, by {made_by}")
plt.show()

# %% [markdown]
# From a terminal: `gan-utils generate acgan --label 7 --count 100 sneakers.png`. On the page of the
# book the recorded generator also draws while you watch:
#
# <!-- interactive: acgan -->

# %% [markdown]
# ## What goes wrong: easy to name, and all alike
#
# The class head rewards images that are easy to name, and real clothes are not always that. So the
# generator may leave out the doubtful ones, and label accuracy only goes *up*. Two numbers for each
# class show it: label accuracy next to the classifier's accuracy on real images, and **variety**,
# the sum of the variances of the LeNet features as a fraction of that of real images.


# %%
def variety(vectors):
    return float(np.var(vectors.astype("float64"), axis=0).sum())


def look_at_classes(generated, asked, real):
    features, chances = lenet.look(generated, CLASSIFIER)
    real_features, real_chances = lenet.look(real.images, CLASSIFIER)
    found = {}
    for label, name in enumerate(CLASS_NAMES):
        mine, theirs = asked == label, real.labels == label
        if min(mine.sum(), theirs.sum()) > 1:
            found[name] = {
                "as_asked": float(np.mean(chances[mine].argmax(axis=1) == label)),
                "real": float(np.mean(real_chances[theirs].argmax(axis=1) == label)),
                "variety": variety(features[mine]) / variety(real_features[theirs]),
            }
    return found


# %% [markdown]
# Class by class.


# %%
def print_classes(title, found):
    print(f"{title:<18}label accuracy  real images  variety")
    for name, line in found.items():
        print(f"{name:<18}{line['as_asked']:>14.1%}{line['real']:>13.1%}{line['variety']:>9.2f}")
    easier = sum(line["as_asked"] > line["real"] for line in found.values())
    poorer = sum(line["variety"] < 1 for line in found.values())
    print(f"of {len(found)} classes, {easier} are easier to name, {poorer} have less variety\n")


per_class = look_at_classes(generated, asked, test_set.sample(SAMPLES))
print_classes("this page's run", per_class)
if full_run:
    print_classes("recorded run", full_run["metrics"]["per_class"])

# %% [markdown]
# More training helps, but the cause is in the objective (exercise 5). Twin AC-GAN (Gong et al.,
# 2019) adds a second classifier that cancels it; a projection discriminator (Miyato and Koyama,
# 2018) does without the class loss.

# %% [markdown]
# ## Exercises
#
# **1. ★ One row for each class.** *Predict first:* does the item in a row settle on one shape, from
# checkpoint to checkpoint, while the noise stays the same?

# %% tags=["hide-cell"]
shown = checkpoints.epochs_in(checkpoint.folder)
shown = shown[:: -max(1, len(shown) // 8)][::-1]
columns = []
for epoch in shown:
    checkpoints.load(gan, checkpoints.path_of(checkpoint.folder, epoch))
    columns.append(draw(gan, evenly(NUM_CLASSES), seed=SEED + 1))
show_reversed(np.stack(columns, axis=1).reshape(-1, 28, 28, 1), f"After {shown} epochs")

# %% [markdown]
# Where the item still changes, the game goes on: it does not settle on one answer.
#
# **2. ★ A generator that ignores the label.** *Predict first:* its images look like the data. Which
# loss notices, and how large is it?
#
# <details><summary>Solution</summary>
#
# The class loss alone: the source loss asks for realism only. Each fake shows the class asked for
# with probability 1/10, so the loss of a head that is right on real images is far above $\ln 10$:
# it is sure, and wrong nine times in ten. A head that knows nothing would get $\ln 10$.
#
# </details>
#
# **3. ★ An eleventh class.** *Predict first:* some programs give the class head an eleventh class,
# "fake", and label all fakes with it in the discriminator's loss. Which sum changes its meaning?
#
# <details><summary>Solution</summary>
#
# $L_C$. The discriminator is now rewarded for *not* recognizing the class of a fake, so this is a
# second game about real or fake, in which the two players no longer want the same of a fake's
# class. Nothing crashes: only the loss shows it.
#
# </details>
#
# **4. ★★ Real and fake in one batch.** *Predict first:* the trained discriminator scores the same
# fakes twice, with batch statistics and no dropout: among themselves, then together with real
# images. Are the logits the same?

# %% tags=["hide-cell"]
still = build_discriminator(dropout=0.0)
still.set_weights([w for w in gan.discriminator.weights if w.dtype == "float32"])
real_half = images.to_float(test_set.sample(64).images)
fake_half = draw(gan, evenly(len(real_half)), seed=SEED + 2)
apart = still(fake_half, training=True)[0].numpy()
mixed = still(np.concatenate([real_half, fake_half]), training=True)[0].numpy()
shift = float(np.abs(apart - mixed[len(real_half) :]).mean())
print(f"in one batch with real images, the logit of a fake moves by {shift:.2f} on average")

# %% [markdown]
# No: batch normalization makes each output depend on the rest of the batch. The generator's update
# shows fakes only; a discriminator that had learned on mixed batches would score them under
# conditions it never met.

# %% [markdown]
# **5. ★★★ Why easy to name? (pencil and paper)** *Predict first:* is the generator's class loss
# least when the fakes look like the data? Assume a class head that is ideal for the fakes, and
# write the loss as an entropy.
#
# <details><summary>Solution</summary>
#
# With $p_g(x, c) = p(c)\,p_g(x \mid c)$, the ideal head gives $p_g(c \mid x)$, so the loss is
# $-\mathbb{E} \log p_g(c \mid x) = H(C \mid X)$. It is zero if and only if no image is drawn for
# two classes. Real classes overlap (shirt, coat), so it is positive for the data: the class loss
# *prefers* a generator that leaves the overlap out, and only the source loss holds against it.
#
# </details>
#
# More to try: [other sizes, and color](../book/studies/acgan-sizes.md).

# %% [markdown]
# ## Summary
#
# - The generator gets the class as one more channel; the discriminator names it with a second head.
#   Both want it to be recognized; they compete over the source only.
# - Label accuracy is measured from outside, and the variety of each class as well: an AC-GAN is
#   rewarded for images that are easy to name.
#
# ## References
#
# - A. Odena, C. Olah, J. Shlens, *Conditional Image Synthesis with Auxiliary Classifier GANs*, ICML
#   2017. <https://arxiv.org/abs/1610.09585>
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
#   Learning Algorithms*, 2017. <https://arxiv.org/abs/1708.07747>
# - M. Gong et al., *Twin Auxiliary Classifiers GAN*, NeurIPS 2019.
#   <https://arxiv.org/abs/1907.02690>
# - T. Miyato, M. Koyama, *cGANs with Projection Discriminator*, ICLR 2018.
#   <https://arxiv.org/abs/1802.05637>

# %% tags=["remove-cell"]
found = {
    **{"epochs": EPOCHS, "steps_per_epoch": batches.steps_per_epoch, "samples": SAMPLES},
    **{"accuracy": row["agreement"], "classifier_accuracy": classifier_accuracy},
    **{"distance": row["distance"], "real_vs_real": floor, "per_class": per_class},
    **{"one_batch_shift": shift, "extractor": f"LeNet on {CLASSIFIER}, 84 features"},
}
facts = {"settings": SETTINGS, "comparison": {"AC-GAN": row}}
record("06_acgan", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in history.history.values())
assert len(history.history["step"]) == updates
assert len(grid.frames) == EPOCHS + 1
assert shift > 0
assert page.shape == (100, 28, 28, 1)
