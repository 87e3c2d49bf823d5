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
# # Unpaired translation: CycleGAN

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/19_cyclegan.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Train two generators that translate satellite
# images into maps and back, although no image has a partner; then count what they got right, and
# see what nobody can get right without pairs.
#
# **Time and size.** 6 minutes to read; less than a minute of training on two CPU cores; a download
# of 12 MB (MNIST, for an exercise).
#
# **What you will learn.** What a cycle can replace, and what not. **What you need.** Lesson 11.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package.

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
from keras import layers
from scipy.optimize import linear_sum_assignment

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, losses, pairs, plots, profile, records
from gan_utils.fit import prepared
from gan_utils.gan import minimize
from gan_utils.precision import scaled

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# Weights, pool and batches of one image are those of the paper (Zhu et al., 2017); images and
# networks are smaller, the learning rates higher. An epoch is a part of a pass.

# %%
LESSON = "19_cyclegan"
SEED = profile.seed(19)
SEEDS = [SEED + index for index in range(profile.samples(full=3, quick=1, smoke=1))]
VALIDATION_SEED = 19
SIZE = profile.samples(full=64, quick=32, smoke=16)
FILTERS = profile.samples(full=16, quick=16, smoke=2)
BLOCKS = profile.samples(full=4, quick=2, smoke=1)
CYCLE_WEIGHT = 10.0
IDENTITY_WEIGHT = 5.0
L1_WEIGHT = 100.0  # of Pix2Pix, for comparison
POOL_SIZE = 50
RATE = 5e-4
BETA_1 = 0.5
TRAIN_COUNT = profile.samples(full=1_000, quick=400, smoke=4)
VALIDATION_COUNT = profile.samples(full=200, quick=60, smoke=4)
STEPS_PER_EPOCH = profile.steps(full=500, quick=100, smoke=2)
EPOCHS = profile.epochs(full=16, quick=6, smoke=1)
STEPS = EPOCHS * STEPS_PER_EPOCH
EAGER = profile.name == "smoke"

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The data: no pairs
#
# Lesson 11 had a map for each satellite image. Such pairs are rare; two *sets* of images are easy
# to get: here photographs of some places of the procedural city, and maps of **other** places. A
# batch is one of each. Validation places have both, to count with.

# %%
places = pairs.city(2 * TRAIN_COUNT, SIZE, seed=SEED)
validation_set = pairs.city(VALIDATION_COUNT, SIZE, seed=VALIDATION_SEED, first=1_000_000)
paired = pairs.PairSet(places.source[:TRAIN_COUNT], places.target[:TRAIN_COUNT])
unpaired = pairs.PairSet(places.source[:TRAIN_COUNT], places.target[TRAIN_COUNT:])
photos, maps = (images.to_float(part) for part in (validation_set.source, validation_set.target))
folder = records.run_folder(LESSON)
print(f"procedural city: {len(unpaired):,} images of each kind, {SIZE} x {SIZE} pixels,", end=" ")
print(f"and {len(validation_set)} validation places")
shown = np.concatenate([unpaired.source[:4], unpaired.target[:4]])
plots.show_images(shown, columns=4, row_labels=["photograph", "map"], title="Not the same places")
plt.show()

# %% [markdown]
# ## The idea
#
# Generator $G$ turns a photograph $x$ into a map, generator $F$ a map $y$ into a photograph. A
# discriminator $D_Y$ compares maps with $G$'s fakes, $D_X$ photographs with $F$'s. That asks too
# little: *any* map fools $D_Y$, of that place or of another. So a translation there and back must
# end where it began:
#
# $$
# L_{cycle} = \mathbb{E}\,\lVert F(G(x)) - x \rVert_1 + \mathbb{E}\,\lVert G(F(y)) - y \rVert_1 .
# $$
#
# A map that keeps nothing of $x$ cannot lead back. The term $L_{identity}$ asks $G$ to leave a map
# as it is, and $F$ a photograph: colors should not change without need. The adversarial part is
# that of LSGAN (lesson 09):
#
# $$
# L(G, F) = \mathbb{E}\,(D_Y(G(x)) - 1)^2 + \mathbb{E}\,(D_X(F(y)) - 1)^2
#   + \lambda\, L_{cycle} + \mu\, L_{identity} .
# $$
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $G$, $F$ | `to_y`, `to_x` | the generators |
# | $D_X$, $D_Y$ | `d_x`, `d_y` | the discriminators: one logit a patch |
# | $\lambda$, $\mu$ | `CYCLE_WEIGHT`, `IDENTITY_WEIGHT` | 10 and half of it, as in the paper |

