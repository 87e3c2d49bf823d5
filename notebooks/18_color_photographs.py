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
# # Color photographs

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/18_color_photographs.ipynb)

# %% [markdown]
# **What you will do with about 300 lines of code.** Train a GAN on small photographs of ten
# classes, ask it for a class, and see what helps when there are few images.
#
# **Time and size.** 8 minutes to read; less than a minute of training on two CPU cores; a download
# of 170 MB (CIFAR-10, once).
#
# **What you will learn**
#
# - how a class enters both networks: conditional batch normalization and the projection
#   discriminator;
# - what few images mean for the discriminator, and what augmentation is worth then;
# - how to score images in color, and to use a folder of your own.
#
# **What you need.** The lessons on CDCGAN and on modern objectives.

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

import gan_utils
from gan_utils import GAN, callbacks, convnet, evaluation, images, metrics, plots, profile
from gan_utils.data.datasets import SOURCES
from gan_utils.layers import SpectralNormalization
from gan_utils.metrics.features import inception_2015
from gan_utils.records import record, recorded, run_folder, summary

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `FULL` is the recorded run, `SHORT` this page's own. `STUDY` belongs to the recorded comparison on
# few images, read here.

# %%
LESSON = "18_color_photographs"
SEED = profile.seed(18)
SIZE = 32
LATENT_DIM = 128
BETAS = {"beta_1": 0.0, "beta_2": 0.9}
FULL = {"width": 32, "batch_size": 64, "d_rate": 4e-4, "g_rate": 2e-4, "ema_decay": 0.9995}
SHORT = {"width": 16, "batch_size": 32, "d_rate": 1e-3, "g_rate": 1e-3, "ema_decay": 0.995}
STUDY = {"width": 16, "batch_size": 32, "d_rate": 4e-4, "g_rate": 2e-4, "ema_decay": 0.999}
SETTINGS = profile.settings(full=FULL, short=SHORT)
STAGES = ((0, FULL["d_rate"], FULL["g_rate"]), (0.5, FULL["d_rate"], FULL["g_rate"]))
EPOCHS = profile.epochs(full=30, quick=4, smoke=2)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The data
#
# CIFAR-10 (Krizhevsky, 2009): 60,000 photographs of ten classes, 32 by 32 pixels. Offline, a
# stand-in takes their place, handwritten digits in color: the code runs, and the photographs
# below come from the record.
#
# **Your own photographs:** sort them into one folder per class, and start the lesson
# with `GAN_PHOTOGRAPHS=folder`. A fifth of them is held out, unless there are folders `train` and
# `test`.

