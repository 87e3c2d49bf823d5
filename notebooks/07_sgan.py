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
# **What you will do with about 320 lines of code.** Teach a network to read digits when only ten of
# each kind have a label: the others can teach it too.
#
# **Time and size.** 7 minutes to read, half a minute of training on two CPU cores, 12 MB of
# download (MNIST).
#
# **What you will learn**
#
# - how one discriminator names $N$ classes *and* tells real from fake;
# - how to measure what unlabeled images are worth, and how a discriminator that wins leaves the
#   generator without a gradient.
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
from gan_utils import GAN, callbacks, evaluation, images, losses, plots, profile, records
from gan_utils.augment import distort
from gan_utils.data.batches import check_labels
from gan_utils.precision import to_float32

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# `DRAWS` are seeds: of the labeled images, and of all else in a run. `PUBLISHED` are Odena's (2016)
# test accuracies, of his SGAN and his plain network. An epoch is 250 updates or fewer, not a pass.

# %%
SEED = profile.seed(7)
LATENT_DIM = 100
NUM_CLASSES = 10
BATCH_SIZE = 32
LABELED_BATCH = 16
LABEL_STREAM = 1_000
NOISE = DROPOUT = 0.3
ENTROPY_WEIGHT = CONSISTENCY_WEIGHT = 1.0
RATES = (1e-3, 2e-3)
EMA_DECAY = 0.99
EPOCHS = profile.epochs(full=10, quick=5, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=250, quick=200, smoke=2)
RAMP_STEPS = max(1, int(0.4 * EPOCHS * STEPS_PER_EPOCH))
LABEL_COUNTS = {"full": (25, 50, 100, 1_000)}.get(profile.name, (100,))
DRAWS = [profile.seed(number) for number in range(profile.samples(full=5, quick=1, smoke=1))]
BASELINE_RATES = {"full": (1e-3, 3e-4)}.get(profile.name, (1e-3,))
BASELINE_STEPS = profile.steps(full=500, quick=250, smoke=2)
BASELINE_STAGES = profile.epochs(full=4, quick=3, smoke=1)
PUBLISHED = {25: (0.802, 0.750), 50: (0.883, 0.859), 100: (0.928, 0.895), 1_000: (0.964, 0.965)}

# %% [markdown]
# ## The idea
#
# Labels are expensive; images without labels are cheap. What can they teach a classifier? Where the
# data *lie*: a decision boundary should run where there are none. SGAN (Odena, 2016;
# Salimans et al., 2016) lets the discriminator learn that. It has $N + 1$ classes, the $N$ real
# ones and *fake*:
#
# - a **labeled** image should get its class;
# - an **unlabeled** image should get any class but *fake*;
# - a **generated** image should get the class *fake*.
#
# To tell real from fake it must know the strokes of real digits, and the same layers name the
# class.
#
# **One softmax.** Let $\ell_1, \dots, \ell_N$ be the logits of the real classes. The logit of
# *fake* may be set to 0, since a softmax does not change when the same number is added to all
# logits. With $Z(x) = \sum_{k=1}^{N} e^{\ell_k(x)}$,
#
# $$
# p(y = k \mid x) = \frac{e^{\ell_k(x)}}{Z(x) + 1} \;\; (k \le N),
# \qquad
# p(\text{fake} \mid x) = \frac{1}{Z(x) + 1} .
# $$
#
# **Two heads.** The probability of *real* is the rest, and it is the sigmoid of one number:
#
# $$
# D(x) = 1 - p(\text{fake} \mid x) = \frac{Z(x)}{Z(x) + 1} = \sigma\bigl(\log Z(x)\bigr) .
# $$
#
# So the same $N$ logits serve two heads: a softmax over them names the class, and their
# **log-sum-exp**, $\log Z$, is the logit of real against fake. The second head has no weight of its
# own.
#
# ## The losses
#
# | symbol | name in the code | for |
# |---|---|---|
# | $-\log p(y \mid x, \text{real})$ | `class_loss` | labeled images |
# | $-\tfrac12 \log D(x) - \tfrac12 \log(1 - D(G(z)))$ | `real_or_fake_loss` | unlabeled, fake |
# | $H(x)$ | `entropy` | unlabeled images |
# | $-\sum_k p_k(x) \log p_k(x')$ | `consistency_loss` | unlabeled, distorted copy $x'$ |
# | $\lVert \mathbb{E} f(x) - \mathbb{E} f(G(z)) \rVert^2 / 128$ | `matching_loss` | the generator |
#
# An unlabeled image has a class, we just do not know which. So the class head should decide on
# one: the **entropy** $H$ of its softmax $p$ should be low (Springenberg, 2016). And a slightly
# rotated, sheared or shifted copy has the *same* class: **consistency** compares the two softmaxes
# (after Sajjadi et al., 2016). Odena's loss has neither. $D$ minimizes the sum of the first four;
# the weights of these two terms ramp up from zero, so that early mistakes are not reinforced.