# %% [markdown]
# ## What the recorded run reached
#
# *Right color* is the share of pixels whose nearest map color is the true one, as in lesson 11.
# *Renamed* is that share after the best one-to-one renaming of the colors: it forgives swapped
# classes. Means over seeds.


# %%
def show_table(found):
    print(f"{'':<16}{'right color':>12}{'renamed':>9}{'L1':>7}   right color, seed by seed")
    for name, rows in found["cases"].items():
        color, renamed, l1 = (np.mean([r[k] for r in rows]) for k in ("map_color", "renamed", "l1"))
        each = ", ".join(f"{row['map_color']:.1%}" for row in rows)
        print(f"{name:<16}{color:>12.1%}{renamed:>9.1%}{l1:>7.3f}   {each}")
    print(f"always the most common color: {found['majority']:.1%}")


def show_sheet(found, title):
    count = len(found["rows"])
    _, axis = plt.subplots(figsize=(5.5, 0.4 + count), layout="constrained")
    axis.imshow(evaluation.decode_image(found["sheet"]), extent=(0, 4, 0, count))
    axis.set_yticks(np.arange(count)[::-1] + 0.5, found["rows"], fontsize=8)
    axis.set(title=title, xticks=[])
    plt.show()


RECORDED = records.recorded(LESSON, "full")
if RECORDED:
    print(records.origin(RECORDED), f"{RECORDED['metrics']['updates']:,} updates each", sep=", ")
    show_table(RECORDED["metrics"])
    show_sheet(RECORDED["metrics"], "recorded full run")
else:
    print("no recorded full run yet")

# %% [markdown]
# ## The networks
#
# The generator is a **residual network**: halve the size twice, change the features in residual
# blocks, double it twice. **Instance normalization** removes mean and contrast of each channel
# *within one image*; in Keras it is `GroupNormalization` with one group a channel.


# %%
def convolution(kind, filters, kernel, strides=1, **options):
    options["kernel_initializer"] = keras.initializers.RandomNormal(stddev=0.02)
    return kind(filters, kernel, strides=strides, padding="same", **options)


def block(features, kind, filters, kernel, strides=1, *, activation=None):
    features = convolution(kind, filters, kernel, strides)(features)
    features = layers.GroupNormalization(groups=-1, epsilon=1e-5)(features)
    return layers.ReLU()(features) if activation is None else features


def build_generator(size=SIZE, channels=3, filters=FILTERS, blocks=BLOCKS):
    features = source = layers.Input((size, size, channels))
    features = block(features, layers.Conv2D, filters, 7)
    for level in (2, 4):
        features = block(features, layers.Conv2D, level * filters, 3, 2)
    for _ in range(blocks):
        change = block(features, layers.Conv2D, 4 * filters, 3)
        change = block(change, layers.Conv2D, 4 * filters, 3, activation="none")
        features = layers.Add()([features, change])
    for level in (2, 1):
        features = block(features, layers.Conv2DTranspose, level * filters, 3, 2)
    features = convolution(layers.Conv2D, channels, 7)(features)
    return keras.Model(source, layers.Activation("tanh", dtype="float32")(features))


# %% [markdown]
# The discriminator is lesson 11's PatchGAN with one fewer layer: each output sees 34 by 34 pixels.
# It sees one image, not a pair.


# %%
def build_discriminator(size=SIZE, channels=3, filters=2 * FILTERS):
    features = source = layers.Input((size, size, channels))
    for level, strides in ((1, 2), (2, 2), (4, 1)):
        features = convolution(layers.Conv2D, level * filters, 4, strides)(features)
        if level > 1:
            features = layers.GroupNormalization(groups=-1, epsilon=1e-5)(features)
        features = layers.LeakyReLU(negative_slope=0.2)(features)
    logits = convolution(layers.Conv2D, 1, 4, dtype="float32")(features)
    return keras.Model(source, logits)


