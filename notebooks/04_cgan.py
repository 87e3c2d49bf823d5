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
# **What you will do.** Train a GAN that draws the digit you ask for, and measure how often it
# draws that digit and no other.
#
# **What you will learn**
#
# - how a label reaches both players: by concatenation or by multiplication, side by side;
# - which pairs of picture and label the discriminator sees, and what it thinks of each kind;
# - how to override `gan_utils.GAN` for inputs that are more than noise;
# - how to follow a run in TensorBoard;
# - how a single wrong tensor makes the generator ignore its label, and how to notice.
#
# **What you need.** The GAN lesson, and the part on embeddings in the lesson on Keras notes. The
# networks are dense and small: a CPU with two cores is enough.

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
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, lenet, plots, profile, records
from gan_utils.data.batches import check_labels

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. `TUTORIAL` has those of the classic recipe for the
# concatenating networks, which trains for 200 epochs. `FULL` keeps its batch size and its
# embeddings and changes three things: the learning rates are twice as large, they fall linearly to
# zero after the share `decay_after` of the run, and samples come from an exponential moving average
# (EMA) of the generator's weights. `SHORT` takes larger steps on smaller batches, for a run of half
# a minute.
#
# One number is easily misread. The tutorial passes 0.8 to batch normalization as the *second*
# argument, which in PyTorch is `epsilon`, a number added to the variance. Keras implementations of
# the same networks pass `momentum=0.8`, and so do we. `GAN_RECIPE=tutorial` trains with the
# tutorial's values. Its discriminator loss is half of ours, the mean of the two terms in place of
# their sum; Adam divides such a factor out again.

# %%
SEED = profile.seed(4)
LATENT_DIM = 100
NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
TUTORIAL = {
    "epochs": 200,
    "batch_size": 64,
    "d_rate": 2e-4,
    "g_rate": 2e-4,
    "ema_decay": None,
    "decay_after": None,
    "spread": 1.0,
    "norm": {"momentum": 0.9, "epsilon": 0.8},
}
FULL = {"epochs": 40, "batch_size": 64, "d_rate": 4e-4, "g_rate": 4e-4}
FULL = FULL | {"ema_decay": 0.9995, "decay_after": 0.4, "spread": 1.0}
SHORT = FULL | {"batch_size": 32, "d_rate": 1e-3, "g_rate": 1e-3}
SHORT = SHORT | {"ema_decay": 0.995, "decay_after": 0.75}
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)

# %% [markdown]
# What follows from the recipe, and what all recipes share:

# %%
BETA_1 = 0.5
NORM = {"momentum": 0.8, "epsilon": 1e-3}
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=8, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // 64, quick=170, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=2, quick=3, smoke=1)
EXPERIMENT_STEPS = profile.steps(full=2_000, quick=2_000, smoke=3)
KINDS = ("concatenate", "multiply")

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs.

# %%
for name in ("quick", "full"):
    run = records.recorded("04_cgan", name)
    if run:
        print(f"{name}: {run['seconds'] / 60:.1f} minutes of training", end=", ")
        print(f"{run['hardware']['cores']} core(s), {run['hardware']['cpu']}")
    else:
        print(f"{name}: no recorded run yet")

# %% [markdown]
# ## The idea
#
# An ordinary GAN draws *some* digit. To ask for one, both players must be told the class $y$
# (Mirza and Osindero, 2014, equation 2):
#
# $$
# V(D, G) = \mathbb{E}_{x, y}\,[\log D(x \mid y)]
#         + \mathbb{E}_{z, y}\,[\log (1 - D(G(z \mid y) \mid y))]
# $$
#
# The generator draws *for* a label. The discriminator judges a *pair*: is this a real picture, and
# one that goes with this label? A perfect drawing of a three is a bad answer to the label five,
# because no such pair is in the data. Nobody tells the generator what a five looks like; it learns
# it because pairs of the wrong kind are found out.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$ | `real_images` | a batch of real pictures |
# | $y$ (first term) | `class_labels` of the batch | the class of each real picture |
# | $y$ (second term) | `class_labels` drawn at random | the class asked for |
# | $z$ | `latents` | noise |
# | $G(z \mid y)$ | `generator([latents, class_labels])` | the drawing, `fake_images` |
# | $\mathrm{logit}\,D(x \mid y)$ | `real_logits` | the verdict on a real pair |
# | $\mathrm{logit}\,D(G(z \mid y) \mid y)$ | `fake_logits` | the verdict on a drawn one |
# | both logarithms of $V$, negated | `d_loss` | what the discriminator minimizes |
# | $-\log D(G(z \mid y) \mid y)$ | `g_loss` | what the generator minimizes |

