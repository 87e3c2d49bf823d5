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
# # CGAN: ask for a digit

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/04_cgan.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Train a conditional GAN (CGAN), which draws the
# digit that you ask for, and measure how often it does.
#
# **Time and size.** 8 minutes to read; half a minute of training on two CPU cores; a download of
# 12 MB (MNIST, once).
#
# **What you will learn**
#
# - how a label reaches both networks: concatenated, or multiplied with the other input;
# - which pairs of image and label the discriminator sees;
# - how one wrong tensor makes the generator ignore its label, and which number reveals it.
#
# **What you need.** The GAN lesson, and the part on embeddings in the Keras notes.

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
from gan_utils import GAN, callbacks, evaluation, images, lenet, plots, profile, records
from gan_utils.data.batches import check_labels

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL` is the classic recipe for the concatenating networks (`GAN_RECIPE=tutorial` trains with
# it). `FULL` keeps its batch size and its embeddings, has fewer epochs, and changes four things:
# learning rates twice as large; their linear decay to zero after the share `decay_after` of the
# run; samples from an exponential moving average (EMA) of the generator's weights; and batch
# normalization (see below). `SHORT` takes larger steps on smaller batches.
#
# The tutorial's 0.8 is easily misread: it is the *second* argument of PyTorch's batch
# normalization, `eps`, which is added to the variance. Keras versions of these networks pass
# `momentum=0.8`, and so do we. The tutorial also halves the discriminator's loss, which Adam
# divides out.

# %%
SEED = profile.seed(4)
LATENT_DIM = 100
NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
TUTORIAL = {"epochs": 200, "batch_size": 64, "d_rate": 2e-4, "g_rate": 2e-4}
TUTORIAL = TUTORIAL | {"ema_decay": None, "decay_after": None, "spread": 1.0}
TUTORIAL = TUTORIAL | {"norm": {"momentum": 0.9, "epsilon": 0.8}}
FULL = {"epochs": 40, "batch_size": 64, "d_rate": 4e-4, "g_rate": 4e-4}
FULL = FULL | {"ema_decay": 0.9995, "decay_after": 0.4, "spread": 1.0}
SHORT = FULL | {"batch_size": 32, "d_rate": 1e-3, "g_rate": 1e-3}
SHORT = SHORT | {"ema_decay": 0.995, "decay_after": 0.75}
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)

# %% [markdown]
# In a short run an "epoch" is a part of a pass over the data, so that there is more to look at.

# %%
BETA_1 = 0.5
NORM = {"momentum": 0.8, "epsilon": 1e-3}
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=8, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // 64, quick=170, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=2, quick=3, smoke=1)
EXPERIMENT_STEPS = profile.steps(full=2_000, quick=2_000, smoke=3)
KINDS = ("concatenate", "multiply")

# %% [markdown]
# ## The idea
#
# Suppose you gave an ordinary generator a label. Why should it care? Any convincing digit fools the
# discriminator, whatever was asked for. So the discriminator gets the label too and scores a
# *pair*: is this a real image, **and** does it go with this label? A perfect three is a bad answer
# to the label five, because no such pair is in the data.
#
# Both networks are conditioned on the class $y$ (Mirza and Osindero, 2014, equation 2):
#
# $$
# V(D, G) = \mathbb{E}_{x, y}\,[\log D(x \mid y)]
#         + \mathbb{E}_{z, y}\,[\log (1 - D(G(z \mid y) \mid y))]
# $$
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$, $y$ | `real_images`, `class_labels` | real images and their classes |
# | $z$, $y$ | `latents`, `class_labels` drawn at random | noise, and the class asked for |
# | $G(z \mid y)$ | `generator([latents, class_labels])` | generated samples, `fake_images` |
# | logit of $D(\cdot \mid y)$ | `discriminator([images, class_labels])` | the score of a pair |

# %% [markdown]
# ## The data
#
# MNIST with its labels.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("04_cgan", train_set)
SAMPLES = evaluation.count(test_set)
test_sample = test_set.sample(SAMPLES)
print(train_set)
real_rows = np.concatenate([train_set.of_class(digit).images[:10] for digit in range(10)])
plots.show_images(real_rows, columns=10, title="Real digits, a row for each label")
plt.show()

# %% [markdown]
# Within a row, slant, thickness and shape differ: that is left to the noise. What the images of a
# row have in common, the label has to decide.

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded full run comes with this project. Write the digits that you want
# into `ROW`. **Label accuracy** is the share of generated images in which a reference classifier
# reads the digit that was asked for; the Fréchet distance is that of the DCGAN lesson.


# %%
def print_results(found):
    for kind, row in found.items():
        print(f"  {kind:<12} label accuracy {row['accuracy']:.2%}", end=", ")
        print(f"distance {row['distance']:.1f}, {row['seconds']:.0f} s of training")


ROW = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
recorded_run = records.recorded("04_cgan", "full")
if recorded_run:
    print(records.origin(recorded_run))
    print_results(recorded_run["metrics"]["results"])
trained_generator, message = gan_utils.weights.try_generator("cgan")
print(message)
if trained_generator is not None:
    latents = tf.random.stateless_normal((3 * len(ROW), LATENT_DIM), [0, SEED])
    wishes = tf.constant(3 * ROW)[:, None]
    trained_images = trained_generator([latents, wishes], training=False).numpy()
    plots.show_images(trained_images, columns=len(ROW), title="Trained generator, full run")
    plt.show()

# %% [markdown]
# ### Draw your own
#
# From a terminal, `gan-utils generate cgan --label 3,1,4,1,5 row.png` does the same. On the book's
# page, the generator draws while you watch: keep the noise and change the digit, or the reverse.
#
# <!-- interactive: cgan -->

# %% [markdown]
# ## How a label enters a network
#
# A label is a name: seven is not seven times one. An `Embedding` layer gives each label a row of
# trainable numbers instead. Then the row must meet the other input:
#
# - **concatenate**: 10 numbers are appended to the noise, or to the pixels. Each unit of the first
#   layer gets a *bias* that depends on the label;
# - **multiply**: a row as long as the other input is multiplied with it, element by element. Each
#   label *scales* the inputs, and so has weights of its own in the first layer.


# %%
def join(inputs, class_labels, size, kind, spread):
    start = {
        "concatenate": keras.initializers.RandomNormal(0.0, spread, seed=SEED),
        "multiply": keras.initializers.RandomNormal(1.0, spread, seed=SEED),
    }[kind]
    width = NUM_CLASSES if kind == "concatenate" else size
    rows = layers.Embedding(NUM_CLASSES, width, embeddings_initializer=start)(class_labels)
    rows = layers.Flatten()(rows)
    if kind == "concatenate":
        return layers.Concatenate()([inputs, rows])
    return layers.Multiply()([inputs, rows])


# %% [markdown]
# The rows start with a standard deviation of one, like the noise and in the tutorial. Keras'
# default, within ±0.05, would be lost next to 784 pixels (exercise 4). A multiplier starts around
# one, so that the inputs get through.
#
# ## The networks
#
# The generator widens from the noise to one unit a pixel.


# %%
def build_generator(kind="concatenate", spread=1.0, norm=NORM):
    latents = layers.Input((LATENT_DIM,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    features = join(latents, class_labels, LATENT_DIM, kind, spread)
    features = layers.Dense(128)(features)
    features = layers.LeakyReLU(negative_slope=0.2)(features)
    for width in (256, 512, 1024):
        features = layers.Dense(width)(features)
        features = layers.BatchNormalization(**norm)(features)
        features = layers.LeakyReLU(negative_slope=0.2)(features)
    pixels = layers.Dense(28 * 28, activation="tanh")(features)
    fake_images = layers.Reshape(IMAGE_SHAPE)(pixels)
    return keras.Model([latents, class_labels], fake_images, name="generator")


# %% [markdown]
# The discriminator takes image and label to one logit. Dropout keeps it from memorizing the
# training images.


# %%
def build_discriminator(kind="concatenate", spread=1.0):
    inputs = layers.Input(IMAGE_SHAPE, name="images")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    features = join(layers.Flatten()(inputs), class_labels, 28 * 28, kind, spread)
    features = layers.Dense(512)(features)
    features = layers.LeakyReLU(negative_slope=0.2)(features)
    for _ in range(2):
        features = layers.Dense(512)(features)
        features = layers.LeakyReLU(negative_slope=0.2)(features)
        features = layers.Dropout(0.4)(features)
    logits = layers.Dense(1)(features)
    return keras.Model([inputs, class_labels], logits, name="discriminator")


# %% [markdown]
# Parameters of both kinds:

# %%
counts = {
    kind: [build(kind).count_params() for build in (build_generator, build_discriminator)]
    for kind in KINDS
}
for kind, (of_generator, of_discriminator) in counts.items():
    print(f"{kind:<12} generator {of_generator:,}, discriminator {of_discriminator:,}")
assert counts == {"concatenate": [1_514_996, 932_965], "multiply": [1_514_616, 935_585]}

# %% [markdown]
# ## One training step
#
# The losses stay: the condition changes what the players see, not what they minimize. Three methods
# of `gan_utils.GAN` change, one for each place where a label enters:
#
# - `generator_inputs`: noise, and labels drawn at random;
# - `real_inputs`: the images of a training batch and *their* labels;
# - `fake_inputs`: fakes and the labels *they were drawn for*.
#
# Noise and labels get different seeds; drawn from one, they would depend on each other.


# %%
class ConditionalGAN(GAN):
    def generator_inputs(self, batch, seed, count=None):
        latents = super().generator_inputs(batch, seed, count)
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        shape = (latents.shape[0], 1)
        class_labels = tf.random.stateless_uniform(shape, seed, 0, NUM_CLASSES, tf.int32)
        return [latents, class_labels]

    def real_inputs(self, batch):
        if not isinstance(batch, tuple):
            raise ValueError("a conditional GAN needs labels: fit(images, labels) or Batches")
        real_images, class_labels = batch
        return [real_images, class_labels[:, None]]

    def fake_inputs(self, fake_images, inputs):
        _, class_labels = inputs
        return [fake_images, class_labels]


# %% [markdown]
# The model and its optimizers:


# %%
def make_gan(kind="concatenate", settings=SETTINGS, model=ConditionalGAN, seed=SEED):
    keras.utils.set_random_seed(seed)
    generator = build_generator(kind, settings["spread"], settings.get("norm", NORM))
    discriminator = build_discriminator(kind, settings["spread"])
    gan = model(generator, discriminator, LATENT_DIM, ema_decay=settings["ema_decay"], seed=seed)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(settings["d_rate"], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(settings["g_rate"], beta_1=BETA_1),
    )
    return gan


# %% [markdown]
# Labeled batches, and a function to ask for digits. Labels are checked first: on some devices an
# embedding silently returns zeros for a label that does not exist.


# %%
def labeled_batches(real_images, class_labels, batch_size, steps_per_epoch, seed=SEED):
    check_labels(class_labels, len(real_images), NUM_CLASSES)
    options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "seed": seed}
    return gan_utils.Batches(real_images, class_labels, **options)


def draw(gan, class_labels, seed=0):
    class_labels = check_labels(class_labels, len(class_labels), NUM_CLASSES)
    latents = tf.random.stateless_normal((len(class_labels), LATENT_DIM), [seed, SEED])
    return gan.translate([latents, tf.constant(class_labels[:, None], tf.int32)])


def asked_for(count):
    return (np.arange(count) % NUM_CLASSES).astype("int32")


# %% [markdown]
# Who moved? The largest change of any weight, embeddings included, in one training step.

# %%
batch = next(iter(labeled_batches(train_set.images, train_set.labels, 16, 1).dataset()))
for kind in KINDS:
    moves = gan_utils.who_moved(make_gan(kind), batch)
    print(kind, moves, sep="\n")
    assert [parts for _, parts in moves.movers] == [["discriminator"], ["generator"]]

# %% [markdown]
# ## Training
#
# First the limits: the classifier's own errors, and the noise floor of the distance.

# %%
floor = evaluation.noise_floor(train_set, test_set)
class_labels = asked_for(SAMPLES)
facts = {"real_images": test_set.images}
before = evaluation.scores(draw(make_gan(), class_labels), class_labels, **facts)
before = {"accuracy": before["agreement"], "distance": before["distance"]}
ceiling = lenet.accuracy(test_sample.images, test_sample.labels)
print(f"classifier on test images: {ceiling:.2%} right; noise floor {floor:.2f}")
print(f"untrained: label accuracy {before['accuracy']:.1%}, distance {before['distance']:.1f}")

# %% [markdown]
# After each epoch a grid is drawn from the same noise, one digit a row. Grid and scalars go to
# TensorBoard's event files too, and once, for comparison, the real images.


# %%
def fixed_inputs():
    latents = np.random.default_rng(SEED).normal(size=(NUM_CLASSES**2, LATENT_DIM))
    class_labels = np.repeat(np.arange(NUM_CLASSES), NUM_CLASSES)[:, None]
    return [tf.constant(latents, tf.float32), tf.constant(class_labels, tf.int32)]


def train(kind, source, folder):
    gan = make_gan(kind)
    grid = callbacks.SampleGrid(fixed_inputs(), columns=NUM_CLASSES, folder=folder / "grids")
    steps = callbacks.StepHistory(folder / "steps.csv")
    rates = SETTINGS["d_rate"], SETTINGS["g_rate"]
    watchers = [
        *(grid, steps, callbacks.TerminateOnNaN()),
        callbacks.TensorBoardImages(folder / "tensorboard", fixed_inputs(), columns=NUM_CLASSES),
        callbacks.Checkpoint(folder / "checkpoints", every=CHECKPOINT_EVERY),
    ]
    if SETTINGS["decay_after"]:
        watchers.append(callbacks.LinearDecay((0, *rates), (SETTINGS["decay_after"], *rates)))
    with tf.summary.create_file_writer(str(folder / "tensorboard")).as_default(step=0):
        real_grid = images.grid(images.to_float(real_rows), columns=NUM_CLASSES)
        tf.summary.image("real images", real_grid[None])
    gan.fit(source, epochs=EPOCHS, callbacks=watchers, verbose=2)
    return gan, grid, steps


# %% [markdown]
# First the concatenating networks; a `quick` run leaves the multiplying ones to the record. If a
# run is interrupted, the same cell resumes from the last checkpoint.

# %%
source = labeled_batches(
    train_set.images, train_set.labels, SETTINGS["batch_size"], STEPS_PER_EPOCH
)
kinds = KINDS[:1] if profile.name == "quick" else KINDS
runs = {kind: train(kind, source, RUN / kind) for kind in kinds}
gan, grid, steps = runs["concatenate"]
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * SETTINGS["batch_size"]
print(f"{updates:,} updates with {seen:,} real images, {seen / len(train_set):.1f} passes", end="")
print(" over the data:", ", ".join(f"{kind} {run[0].seconds:.0f} s" for kind, run in runs.items()))
print(f"to watch: tensorboard --logdir {RUN}")

# %% [markdown]
# The curves: `d_real` is D(x); `d_fake` and `d_fake_after` are D(G(z)) before and after the
# discriminator's update.

# %%
groups = {
    "Loss": ["d_loss", "g_loss"],
    "Probability of real": ["d_real", "d_fake", "d_fake_after"],
}
plots.plot_history(steps.history, groups, title="CGAN, concatenation")
plt.show()

# %% [markdown]
# The curves show whether the game is balanced. They do **not** show whether the generator heeds the
# labels. The grid does: how many images in a row are the digit that was asked for?

# %%
plots.show_images(
    np.concatenate([grid.frames[0], grid.frames[-1]], axis=1)[None],
    title=f"Before training, and after {updates:,} updates: row 0 asks for 0, row 9 for 9",
    scale=7,
)
plt.show()
animation = grid.save_gif(RUN / "cgan.gif")
display(Image(filename=animation, alt="Ten rows of digits, one digit a row, forming out of noise"))

# %% [markdown]
# ## Results
#
# This run first, then the recorded one.

# %%
generated = {kind: draw(run[0], class_labels) for kind, run in runs.items()}
rows = {
    kind: evaluation.row(
        run[0], generated[kind], class_labels, batch_size=source.batch_size, **facts
    )
    for kind, run in runs.items()
}
results = {
    kind: {
        "accuracy": row["agreement"],
        "distance": row["distance"],
        "seconds": row["seconds"],
        "parameters": sum(counts[kind]),
    }
    for kind, row in rows.items()
}
print(f"{SAMPLES:,} images, profile {profile.name}")
print_results(results)
print(f"  {'real images':<12} label accuracy {ceiling:.2%}, distance {floor:.2f}")
if recorded_run:
    print(records.origin(recorded_run))
    print_results(recorded_run["metrics"]["results"])

# %% [markdown]
# One seed each: neither a few points nor the seconds, which depend on the machine's other work,
# decide between the kinds.
#
# ## Three cases
#
# What the trained discriminator makes of a real image with its own label (**right**), of the same
# image with another label (**wrong label**), and of a sample of an untrained generator (**bad
# image**). No training batch ever contains a real image with a wrong label.

# %%
real_images = images.to_float(test_sample.images)
true_labels = test_sample.labels
other_labels = (true_labels + np.random.default_rng(SEED).integers(1, 10, SAMPLES)) % NUM_CLASSES
cases = {
    "right": (real_images, true_labels),
    "wrong label": (real_images, other_labels),
    "bad image": (draw(make_gan(), true_labels), true_labels),
}
scores, titles = {}, []
for name, (pixels, labels) in cases.items():
    pair = [pixels, labels[:, None].astype("int32")]
    scores[name] = tf.sigmoid(gan.discriminator(pair, training=False)).numpy()[:, 0]
    titles += [f"{labels[n]}? {scores[name][n]:.2f}" for n in range(6)]
    print(f"{name:<12} mean D(x|y) {scores[name].mean():.3f}")
if recorded_run:
    means = recorded_run["metrics"]["verdicts"]
    print("recorded:", ", ".join(f"{name} {value:.3f}" for name, value in means.items()))
plots.show_images(
    np.concatenate([pixels[:6] for pixels, _ in cases.values()]),
    columns=6,
    titles=titles,
    row_labels=list(cases),
    title="D(x|y) of the trained discriminator\n",
)
plt.show()

# %% [markdown]
# The first two cases have the same images, so the difference of their means is what the
# discriminator still knows about labels. In the recorded run it is small, although label accuracy
# is high. That fits: the discriminator learns about wrong labels from fakes that do not show
# their digit, and an accurate generator no longer makes such fakes.

# %% [markdown]
# ## Use it
#
# A fresh process, which has none of this lesson's code, loads the generator and draws a date.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
ASKED = np.array([2, 0, 1, 4, 1, 1, 0, 6], "int32")
latents = keras.random.normal((len(ASKED), LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(generator_file, latents, ASKED[:, None])
here = gan.translate([latents, tf.constant(ASKED[:, None])])
print(f"largest difference to this process: {np.abs(drawn - here).max():.1e}")
plots.show_images(drawn, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# The discriminator must see a fake with the label it was drawn *for*. A common mistake is to draw
# labels a second time: nothing crashes, and the losses are finite. A `quick` run shows what was
# recorded with several seeds.


# %%
class SwappedLabelsGAN(ConditionalGAN):
    def fake_inputs(self, fake_images, inputs):
        _, class_labels = inputs
        return [fake_images, tf.roll(class_labels, shift=1, axis=0)]  # those of the neighbors


EXPERIMENTS = {"right labels": ConditionalGAN, "swapped labels": SwappedLabelsGAN}


def short_run(name, images_and_labels, seed=SEED):
    gan = make_gan(settings=SHORT, model=EXPERIMENTS[name], seed=seed)
    source = labeled_batches(*images_and_labels, SHORT["batch_size"], EXPERIMENT_STEPS, seed)
    gan.fit(source, epochs=1, callbacks=[history := callbacks.StepHistory()], verbose=0)
    return {
        "experiment": name,
        "steps": EXPERIMENT_STEPS,
        "accuracy": lenet.accuracy(draw(gan, asked_for(1_000)), asked_for(1_000)),
        "d_loss": float(np.mean(history.history["d_loss"][-50:])),
        "g_loss": float(np.mean(history.history["g_loss"][-50:])),
        "seconds": gan.seconds,
    }


# %% [markdown]
# Both ways, at the end:

# %%
experiments = records.measured("study_demonstrations", "04_cgan")
if experiments is None:
    pairs = train_set.images, train_set.labels
    experiments = [short_run(name, pairs) for name in EXPERIMENTS]
else:
    print(records.origin(records.recorded("study_demonstrations")))
heading = f"{experiments[0]['steps']:,} updates"
print(f"{heading:<20}{'d_loss':>9}{'g_loss':>8}{'label accuracy':>16}")
for row in experiments:
    print(f"{row['experiment']:<20}{row['d_loss']:>9.2f}{row['g_loss']:>8.2f}", end="")
    print(f"{row['accuracy']:>16.1%}")

# %% [markdown]
# With swapped labels, label accuracy stays at chance level in each recorded run: the label that a
# fake was drawn for is unrelated to the label it is scored with. The losses differ too, because a
# fake that does not fit its label is easy to find. But a winning discriminator has many possible
# causes, and no loss names this one. **Measure** label accuracy, early.

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** ten digits from the same latent vector: what do they share?

# %% tags=["hide-cell"]
best = gan.ema_generator if trained_generator is None else trained_generator
style = tf.repeat(tf.random.stateless_normal((5, LATENT_DIM), [11, SEED]), NUM_CLASSES, axis=0)
all_labels = tf.constant(asked_for(5 * NUM_CLASSES)[:, None])
same_noise = best([style, all_labels], training=False).numpy()
plots.show_images(same_noise, columns=10, title="One latent vector a row")
plt.show()

# %% [markdown]
# Slant and thickness tend to stay the same along a row, although no loss asks for it: noise and
# label divide the work.
#
# **2 ★ Predict first:** what changes if the labels of the fakes are those of the real batch,
# instead of drawn at random?
#
# <details><summary>Solution</summary>
#
# Nothing of importance: copied labels have the frequencies of the data. In the mistake above,
# generator and discriminator get *different* labels.
#
# </details>
#
# **3 ★★ Predict first:** nine in ten training images are zeros, and you still ask for all digits
# equally often. Can a perfect generator get a five past the best discriminator?
#
# <details><summary>Solution</summary>
#
# Not half of the time. Label 5 is rare among real pairs and common among fakes, so it speaks
# against a pair. The generator cannot change its label, so this teaches it nothing. Draw the labels
# of fakes with the frequencies of the data.
#
# </details>
#
# **4 ★★ Predict first:** how much do the ten labels move the score of an *untrained* discriminator,
# with rows of spread 1, and of Keras' 0.029? Compare with what ten images do.

# %% tags=["hide-cell"]
KERAS_SPREAD = 0.1 / np.sqrt(12)
ten = asked_for(10)[:, None]
one_image, ten_images = real_images[:1].repeat(10, axis=0), real_images[:10]
for spread in (1.0, KERAS_SPREAD):
    untrained = build_discriminator(spread=spread)
    by_label = float(np.std(untrained([one_image, ten], training=False)))
    by_image = float(np.std(untrained([ten_images, ten * 0], training=False)))
    print(f"spread {spread:.3f}: labels move the logit by {by_label:.4f}, images by {by_image:.4f}")

# %% [markdown]
# A label that moves the score so little is ignored at first, and until the discriminator notices
# it, the generator has no reason to.
#
# **5 ★★★ Predict first, then derive with pencil and paper:** for the best discriminator, which
# divergence does the generator minimize, if real pairs have the density $p(y)\,p(x \mid y)$ and
# fakes $p(y)\,q(x \mid y)$? Can a label with a bad $q(\cdot \mid y)$ be made up for by the others?
#
# <details><summary>Solution</summary>
#
# At a pair $(x, y)$, $V$ is largest for $D = p(x \mid y) / (p(x \mid y) + q(x \mid y))$, since the
# factor $p(y)$ cancels. Put into $V$, as in the GAN lesson but for each label:
#
# $$
# V = \sum_y p(y) \left( 2\,\mathrm{JS}(p(\cdot \mid y), q(\cdot \mid y)) - 2 \ln 2 \right)
# $$
#
# A mean of divergences, none of them negative: no label makes up for another.
#
# </details>

# %% [markdown]
# ## Summary
#
# - A conditional GAN scores pairs of image and label; both networks need the label.
# - Concatenated, an embedding is a bias for each label; multiplied, a set of weights for each.
# - Losses do not show the label accuracy. A reference classifier does.
#
# ## References
#
# - M. Mirza, S. Osindero, *Conditional Generative Adversarial Nets*, 2014.
#   <https://arxiv.org/abs/1411.1784>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "classifier_test_accuracy": lenet.test_accuracy(),
    "classifier_here": ceiling,
    "before": before,
    "real_vs_real": floor,
    "results": results,
    "verdicts": {name: float(values.mean()) for name, values in scores.items()},
}
seconds = sum(row["seconds"] for row in results.values())

# %% tags=["remove-cell"]
rows = {f"CGAN, {kind}": row for kind, row in rows.items()}
facts = {"settings": SETTINGS, "tutorial": TUTORIAL, "comparison": rows}
records.record("04_cgan", found, seconds=seconds, data=train_set, seed=SEED, **facts)
for kind, (_, its_grid, its_steps) in runs.items():
    assert generated[kind].shape == (SAMPLES, *IMAGE_SHAPE)
    assert all(np.isfinite(values).all() for values in its_steps.history.values())
    assert len(its_steps.history["step"]) == EPOCHS * STEPS_PER_EPOCH
    assert len(its_grid.frames) == EPOCHS + 1
assert np.abs(drawn - here).max() < 1e-4  # another process may sum in another order