for network in (build_generator(), build_discriminator()):
    print(f"{network.count_params():,} parameters, output {network.output_shape[1:]}")

# %% [markdown]
# ## A pool of old fakes
#
# A discriminator that sees the newest fakes alone forgets the older ones, and the two players can
# go round in circles. A pool of 50 fakes is its memory: in half of the updates it gets an old one,
# whose place in the pool the new one takes (Shrivastava et al., 2017).


# %%
class Pool(layers.Layer):
    def __init__(self, shape, seed):
        super().__init__(dtype="float32")
        zeros = {"initializer": "zeros", "trainable": False}
        self.fakes = self.add_weight((POOL_SIZE, *shape), **zeros)
        self.count = self.add_weight((), dtype="int32", **zeros)
        self.random = keras.random.SeedGenerator(seed)

    def swap(self, fake):
        full = self.count.value >= POOL_SIZE
        place = keras.random.randint((), 0, POOL_SIZE, seed=self.random)
        place = tf.where(full, place, self.count.value)
        old = self.fakes.value[place]
        from_pool = full & (keras.random.uniform((), seed=self.random) < 0.5)
        kept = tf.where(from_pool | ~full, fake[0], old)
        self.fakes.assign(tf.tensor_scatter_nd_update(self.fakes.value, [[place]], kept[None]))
        self.count.assign(tf.minimum(self.count.value + 1, POOL_SIZE))
        return tf.where(from_pool, old[None], fake)


# %% [markdown]
# ## The losses and one training step
#
# Four networks, two pools, and an optimizer for each kind of player:


# %%
class TwoWays(keras.Model):
    batches_per_step = 1

    def __init__(self, size, channels, seed, cycle_weight=CYCLE_WEIGHT, **options):
        super().__init__(autocast=False)
        self.seed, self.seconds, self.cycle_weight = seed, 0.0, cycle_weight
        self.to_y, self.to_x = (build_generator(size, channels, **options) for _ in range(2))
        self.d_y, self.d_x = (build_discriminator(size, channels) for _ in range(2))
        self.pools = [Pool((size, size, channels), seed + index) for index in range(2)]
        self.built = True

    def compile(self, rate, **options):
        networks = self.to_y, self.to_x, self.d_y, self.d_x
        self.g_variables = self.to_y.trainable_variables + self.to_x.trainable_variables
        self.d_variables = self.d_y.trainable_variables + self.d_x.trainable_variables
        adams = (keras.optimizers.Adam(rate, beta_1=BETA_1) for _ in range(2))
        self.g_optimizer, self.d_optimizer = (scaled(adam, *networks) for adam in adams)
        self.g_optimizer.build(self.g_variables)
        self.d_optimizer.build(self.d_variables)
        super().compile(optimizer=self.g_optimizer, **options)


# %% [markdown]
# First both generators move together, then both discriminators. Two images go through a network in
# one call: with instance normalization they do not see each other. (Our LSGAN losses have a factor
# of 1/2, the paper's generator losses do not.)


# %%
def l1(one, other):
    return tf.reduce_mean(tf.abs(one - other))


def call_twice(network, first, second):
    return tf.split(network(tf.concat([first, second], axis=0), training=True), 2)