# %% [markdown]
# ## The data
#
# MNIST with its labels. The line that is printed says where it came from.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("04_cgan", train_set)
print(train_set)
digits = range(NUM_CLASSES)
rows = np.concatenate([train_set.of_class(digit).images[:10] for digit in digits])
plots.show_images(rows, columns=10, row_labels=[str(d) for d in digits], title="Real digits")
plt.show()
print("images of each digit:", np.bincount(train_set.labels).tolist())
SAMPLES = evaluation.count(test_set)
test_sample = test_set.sample(SAMPLES)

# %% [markdown]
# A row for each label. Within a row, slant, thickness and shape differ: that is left to the noise.
# What the rows have in common is what the label has to decide. The digits are about equally
# frequent, so we ask for each of them equally often. All scores below compare `SAMPLES` generated
# images with as many test images, drawn evenly over the test set.

# %% [markdown]
# ## What the recorded run reached
#
# The run on this page is short: it shows that the networks learn. How far they get is shown by the
# recorded full run. Its generator comes with this project: it is found in a checkout, or downloaded
# once and checked; where neither is possible, the cell says so. Its inputs are
# `[latents, class_labels]`, with labels of shape `(n, 1)`. Write the digits that you want into
# `ROW`.


# %%
def asked_for(count):
    return (np.arange(count) % NUM_CLASSES).astype("int32")


ROW = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
trained_generator, message = gan_utils.weights.try_generator("cgan")
print(message)
if trained_generator is not None:
    rng = np.random.default_rng(SEED)
    latents = rng.normal(size=(3 * len(ROW), LATENT_DIM)).astype("float32")
    wishes = np.tile(ROW, 3).astype("int32")
    plots.show_images(
        trained_generator([latents, wishes[:, None]], training=False).numpy(),
        columns=len(ROW),
        titles=[str(digit) for digit in wishes],
        title="Trained generator, recorded full run: the row you asked for\n",
    )
    plt.show()

# %% [markdown]
# The same row three times, each image with noise of its own. From a terminal,
# `gan-utils generate cgan --label 3,1,4,1,5 row.png` does the same.
#
# The record of that run. **Label accuracy** is the share of generated images in which a reference
# classifier, which never saw a generated image, reads the digit that was asked for. The Fréchet
# distance is that of the DCGAN lesson. Two kinds of networks were trained; the next sections
# explain them.


# %%
def print_recorded(run):
    found = run["metrics"]
    print(records.origin(run))
    print(f"{found['epochs']} epochs of {found['steps_per_epoch']} updates, settings", end=" ")
    print(run["settings"])
    for kind, row in found["results"].items():
        print(f"  {kind:<12} label accuracy {row['accuracy']:.2%}", end=", ")
        print(f"distance {row['distance']:.1f}, {row['seconds'] / 60:.0f} min, ", end="")
        print(f"{found['samples']:,} images")


recorded_run = records.recorded("04_cgan", "full")
if recorded_run:
    print_recorded(recorded_run)
else:
    print("no recorded full run yet")
if trained_generator is not None:
    wishes = asked_for(1_000)
    latents = np.random.default_rng(SEED).normal(size=(len(wishes), LATENT_DIM))
    its_images = trained_generator([latents.astype("float32"), wishes[:, None]], training=False)
    print(f"label accuracy of {len(wishes):,} images drawn on this machine:", end=" ")
    print(f"{lenet.accuracy(its_images.numpy(), wishes):.1%}")

# %% [markdown]
# ### In your browser
#
# On the page of the book, this generator draws while you watch: choose a digit, keep the noise, and
# compare; or keep the digit and walk through the noise.
#
# <!-- interactive: cgan -->

# %% [markdown]
# ## Two ways to bring in a label
#
# A label is an index, and a network needs numbers. An `Embedding` layer is a table with a row of
# trainable numbers for each label. Then the row must meet the other input:
#
# - **concatenate**: a row of 10 numbers is put beside the noise (or beside the pixels);
# - **multiply**: a row as long as the other input is multiplied with it, number by number.
#
# Concatenated, the label *adds* something to each unit of the first layer. Multiplied, it *scales*
# every input, so that each label looks at the same noise in its own way.


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
# The Keras default would start the rows within ±0.05. A concatenated row that small is ten whispers
# beside 784 loud pixels, and is overheard for thousands of steps. We start it with a standard
# deviation of one, like the noise and as the tutorial does. A multiplier starts around one, so that
# the inputs get through.
#
# ## The generator
#
# Noise and label, then dense layers that get wider and wider, up to one unit a pixel. Labels come
# in as integers of shape `(n, 1)`.


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
    pictures = layers.Reshape(IMAGE_SHAPE)(pixels)
    return keras.Model([latents, class_labels], pictures, name="generator")