# %%
def real_logit(class_logits):
    return tf.reduce_logsumexp(class_logits, axis=-1)


def class_loss(class_logits, class_labels):
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(class_labels, class_logits)
    return tf.reduce_mean(each)


def real_or_fake_loss(unlabeled_logits, fake_logits):
    unlabeled, fake = real_logit(unlabeled_logits), real_logit(fake_logits)
    return 0.5 * losses.cross_entropy_discriminator_loss(unlabeled, fake)


def entropy(class_logits):
    logs = tf.nn.log_softmax(class_logits)
    return -tf.reduce_mean(tf.reduce_sum(tf.exp(logs) * logs, axis=1))


def consistency_loss(class_logits, copy_logits):
    targets = tf.stop_gradient(tf.nn.softmax(class_logits))  # the copy should follow the image
    each = tf.nn.softmax_cross_entropy_with_logits(targets, copy_logits)
    return tf.reduce_mean(each)


# %% [markdown]
# Are the two ways the same? We compute the probabilities of random logits with one softmax over
# $N + 1$ classes, and with two heads:


# %%
def one_softmax(class_logits):
    chances = tf.nn.softmax(tf.pad(class_logits, [[0, 0], [0, 1]]))
    return chances[:, :-1], chances[:, -1]


def two_heads(class_logits):
    real = tf.sigmoid(real_logit(class_logits))
    return tf.nn.softmax(class_logits) * real[:, None], 1 - real


logits = 3.0 * tf.random.stateless_normal((48, NUM_CLASSES), (SEED, 1))
for one, other in zip(one_softmax(logits), two_heads(logits), strict=True):
    print(f"they differ by at most {np.abs(one - other).max():.0e}")
    np.testing.assert_allclose(one, other, atol=1e-6)

# %% [markdown]
# The generator's usual loss is to fool the discriminator, $-\log D(G(z))$. We use **feature
# matching** (Salimans et al., 2016, section 3.1): the mean features $f$ of generated images, the
# outputs of the trunk, should equal those of real ones. [A study](../book/studies/sgan-recipe.md)
# leaves out one part of the recipe at a time: distortions are worth most, the game itself least.


# %%
def matching_loss(real_features, fake_features):
    # Means in float32, also where the trunk computes in 16 bits.
    real_features, fake_features = to_float32((real_features, fake_features))
    real_mean = tf.stop_gradient(tf.reduce_mean(real_features, axis=0))
    return tf.reduce_mean(tf.square(tf.reduce_mean(fake_features, axis=0) - real_mean))


def fooling_loss(fake_logits):
    return losses.cross_entropy_generator_loss(real_logit(fake_logits))


# %% [markdown]
# ## The data, and who gets a label
#
# MNIST. A hundred training images keep their labels, drawn evenly over the classes. The labels of
# another part are held out, to choose a baseline.