class CycleGAN(TwoWays):
    def generator_objective(self, x, y):
        fake_y, same_y = call_twice(self.to_y, x, y)
        fake_x, same_x = call_twice(self.to_x, y, x)
        logits = self.d_y(fake_y, training=True), self.d_x(fake_x, training=True)
        gan = tf.add_n([2 * losses.least_squares_generator_loss(part) for part in logits])
        identity, cycle = l1(same_y, y) + l1(same_x, x), tf.zeros(())
        if self.cycle_weight:  # otherwise its two calls are left out
            cycle = l1(self.to_x(fake_y, training=True), x)
            cycle += l1(self.to_y(fake_x, training=True), y)
        loss = gan + self.cycle_weight * cycle + IDENTITY_WEIGHT * identity
        return loss, {"gan": gan, "cycle": cycle, "identity": identity}, (fake_x, fake_y)

    def update_generators(self, x, y):
        with tf.GradientTape() as tape:
            loss, logs, fakes = self.generator_objective(x, y)
        minimize(self.g_optimizer, tape, loss, self.g_variables)
        return logs | {"g_loss": loss}, fakes

    def update_discriminators(self, real, fake):
        with tf.GradientTape() as tape:
            both = zip((self.d_x, self.d_y), real, fake, strict=True)
            logits = [call_twice(network, *images) for network, *images in both]
            loss = tf.add_n([losses.least_squares_discriminator_loss(*pair) for pair in logits])
        minimize(self.d_optimizer, tape, loss, self.d_variables)
        return {"d_loss": loss}

    def train_step(self, batch):
        logs, fakes = self.update_generators(*batch)
        old = [pool.swap(fake) for pool, fake in zip(self.pools, fakes, strict=True)]
        return logs | self.update_discriminators(batch, old)


# %% [markdown]
# Who moves in one step?


# %%
def networks_of(model):
    names = {"G": "to_y", "F": "to_x", "D_X": "d_x", "D_Y": "d_y"}
    return {f"{s} ({name})": getattr(model, name).trainable_variables for s, name in names.items()}


toy = CycleGAN(SIZE, 3, SEED, filters=2, blocks=1)
toy.compile(1e-3)
one_batch = tuple(tf.constant(images.to_float(part[:1])) for part in (places.source, places.target))
moves = gan_utils.who_moved(toy, one_batch, networks_of(toy))
print(moves)

# %% [markdown]
# Each update moves its own two networks.
#
# ## Two comparisons
#
# **Pix2Pix** has the same generator, photographs and number of updates, but the maps that belong to
# the photographs. **No cycle term** has $\lambda = 0$.


# %%
class Pix2Pix(GAN):
    def generator_inputs(self, batch, seed, count=None):
        return tf.zeros((count, *self.generator.input_shape[1:])) if batch is None else batch[0]

    def real_inputs(self, batch):
        return tf.concat([batch[0], batch[1]], axis=-1)

    def fake_inputs(self, fake_images, inputs):
        return tf.concat([inputs, fake_images], axis=-1)

    discriminator_loss = staticmethod(losses.least_squares_discriminator_loss)

    def generator_objective(self, batch, inputs, fake_images):
        logits = self.discriminator(self.fake_inputs(fake_images, inputs), training=True)
        distance = l1(batch[1], fake_images)
        loss = 2 * losses.least_squares_generator_loss(logits) + L1_WEIGHT * distance
        return loss, {"g_loss": loss, "l1": distance}


# %% [markdown]
# As in the paper, the learning rates are constant for half of the run, then fall to zero.


# %%
class LateDecay(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate, steps):
        self.rate, self.steps = rate, steps

    def __call__(self, step):
        left = 1 - tf.cast(step, tf.float32) / self.steps
        return self.rate * tf.clip_by_value(2 * left, 0.0, 1.0)


def make_cyclegan(seed, steps=STEPS, size=SIZE, channels=3, **options):
    model = CycleGAN(size, channels, seed, **options)
    model.compile(LateDecay(RATE, steps), run_eagerly=EAGER)
    return model


def make_pix2pix(seed, steps=STEPS):
    networks = build_generator(), build_discriminator(channels=6)
    model = Pix2Pix(*networks, latent_dim=1, ema_decay=None, seed=seed)
    rates = (LateDecay(RATE, steps) for _ in range(2))
    model.compile(*(keras.optimizers.Adam(r, beta_1=BETA_1) for r in rates), run_eagerly=EAGER)
    return model


# %% [markdown]
# `prepared` resumes from the last checkpoint, as `GAN.fit` does.