# %% [markdown]
# ## The discriminator
#
# Picture and label, three dense layers, one logit. Dropout on the second and third keeps it from
# learning the training pictures by heart.


# %%
def build_discriminator(kind="concatenate", spread=1.0):
    pictures = layers.Input(IMAGE_SHAPE, name="images")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    pixels = layers.Flatten()(pictures)
    features = join(pixels, class_labels, 28 * 28, kind, spread)
    features = layers.Dense(512)(features)
    features = layers.LeakyReLU(negative_slope=0.2)(features)
    for _ in range(2):
        features = layers.Dense(512)(features)
        features = layers.LeakyReLU(negative_slope=0.2)(features)
        features = layers.Dropout(0.4)(features)
    logits = layers.Dense(1)(features)
    return keras.Model([pictures, class_labels], logits, name="discriminator")


# %% [markdown]
# Side by side, layer by layer: the two kinds differ in the first lines only.

# %%
builders = {"generator": build_generator, "discriminator": build_discriminator}
counts = {}
for name, build in builders.items():
    networks = [build(kind) for kind in KINDS]
    counts[name] = [network.count_params() for network in networks]
    print(f"{name:<22}{KINDS[0]:>16}{KINDS[1]:>16}")
    for pair in zip(*(network.layers for network in networks), strict=True):
        if pair[0].count_params():
            numbers = "".join(f"{layer.count_params():>16,}" for layer in pair)
            print(f"  {type(pair[0]).__name__:<20}{numbers}")
    print(f"  {'parameters':<20}" + "".join(f"{count:>16,}" for count in counts[name]))
assert counts["generator"] == [1_514_996, 1_514_616]
assert counts["discriminator"] == [932_965, 935_585]

# %% [markdown]
# The embedding of the discriminator grows from 100 to 7,840 numbers when it multiplies; for the
# whole network that is next to nothing.
#
# ## The losses
#
# Those of the DCGAN lesson, on logits. The condition changes what the players see and not what
# they minimize, so the package's own are used as they are. A check by hand, for logits 2 on a
# real pair and -1 on a fake one:

# %%
d_loss = gan_utils.losses.cross_entropy_discriminator_loss(tf.constant([2.0]), tf.constant([-1.0]))
g_loss = gan_utils.losses.cross_entropy_generator_loss(tf.constant([-1.0]))
by_hand = np.log1p(np.exp(-2)) + np.log1p(np.exp(-1)), np.log1p(np.exp(1))
print(f"d_loss {d_loss:.5f}, by hand {by_hand[0]:.5f}")
print(f"g_loss {g_loss:.5f}, by hand {by_hand[1]:.5f}")
np.testing.assert_allclose([d_loss, g_loss], by_hand, rtol=1e-5)

# %% [markdown]
# ## What the lesson changes in the GAN
#
# Three methods of `gan_utils.GAN`, one for each place where a label enters:
#
# - `generator_inputs`: what the generator sees. Noise, and labels drawn at random;
# - `real_inputs`: what the discriminator sees of a training batch. Pictures and *their* labels;
# - `fake_inputs`: what it sees of a drawing. The drawing and the label *it was drawn for*.
#
# Noise and labels get seeds of their own: drawn from one seed, they would depend on each other.


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
# A model with its optimizers:


# %%
def make_gan(kind="concatenate", settings=SETTINGS, model=ConditionalGAN):
    keras.utils.set_random_seed(SEED)
    generator = build_generator(kind, settings["spread"], settings.get("norm", NORM))
    discriminator = build_discriminator(kind, settings["spread"])
    gan = model(generator, discriminator, LATENT_DIM, ema_decay=settings["ema_decay"], seed=SEED)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(settings["d_rate"], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(settings["g_rate"], beta_1=BETA_1),
    )
    return gan


# %% [markdown]
# A source of labeled batches, and a way to ask. Labels are checked before anything starts: on some
# devices an embedding answers a label that does not exist with zeros, in silence.


# %%
def labeled_batches(pictures, class_labels, batch_size, steps_per_epoch):
    check_labels(class_labels, len(pictures), NUM_CLASSES)
    options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "seed": SEED}
    return gan_utils.Batches(pictures, class_labels, **options)


def draw(gan, class_labels, seed=0):
    class_labels = check_labels(class_labels, len(class_labels), NUM_CLASSES)
    latents = tf.random.stateless_normal((len(class_labels), LATENT_DIM), [seed, SEED])
    return gan.translate([latents, tf.constant(class_labels[:, None], tf.int32)])


# %% [markdown]
# What `fit` will feed the players in the first step: are the labels of the fakes a draw of their
# own, and not those of the real batch? And are mistakes found?