# %%
def draw_labeled(class_labels, count, seed):
    rng = np.random.default_rng([seed, count])
    sizes = np.full(NUM_CLASSES, count // NUM_CLASSES)
    sizes[rng.permutation(NUM_CLASSES)[: count % NUM_CLASSES]] += 1
    places = [np.flatnonzero(class_labels == label) for label in range(NUM_CLASSES)]
    parts = [rng.choice(p, size, replace=False) for p, size in zip(places, sizes, strict=True)]
    return np.concatenate(parts)


# %% [markdown]
# A first draw, a column for each class: all the labels that the network will see.


# %%
def labeled_images(count, seed):
    places = draw_labeled(candidates, count, seed)
    return train_set.images[places], train_set.labels[places]


train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder("07_sgan", train_set)
HELD_OUT = min(5_000, len(train_set) // 5)
candidates, held_out_labels = np.split(train_set.labels, [-HELD_OUT])
most = NUM_CLASSES * int(np.bincount(candidates, minlength=NUM_CLASSES).min())
LABEL_COUNTS = sorted({min(count, most) for count in LABEL_COUNTS})
MAIN_COUNT = min(100, most)
main_labeled = labeled_images(MAIN_COUNT, DRAWS[0])
columns = main_labeled[0].reshape(NUM_CLASSES, -1, 28, 28, 1).swapaxes(0, 1)
plots.show_images(columns.reshape(-1, 28, 28, 1), columns=NUM_CLASSES, title="Labeled digits")
plt.show()

# %% [markdown]
# ## What the recorded run reached
#
# The recorded `full` run trained longer, with four label counts and several draws each: mean test
# accuracy, lowest and highest, of the network that learns from the labels alone and of the SGAN.
# "Published" are Odena's two.


# %%
def print_accuracies(found):
    print(f"{'labels':>7}{'labels alone':>24}{'SGAN':>24}{'gain':>7}{'published':>17}")
    for count in found["sgan"]:
        tests = [[row["test"] for row in found[kind][count]] for kind in ("baseline", "sgan")]
        spread = [f"{np.mean(t):.1%} ({min(t):.1%} to {max(t):.1%})" for t in tests]
        gain = 100 * (np.mean(tests[1]) - np.mean(tests[0]))
        published = "{1:.1%} / {0:.1%}".format(*PUBLISHED.get(int(count), (np.nan, np.nan)))
        print(f"{int(count):>7,}{spread[0]:>24}{spread[1]:>24}{gain:>+7.1f}{published:>17}")


full_run = records.recorded("07_sgan", "full")
if full_run:
    found = full_run["metrics"]
    passes = found["steps"] * found["batch_size"] / full_run["data"]["count"]
    print(records.origin(full_run))
    print(f"each run: {found['steps']:,} updates, {passes:.1f} passes over the unlabeled images")
    print_accuracies(found)

# %% [markdown]
# His networks, losses and draws are not ours, and we distort images: compare only the trend.
#
# ## The networks
#
# The discriminator is a small convolutional classifier. All of it but the last layer is the
# **trunk**, whose outputs are the features to match. Noise and dropout keep it from memorizing the
# labels, and from winning too soon. Without batch normalization, all images can share a batch.


# %%
def build_discriminator(noise=NOISE, dropout=DROPOUT):
    blocks = [layers.Input((28, 28, 1)), layers.GaussianNoise(noise)]
    for filters in (16, 32):
        blocks += [layers.Conv2D(filters, 5, strides=2, padding="same")]
        blocks += [layers.LeakyReLU(negative_slope=0.2), layers.Dropout(dropout)]
    blocks += [layers.Flatten(), layers.Dense(128), layers.LeakyReLU(negative_slope=0.2)]
    trunk = keras.Sequential(blocks, name="trunk")
    inputs = keras.Input((28, 28, 1), name="images")
    features = layers.Dropout(dropout)(trunk(inputs))
    class_logits = layers.Dense(NUM_CLASSES, name="class_logits")(features)
    return keras.Model(inputs, class_logits, name="discriminator")


def build_generator():
    up = {"kernel_size": 5, "strides": 2, "padding": "same"}
    blocks = [
        layers.Input((LATENT_DIM,)),
        layers.Dense(7 * 7 * 32, use_bias=False),
        *(layers.BatchNormalization(), layers.ReLU(), layers.Reshape((7, 7, 32))),
        layers.Conv2DTranspose(16, use_bias=False, **up),
        *(layers.BatchNormalization(), layers.ReLU()),
        layers.Conv2DTranspose(1, activation="tanh", **up),
    ]
    return keras.Sequential(blocks, name="generator")


# %% [markdown]
# Shapes and counts.

# %%
for network, count in ((build_discriminator(), 215_370), (build_generator(), 176_337)):
    print(f"{network.name:<14}{network.output_shape!s:<18}{network.count_params():>9,} parameters")
    assert network.count_params() == count

# %% [markdown]
# ## One step
#
# `gan_utils.GAN` alternates the updates. A step draws some of the labeled images and distorts them.


# %%
class LabeledGAN(GAN):
    def __init__(self, *networks, labeled, matching=True, distorts=True, game=1.0, **options):
        self.entropy_weight = options.pop("entropy_weight", 0.0)
        self.consistency_weight = options.pop("consistency_weight", 0.0)
        super().__init__(*networks, LATENT_DIM, **options)
        self.labeled_images = tf.constant(images.to_float(labeled[0]))
        class_labels = check_labels(labeled[1], len(labeled[0]), NUM_CLASSES)
        self.class_labels = tf.constant(class_labels, tf.int32)
        self.matching, self.distorts, self.game_weight = matching, distorts, game

    def labeled_batch(self, count=LABELED_BATCH):
        seed = self.next_seed(stream=LABEL_STREAM)
        total = len(self.class_labels)
        places = tf.random.stateless_uniform((count,), seed, 0, total, tf.int32)
        return tf.gather(self.labeled_images, places), tf.gather(self.class_labels, places)

    def copies(self, some_images, stream):
        return distort(some_images, self.next_seed(stream=stream)) if self.distorts else some_images

    def consistency(self, batch, class_logits):
        if not self.consistency_weight:
            return tf.constant(0.0)
        logits = self.discriminator(self.copies(batch, LABEL_STREAM + 2), training=True)
        return consistency_loss(class_logits, logits)


# %% [markdown]
# The objectives.


# %%
class SGAN(LabeledGAN):
    def discriminator_objective(self, batch, inputs, fake_images):
        labeled_images, class_labels = self.labeled_batch()
        labeled_images = self.copies(labeled_images, LABEL_STREAM + 1)
        parts = labeled_images, batch, fake_images
        logits = self.discriminator(tf.concat(parts, axis=0), training=True)
        labeled, unlabeled, fake = tf.split(logits, [part.shape[0] for part in parts])
        of_class, unsure = class_loss(labeled, class_labels), entropy(unlabeled)
        differs = self.consistency(batch, unlabeled)
        loss = of_class + self.game_weight * real_or_fake_loss(unlabeled, fake)
        ramp = tf.minimum(1.0, tf.cast(self.d_optimizer.iterations, tf.float32) / RAMP_STEPS)
        loss += ramp * (self.entropy_weight * unsure + self.consistency_weight * differs)
        d_real, d_fake = (tf.reduce_mean(tf.sigmoid(real_logit(x))) for x in (unlabeled, fake))
        logs = {"d_loss": loss, "class_loss": of_class, "entropy": unsure, "consistency": differs}
        return loss, logs | {"d_real": d_real, "d_fake": d_fake}

    def generator_objective(self, batch, inputs, fake_images):
        if self.matching:
            trunk = self.discriminator.get_layer("trunk")
            loss = matching_loss(trunk(batch, training=True), trunk(fake_images, training=True))
        else:
            loss = fooling_loss(self.discriminator(fake_images, training=True))
        return loss, {"g_loss": loss}


# %% [markdown]
# A model ready to train. Who moved? The largest change in each part, in one training step.


# %%
def make_sgan(labeled, *, seed=SEED, rates=RATES, settings=None, **network):
    keras.utils.set_random_seed(seed)
    options = {"entropy_weight": ENTROPY_WEIGHT, "consistency_weight": CONSISTENCY_WEIGHT}
    options |= {"ema_decay": EMA_DECAY, "seed": seed}
    networks = build_generator(), build_discriminator(**network)
    sgan = SGAN(*networks, labeled=labeled, **options | (settings or {}))
    sgan.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates))
    return sgan


