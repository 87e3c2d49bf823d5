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
# # CDCGAN: ask for a digit, drawn by convolutions

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/05_cdcgan.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Put the label of the CGAN lesson into the
# convolutional networks of the DCGAN lesson, and compare the result with the dense one.
#
# **Time and size.** 8 minutes to read; a minute of training on two CPU cores; a download of 12 MB
# (MNIST, once).
#
# **What you will learn**
#
# - three ways for a label to enter a convolutional discriminator: as a channel, by multiplication,
#   by projection;
# - how to watch label accuracy *while* a GAN trains;
# - what convolutions gain and cost, in numbers;
# - what happens when images and labels get out of step.
#
# **What you need.** The DCGAN and the CGAN lesson.

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
from gan_utils import GAN, callbacks, evaluation, lenet, plots, profile, records
from gan_utils.data.batches import check_labels

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL` is the classic recipe: large batches, small steps. In the same time on a CPU, small
# batches, larger steps and an exponential moving average (EMA) of the generator's weights get
# further. At first the discriminator has the higher learning rate (the two time-scale update rule,
# TTUR): it should be good enough to teach. From the share `LATE_START` of the run on, both rates
# decay from `LATE_RATES` to zero.
#
# In a `quick` run an "epoch" is a part of a pass over the data, and the side experiments show the
# figures of a recorded study.

# %%
SEED = profile.seed(5)
LATENT_DIM = 100
NUM_CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
LABEL_SPREAD = 1.0
PROJECTION_SPREAD = 0.03
BETA_1 = 0.5
TUTORIAL = {
    "epochs": 50,
    "batch_size": 256,
    "d_rate": 1e-4,
    "g_rate": 1e-4,
    "ema_decay": None,
}
FULL = {
    "epochs": 20,
    "batch_size": 32,
    "d_rate": 1e-3,
    "g_rate": 3e-4,
    "ema_decay": 0.9995,
}
SHORT = FULL | {"batch_size": 8, "d_rate": 1e-3, "g_rate": 5e-4, "ema_decay": 0.998}
LATE_START = 0.4 if profile.name == "full" else 0.6
LATE_RATES = (2.5e-4, 6e-4) if profile.name == "full" else (1e-3, 5e-4)
SETTINGS = profile.settings(full=FULL, short=SHORT, tutorial=TUTORIAL)

# %% [markdown]
# What follows from the recipe:

# %%
EPOCHS = profile.epochs(full=SETTINGS["epochs"], quick=6, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=60_000 // SETTINGS["batch_size"], quick=140, smoke=3)
CHECKPOINT_EVERY = profile.epochs(full=1, quick=3, smoke=1)
TRIAL_EPOCHS = profile.epochs(full=6, quick=6, smoke=1)
TRIAL_STEPS = profile.steps(full=100, quick=100, smoke=3)  # of each such epoch
KINDS = ("projection", "channel", "multiply")
WATCHED = profile.samples(full=1_000, quick=500, smoke=50)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# The game is that of the CGAN lesson (Mirza and Osindero, 2014, equation 2), the networks are those
# of the DCGAN lesson (Radford et al., 2016):
#
# $$
# V(D, G) = \mathbb{E}_{x, y}\,[\log D(x \mid y)]
#         + \mathbb{E}_{z, y}\,[\log (1 - D(G(z \mid y) \mid y))]
# $$
#
# What is new is where the label $y$ goes. In the **generator** that is easy: a row of 10 numbers is
# concatenated with the noise, before there is any image. In the **discriminator** it is not. A
# convolution sees one small window after another, and a label has no place in the image.
#
# - **Label channel.** So give it one, everywhere: each label has a map of 28 by 28 learned numbers,
#   which is concatenated to the image as a second channel. Every window then contains a piece of
#   the label, so even the first filter can ask "does this stroke belong to a seven?". Most
#   tutorials do this.
# - **Multiplication.** The map is multiplied with the image, as in the CGAN lesson.
# - **Projection** (Miyato and Koyama, 2018). Let the convolutions see the image alone, turn it into
#   features $\phi(x)$, and compare those with the label at the end. Each label has a row $v_y$ as
#   long as the features; the projection of $\phi(x)$ onto it is added to the logit:
#
# $$
# \mathrm{logit}\,D(x \mid y) = w^\top \phi(x) + b + v_y^\top \phi(x).
# $$
#
# The first part asks "is this a digit?", the last "is it a $y$?". We train with the projection, and
# compare the others with it. Names in the code are those of the CGAN lesson.

# %% [markdown]
# ## The data
#
# MNIST with labels.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("05_cdcgan", train_set)
SAMPLES = evaluation.count(test_set)
test_sample = test_set.sample(SAMPLES)
print(train_set)
titles = [str(label) for label in train_set.labels[:16]]
plots.show_images(train_set.images[:16], columns=8, titles=titles, title="Real pairs\n")
plt.show()

# %% [markdown]
# Each image with its label: these pairs are what "real" means here.

# %% [markdown]
# ## What the recorded run reached
#
# The generator of the recorded full run comes with this project. **Label accuracy** is the share of
# generated images in which a reference classifier reads the digit that was asked for.

# %%
recorded_run = records.recorded("05_cdcgan", "full")
reached = recorded_run["metrics"] if recorded_run else {}
if recorded_run:
    print(records.origin(recorded_run))
    print(f"{reached['epochs'] * reached['steps_per_epoch']:,} updates", end=", ")
    print(f"label accuracy {reached['result']['accuracy']:.2%}", end=", ")
    print(f"Fréchet distance {reached['result']['distance']:.1f}")
trained_generator, message = gan_utils.weights.try_generator("cdcgan")
print(message)
if trained_generator is not None:
    latents = tf.random.stateless_normal((50, LATENT_DIM), [0, SEED])
    wishes = tf.tile(tf.range(NUM_CLASSES), [5])[:, None]
    trained_images = trained_generator([latents, wishes], training=False).numpy()
    plots.show_images(trained_images, columns=10, title="Trained generator, recorded full run")
    plt.show()

# %% [markdown]
# ### Draw your own
#
# A column for each digit. From a terminal, `gan-utils generate cdcgan --label 0,1,2,3 row.png`
# draws what you ask for; on the book's page the generator draws while you watch.
#
# <!-- interactive: cdcgan -->

# %% [markdown]
# ## The generator
#
# The DCGAN lesson's, with 110 inputs in place of 100. Label rows start with the spread of the
# noise, so that neither is overlooked. With `multiply`, a row that starts around one is multiplied
# with the noise.


# %%
def label_rows(class_labels, width, spread=LABEL_SPREAD, mean=0.0):
    start = keras.initializers.RandomNormal(mean, spread, seed=SEED)
    table = layers.Embedding(NUM_CLASSES, width, embeddings_initializer=start)
    return layers.Flatten()(table(class_labels))


def build_generator(multiply=False):
    latents = layers.Input((LATENT_DIM,), name="latents")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    if multiply:
        features = layers.Multiply()([latents, label_rows(class_labels, LATENT_DIM, mean=1.0)])
    else:
        features = layers.Concatenate()([latents, label_rows(class_labels, NUM_CLASSES)])
    features = layers.Dense(7 * 7 * 256, use_bias=False)(features)
    features = layers.BatchNormalization()(features)
    features = layers.LeakyReLU(negative_slope=0.3)(features)
    features = layers.Reshape((7, 7, 256))(features)
    for filters, step in ((128, 1), (64, 2)):
        up = layers.Conv2DTranspose(filters, 5, strides=step, padding="same", use_bias=False)
        features = layers.BatchNormalization()(up(features))
        features = layers.LeakyReLU(negative_slope=0.3)(features)
    last = {"padding": "same", "use_bias": False, "activation": "tanh"}
    fake_images = layers.Conv2DTranspose(1, 5, strides=2, **last)(features)
    return keras.Model([latents, class_labels], fake_images, name="generator")


# %% [markdown]
# ## The discriminator
#
# The DCGAN lesson's, with the label in one of the three ways. The rows of the projection start
# small: they meet thousands of features, and the first logits should not be large.


# %%
def build_discriminator(kind="projection"):
    inputs = layers.Input(IMAGE_SHAPE, name="images")
    class_labels = layers.Input((1,), dtype="int32", name="class_labels")
    features = inputs
    if kind == "channel":
        label_map = layers.Reshape(IMAGE_SHAPE)(label_rows(class_labels, 28 * 28))
        features = layers.Concatenate()([inputs, label_map])
    if kind == "multiply":
        label_map = layers.Reshape(IMAGE_SHAPE)(label_rows(class_labels, 28 * 28, mean=1.0))
        features = layers.Multiply()([inputs, label_map])
    for filters in (64, 128):
        features = layers.Conv2D(filters, 5, strides=2, padding="same")(features)
        features = layers.LeakyReLU(negative_slope=0.3)(features)
        features = layers.Dropout(0.3)(features)
    features = layers.Flatten()(features)
    logits = layers.Dense(1)(features)
    if kind == "projection":
        rows = label_rows(class_labels, 7 * 7 * 128, PROJECTION_SPREAD)
        logits = layers.Add()([logits, layers.Dot(axes=1)([rows, features])])
    return keras.Model([inputs, class_labels], logits, name="discriminator")


# %% [markdown]
# How many parameters does the label add? Without it, the networks had 2,330,944 and 212,865.

# %%
added = {
    "projection": NUM_CLASSES * 7 * 7 * 128,
    "channel": NUM_CLASSES * 28 * 28 + 5 * 5 * 64,
    "multiply": NUM_CLASSES * 28 * 28,
}
for kind, more in added.items():
    count = build_discriminator(kind).count_params()
    print(f"discriminator, {kind:<12}212,865 + {more:>6,} = {count:,}")
    assert count == 212_865 + more
parameters = build_generator().count_params() + build_discriminator().count_params()
assert build_generator().count_params() == 2_330_944 + NUM_CLASSES**2 + NUM_CLASSES * 7 * 7 * 256

# %% [markdown]
# ## One training step
#
# The losses stay, and so do the three methods of the CGAN lesson, word for word: the condition does
# not depend on what the networks are made of.


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
def make_gan(settings=SETTINGS, kind="projection", seed=SEED):
    keras.utils.set_random_seed(seed)
    networks = build_generator(kind == "multiply"), build_discriminator(kind)
    gan = ConditionalGAN(*networks, LATENT_DIM, ema_decay=settings["ema_decay"], seed=seed)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(settings["d_rate"], beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(settings["g_rate"], beta_1=BETA_1),
    )
    return gan


# %% [markdown]
# Labeled batches, and a function to ask for digits, with labels checked first.


# %%
def labeled_batches(real_images, class_labels, batch_size, steps_per_epoch, seed=SEED):
    check_labels(class_labels, len(real_images), NUM_CLASSES)
    options = {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch, "seed": seed}
    return gan_utils.Batches(real_images, class_labels, **options)


def draw(gan, class_labels, seed=0):
    class_labels = check_labels(class_labels, len(class_labels), NUM_CLASSES)
    latents = tf.random.stateless_normal((len(class_labels), LATENT_DIM), [seed, SEED])
    return gan.translate([latents, tf.constant(class_labels[:, None], tf.int32)])


# %% [markdown]
# Who moved? The largest change of any weight in one training step.

# %%
batch = next(iter(labeled_batches(train_set.images, train_set.labels, 16, 1).dataset()))
moves = gan_utils.who_moved(make_gan(), batch)
print(moves)
assert [parts for _, parts in moves.movers] == [["discriminator"], ["generator"]]

# %% [markdown]
# ## Training
#
# A callback measures label accuracy after each epoch. With a file, a resumed run has all values.


# %%
def watch_label_accuracy(path=None, count=WATCHED):
    class_labels = np.arange(count) % NUM_CLASSES

    def measure(gan, epoch):
        return lenet.accuracy(draw(gan, class_labels, seed=epoch), class_labels)

    return callbacks.ScoreByEpoch(measure, path)


# %% [markdown]
# The scores before training, and their limits: the classifier's own errors, and the noise floor of
# the distance.

# %%
gan = make_gan()
class_labels = np.arange(SAMPLES) % NUM_CLASSES
facts = {"real_images": test_set.images}
floor = evaluation.noise_floor(train_set, test_set)
ceiling = lenet.accuracy(test_sample.images, test_sample.labels)
before = evaluation.scores(draw(gan, class_labels), class_labels, **facts)
before = {"accuracy": before["agreement"], "distance": before["distance"]}
print(f"classifier on test images: {ceiling:.2%} right; noise floor {floor:.2f}")
print(f"untrained: label accuracy {before['accuracy']:.1%}, distance {before['distance']:.1f}")

# %% [markdown]
# Fixed noise gives each epoch's grid, one digit a row; grid and scalars go to TensorBoard's
# files too. If the run is interrupted, the cell resumes from the last checkpoint.

# %%
fixed_latents = np.random.default_rng(SEED).normal(size=(NUM_CLASSES**2, LATENT_DIM))
fixed_labels = np.repeat(np.arange(NUM_CLASSES), NUM_CLASSES)[:, None]
fixed = [tf.constant(fixed_latents, tf.float32), tf.constant(fixed_labels, tf.int32)]
grid = callbacks.SampleGrid(fixed, columns=NUM_CLASSES, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
label_accuracy = watch_label_accuracy(RUN / "label_accuracy.txt")
watchers = [
    *(grid, steps, label_accuracy, callbacks.TerminateOnNaN()),
    callbacks.TensorBoardImages(RUN / "tensorboard", fixed, columns=NUM_CLASSES),
    callbacks.Checkpoint(RUN / "checkpoints", every=CHECKPOINT_EVERY),
]
if SETTINGS is not TUTORIAL:
    rates = (0, SETTINGS["d_rate"], SETTINGS["g_rate"]), (LATE_START, *LATE_RATES)
    watchers.append(callbacks.LinearDecay(*rates))
batches = labeled_batches(
    train_set.images, train_set.labels, SETTINGS["batch_size"], STEPS_PER_EPOCH
)
gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=2)
updates = EPOCHS * STEPS_PER_EPOCH
seen = updates * SETTINGS["batch_size"]
print(f"{updates:,} updates with {seen:,} real images, {seen / len(train_set):.2f} passes", end="")
print(f" over the data: {gan.seconds:.0f} s; to watch: tensorboard --logdir {RUN}")

# %% [markdown]
# The curves. What counts is that neither player wins outright.

# %%
plots.plot_history(steps.history, title="CDCGAN")
plt.show()

# %% [markdown]
# ### Label accuracy during training
#
# The curve that the losses do not show. Three ways to give the label are compared in short trials
# with the short recipe. A `quick` run shows the recorded ones.


# %%
def trial(kind, images_and_labels, seed=SEED):
    gan = make_gan(SHORT, kind, seed)
    watcher = watch_label_accuracy()
    source = labeled_batches(*images_and_labels, SHORT["batch_size"], TRIAL_STEPS, seed)
    gan.fit(source, epochs=TRIAL_EPOCHS, callbacks=[watcher], verbose=0)
    return {
        "kind": kind,
        "steps": TRIAL_STEPS,
        "accuracies": watcher.values,
        "seconds": gan.seconds,
    }


pairs = train_set.images, train_set.labels
trials = records.measured("study_demonstrations", "05_cdcgan", "in step")
if trials is None:
    trials = [trial(kind, pairs) for kind in KINDS]
    origin = "trained here"
else:
    origin = records.origin(records.recorded("study_demonstrations"))

# %% [markdown]
# A line for each trial:

# %%
looks = dict(zip(KINDS, (("o-", "#0072B2"), ("s--", "#D55E00"), ("^:", "#009E73")), strict=True))
this_run = {"kind": "projection", "steps": STEPS_PER_EPOCH, "accuracies": label_accuracy.values}
panels = {"this run": [this_run], "short trials": trials}
figure, axes = plt.subplots(1, 2, figsize=(6.6, 3.4), sharey=True, layout="constrained")
for axis, (title, rows) in zip(axes, panels.items(), strict=True):
    for row in rows:
        kind, values = row["kind"], row["accuracies"]
        line, color = looks[kind]
        label = None if kind in axis.get_legend_handles_labels()[1] else kind  # once each
        updates_so_far = row["steps"] * np.arange(1, len(values) + 1)
        axis.plot(updates_so_far, values, line, color=color, label=label)
        print(f"{title}, {kind}:", " ".join(f"{value:.0%}" for value in values))
    axis.axhline(ceiling, color="black", linewidth=1, label="real digits")
    axis.axhline(1 / NUM_CLASSES, color="black", linewidth=1, linestyle=":", label="chance")
    axis.set(title=title, xlabel="update", ylim=(0, 1.05))
axes[0].set_ylabel("label accuracy")
axes[1].legend(loc="lower right")
print(f"short trials: {origin}")
plt.show()

# %% [markdown]
# In the recorded trials the projection is ahead of the label channel in the end, with each seed,
# and multiplication has hardly begun. The projection's last layer compares the whole image with the
# label at once; the convolutions behind a label channel must first learn to read ten noisy maps.
#
# The grid: one digit a row, before training and at the end.

# %%
plots.show_images(
    np.concatenate([grid.frames[0], grid.frames[-1]], axis=1)[None],
    title=f"Before training, and after {updates:,} updates: row 0 asks for 0, row 9 for 9",
    scale=7,
)
plt.show()
animation = grid.save_gif(RUN / "cdcgan.gif")
display(Image(filename=animation, alt="Ten rows of digits, one digit a row, forming out of noise"))

# %% [markdown]
# ## Results
#
# This run, and the recorded full runs, that of the dense CGAN lesson included.

# %%
generated = draw(gan, class_labels)
scored = evaluation.row(gan, generated, class_labels, batch_size=SETTINGS["batch_size"], **facts)
result = {
    "accuracy": scored["agreement"],
    "distance": scored["distance"],
    "seconds": gan.seconds,
    "parameters": parameters,
}
dense = records.recorded("04_cgan", "full")
compared = {"CDCGAN": reached["result"]} if reached else {}
if dense:
    compared |= {f"CGAN, {kind}": row for kind, row in dense["metrics"]["results"].items()}
print(f"{SAMPLES:,} images: real digits {ceiling:.2%} label accuracy, distance {floor:.2f}")
print(f"{'':<26}{'label accuracy':>15}{'distance':>10}{'seconds':>9}{'parameters':>12}")
for name, row in {f"this run ({profile.name})": result, **compared}.items():
    print(f"{name:<26}{row['accuracy']:>15.2%}{row['distance']:>10.1f}", end="")
    print(f"{row['seconds']:>9,.0f}{row['parameters']:>12,}")
for key, best in (("accuracy", max), ("distance", min), ("seconds", min), ("parameters", min)):
    if compared:
        print(f"best recorded {key}: {best(compared, key=lambda name: compared[name][key])}")

# %% [markdown]
# The last lines name each column's leader among the recorded runs, one seed each. Budgets differ:
# at equal batch size, a convolutional update costs several dense ones; recorded seconds also depend
# on the machine's other work. Images of this run, not cherry-picked:

# %%
plots.show_images(generated[:40], columns=10, title=f"Asked for 0 to 9, profile {profile.name}")
plt.show()

# %% [markdown]
# ## Use it
#
# A fresh process loads the generator, which has the EMA weights, and draws.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
ASKED = np.array([3, 1, 4, 1, 5, 9, 2, 6], "int32")
latents = keras.random.normal((len(ASKED), LATENT_DIM), seed=SEED)
drawn = gan_utils.call_in_fresh_process(generator_file, latents, ASKED[:, None])
here = gan.translate([latents, tf.constant(ASKED[:, None])])
print(f"largest difference to this process: {np.abs(drawn - here).max():.1e}")
plots.show_images(drawn, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# Images are shuffled, labels are not. Or two files are read in different orders. Every array has
# the right shape, every label is in range, and the pairs are nonsense. We shift the labels by one
# image and repeat the trial of the projection.

# %%
shifted_labels = np.roll(train_set.labels, 1)
shifted = records.measured("study_demonstrations", "05_cdcgan", "out of step")
if shifted is None:
    shifted = [trial("projection", (train_set.images, shifted_labels))]
print(f"labels that fit their image: {np.mean(shifted_labels == train_set.labels):.0%}")
print(origin)
in_step = [row for row in trials if row["kind"] == "projection"]
for name, rows in (("in step", in_step), ("out of step", shifted)):
    found = ", ".join(f"{row['accuracies'][-1]:.0%}" for row in rows)
    print(f"label accuracy, {name}: {found}")
titles = [str(label) for label in shifted_labels[:10]]
plots.show_images(train_set.images[:10], columns=10, titles=titles, title="Pairs out of step\n")
plt.show()

# %% [markdown]
# Such a model draws digits. Nothing is wrong with the images alone, so neither the losses nor a
# grid without labels reveal the mistake. Label accuracy does: it is at chance level in each
# recorded trial. The fix is to keep images and labels in one place and to shuffle *positions*, as
# `gan_utils.Batches` does. The guard is to look at pairs before you train.

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** could the label channel be a constant, `class_labels / 10` at every place,
# without an embedding? What can a filter of the first convolution make of it?
#
# <details><summary>Solution</summary>
#
# A constant channel times a filter's weights is one number (apart from the border, where padding
# cuts the window): a bias that grows in proportion to the label. A five is then always between a
# four and a six, and to single it out takes the later layers. With learned maps, each label has its
# own bias at each place.
#
# </details>
#
# **2 ★★ Predict first:** suppose all rows $v_y$ of the projection start at exactly zero. Does the
# discriminator ever learn about labels? What does the generator learn before?
#
# <details><summary>Solution</summary>
#
# It does: the gradient for $v_y$ is the features $\phi(x)$, weighted with the error, and they are
# not zero. While the rows are small, the discriminator is an unconditional one, so the generator
# first learns to draw *some* digit.
#
# </details>
#
# **3 ★★ Predict first:** draw 50 latent vectors with all ten labels. Which share of the pixels'
# variance lies between labels, and which between latent vectors? And between the labels of real
# digits?


# %% tags=["hide-cell"]
def share_between(samples, groups):
    means = np.stack([samples[groups == group].mean(axis=0) for group in np.unique(groups)])
    return float(means.var(axis=0).sum() / samples.var(axis=0).sum())


style = np.repeat(np.random.default_rng(SEED).normal(size=(50, LATENT_DIM)), NUM_CLASSES, axis=0)
every = np.tile(np.arange(NUM_CLASSES), 50)
best = gan.ema_generator if trained_generator is None else trained_generator
combined = best([style.astype("float32"), every[:, None]], training=False).numpy()
shares = {
    "label": share_between(combined, every),
    "latent vector": share_between(combined, np.repeat(np.arange(50), NUM_CLASSES)),
}
shares["both together"] = 1 - sum(shares.values())
print("generated:", ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
print(f"real digits: label {share_between(test_sample.images, test_sample.labels):.0%}")

# %% [markdown]
# Two handwritten fives share little of their ink, so the label explains little of real digits.
# A much larger share in generated ones means that each class has few shapes: mode collapse inside
# the classes, which label accuracy does not punish.
#
# **4 ★★★ Predict first, then derive with pencil and paper:** why is a projection the right form?
# Write the logit of the best discriminator with Bayes' rule, and assume that data and fakes both
# have classes that depend on $\phi(x)$ through a softmax.
#
# <details><summary>Solution</summary>
#
# The best logit is a log ratio of densities, which splits into two:
#
# $$
# \log \frac{p(x, y)}{q(x, y)} = \log \frac{p(y \mid x)}{q(y \mid x)} + \log \frac{p(x)}{q(x)}.
# $$
#
# With $\log p(y \mid x) = a_y^\top \phi(x) - \log Z_p(x)$, and $q$ alike with $b_y$, the first is
# $(a_y - b_y)^\top \phi(x)$ plus terms without $y$. So $v_y = a_y - b_y$ is all that concerns the
# label, and everything else is a function of $x$ alone, and $w^\top \phi(x) + b$ models that.
#
# </details>

# %% [markdown]
# ## Summary
#
# - In the generator a label is concatenated with the noise. In the discriminator it is a channel, a
#   factor, or a projection at the end.
# - Watch label accuracy during training; the losses do not show it.
# - Images and labels out of step train without an error message. Look at pairs.
#
# ## References
#
# - M. Mirza, S. Osindero, *Conditional Generative Adversarial Nets*, 2014.
#   <https://arxiv.org/abs/1411.1784>
# - T. Miyato, M. Koyama, *cGANs with Projection Discriminator*, ICLR 2018.
#   <https://arxiv.org/abs/1802.05637>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
#   Equilibrium*, NeurIPS 2017. <https://arxiv.org/abs/1706.08500>

# %% tags=["remove-cell"]
found = {
    "result": result,
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
    "classifier_test_accuracy": lenet.test_accuracy(),
    "classifier_here": ceiling,
    "before": before,
    "real_vs_real": floor,
    "accuracies": label_accuracy.values,
}

# %% tags=["remove-cell"]
facts = {"settings": SETTINGS, "tutorial": TUTORIAL, "comparison": {"CDCGAN": scored}}
records.record("05_cdcgan", found, seconds=gan.seconds, data=train_set, seed=SEED, **facts)
assert generated.shape == (SAMPLES, *IMAGE_SHAPE)
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(steps.history["step"]) == EPOCHS * STEPS_PER_EPOCH
assert len(grid.frames) == EPOCHS + 1
assert len(label_accuracy.values) == EPOCHS
assert np.abs(drawn - here).max() < 1e-4  # another process may sum in another order