# %%
gan = make_gan()
first_batch = next(iter(labeled_batches(train_set.images, train_set.labels, 16, 1).dataset()))
latents, asked = gan.generator_inputs(first_batch, gan.next_seed())
print("labels of the real batch:", first_batch[1].numpy().tolist())
print("labels of the fakes:     ", asked.numpy()[:, 0].tolist())
for wrong_labels in (np.array([3, 10]), np.array([0.0, 1.0]), np.array([[1], [2]])):
    try:
        draw(gan, wrong_labels)
    except ValueError as error:
        print(f"refused: {error}")

# %% [markdown]
# ## One update: who moved?
#
# One player at a time gets a learning rate of zero. The table has the largest change of any
# weight, and of the embeddings, which must learn too.


# %%
def who_moved(d_rate, g_rate, kind, batch):
    gan = make_gan(kind, {**SETTINGS, "d_rate": d_rate, "g_rate": g_rate})
    players = gan.generator, gan.discriminator
    before = [[w.numpy() for w in player.trainable_weights] for player in players]
    gan.train_step(batch)
    changes = [
        [np.abs(w.numpy() - o).max() for w, o in zip(p.trainable_weights, old, strict=True)]
        for p, old in zip(players, before, strict=True)
    ]
    tables = [
        [w.path.endswith("embeddings") for w in player.trainable_weights].index(True)
        for player in players
    ]
    return [max(c) for c in changes], [c[t] for c, t in zip(changes, tables, strict=True)]


# %% [markdown]
# Both kinds of network, in the three cases that matter.

# %%
print(f"{'kind':<13}{'update of':<11}{'G':>9}{'D':>9}{'G rows':>9}{'D rows':>9}")
moves = {}
for kind in KINDS:
    for title, rates in {"both": (1e-4, 1e-4), "D": (1e-4, 0.0), "G": (0.0, 1e-4)}.items():
        largest, embeddings = who_moved(*rates, kind, first_batch)
        moves[kind, title] = largest
        print(f"{kind:<13}{title:<11}", end="")
        print("".join(f"{change:>9.0e}" for change in [*largest, *embeddings]))
    assert min(moves[kind, "both"]) > 0
    assert moves[kind, "D"][0] == 0
    assert moves[kind, "G"][1] == 0

# %% [markdown]
# Each update moves its own player, embedding included, and leaves the other where it was.
#
# ## Training
#
# Before the first step, the two scores: label accuracy, and the Fréchet distance, which does not
# care about labels. The reference classifier is a LeNet; its own error on real digits limits what
# can be reached. The noise floor of the distance is that of real images: training images against
# test images, as many of each.


# %%
def score(generated, class_labels):
    scores = evaluation.scores(generated, class_labels, real_images=test_set.images)
    return {"accuracy": scores["agreement"], "distance": scores["distance"]}


floor = evaluation.noise_floor(train_set, test_set)
before = score(draw(make_gan(), asked_for(SAMPLES)), asked_for(SAMPLES))
ceiling = lenet.accuracy(test_sample.images, test_sample.labels)
print(f"classifier on MNIST's test set: {lenet.test_accuracy():.2%} right; here {ceiling:.2%}")
print(f"untrained generator: label accuracy {before['accuracy']:.1%}", end=", ")
print(f"distance {before['distance']:.1f} (noise floor {floor:.2f})")

# %% [markdown]
# The run. After each epoch `SampleGrid` draws the same noise, ten rows, one digit a row. The same
# image and the step's values also go to TensorBoard's event files, in the run folder: the two
# losses, D(x), and D(G(z)) before and after the discriminator's update. Except with the tutorial's
# settings, both learning rates fall linearly to zero, so that the weights come to rest.


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
        grid,
        steps,
        callbacks.TensorBoardImages(folder / "tensorboard", fixed_inputs(), columns=NUM_CLASSES),
        callbacks.Checkpoint(folder / "checkpoints", every=CHECKPOINT_EVERY),
        callbacks.TerminateOnNaN(),
    ]
    if SETTINGS["decay_after"]:
        watchers.append(callbacks.LinearDecay((0, *rates), (SETTINGS["decay_after"], *rates)))
    bar = 1 if "google.colab" in sys.modules else 2
    gan.fit(source, epochs=EPOCHS, callbacks=watchers, verbose=bar)
    return gan, grid, steps


# %% [markdown]
# First with concatenation. In Colab you see a progress bar, in this page a line for each epoch (in
# a short run an "epoch" is a part of a pass over the data, so that there is something to look at):
# `d_real` is D(x), `d_fake` and `d_fake_after` are D(G(z)) before and after the discriminator's
# update, all of the epoch's last step. If a run is interrupted, the same cell goes on from the
# last checkpoint.