batch = tf.constant(images.to_float(train_set.images[:BATCH_SIZE]))
moves = gan_utils.who_moved(make_sgan(main_labeled), batch)
print(moves)
assert moves.movers[-1] == ("generator", ["generator"])

# %% [markdown]
# ## The baseline
#
# What are the unlabeled images worth? For an answer we need the *same* network, with the same
# noise, dropout and distortions, trained on the labeled images alone. We favor it: each setting is
# scored during training on held-out labels, and the best one counts. The SGAN gets no such help.


# %%
def accuracy(classifier, some_images, class_labels):
    parts = np.array_split(some_images, max(1, len(some_images) // 500))
    logits = [classifier(images.to_float(part), training=False) for part in parts]
    return float((np.concatenate(logits).argmax(axis=1) == class_labels).mean())


def train_baseline(labeled, seed, rate):
    keras.utils.set_random_seed(seed)
    classifier = build_discriminator()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(rate, beta_1=0.5), loss)
    source = gan_utils.Batches(*labeled, batch_size=LABELED_BATCH, seed=seed).dataset().enumerate()
    best = {"held_out": -1.0}
    for stage in range(BASELINE_STAGES):
        part = source.skip(stage * BASELINE_STEPS)
        part = part.map(lambda n, pair: (distort(pair[0], [LABEL_STREAM + seed, n]), pair[1]))
        classifier.fit(part, steps_per_epoch=BASELINE_STEPS, verbose=0)
        score = accuracy(classifier, train_set.images[-HELD_OUT:], held_out_labels)
        if score > best["held_out"]:
            test = accuracy(classifier, test_set.images, test_set.labels)
            best = {"held_out": score, "rate": rate, "test": test}
    return best


# %% [markdown]
# ## Training with a hundred labels
#
# All training images serve as *unlabeled* ones. Each run has a folder, so an interrupted one
# resumes.


# %%
def best_baseline(labeled, seed):
    tries = (train_baseline(labeled, seed, rate) for rate in BASELINE_RATES)
    return max(tries, key=lambda found: found["held_out"])


def run_sgan(count, seed, watching=()):
    sgan = make_sgan(labeled_images(count, seed), seed=seed)
    folder = RUN / "checkpoints" / f"{count}-{seed}"
    options = {"batch_size": BATCH_SIZE, "steps_per_epoch": STEPS_PER_EPOCH, "seed": seed}
    keeping = callbacks.Checkpoint(folder, every=max(1, EPOCHS // 4), keep=1)
    sgan.fit(
        gan_utils.Batches(train_set.images, **options),
        epochs=EPOCHS,
        callbacks=[*watching, keeping, callbacks.TerminateOnNaN()],
        verbose=0,
    )
    test = accuracy(sgan.discriminator, test_set.images, test_set.labels)
    return sgan, {"test": test, "seconds": sgan.seconds}


# %% [markdown]
# The first run, and its baseline.

# %%
fixed_latents = keras.random.normal((16, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=4, folder=RUN / "grids")
history = callbacks.StepHistory(RUN / "steps.csv")
gan, main_found = run_sgan(MAIN_COUNT, DRAWS[0], [grid, history])
main_baseline = best_baseline(main_labeled, DRAWS[0])
seen = EPOCHS * STEPS_PER_EPOCH * BATCH_SIZE
print(f"{EPOCHS * STEPS_PER_EPOCH:,} updates, {seen:,} unlabeled images,", end=" ")
print(f"{seen / len(train_set):.2f} passes over the data; {MAIN_COUNT} labels, one draw of them:")
print(f"labels alone {main_baseline['test']:.1%}, SGAN {main_found['test']:.1%} of the test images")

# %% [markdown]
# Compare the class loss, from the few labels, with the terms for unlabeled images.

# %%
panels = {"Losses": ["d_loss", "class_loss", "entropy", "consistency", "g_loss"]}
panels["Probability of real"] = ["d_real", "d_fake"]
plots.plot_history(history.history, panels, labels={"g_loss": "feature matching"})
plt.show()

# %% [markdown]
# The same latent vectors before (left) and after. Feature matching never asks for sharp digits.

# %%
first_and_last = np.concatenate([grid.frames[0], grid.frames[-1]], axis=1)
plots.show_images(first_and_last[None], title="Before training, and after", scale=6)
plt.show()
animation = grid.save_gif(RUN / "sgan.gif")
display(Image(filename=animation, alt="Sixteen digits forming out of noise, epoch by epoch"))

# %% [markdown]
# ## Results: fewer labels, more labels, other labels
#
# One draw proves little: luck decides which ways of writing a digit have a label. So: several
# counts, several draws, the same images for SGAN and baseline. `quick` shows the recorded full run.


# %%
def run_experiment():
    found = {"sgan": {}, "baseline": {}}
    for count in LABEL_COUNTS:
        for seed in DRAWS:
            first = (count, seed) == (MAIN_COUNT, DRAWS[0])
            sgan = main_found if first else run_sgan(count, seed)[1]
            alone = main_baseline if first else best_baseline(labeled_images(count, seed), seed)
            found["sgan"].setdefault(count, []).append(sgan)
            found["baseline"].setdefault(count, []).append(alone)
    return found


# %% [markdown]
# Lines are means; the gap is the gain from the unlabeled images.

# %%
kinds = {"sgan": ("SGAN", "#0072B2", "o-"), "baseline": ("labels alone", "#D55E00", "s--")}
results = {kind: records.measured("07_sgan", kind) for kind in kinds}
measured_here = None in results.values()
if measured_here:
    results = run_experiment()
figure, axis = plt.subplots(figsize=(6.4, 4.2))
for kind, (title, color, style) in kinds.items():
    tests = {int(count): [row["test"] for row in rows] for count, rows in results[kind].items()}
    axis.plot(tests.keys(), [np.mean(t) for t in tests.values()], style, color=color, label=title)
    for count, values in tests.items():
        axis.plot([count] * len(values), values, style[0], color=color, alpha=0.5)
axis.set(xscale="log", xlabel="labeled images", ylabel="test accuracy")
axis.set_title("What few labels are worth")
axis.legend()
plt.show()

# %% [markdown]
# ## Use it
#
# What we wanted is the classifier, and that is the discriminator. A new process loads it and reads
# test digits. Below: its first mistakes.

# %%
classifier_file = RUN / "classifier.keras"
gan.discriminator.save(classifier_file)
few = test_set.sample(1_000)
logits = gan_utils.call_in_fresh_process(classifier_file, images.to_float(few.images))
answers = logits.argmax(axis=1)
print(f"{(answers == few.labels).mean():.1%} of {len(few):,} test digits right")
wrong = np.flatnonzero(answers != few.labels)[:8]
titles = [f"{few.labels[i]}: {answers[i]}" for i in wrong]
plots.show_images(few.images[wrong], columns=8, titles=titles, title="True class: answer")
plt.show()

# %% [markdown]
# ## What goes wrong: the discriminator wins
#
# A convolutional discriminator is strong. Without noise and dropout, and with five times the
# learning rate, it tells fakes from digits within a few updates. What then reaches the generator
# depends on its loss. We train the discriminator alone, against the fakes of a fixed generator, and
# measure the gradient that three losses would send: `minimax`,
# $\log(1 - D(G(z)))$, the second term of the game itself; `fooling`, $-\log D(G(z))$; and
# `matching`.


# %%
def minimax_loss(fake_logits):
    return -tf.reduce_mean(tf.nn.softplus(real_logit(fake_logits)))


def gradient_norms(sgan, real_images, latents):
    trunk = sgan.discriminator.get_layer("trunk")
    with tf.GradientTape(persistent=True) as tape:
        fake_images = sgan.generator(latents, training=True)
        logits = sgan.discriminator(fake_images, training=True)
        features = trunk(real_images, training=True), trunk(fake_images, training=True)
        found = {"minimax": minimax_loss(logits), "fooling": fooling_loss(logits)}
        found |= {"matching": matching_loss(*features)}
    weights = sgan.generator.trainable_variables
    return {name: tf.linalg.global_norm(tape.gradient(x, weights)) for name, x in found.items()}


def watch(sgan, count):
    @tf.function
    def step(batch):
        latents = sgan.generator_inputs(batch, sgan.next_seed())
        logs = sgan.update_discriminator(batch, latents, sgan.generator(latents, training=True))
        sgan.g_optimizer.iterations.assign_add(1)  # new latents, labels, distortions
        return {"D(G(z))": logs["d_fake"]} | gradient_norms(sgan, batch, latents)

    source = gan_utils.Batches(train_set.images, batch_size=BATCH_SIZE, seed=SEED).dataset()
    return [{k: float(v) for k, v in step(batch).items()} for batch in source.take(count)]


# %% [markdown]
# D(G(z)) at the end, and the gradients on the way.

# %%
FAILURE_STEPS = profile.steps(full=150, quick=80, smoke=3)
hasty = {"rates": (5 * RATES[0], 0.0), "noise": 0.0, "dropout": 0.0}
norms = watch(make_sgan(main_labeled, **hasty), FAILURE_STEPS)
last_norms = {name: float(np.median([row[name] for row in norms[-20:]])) for name in norms[0]}
print(f"D(G(z)) {last_norms['D(G(z))']:.1e}")
figure, axis = plt.subplots(figsize=(6.4, 4))
for name, style in {"minimax": "--", "fooling": "-.", "matching": "-"}.items():
    axis.semilogy([row[name] for row in norms], style, label=name)
axis.set(xlabel="discriminator's updates", ylabel="norm of the generator's gradient")
axis.set_title("What a winning discriminator sends back")
axis.legend()
plt.show()

# %% [markdown]
# The fakes are the same for all three. The gradient of the minimax loss has the factor $D(G(z))$
# (exercise 4), which the discriminator takes to zero. $-\log D$ keeps its gradient, if it is
# computed from the logit. Feature matching ignores how sure the discriminator is. D(G(z)) near zero
# *and* a tiny gradient mean that the game is over. Change the loss first.
#
# ## Exercises
#
# **1. ★ Undecided.** *Predict first:* a network outputs ten logits of zero. What is $D(x)$?
#
# <details><summary>Solution</summary>
#
# $Z = 10$, so $D = 10/11$: undecided about the class, it is already fairly sure of *real*. An
# untrained SGAN starts with $-\log D = \ln 1.1$, not $\ln 2$.
#
# </details>
#
# **2. ★★ More unlabeled images.** *Predict first:* with which label count would more of them help
# most, and with which least?
#
# <details><summary>Solution</summary>
#
# They show where the images are, not what a group of them is called. With 25 labels, some ways of
# writing a digit have no label near them; with 1,000, little is left to gain. The column "gain" of
# the recorded run shows where it is largest.
#
# </details>
#
# **3. ★★ Why the ramp?** *Predict first:* what may go wrong at full weight from the first update?
#
# <details><summary>Solution</summary>
#
# Entropy favors the class that is ahead, right or wrong: mistakes harden. Try `RAMP_STEPS = 1`.
#
# </details>
#
# **4. ★★★ Where the gradient goes (pencil and paper).** *Predict first:* which of $\log(1 - D)$ and
# $-\log D$ has a gradient when $D$ is near 0? Differentiate both with respect to the logit
# $a = \log Z$, with $D = \sigma(a)$.
#
# <details><summary>Solution</summary>
#
# $\sigma' = \sigma (1 - \sigma)$, so $\frac{d}{da} \log(1 - D) = -D$, which vanishes with $D$, and
# $\frac{d}{da} (-\log D) = -(1 - D)$, which tends to $-1$.
#
# </details>
#
# ## Summary
#
# - $N$ logits are enough for $N + 1$ classes: their log-sum-exp tells real from fake.
# - Say with how many labels, how many draws, against which baseline.
# - A discriminator that wins sends nothing back through the minimax loss.
#
# ## References
#
# - A. Odena, *Semi-Supervised Learning with Generative Adversarial Networks*, 2016.
#   <https://arxiv.org/abs/1606.01583>
# - M. Sajjadi et al., *Regularization With Stochastic Transformations and Perturbations for Deep
#   Semi-Supervised Learning*, NeurIPS 2016. <https://arxiv.org/abs/1606.04586>
# - T. Salimans et al., *Improved Techniques for Training GANs*, NeurIPS 2016.
#   <https://arxiv.org/abs/1606.03498>
# - J. T. Springenberg, *Unsupervised and Semi-supervised Learning with Categorical Generative
#   Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06390>

# %% tags=["remove-cell"]
found = {
    **{"epochs": EPOCHS, "steps": EPOCHS * STEPS_PER_EPOCH, "batch_size": BATCH_SIZE},
    **{"sgan": {MAIN_COUNT: [main_found]}, "baseline": {MAIN_COUNT: [main_baseline]}},
    **{"gradients_first": norms[0], "gradients_last": last_norms},
}
if measured_here:
    found |= results
seconds = sum(row["seconds"] for rows in found["sgan"].values() for row in rows)
drawn = gan.generate(evaluation.DRAWS)
row = evaluation.row(gan, drawn, real_images=test_set.images, batch_size=BATCH_SIZE)
settings = {"entropy_weight": ENTROPY_WEIGHT, "consistency_weight": CONSISTENCY_WEIGHT}
settings |= {"ramp_steps": RAMP_STEPS, "rates": RATES, "ema_decay": EMA_DECAY}
settings |= {"noise": NOISE, "dropout": DROPOUT, "distorts": True, "labeled_batch": LABELED_BATCH}
facts = {"settings": settings, "comparison": {"SGAN": row}}
records.record("07_sgan", found, seconds=seconds, data=train_set, seed=SEED, **facts)