# %%
def train(model, pair_set, name, watching=(), epochs=EPOCHS):
    batches = pair_set.batches(1, seed=model.seed, mirror=True, steps_per_epoch=STEPS_PER_EPOCH)
    watching = [*watching, callbacks.TerminateOnNaN(), callbacks.Checkpoint(folder / name, keep=1)]
    with prepared(model, batches, None, 1, callbacks=watching) as (data, options):
        keras.Model.fit(model, data, epochs=epochs, verbose=0, **options)
    return model


# %% [markdown]
# ## Training
#
# A short run (`quick`) leaves out the last of the three, and has one seed.

# %%
CASES = {
    "CycleGAN": (make_cyclegan, unpaired, {}),
    "Pix2Pix": (make_pix2pix, paired, {}),
    "no cycle term": (make_cyclegan, unpaired, {"cycle_weight": 0.0}),
}
NAMES = [*CASES][: 2 if profile.name == "quick" else 3]
history = callbacks.StepHistory(folder / "steps.csv", every=max(1, STEPS // 150))
trained = {}
for name in NAMES:
    make, pair_set, options = CASES[name]
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        run = f"{name.lower().replace(' ', '_')}-{seed}"
        watching = [] if trained else [history]
        trained[name, seed] = train(make(seed, **options), pair_set, run, watching)
        print(f"{name}, seed {seed}: {STEPS:,} updates, {trained[name, seed].seconds:.0f} s")

# %% [markdown]
# The curves of the first run:

# %%
panels = {"L1, range [-1, 1]": ["cycle", "identity"], "Adversarial losses": ["d_loss", "gan"]}
plots.plot_history(history.history, panels, labels={"gan": "generators"}, smooth=5)
plt.show()

# %% [markdown]
# Two discriminators that know nothing have a loss of 1/2 together. Is a falling cycle loss a
# success? See exercise 2.
#
# ## Results
#
# The best renaming is an assignment problem, which SciPy solves.


# %%
def translate(network, given):
    parts = [network(given[i : i + 20], training=False) for i in range(0, len(given), 20)]
    return np.concatenate(parts)


def confusion(drawn):
    counts = np.zeros((7, 7))
    np.add.at(counts, (validation_set.classes, pairs.city_classes(drawn)), 1)
    return counts


def measure(drawn):
    counts = confusion(drawn)
    best = linear_sum_assignment(-counts)
    return {
        "map_color": pairs.map_accuracy(drawn, validation_set.classes),
        "renamed": float(counts[best].sum() / counts.sum()),
        "l1": float(np.abs(drawn - maps).mean() / 2),
    }


# %% [markdown]
# What all of them drew:

# %%
drawn_maps = {
    (name, seed): translate(model.generator if name == "Pix2Pix" else model.to_y, photos)
    for (name, seed), model in trained.items()
}
found = {"cases": {}, "seeds": SEEDS}
for (name, seed), drawn in drawn_maps.items():
    row = measure(drawn) | {"seconds": trained[name, seed].seconds}
    found["cases"].setdefault(name, []).append(row)
found["majority"] = float(
    np.bincount(validation_set.classes.ravel()).max() / validation_set.classes.size
)
found["rows"] = ["photograph", *(f"{name} {seed}" for name, seed in drawn_maps), "true map"]
rows = np.concatenate([photos[:4], *(drawn[:4] for drawn in drawn_maps.values()), maps[:4]])
found["sheet"] = evaluation.encode_image(images.grid(rows, columns=4))
show_table(found)
show_sheet(found, f"profile {profile.name}")

# %% [markdown]
# Any share above that of the most common color was learned without pairs (given enough updates).
# In two of three recorded seeds the cycle term adds at most one point; pairs add thirty.
#
# ## What cannot be learned without pairs
#
# Which map color is water? From two unpaired sets, only *statistics* can tell: shapes, neighbors,
# and, through the identity term, similar colors. Let $\pi$ swap the colors of two classes that are
# alike in all of that. Then $\pi(G(x))$ is as good a map as $G(x)$ for $D_Y$, and
# $F' = F \circ \pi^{-1}$ undoes the swap, so that the cycle loss is the same:
#
# $$
# F'(\pi(G(x))) = F(\pi^{-1}(\pi(G(x)))) = F(G(x)) .
# $$
#
# Below, each row is a true class, each column a map color; what is right is on the diagonal.

# %%
found["confusion"] = {
    str(seed): confusion(drawn) for (name, seed), drawn in drawn_maps.items() if name == "CycleGAN"
}
confusions = records.measured(LESSON, "confusion") or found["confusion"]
width = min(7, 3.2 * len(confusions))
_, axes = plt.subplots(1, len(confusions), figsize=(width, 3.2), squeeze=False)
for axis, (seed, counts) in zip(axes[0], confusions.items(), strict=True):
    shares = np.asarray(counts) / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(7), validation_set.class_names, rotation=90, fontsize=7)
    axis.set_yticks([])
    axis.set_title(f"seed {seed}", fontsize=8)
axes[0, 0].set_yticks(range(7), validation_set.class_names, fontsize=7)
plt.tight_layout()
plt.show()

# %% [markdown]
# In the recorded run most of a motorway gets the color of avenues with each seed, and no renaming
# helps: classes merge, none swap. On a real task, nobody has the true maps to find it out.
#
# ## What goes wrong: the cycle hides the photograph
#
# A map says nothing about where a tree is, and yet $F(G(x))$ has to be $x$, trees included. $G$ can
# hide them as faint noise in its map, which $F$ reads and $D_Y$ overlooks (Chu et al., 2017). So we
# **clean** each map: every pixel gets the nearest of the seven map colors.

# %%
shipped = [gan_utils.weights.try_generator(f"unpaired_to_{kind}") for kind in ("map", "satellite")]
print(*(message for _, message in shipped), sep="\n")
both, seen = [network for network, _ in shipped], validation_set
if None in both:
    both = [trained["CycleGAN", SEED].to_y, trained["CycleGAN", SEED].to_x]
else:
    seen = pairs.city(40, both[0].input_shape[1], seed=VALIDATION_SEED, first=1_000_000)

# %% [markdown]
# And back by three routes:


# %%
def clean(drawn):
    return images.to_float(pairs.CITY_PALETTE[pairs.city_classes(drawn)])


def hidden(city, to_map, to_photo):
    given = images.to_float(city.source)
    drawn = translate(to_map, given)
    versions = {
        "as drawn": drawn,
        "cleaned": clean(drawn),
        "true map": images.to_float(city.target),
    }
    back = {name: translate(to_photo, one) for name, one in versions.items()}
    errors = {name: float(np.abs(one - given).mean() / 2) for name, one in back.items()}
    return [given, drawn, back["as drawn"], versions["cleaned"], back["cleaned"]], errors


parts, errors = hidden(seen, *both)
for name, error in errors.items():
    print(f"photograph from the map, {name}: L1 {error:.3f}")
labels = ["photograph", "its map", "and back", "cleaned", "and back"]
shown = np.concatenate([part[:4] for part in parts])
plots.show_images(shown, columns=4, row_labels=labels, title="There and back")
plt.show()

# %% [markdown]
# What the third row has and the fifth has not was hidden in the map. A small cycle loss is no proof
# of a good translation. Seed by seed, in the recorded run where there is one:

# %%
runs = [trained["CycleGAN", seed] for seed in SEEDS]
found["hidden"] = [hidden(validation_set, model.to_y, model.to_x)[1] for model in runs]
for row in records.measured(LESSON, "hidden") or found["hidden"]:
    print(", ".join(f"{name} {error:.3f}" for name, error in row.items()))

# %% [markdown]
# ## Use it
#
# As in lesson 11: `gan-utils translate unpaired_to_map photo.jpg map.png`. On the page of the book,
# paint a map:
#
# <!-- interactive: unpaired_to_satellite -->

# %%
trained["CycleGAN", SEED].to_y.save(folder / "to_map.keras")
trained["CycleGAN", SEED].to_x.save(folder / "to_satellite.keras")

# %% [markdown]
# ## Exercises
#
# **1. ★ No identity term.** *Predict first:* with $\mu = 0$, which classes of the city are more
# likely to be swapped?
#
# <details><summary>Solution</summary>
#
# Those of similar shape that only the color told apart: parks (green in both sets) and water (blue
# in both).
#
# </details>
#
# **2. ★ Only the cycle.** *Predict first:* without discriminators, which two generators have a
# cycle loss of zero?
#
# <details><summary>Solution</summary>
#
# $G(x) = x$ and $F(y) = y$, or any two that undo each other. The cycle keeps information; only the
# discriminators ask for a *map*.
#
# </details>
#
# **3. ★★ Digits and their edges.** *Predict first:* MNIST, and the edges of **other** digits, with
# smaller networks. Which of the two directions has a single right answer?

# %% tags=["hide-cell"]
digits = gan_utils.load_images("mnist").sample(2 * TRAIN_COUNT).images
inside = (digits > 127).astype("float32")
edges = (255 * (inside + tf.nn.max_pool2d(-inside, 3, 1, "SAME"))).numpy().astype("uint8")
half = len(digits) // 2
keras.utils.set_random_seed(SEED)
edge_epochs = max(1, EPOCHS // 2)
sketcher = make_cyclegan(SEED, edge_epochs * STEPS_PER_EPOCH, 28, 1, filters=8, blocks=2)
train(sketcher, pairs.PairSet(digits[:half], edges[half:]), "edges", epochs=edge_epochs)
given, wanted = (images.to_float(part[half : half + 8]) for part in (digits, edges))
drawn = translate(sketcher.to_y, given)
found["edges_right"] = float(((drawn > 0) == (wanted > 0)).mean())
print(f"right edge pixels {found['edges_right']:.1%}; a blank page has {(wanted < 0).mean():.1%}")
rows = {"digit": given, "edges": drawn, "true": wanted, "filled": translate(sketcher.to_x, wanted)}
plots.show_images(np.concatenate([*rows.values()]), columns=len(given), row_labels=[*rows])
plt.show()

# %% [markdown]
# <details><summary>Solution</summary>
#
# The edges follow from the digit. The way back is nearly as sure: an outline leaves only grays
# open.
#
# </details>
#
# **4. ★★★ How many solutions? (pencil and paper)** *Predict first:* two sets of gray patches, each
# with $n$ equally frequent values, and perfect $D_X$, $D_Y$. How many $(G, F)$ have the smallest
# loss without identity term? And if all $n$ frequencies differ?
#
# <details><summary>Solution</summary>
#
# $G$ has to assign the values one to one, and the cycle makes $F = G^{-1}$: $n!$ solutions, one of
# them right. If all frequencies differ, each value has one partner as frequent as itself: a single
# solution. Statistics replace pairs, as far as they differ.
#
# </details>
#
# ## Summary
#
# - A cycle and two discriminators replace pairs in part; where pairs exist, use them.
# - What the statistics of both sets leave open cannot be learned from them.
# - Hidden noise can close the cycle: clean a translation before you believe in it.
#
# ## References
#
# - J. Zhu et al., *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
#   Networks*, 2017. <https://arxiv.org/abs/1703.10593>
# - C. Chu et al., *CycleGAN, a Master of Steganography*, 2017. <https://arxiv.org/abs/1712.02950>
# - A. Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial
#   Training*, 2017. <https://arxiv.org/abs/1612.07828>

# %% tags=["remove-cell"]
found |= {"size": SIZE, "filters": FILTERS, "images": TRAIN_COUNT, "updates": STEPS}
found |= {"main": found["cases"]["CycleGAN"][0], "main_seconds": runs[0].seconds}
settings = {"rate": RATE, "beta_1": BETA_1, "cycle_weight": CYCLE_WEIGHT}
settings |= {"identity_weight": IDENTITY_WEIGHT, "l1_weight": L1_WEIGHT, "pool_size": POOL_SIZE}
seconds = float(sum(model.seconds for model in trained.values()))
made = {"settings": settings, "seconds": seconds, "seed": SEED}
records.record(LESSON, found, data="procedural city", **made)
assert [[part[0] for part in parts] for _, parts in moves.movers] == [["G", "F"], ["D", "D"]]
assert all(np.isfinite(values).all() for values in history.history.values())
assert len(drawn_maps) == len(NAMES) * len(SEEDS)