# %%
source = labeled_batches(
    train_set.images, train_set.labels, SETTINGS["batch_size"], STEPS_PER_EPOCH
)
runs = {"concatenate": train("concatenate", source, RUN / "concatenate")}
gan, grid, steps = runs["concatenate"]
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * SETTINGS["batch_size"]
print(f"{updates:,} updates with {seen:,} real images, {seen / len(train_set):.1f} passes", end="")
print(f" over the data: {gan.seconds:.0f} s")

# %% [markdown]
# Then the same with multiplication: same data, same seed, same number of updates. A `quick` run
# leaves it out, and shows what the recorded run measured.

# %%
if profile.name != "quick":
    runs["multiply"] = train("multiply", source, RUN / "multiply")
for kind, run in runs.items():
    print(f"{kind}: {run[0].seconds:.0f} s")

# %% [markdown]
# ### TensorBoard
#
# What the run has written, read back:

# %%
events = EventAccumulator(str(RUN / "concatenate" / "tensorboard"), {"tensors": 0}).Reload()
for tag in events.Tags()["tensors"]:
    print(f"{tag:<14}{len(events.Tensors(tag)):>4} points")
assert {"d_loss", "g_loss", "d_real", "d_fake", "d_fake_after"} <= set(events.Tags()["tensors"])
assert "samples" in events.Tags()["tensors"]

# %% [markdown]
# To open it: in a terminal, in the folder where the notebook runs, with the command that the next
# cell prints; in Colab the cell opens it in place. Each kind appears as a run, with their
# curves in common axes and their grids under "Images".

# %%
print(f"tensorboard --logdir {RUN}")
if "google.colab" in sys.modules:
    from IPython import get_ipython

    get_ipython().run_line_magic("load_ext", "tensorboard")
    get_ipython().run_line_magic("tensorboard", f"--logdir {RUN}")

# %% [markdown]
# ### The curves

# %%
groups = {
    "Loss": ["d_loss", "g_loss"],
    "Judged real by the discriminator": ["d_real", "d_fake", "d_fake_after"],
}
plots.plot_history(steps.history, groups, title="CGAN, concatenation")
plt.show()

# %% [markdown]
# Where D(x) stays above one half and D(G(z)) below it, the discriminator is ahead. Compare D(G(z))
# before and after its update: the difference is what it learned in one step, and the generator's
# update works against it. These curves show whether the game is in balance. They do **not** show
# whether labels are obeyed.
#
# ### The grid
#
# Ten rows, one digit each; before training and at the end.

# %%
for title, frame in (("Before training", grid.frames[0]), (f"{EPOCHS} epochs", grid.frames[-1])):
    plots.show_images(frame[None], title=f"{title}: row 0 asks for 0, row 9 for 9", scale=4.5)
    plt.show()

# %% [markdown]
# Read along a row: how many of its ten images are the digit that was asked for? Read down a
# column: nothing in common, since each cell has noise of its own. The way there:

# %%
animation = grid.save_gif(RUN / "cgan.gif")
display(Image(filename=animation, alt="Ten rows of digits, one digit a row, forming out of noise"))

# %% [markdown]
# ## Results
#
# Each digit is asked for equally often, and the classifier reads the answers. This run first, then
# the recorded one.

# %%
class_labels = asked_for(SAMPLES)
generated = {kind: draw(run[0], class_labels) for kind, run in runs.items()}
facts = {"real_images": test_set.images, "batch_size": SETTINGS["batch_size"]}
rows = {
    kind: evaluation.row(run[0], generated[kind], class_labels, **facts)
    for kind, run in runs.items()
}
results = {
    kind: {
        "accuracy": rows[kind]["agreement"],
        "distance": rows[kind]["distance"],
        "seconds": runs[kind][0].seconds,
        "parameters": sum(counts[name][KINDS.index(kind)] for name in counts),
    }
    for kind in runs
}
tables = {f"this run ({profile.name})": results}
if recorded_run:
    tables["recorded full run"] = recorded_run["metrics"]["results"]
print(f"{'':<34}{'label accuracy':>15}{'Fréchet distance':>18}{'seconds':>9}")
for title, table in tables.items():
    for kind, row in table.items():
        print(f"{title + ', ' + kind:<34}{row['accuracy']:>15.1%}{row['distance']:>18.1f}", end="")
        print(f"{row['seconds']:>9.0f}")
print(f"{f'{SAMPLES:,} real images':<34}{ceiling:>15.1%}{floor:>18.2f}")

# %% [markdown]
# One run of each kind with one seed: a difference of a few points does not decide between the
# kinds. Which digits are hard in this run?