# %%
train_set = gan_utils.load_images("cifar10")
test_set = gan_utils.load_images("cifar10", split="test")
NAMES = train_set.class_names
SAMPLES = evaluation.count(test_set)
SHOWN = min(10, np.bincount(test_set.labels).min())  # images of each class
RUN = run_folder(LESSON, train_set)
ONE_PASS = max(1, len(train_set) // SETTINGS["batch_size"])
STEPS_PER_EPOCH = profile.steps(full=ONE_PASS, quick=150, smoke=2)
print(train_set)
first = np.concatenate([np.flatnonzero(test_set.labels == k)[:SHOWN] for k in range(len(NAMES))])
plots.show_images(test_set.images[first], columns=SHOWN, title="Real images, a class in each row")
plt.show()

# %% [markdown]
# ## What the recorded run reached
#
# A row for each class, none of the images chosen. Cover the names and try to name the rows.


# %%
def show_sheet(sheet, names, title):
    plt.figure(figsize=(7.0, 0.66 * len(names)), layout="constrained")
    plt.imshow(sheet)
    height = sheet.shape[0] / len(names)
    plt.yticks(height * (np.arange(len(names)) + 0.5), names)
    plt.xticks([])
    plt.title(title, fontsize=10)
    plt.show()


run = recorded(LESSON, "full")
print(summary(run, "projection GAN"))
if run:
    print(run["photographs"])
    recorded_sheet = evaluation.decode_image(run["metrics"]["sheet"])
    show_sheet(recorded_sheet, run["metrics"]["classes"], "Recorded full run")

# %% [markdown]
# The classifier recognizes the class asked for in half of them (chance: a tenth). Vehicles and
# horses can be named by eye; of the other animals there are colors and textures, few bodies.
#
# <!-- interactive: photographs -->
#
# ## The idea
#
# On photographs a class is much of an image's content: a generator that must draw ships and frogs
# with one set of filters is helped by knowing which. Three parts make that work.
#
# **Conditional batch normalization** (de Vries et al., 2017). Batch normalization brings each
# feature map to mean 0 and variance 1, then scales and shifts it by two learned numbers. Let each
# class $y$ have its own:
#
# $$
# \mathrm{CBN}(h, y) = \gamma_y \, \frac{h - \mu}{\sigma} + \beta_y .
# $$
#
# So the class turns feature maps up and down, in every layer of the generator.
#
# **Projection discriminator** (Miyato and Koyama, 2018). The convolutions see only the image, and
# turn it into features $\phi(x)$. The logit asks "is it real?" and "does it fit the class?":
#
# $$
# D(x, y) = w^\top \phi(x) + b + v_y^\top \phi(x).
# $$
#
# **Hinge loss and spectral normalization** (Miyato et al., 2018) are those of lesson 16; the latter
# bounds the discriminator's slope. With $\tilde x = G(z, y)$:
#
# $$
# L_D = \mathbb{E} \max(0, 1 - D(x, y)) + \mathbb{E} \max(0, 1 + D(\tilde x, y)),
# \qquad L_G = -\mathbb{E}\, D(\tilde x, y).
# $$
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $\gamma_y$, $\beta_y$ | `scale`, `shift` | two numbers for each feature map and class |
# | $\mu$, $\sigma$ | in `BatchNormalization` | mean and standard deviation over the batch |
# | $\phi(x)$ | `features` | the discriminator's last features |
# | $v_y^\top \phi(x)$ | `chosen` | of the outputs `fit`, that of class $y$ |

# %% [markdown]
# ## The generator
#
# From 4 by 4 to 32 by 32 pixels, twice the size in each step.


# %%
def conditional_norm(features, class_labels, num_classes):
    width = features.shape[-1]
    scale = layers.Embedding(num_classes, width, embeddings_initializer="ones")(class_labels)
    shift = layers.Embedding(num_classes, width, embeddings_initializer="zeros")(class_labels)
    normalized = layers.BatchNormalization(center=False, scale=False)(features)
    scaled = layers.Multiply()([normalized, layers.Reshape((1, 1, width))(scale)])
    return layers.Add()([scaled, layers.Reshape((1, 1, width))(shift)])


def build_generator(width, num_classes=10):
    latents = keras.Input((LATENT_DIM,), name="latents")
    class_labels = keras.Input((1,), dtype="int32", name="class_labels")
    features = layers.Reshape((4, 4, 6 * width))(layers.Dense(4 * 4 * 6 * width)(latents))
    for filters in (4 * width, 2 * width, width):
        features = layers.ReLU()(conditional_norm(features, class_labels, num_classes))
        features = layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(features)
    features = layers.ReLU()(conditional_norm(features, class_labels, num_classes))
    fake_images = layers.Conv2D(3, 3, padding="same", activation="tanh")(features)
    return keras.Model([latents, class_labels], fake_images, name="generator")


# %% [markdown]
# ## The discriminator
#
# The mirror image, with a second convolution at each size. The projection is a dense layer with an
# output for each class, of which the label picks one: its weights are the rows $v_y$. All layers
# are normalized, as in lesson 16. The features are *summed* over the 4 by 4 places: normalization
# keeps logits small, and with a mean they would be sixteen times smaller.


# %%
def build_discriminator(width, num_classes=10):
    inputs = keras.Input((SIZE, SIZE, 3), name="images")
    class_labels = keras.Input((1,), dtype="int32", name="class_labels")
    features = inputs
    for filters in (width, 3 * width, 6 * width):
        for kernel_size, strides in ((4, 2), (3, 1)):
            convolution = layers.Conv2D(filters, kernel_size, strides=strides, padding="same")
            features = layers.LeakyReLU(negative_slope=0.1)(
                SpectralNormalization(convolution)(features)
            )
    exact = {"dtype": "float32"}  # logits in 32 bits, also under mixed precision
    places = features.shape[1] * features.shape[2]
    features = layers.GlobalAveragePooling2D(**exact)(features)
    features = layers.Rescaling(places, **exact)(features)  # the sum over all places
    realness = SpectralNormalization(layers.Dense(1, **exact))(features)
    fit = SpectralNormalization(layers.Dense(num_classes, use_bias=False, **exact))(features)
    asked = layers.CategoryEncoding(num_classes, output_mode="one_hot", **exact)(class_labels)
    chosen = layers.Dot(axes=1, **exact)([fit, asked])
    logits = layers.Add(**exact)([realness, chosen])
    return keras.Model([inputs, class_labels], logits, name="discriminator")


# %% [markdown]
# Both in the size of the recorded run:

# %%
for network in (build_generator(FULL["width"]), build_discriminator(FULL["width"])):
    print(f"{network.name:<14}{network.output_shape!s:<20}{network.count_params():>9,} parameters")

# %% [markdown]
# ## Differentiable augmentation
#
# With few images a discriminator can overfit: recognize the training images, not photographs as
# such, and its gradients lead nowhere. Augmenting the real images alone would teach the generator
# to draw augmented ones. Zhao et al. (2020) augment **all that the discriminator sees**, real and
# fake, in both updates. For the generator's update the gradient must pass through the augmentation,
# hence "differentiable".
#
# Colors first: brightness, saturation and contrast.


# %%
def change_colors(batch, chances):
    brightness, saturation, contrast = (chance[:, None, None, None] for chance in chances)
    batch += brightness - 0.5
    gray = tf.reduce_mean(batch, axis=3, keepdims=True)
    batch = gray + (batch - gray) * 2 * saturation
    mean = tf.reduce_mean(batch, axis=(1, 2, 3), keepdims=True)
    return mean + (batch - mean) * (0.5 + contrast)


# %% [markdown]
# Then a shift by at most an eighth of the size, and a gray square that hides up to a quarter of
# the image.


# %%
def shift(batch, chances):
    size, reach = batch.shape[1], batch.shape[1] // 8
    for axis, chance in zip((1, 2), chances, strict=True):
        start = tf.cast(tf.floor(chance * (2 * reach + 1)), tf.int32)
        around = [[reach, reach] if i == axis else [0, 0] for i in range(4)]
        places = start[:, None] + tf.range(size)
        batch = tf.gather(tf.pad(batch, around), places, axis=axis, batch_dims=1)
    return batch


def cut_out(batch, chances):
    size = batch.shape[1]
    row, column = (tf.floor(chance * size)[:, None] for chance in chances)
    places = tf.range(size, dtype=tf.float32)
    rows, columns = (tf.abs(places - center) < size / 4 for center in (row, column))
    hidden = rows[:, :, None, None] & columns[:, None, :, None]
    return batch * (1 - tf.cast(hidden, batch.dtype))


def augment(batch, seed):
    chances = tf.unstack(tf.random.stateless_uniform((7, batch.shape[0]), seed))
    batch = change_colors(batch, chances[:3])
    return cut_out(shift(batch, chances[3:5]), chances[5:])


# %% [markdown]
# One image, augmented ten times:

# %%
ten_times = tf.repeat(images.to_float(test_set.images[first[:1]]), 10, axis=0)
augmented = augment(ten_times, tf.constant([SEED, 0])).numpy()
plots.show_images(np.clip(augmented, -1, 1), columns=10, title="What the discriminator sees")
plt.show()

# %% [markdown]
# The class can still be seen, as it must.
#
# ## One training step
#
# What the networks see: latent vectors with random classes, and images that may be augmented.


# %%
class AskedGAN(GAN):
    num_classes = 10
    augments = False

    def generator_inputs(self, batch, seed, count=None):
        latents = super().generator_inputs(batch, seed, count)
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        shape = (latents.shape[0], 1)
        return [latents, tf.random.stateless_uniform(shape, seed, 0, self.num_classes, tf.int32)]

    def fake_inputs(self, fake_images, inputs):
        return [fake_images, inputs[1]]

    def see(self, batch, stream):
        return augment(batch, self.next_seed(stream)) if self.augments else batch


# %% [markdown]
# The two losses. Real and fake images go through the discriminator in one call, with
# `training=True`: there spectral normalization takes its step, once an update. In the generator's
# update it is `False`, since otherwise the discriminator's vectors would move (lesson 16).


# %%
class PhotographGAN(AskedGAN):
    def discriminator_objective(self, batch, inputs, fake_images):
        real_images, real_labels = batch
        seen = self.see(tf.concat([real_images, fake_images], axis=0), stream=1001)
        class_labels = tf.concat([tf.cast(real_labels[:, None], tf.int32), inputs[1]], axis=0)
        logits = self.discriminator([seen, class_labels], training=True)
        real_logits, fake_logits = tf.split(logits, 2)
        loss = tf.reduce_mean(tf.nn.relu(1 - real_logits))
        loss += tf.reduce_mean(tf.nn.relu(1 + fake_logits))
        return loss, {
            "d_loss": loss,
            "real_logit": tf.reduce_mean(real_logits),
            "fake_logit": tf.reduce_mean(fake_logits),
        }

    def generator_objective(self, batch, inputs, fake_images):
        seen = self.see(fake_images, stream=1002)
        logits = self.discriminator([seen, inputs[1]], training=False)
        loss = -tf.reduce_mean(logits)
        return loss, {"g_loss": loss}


# %% [markdown]
# The model, batches with labels, and a way to ask:


# %%
def make_gan(settings=SETTINGS, num_classes=10, augments=False, seed=SEED):
    keras.utils.set_random_seed(seed)
    networks = (f(settings["width"], num_classes) for f in (build_generator, build_discriminator))
    gan = PhotographGAN(*networks, LATENT_DIM, ema_decay=settings["ema_decay"], seed=seed)
    gan.num_classes, gan.augments = num_classes, augments
    gan.compile(
        d_optimizer=keras.optimizers.Adam(settings["d_rate"], **BETAS),
        g_optimizer=keras.optimizers.Adam(settings["g_rate"], **BETAS),
    )
    return gan


def draw(gan, class_labels, seed=0):
    latents = tf.random.stateless_normal((len(class_labels), LATENT_DIM), [seed, SEED])
    return gan.translate([latents, tf.constant(class_labels[:, None], tf.int32)])


# %% [markdown]
# Who moved in one step? The discriminator's statistics are the vectors of spectral normalization.

# %%
batches = gan_utils.Batches(
    train_set, batch_size=SETTINGS["batch_size"], steps_per_epoch=STEPS_PER_EPOCH, seed=SEED
)
batch = next(iter(batches.dataset()))
for augments in (False, True):
    moves = gan_utils.who_moved(make_gan(SHORT, len(NAMES), augments), batch)
    print(moves)
    movers = [{part.split("'")[0] for part in parts} for _, parts in moves.movers]
    assert movers == [{"discriminator"}, {"generator"}]

# %% [markdown]
# ## The scores
#
# The reference classifier, which ships with the package, is a small convolutional network trained
# on CIFAR-10. Its features give the Fréchet distance, precision and recall; its
# answers give label accuracy, where the classes are CIFAR-10's.

# %%
known = SOURCES["cifar10"].class_names == NAMES
facts = {"real_images": test_set.images, "classifier": "cifar10"}
asked = np.arange(SAMPLES) % len(NAMES)
floor = evaluation.noise_floor(train_set, test_set, classifier="cifar10")
gan = make_gan(num_classes=len(NAMES))
untrained = evaluation.scores(draw(gan, asked), asked if known else None, **facts)
print(f"classifier: {convnet.CIFAR10.facts['test_accuracy']:.1%} of the test photographs right")
print(f"{SAMPLES:,} images a side: untrained {untrained['distance']:.1f}, real {floor:.2f}")

# %% [markdown]
# Published scores use another network, Inception of 2015 (lesson 13), a download of 90 MB. In
# `full`, the same images are scored by it too, if it can be had.


# %%
def inception_distance(fake_images, real_images, path=None):
    try:
        extractor = inception_2015(path)
    except OSError as error:
        print(f"without Inception: {error}")
        return None
    found = metrics.score(real_images, fake_images, ["fid"], extractor=extractor)
    return found["fid"].value


# %% [markdown]
# ## Training
#
# If the run is interrupted, the same cell goes on from the last checkpoint.

# %%
fixed_labels = np.repeat(np.arange(len(NAMES)), 6)
fixed_latents = keras.random.normal((len(fixed_labels), LATENT_DIM), seed=SEED)
fixed = [fixed_latents, tf.constant(fixed_labels[:, None], tf.int32)]
STATE = RUN / train_set.name
grid = callbacks.SampleGrid(fixed, columns=6, folder=STATE / "grids")
steps = callbacks.StepHistory(STATE / "steps.csv", every=profile.steps(full=20, quick=1, smoke=1))
checkpoint = callbacks.Checkpoint(STATE / "checkpoints")
watchers = [grid, steps, checkpoint, callbacks.TerminateOnNaN()]
if SETTINGS is FULL:
    watchers.append(callbacks.LinearDecay(*STAGES))
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
print(f"{EPOCHS * STEPS_PER_EPOCH:,} updates in {gan.seconds:.0f} s")

# %% [markdown]
# Mean logits of real images and fakes. At +1 and -1 the hinge loss asks for no more.

# %%
plots.plot_history(
    steps.history,
    {"Losses": ["d_loss", "g_loss"], "Logits": ["real_logit", "fake_logit"]},
    title="Hinge loss with spectral normalization",
)
plt.show()

# %% [markdown]
# The same latent vectors after each epoch, a row for each class:

# %%
animation = grid.save_gif(STATE / "photographs.gif")
display(Image(filename=animation, alt="Ten classes forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results
#
# This run's images, none chosen:

# %%
generated = draw(gan, asked)
batch_size = SETTINGS["batch_size"]
scored = evaluation.row(gan, generated, asked if known else None, batch_size=batch_size, **facts)
passes = scored["images_seen"] / len(train_set)
print(f"{scored['steps']:,} updates, {scored['images_seen']:,} images seen", end=", ")
print(f"{passes:.2f} passes; distance {scored['distance']:.2f} (noise floor {floor:.2f})", end=", ")
print(f"precision {scored['precision']:.2f}, recall {scored['recall']:.2f}")
if known:
    print(f"label accuracy {scored['agreement']:.1%}")
by_class = [np.flatnonzero(asked == label)[:SHOWN] for label in range(len(NAMES))]
sheet = images.grid(generated[np.concatenate(by_class)], columns=SHOWN)
origin = "the stand-in" if train_set.is_stand_in else train_set.name
show_sheet(sheet, NAMES, f"This run: {origin}, profile {profile.name}")
inception = None
if profile.name == "full":
    inception = inception_distance(generated, test_set.sample(SAMPLES).images)

# %% [markdown]
# A short run finds colors and large shapes; photographs take many passes.
#
# ## Few images
#
# `benchmarks/study_augmentation.py` trains the cells above on a tenth of the photographs, with and
# without augmentation, three seeds each. On the left: how far the discriminator's mean logit of its
# training images is above that of *held-out* photographs. A discriminator that has memorized its
# images has a gap.

# %%
study = recorded("study_augmentation", "full")
study_rows = study["metrics"]["runs"] if study else []
LOOKS = {False: ("not augmented", "#0072B2", "--"), True: ("augmented", "#D55E00", "-")}


def draw_study(rows, budget):
    _, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), layout="constrained")
    for row in rows:
        words, color, line = LOOKS[row["augments"]]
        for axis, key in zip(axes, ("gaps", "distances"), strict=True):
            passes = np.arange(1, len(row[key]) + 1) * budget["passes"] / len(row[key])
            first = next(r for r in rows if r["augments"] == row["augments"])
            label = words if row is first else None
            axis.plot(passes, row[key], line, color=color, label=label, linewidth=1.4)
    axes[0].set(xlabel="passes over the data", title="known minus held-out, mean logit")
    axes[1].set(xlabel="passes over the data", title="Fréchet distance")
    axes[0].legend(fontsize=8)
    plt.show()


# %% [markdown]
# The means over the seeds:

# %%
if study:
    budget = study["metrics"]["budget"]
    print(f"{budget['images']:,} images, {budget['passes']:.0f} passes over them")
    draw_study(study_rows, budget)
    print(f"{'':<15}{'seeds':>6}{'distance':>10}{'precision':>11}{'recall':>8}{'gap':>7}")
for augments, (words, *_) in LOOKS.items():
    rows = [row for row in study_rows if row["augments"] == augments]
    if rows:
        means = [np.mean([row[key] for row in rows]) for key in ("distance", "precision", "recall")]
        gap = np.mean([row["gaps"][-1] for row in rows])
        print(f"{words:<15}{len(rows):>6}{means[0]:>10.2f}{means[1]:>11.2f}", end="")
        print(f"{means[2]:>8.2f}{gap:>7.2f}")

# %% [markdown]
# With each seed augmentation lowers the distance and raises the recall. Less overfitting is not the
# reason here: both gaps are small, the augmented one larger.
#
# ## Use it
#
# A fresh process draws the class that you ask for, with the EMA weights.

# %%
gan.ema_generator.save(RUN / "generator.keras")
wish = 8 % len(NAMES)
latents = keras.random.normal((10, LATENT_DIM), seed=SEED)
wishes = np.full((10, 1), wish, "int32")
drawn = gan_utils.call_in_fresh_process(RUN / "generator.keras", latents, wishes)
plots.show_images(drawn, columns=10, title=f"Drawn by another process: {NAMES[wish]}")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# Augment the real images only, as one would for a classifier. The generator sees what the
# discriminator takes for real, and learns to draw *that*. How strange is it? The best a generator
# can do then is to match augmented photographs; their distance from photographs:

# %%
real = images.to_float(test_set.sample(SAMPLES).images)
parts = [augment(part, tf.constant([SEED, i])) for i, part in enumerate(np.array_split(real, 10))]
leaked = np.clip(np.concatenate(parts), -1, 1)
leak_distance = evaluation.scores(leaked, **facts)["distance"]
print(f"augmented photographs, distance from photographs: {leak_distance:.2f}; real {floor:.2f}")
plots.show_images(leaked[:10], columns=10, title="Real photographs, augmented")
plt.show()

# %% [markdown]
# The squares and colors *leak* into the samples, unless fakes are augmented too.
#
# ## Exercises
#
# **1. ★ Shuffled classes.** *Predict first:* the labels of the real images are shuffled. What do
# the rows $v_y$ learn, and what does label accuracy become?
#
# <details><summary>Solution</summary>
#
# Each label then has the same mixture of images, so the best $v_y$ are equal for all $y$, and the
# generator gains nothing from its class: label accuracy is that of guessing, one in ten.
#
# </details>
#
# **2. ★★ Which part of a class is in CBN?** *Predict first:* keep the latent vector, change the
# class. What stays? Draw it with the recorded generator.

# %% tags=["hide-cell"]
one_latent = tf.repeat(keras.random.normal((3, LATENT_DIM), seed=SEED + 1), len(NAMES), axis=0)
all_labels = np.tile(np.arange(len(NAMES)), 3)[:, None].astype("int32")
trained = gan_utils.weights.try_generator("photographs")[0] if known else None
network = gan.ema_generator if trained is None else trained
variants = network([one_latent, tf.constant(all_labels)], training=False).numpy()
plots.show_images(variants, columns=len(NAMES), title="One latent vector a row, all classes")
plt.show()

# %% [markdown]
# <details><summary>Solution</summary>
#
# The latent vector alone enters the first dense layer; the class only scales and shifts feature
# maps. What a vector decides for all classes stays: place, size, background.
#
# </details>
#
# **3. ★★ A forbidden augmentation.** *Predict first:* may one turn the images by a random multiple
# of 90 degrees? What if only half of the images are turned?
#
# <details><summary>Solution</summary>
#
# With all four turns equally likely, ships on their side pass as well: what the discriminator sees
# has the same distribution, so the turn leaks. If half of the images are left alone, only upright
# ships explain what is seen, and nothing leaks (Karras et al. 2020, section 2.2).
#
# </details>
#
# **4. ★★★ The projection, derived (pencil and paper).** Let $p(y \mid x)$ for real images and
# $q(y \mid x)$ for fakes both be softmax functions of linear maps of $\phi(x)$. *Predict first:* in
# which form does $y$ enter the best discriminator's logit $\log p(x, y) - \log q(x, y)$?
#
# <details><summary>Solution</summary>
#
# $$
# \log \frac{p(x, y)}{q(x, y)} = \log \frac{p(x)}{q(x)} + \log \frac{p(y \mid x)}{q(y \mid x)} .
# $$
#
# Each conditional's logarithm is $a_y^\top \phi(x)$ minus a normalizer without $y$. So $y$ enters
# as the difference of two such rows, $v_y^\top \phi(x)$: linear, one row a class. The rest depends
# on $x$ alone (Miyato and Koyama, 2018, section 3).
#
# </details>

# %% [markdown]
# ## Summary
#
# - A class enters the generator by scales and shifts of feature maps, the discriminator by a
#   projection of its features.
# - With a tenth of the images, augmenting all that $D$ sees improved distance and recall.
# - A distance says nothing without the name of its classifier.
#
# ## References
#
# - A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009 (CIFAR-10).
#   <https://www.cs.toronto.edu/~kriz/cifar.html>
# - T. Miyato, M. Koyama, *cGANs with Projection Discriminator*, ICLR 2018.
#   <https://arxiv.org/abs/1802.05637>
# - T. Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, ICLR 2018.
#   <https://arxiv.org/abs/1802.05957>
# - H. de Vries et al., *Modulating early visual processing by language*, NeurIPS 2017.
#   <https://arxiv.org/abs/1707.00683>
# - S. Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.10738>
# - T. Karras et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.06676>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "distance_before": untrained["distance"],
    "distance_after": scored["distance"],
    "recall": scored["recall"],
    "precision": scored["precision"],
    "agreement": scored["agreement"],
    "real_vs_real": floor,
    "leaked": leak_distance,
    "inception": inception,
    "samples": SAMPLES,
    "extractor": f"ConvNet on CIFAR-10, {convnet.WIDTHS[-1]} features",
    "classes": NAMES,
    "sheet": evaluation.encode_image(sheet),
}

# %% tags=["remove-cell"]
copies = "photographs read from a folder: JPEG copies, not the original CIFAR-10"
record(
    LESSON,
    found,
    seconds=gan.seconds,
    data=train_set,
    seed=SEED,
    settings=SETTINGS | BETAS | ({"stages": STAGES} if SETTINGS is FULL else {}),
    photographs=copies if train_set.source == "folder" and known else str(train_set),
    comparison={"projection GAN": scored},
)

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, SIZE, SIZE, 3)
assert all(np.isfinite(values).all() for values in steps.history.values())
assert np.isfinite([untrained["distance"], scored["distance"], floor, leak_distance]).all()