# %%
figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
by_digit = {}
looks = (-0.2, "#0072B2", ""), (0.2, "#E69F00", "//")
for (kind, pictures), (offset, color, hatch) in zip(generated.items(), looks, strict=False):
    read = lenet.probabilities(pictures).argmax(axis=1)
    by_digit[kind] = [100 * float((read[class_labels == d] == d).mean()) for d in digits]
    bars = np.arange(NUM_CLASSES) + offset * (len(generated) - 1)
    axis.bar(bars, by_digit[kind], 0.38, color=color, hatch=hatch, edgecolor="white", label=kind)
axis.set(xticks=list(digits), xlabel="digit asked for", ylabel="read as such, %", ylim=(0, 118))
axis.set_title("Label accuracy, digit by digit")
axis.legend(loc="upper center", ncols=2)
plt.show()
print({kind: [round(value) for value in values] for kind, values in by_digit.items()})

# %% [markdown]
# The printed percentages are those of the bars. Early in training some digits are obeyed much
# sooner than others. The recorded run, at its end:

# %%
if recorded_run:
    for kind, values in recorded_run["metrics"]["by_digit"].items():
        print(f"{kind:<12}", [round(value) for value in values])

# %% [markdown]
# ## Three cases
#
# What the discriminator has to tell apart, with the trained discriminator's own outputs:
#
# 1. a real image with its own label: **right**;
# 2. the same image with another label: **wrong label**. No batch ever contains such a pair; the
#    discriminator can know them only from fakes that do not show the digit of their label;
# 3. a bad picture with the label: **bad picture**. Here, samples of an untrained generator.

# %%
pictures = images.to_float(test_sample.images)
true_labels = test_sample.labels
other_labels = (true_labels + np.random.default_rng(SEED).integers(1, 10, SAMPLES)) % NUM_CLASSES
cases = {
    "right": (pictures, true_labels),
    "wrong label": (pictures, other_labels),
    "bad picture": (draw(make_gan(), true_labels), true_labels),
}


def verdicts(discriminator, pictures, class_labels):
    logits = discriminator([pictures, class_labels[:, None].astype("int32")], training=False)
    return tf.sigmoid(logits).numpy()[:, 0]


scores = {name: verdicts(gan.discriminator, *pair) for name, pair in cases.items()}
for name, values in scores.items():
    print(f"{name:<12} mean D(x|y) {values.mean():.3f}, above one half {np.mean(values > 0.5):.1%}")
if recorded_run:
    means = recorded_run["metrics"]["verdicts"]
    print("recorded full run:", {name: round(value, 3) for name, value in means.items()})

# %% [markdown]
# The first images of each case: above each the label it was scored with, and the output.

# %%
shown = 6
titles = [
    f"{label}? {score:.2f}"
    for name, (_, labels) in cases.items()
    for label, score in zip(labels[:shown], scores[name][:shown], strict=True)
]
plots.show_images(
    np.concatenate([pair[0][:shown] for pair in cases.values()]),
    columns=shown,
    titles=titles,
    row_labels=list(cases),
    title="D(x|y) of the trained discriminator\n",
)
plt.show()

# %% [markdown]
# Compare the first two printed means: the images are the same, so the difference between them is
# all that the discriminator knows about labels, and all that the generator can still learn about
# them. At the end of the recorded run that difference is tiny, although its generator obeys nearly
# every label. The two belong together: a generator that obeys makes no fakes with a wrong label,
# so the discriminator is no longer trained on such pairs, and the little it still knows is about
# how good an image is. The third case shows that: samples of an untrained generator score near
# zero.

# %% [markdown]
# ## Use it
#
# The generator with the EMA weights is saved alone. A fresh process loads it and draws a date,
# digit by digit; its inputs are `[latents, class_labels]`, labels of shape `(n, 1)`.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
ASKED = [2, 0, 1, 4, 1, 1, 0, 6]
use_script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
class_labels = keras.ops.array({ASKED}, "int32")[:, None]
latents = keras.random.normal((len(class_labels), {LATENT_DIM}), seed={SEED})
np.save({str(RUN / "drawn.npy")!r}, generator([latents, class_labels], training=False))
"""
gan_utils.run_in_fresh_process(use_script)
drawn = np.load(RUN / "drawn.npy")
latents = keras.random.normal((len(ASKED), LATENT_DIM), seed=SEED)
here = gan.translate([latents, tf.constant(ASKED, tf.int32)[:, None]])
print(f"largest difference to this process: {np.abs(drawn - here).max():.1e}")
plots.show_images(drawn, columns=8, titles=[str(d) for d in ASKED], title="As asked for\n")
plt.show()

# %% [markdown]
# Above each image the digit that was asked for.

# %% [markdown]
# ## What goes wrong
#
# The discriminator must see a drawing with the label it was drawn *for*. A slip that many make:
# they draw labels a second time, or hand over those of the real batch. Nothing crashes, shapes
# fit, losses stay finite. Here are both ways, trained for the same number of steps; a `quick` run
# repeats none of it and shows the figures of the recorded run.


# %%
class SwappedLabelsGAN(ConditionalGAN):
    def fake_inputs(self, fake_images, inputs):
        _, class_labels = inputs
        return [fake_images, tf.roll(class_labels, shift=1, axis=0)]  # those of the neighbors


def short_run(model, settings=SHORT, kind="concatenate"):
    gan = make_gan(kind, settings, model)
    source = labeled_batches(
        train_set.images, train_set.labels, settings["batch_size"], EXPERIMENT_STEPS
    )
    gan.fit(source, epochs=1, callbacks=[history := callbacks.StepHistory()], verbose=0)
    drawn = draw(gan, asked_for(1_000))
    return {
        "accuracy": lenet.accuracy(drawn, asked_for(1_000)),
        "d_loss": float(np.mean(history.history["d_loss"][-50:])),
        "g_loss": float(np.mean(history.history["g_loss"][-50:])),
        "seconds": gan.seconds,
        "images": drawn[:10],
    }


# %% [markdown]
# Losses and label accuracy at the end of the two experiments.

# %%
experiments = records.measured("04_cgan", "experiments")
trained_here = experiments is None
if trained_here:
    experiments = {
        "right labels": short_run(ConditionalGAN),
        "swapped labels": short_run(SwappedLabelsGAN),
    }
else:
    print(records.origin(recorded_run))
experiment_steps = records.measured("04_cgan", "experiment_steps") or EXPERIMENT_STEPS
print(f"{f'{experiment_steps:,} updates':<20}{'d_loss':>9}{'g_loss':>8}{'label accuracy':>16}")
for name in ("right labels", "swapped labels"):
    found = experiments[name]
    print(f"{name:<20}{found['d_loss']:>9.2f}{found['g_loss']:>8.2f}{found['accuracy']:>16.1%}")
if trained_here:
    plots.show_images(
        np.concatenate([found["images"] for found in experiments.values()]),
        columns=10,
        row_labels=[name.replace(" ", "\n") for name in experiments],
        title="Asked for 0, 1, 2, ... 9",
    )
    plt.show()

# %% [markdown]
# In the recorded run the label accuracy with swapped labels stays at the level of guessing, one in
# ten. There is nothing to learn: the label that a fake was drawn for is not related to the label
# that it is scored with. The losses differ too: the discriminator wins the broken game, because
# a fake that does not fit its label is easy to find. But a winning discriminator has many possible
# causes, and no loss names this one. Label accuracy does. The fix is the right line in
# `fake_inputs`; the guard is to **measure** label accuracy, early in a run.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution. The first two use the generator of the recorded run where
# it is available, and the one of this run where it is not.
#
# **1. What is left for the noise?** Draw all ten digits from the same latent vector, for five
# latent vectors. What do the digits of a row share?

# %% tags=["hide-cell"]
best = gan.ema_generator if trained_generator is None else trained_generator
style = tf.random.stateless_normal((5, LATENT_DIM), [11, SEED])
same_noise = tf.repeat(style, NUM_CLASSES, axis=0)
all_labels = tf.tile(tf.range(NUM_CLASSES), [5])[:, None]
plots.show_images(
    best([same_noise, all_labels], training=False).numpy(),
    columns=10,
    title="A row: one latent vector, ten labels",
)
plt.show()

# %% [markdown]
# Slant and thickness tend to run along a row: the noise carries the style, the label the digit. No
# one asked for that division of work; it is the cheapest way to use the two inputs.

# %% [markdown]
# **2. Between two labels.** There is no label 3.5, but there is a point between two rows of the
# embedding. Take the generator apart after the embedding, and walk from 3 to 8, from 4 to 9, and
# from 1 to 7.


# %% tags=["hide-cell"]
def after_embedding(generator):
    (table,) = [layer for layer in generator.layers if isinstance(layer, layers.Embedding)]
    rest = keras.Model([generator.inputs[0], table.output], generator.output)
    return table.embeddings.numpy(), rest


table, rest = after_embedding(best)
pairs = [(3, 8), (4, 9), (1, 7)]
fractions = np.linspace(0, 1, 9)[:, None]
walks = np.concatenate([(1 - fractions) * table[a] + fractions * table[b] for a, b in pairs])
noise = tf.repeat(tf.random.stateless_normal((1, LATENT_DIM), [3, SEED]), len(walks), axis=0)
between = rest([noise, tf.constant(walks[:, None], tf.float32)], training=False)
plots.show_images(
    between.numpy(),
    columns=9,
    row_labels=[f"{a} to {b}" for a, b in pairs],
    title="From one row of the embedding to another",
)
plt.show()

# %% [markdown]
# The network has seen the ends only. In between it blends or jumps; nothing in training said which.

# %% [markdown]
# **3. How loud is a label?** Keras starts an embedding uniformly within ±0.05, a standard deviation
# of 0.029. Train shortly with that spread, and compare the label accuracy with the experiment above
# that differs in nothing else.

# %% tags=["hide-cell"]
KERAS_SPREAD = 0.1 / np.sqrt(12)
if trained_here:
    experiments["quiet labels"] = short_run(ConditionalGAN, {**SHORT, "spread": KERAS_SPREAD})
for name in ("right labels", "quiet labels"):
    print(f"{name:<14} label accuracy {experiments[name]['accuracy']:.1%}", end=" ")
    print(f"after {experiment_steps:,} updates")

# %% [markdown]
# The networks are the same, and so is everything they could learn. What differs is how long it
# takes until the discriminator listens to the label, and before that the generator has no reason
# to: in the recorded run the quiet labels are behind.

# %% [markdown]
# **4. What comes instead?** When the image is not the digit that was asked for, which one is it?
# Count what the classifier reads, for each digit asked for, and name the most frequent mistake.

# %% tags=["hide-cell"]
read = lenet.probabilities(generated["concatenate"]).argmax(axis=1)
confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), int)
np.add.at(confusion, (class_labels, read), 1)
mistakes = confusion - np.diag(np.diag(confusion))
for digit, row in enumerate(mistakes):
    share = row.max() / confusion[digit].sum()
    print(
        f"asked for {digit}: most often mistaken for {row.argmax()}, in {share:.1%} of its images"
    )

# %% [markdown]
# Where the pairs look alike by hand, such as 4 and 9, or 3 and 5, the generator has the least to
# go by: the discriminator must find a wrong label in a few pixels.

# %% [markdown]
# ## Summary
#
# - A conditional GAN judges pairs: picture and label. Labels of fakes are drawn at random, and go
#   to both players.
# - Concatenated or multiplied, an embedding brings the label in; how large its numbers are at the
#   start decides how soon it is heard.
# - Curves do not show whether labels are obeyed. A reference classifier does.
# - In `gan_utils.GAN` the condition is three methods, and the update stays as it is.
#
# ## References
#
# - M. Mirza, S. Osindero, *Conditional Generative Adversarial Nets*, 2014.
#   <https://arxiv.org/abs/1411.1784>
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014.
#   <https://arxiv.org/abs/1406.2661>
# - T. Miyato, M. Koyama, *cGANs with Projection Discriminator*, ICLR 2018 (a third way to bring in
#   a label). <https://arxiv.org/abs/1802.05637>
# - K. Shmelkov, C. Schmid, K. Alahari, *How good is my GAN?*, ECCV 2018 (scoring with a
#   classifier). <https://arxiv.org/abs/1807.09499>

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
    "by_digit": by_digit,
    "verdicts": {name: float(values.mean()) for name, values in scores.items()},
}
if trained_here:
    found["experiment_steps"] = EXPERIMENT_STEPS
    found["experiments"] = {
        name: {k: v for k, v in values.items() if k != "images"}
        for name, values in experiments.items()
    }

# %% [markdown] tags=["remove-cell"]
# The record of this run.

# %% tags=["remove-cell"]
trained = [*results.values(), *(experiments.values() if trained_here else ())]
seconds = sum(row["seconds"] for row in trained)
rows = {f"CGAN, {kind}": row for kind, row in rows.items()}
facts = {"settings": SETTINGS, "tutorial": TUTORIAL, "comparison": rows}
records.record("04_cgan", found, seconds=seconds, data=train_set, seed=SEED, **facts)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
for kind, (trained, its_grid, its_steps) in runs.items():
    assert generated[kind].shape == (SAMPLES, *IMAGE_SHAPE)
    assert np.abs(generated[kind]).max() <= 1
    assert all(np.isfinite(values).all() for values in its_steps.history.values())
    assert len(its_steps.history["step"]) == EPOCHS * STEPS_PER_EPOCH
    assert len(its_grid.frames) == EPOCHS + 1
    assert int(trained.g_optimizer.iterations.numpy()) == EPOCHS * STEPS_PER_EPOCH
assert np.abs(drawn - here).max() < 1e-4  # another process may sum in another order
assert set(experiments) == {"right labels", "swapped labels", "quiet labels"}
