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
# # Inside the latent space

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/17_latent_space.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Open a trained generator and ask: *which images
# are in its latent space, and which are not?*
#
# **Time and size.** 7 minutes to read, 2 minutes to run on two CPU cores, a download of 12 MB
# (MNIST, once). This page trains nothing.
#
# **What you will learn**
#
# - where latent vectors lie, and what straight lines and truncation do;
# - how to find directions of a slant, a thickness, a digit;
# - how to find the latent of a given image.
#
# **What you need.** The GAN lesson; precision and recall from the lesson on scores.

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
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image, ImageDraw
from scipy.spatial.distance import cdist

import gan_utils
from gan_utils import GAN, images, lenet, metrics, plots, profile, records, repeats, weights
from gan_utils.interpolation import slerp

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# The recorded run repeats each measurement with three seeds, this page with one.

# %%
LESSON = "17_latent_space"
SEED = profile.seed(17)
SEEDS = [SEED + number for number in range(profile.samples(full=3, quick=1, smoke=1))]
LATENT_DIM = 100
PSIS = (0.3, 0.5, 0.7, 1.0, 1.3)
FIT_SAMPLES = profile.samples(full=10_000, quick=4_000, smoke=400)
PAIRS = profile.samples(full=500, quick=200, smoke=10)
PER_CLASS = profile.samples(full=10, quick=5, smoke=1)
STARTS = 4
INVERSION_STEPS = profile.steps(full=100, quick=100, smoke=3)
INVERSION_RATE = PRIOR = 0.1
TRAIN = {"rate": 5e-4, "ema_decay": 0.998}
TRAIN["batches"] = {"batch_size": 32, "steps_per_epoch": profile.steps(1_500, quick=300)}
OWN_FILE = None  # path of an image file with a digit of yours

started = time.perf_counter()

# %% [markdown]
# ## The generators
#
# Those of lesson 01, without labels, and of lesson 04, which takes one.

# %%
train_set, test_set = (gan_utils.load_images("mnist", split=split) for split in ("train", "test"))
generator, conditional = (weights.load_generator(name) for name in ("gan", "cgan"))
SAMPLES = profile.samples(full=5_000, quick=1_500, smoke=100, available=len(test_set))
RECORDED = records.recorded(LESSON, "full")
print(train_set)
print(weights.describe("gan"))
print(records.origin(RECORDED) if RECORDED else "no recorded full run yet")


def noise(count, rng):
    return rng.standard_normal((count, LATENT_DIM)).astype("float32")


some_latents = noise(40, np.random.default_rng(SEED))
plots.show_images(
    weights.draw(generator, some_latents), columns=10, title="Samples, not cherry-picked"
)
plt.show()

# %% [markdown]
# Tables show the recorded run, then this page: mean ± standard deviation.

# %%
found = {}


def show(part):
    if RECORDED:
        print(repeats.table("recorded", RECORDED["metrics"][part]))
    if part in found:
        print(repeats.table("this page", found[part]))


def repeat(part, experiment):
    found[part] = repeats.over_seeds(experiment, SEEDS)
    show(part)


# %% [markdown]
# ## Where latent vectors lie
#
# Each of the 100 coordinates of $z$ is drawn from a normal distribution. Nearly all vectors have a
# length near $\sqrt{100} = 10$: they lie on a thin shell. Two of them are nearly orthogonal, so the
# middle of the straight line between them has a length near $\sqrt{50} \approx 7$, where training
# drew nothing.
#
# **Spherical interpolation** (slerp; ends orthogonal) turns instead: $\cos(t)\,z_1 + \sin(t)\,z_2$.
# As $\cos^2 + \sin^2 = 1$, each point on it is distributed exactly like fresh noise.

# %%
ends = some_latents[[5, 15]]
turns = np.linspace(0, np.pi / 2, 9)[:, None]
walks = weights.draw(generator, np.concatenate([np.linspace(*ends, 9), slerp(*ends, turns)]))
plots.show_images(walks, columns=9, row_labels=["straight", "slerp"], title="From digit to digit")
plt.show()

# %% [markdown]
# Walk on an arc yourself:
#
# <!-- interactive: gan -->
#
# *Predict first:* are the middles of straight lines worse images? By the book's protocol:


# %%
real_features = lenet.features(test_set.sample(SAMPLES).images)


def scores(network, latents):
    features = lenet.features(weights.draw(network, latents))
    both = metrics.precision_recall(real_features, features)._asdict()
    return both | {"distance": metrics.fid(real_features, features)}


def interpolation(seed):
    rng = np.random.default_rng(seed)
    first, second = noise(SAMPLES, rng), noise(SAMPLES, rng)
    places = {
        "fresh noise": noise(SAMPLES, rng),
        "middle, slerp": slerp(first, second, np.pi / 4),
        "middle, straight": (first + second) / 2,
    }
    lengths = {name: np.linalg.norm(z, axis=1).mean() for name, z in places.items()}
    return {name: {"length": lengths[name]} | scores(generator, z) for name, z in places.items()}


repeat("interpolation", interpolation)

# %% [markdown]
# The middle of a slerp scores like fresh noise, because it is fresh noise. The middle of a straight
# line is not a bad image: in the recorded run its *precision* is higher; recall and distance are
# worse. Shorter vectors give more typical images.
#
# ## Truncation: precision against recall
#
# The **truncation trick** (Brock et al., 2019) draws $z$ closer to the origin than in training; we
# multiply it by $\psi$. (The middle of a straight line is $\psi = \sqrt{1/2}$.)


# %%
def truncation(seed):
    latents = noise(SAMPLES, np.random.default_rng(seed))
    return {f"psi {psi}": scores(generator, psi * latents) for psi in PSIS}


repeat("truncation", truncation)
axis = plt.subplots(figsize=(6.4, 3.4))[1]
curves = {"recorded run": RECORDED["metrics"]["truncation"]} if RECORDED else {}
curves["this page, fewer samples"] = found["truncation"]
for (label, rows), style in zip(curves.items(), ("o-", "s:"), strict=False):
    curve = [[np.mean(row["recall"]), np.mean(row["precision"])] for row in rows.values()]
    axis.plot(*np.transpose(curve), style, label=label)
for psi, place in zip(PSIS, curve, strict=True):
    axis.annotate(f"ψ {psi}", place, (6, 4), textcoords="offset points", fontsize=9)
axis.set(xlabel="recall", ylabel="precision")
axis.legend(fontsize=9)
plt.show()
rows = np.concatenate([weights.draw(generator, psi * some_latents[:10]) for psi in PSIS])
plots.show_images(rows, columns=10, row_labels=[f"ψ {psi}" for psi in PSIS], title="Truncation")
plt.show()

# %% [markdown]
# As $\psi$ falls, precision rises and recall falls: near the origin, images are nearly the same.
# Report $\psi$ with a score.
#
# ## Which weights? The EMA
#
# The shipped file holds the exponential moving average (EMA) of the generator's weights (lesson
# 02). Would the weights of the last step do as well? The file cannot answer, so the recorded run
# trains lesson 01's networks briefly, at a constant rate, and scores both.


# %%
poor = {}


def both_weights(seed):
    keras.utils.set_random_seed(seed)
    network, discriminator = keras.Sequential(), keras.Sequential([layers.Flatten()])
    for width in (256, 512, 1024):
        network.add(layers.Dense(width))
        network.add(layers.LeakyReLU(negative_slope=0.2))
        network.add(layers.BatchNormalization(momentum=0.8))
    network.add(layers.Dense(28 * 28, activation="tanh"))
    network.add(layers.Reshape((28, 28, 1)))
    for width in (512, 256):
        discriminator.add(layers.Dense(width))
        discriminator.add(layers.LeakyReLU(negative_slope=0.2))
    discriminator.add(layers.Dense(1))
    gan = GAN(network, discriminator, LATENT_DIM, ema_decay=TRAIN["ema_decay"], seed=seed)
    gan.compile(*(keras.optimizers.Adam(TRAIN["rate"], beta_1=0.5) for _ in range(2)))
    gan.fit(gan_utils.Batches(train_set.images, **TRAIN["batches"], seed=seed), verbose=0)
    poor[seed], latents = gan.ema_generator, noise(SAMPLES, np.random.default_rng(seed))
    networks = {"weights of the last step": gan.generator, "EMA": gan.ema_generator}
    return {name: scores(network, latents) for name, network in networks.items()}


# %% [markdown]
# The EMA generators are the *poor* generators further down.

# %%
if records.measured(LESSON, "weights"):
    show("weights")
else:
    repeat("weights", both_weights)

# %% [markdown]
# In the recorded run the EMA has better precision and recall with each seed, and a better mean
# distance that varies less. Where the rates decay to zero, the two nearly meet (lesson 02).
#
# ## Directions, with labels
#
# In which direction do digits slant more? Fit a linear model from latent to measurement
# (Shen et al., 2020, do so for faces): its weight vector is the direction. The slant is a quotient
# of image moments, thickness the share of ink, the digit what the reference classifier reads.


# %%
def measure(batch):
    ink = (np.clip(batch[..., 0], -1, 1).astype("float64") + 1) / 2 + 1e-9
    weight = ink.sum(axis=(1, 2))
    rows, columns = np.mgrid[:28, :28]

    def mean(values):
        return (ink * values).sum(axis=(1, 2)) / weight

    y, x = (place - mean(place)[:, None, None] for place in (rows, columns))
    return {"slant": -mean(x * y) / mean(y * y), "thickness": weight / ink[0].size}


def read(batch):
    return lenet.probabilities(batch).argmax(axis=1)


# %% [markdown]
# `move` goes a step along a direction, and back to the shell.


# %%
def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def move(latents, direction, step):
    return (10 * unit(latents + step * unit(direction))).astype("float32")


def fit_directions(seed):
    """Return least squares by measurement; the last row is the intercept."""
    latents = noise(FIT_SAMPLES, np.random.default_rng(seed))
    batch = weights.draw(generator, latents)
    values = measure(batch) | {"digit": np.eye(10)[read(batch)]}
    inputs = np.c_[latents, np.ones(len(latents))]
    return {name: np.linalg.lstsq(inputs, y, rcond=None)[0] for name, y in values.items()}


# %% [markdown]
# On new latents: the fit's $R^2$ ("explained"), how many standard deviations a step of 3 moves the
# measurement, how many images keep their digit.


# %%
def labeled_directions(seed):
    directions, table = fit_directions(seed), {}
    latents = noise(FIT_SAMPLES // 4, np.random.default_rng([seed, 1]))
    before = weights.draw(generator, latents)
    for name in ("slant", "thickness"):
        model, truth = directions[name], measure(before)[name]
        after = weights.draw(generator, move(latents, model[:-1], 3))
        table[name] = {
            "explained": 1 - (latents @ model[:-1] - truth).var() / truth.var(),
            "moved by": np.mean(measure(after)[name] - truth) / truth.std(),
            "digit kept": np.mean(read(after) == read(before)),
        }
    guesses = (latents @ directions["digit"][:-1] + directions["digit"][-1]).argmax(axis=1)
    wanted = np.arange(len(latents)) % 10
    after = weights.draw(generator, move(latents, directions["digit"][:-1].T[wanted], 3))
    table["digit, read off z"] = {"right": np.mean(guesses == read(before))}
    table["digit, moved to"] = {"right": np.mean(read(after) == wanted)}
    return table


repeat("directions", labeled_directions)

# %% [markdown]
# One digit each; the middle column is the start.


# %%
def show_sweeps(ways, starts, title):
    steps = np.linspace(-4, 4, 9)
    latents, directions = (
        np.repeat(rows, len(steps), axis=0) for rows in (starts, [*ways.values()])
    )
    moved = move(latents, directions, np.tile(steps, len(ways))[:, None])
    batch = weights.draw(generator, moved)
    plots.show_images(batch, columns=len(steps), row_labels=list(ways), title=title)
    plt.show()


directions = fit_directions(SEED)
ways = {name: directions[name][:-1] for name in ("slant", "thickness")}
ways |= {f"to a {digit}": directions["digit"][:-1, digit] for digit in (0, 7)}
show_sweeps(ways, some_latents[:4], title="Along four directions")

# %% [markdown]
# In the recorded run a direction explains most of the slant, and ten of them name more than half of
# the digits. But they are *entangled*: on the way to more ink, most images become another digit.
# Exercise 3 mitigates that.
#
# ## Directions, without labels
#
# GANSpace (Härkönen et al., 2020) needs no labels: take the features of the generator's first
# layer, find their principal components, and regress the latents on the components' coordinates.


# %%
def principal_directions(seed):
    """Return unit directions `(100, 100)`, the strongest first."""
    latents = noise(FIT_SAMPLES, np.random.default_rng(seed))
    features = weights.draw(keras.Sequential(generator.layers[:2]), latents)
    features = features - features.mean(axis=0)
    values, components = np.linalg.eigh(features.T @ features)
    coordinates = features @ components[:, np.argsort(values)[::-1][:LATENT_DIM]]
    return unit(np.linalg.lstsq(coordinates, latents, rcond=None)[0])


# %% [markdown]
# A step of 3 along them:


# %%
def unlabeled_directions(seed):
    rng = np.random.default_rng([seed, 1])
    latents = noise(200, rng)
    before = weights.draw(generator, latents)
    principal, table = principal_directions(seed), {}
    tried = {f"component {number}": principal[number - 1] for number in (1, 2, 3, 10, 50, 100)}
    tried["random direction"] = noise(1, rng)[0]
    for name, direction in tried.items():
        after = weights.draw(generator, move(latents, direction, 3))
        kept = np.mean(read(after) == read(before))
        table[name] = {"pixels change": np.mean((after - before) ** 2), "digit kept": kept}
    return table


repeat("components", unlabeled_directions)
ways = dict(zip("123", principal_directions(SEED)[:3], strict=True))
show_sweeps(ways, some_latents[[1, 1, 1]], title="Along the first three components")

# %% [markdown]
# The first components change most, the last ones hardly anything: the network uses few dimensions.
#
# ## Arithmetic
#
# Thick 3 minus thin 3 plus thin 7: a thick 7? Radford et al. (2016) found that it takes *means* of
# latents whose images share the property. How many are enough?


# %%
def arithmetic(seed):
    rng = np.random.default_rng(seed)
    latents = noise(FIT_SAMPLES, rng)
    batch = weights.draw(generator, latents)
    digits, ink = read(batch), measure(batch)["thickness"]
    pairs = np.array([rng.choice(10, 2, replace=False) for _ in range(PAIRS)])

    def mean_of(digit, is_thick, count):
        fits = (digits == digit) & ((ink > np.median(ink)) == is_thick)
        return latents[rng.choice(np.flatnonzero(fits), count)].mean(axis=0)

    table = {}
    for count in (1, 3, 10, 30):
        ends = np.array([mean_of(b, False, count) for _, b in pairs])
        added = [mean_of(a, True, count) - mean_of(a, False, count) for a, _ in pairs]
        ends, sums = (10 * unit(part).astype("float32") for part in (ends, ends + added))
        before, after = weights.draw(generator, ends), weights.draw(generator, sums)
        thicker = np.mean(measure(after)["thickness"] > measure(before)["thickness"])
        right = np.mean(read(after) == pairs[:, 1])
        table[f"means of {count}"] = {"digit right": right, "thicker": thicker}
    return table


repeat("arithmetic", arithmetic)

# %% [markdown]
# A latent carries much besides the two properties; a mean of many does not.
#
# ## Inversion: is this image in there?
#
# Look for a latent whose image is near a given image $x$, by gradient descent on
#
# $$
# \sum_{\text{pixels}} (G(z) - x)^2 + \lambda\, |z|^2 ,
# $$
#
# where the small second term keeps $z$ from growing. There are local minima, so we start from the
# `STARTS` nearest of a thousand random samples, and keep the best result.


# %%
def start_near(network, takes, targets, labels, rng):
    """Return `(n, STARTS, 100)` latents whose images, with these labels, are nearest."""
    latents = noise(1_000, rng)
    chosen = np.empty((len(targets), STARTS, LATENT_DIM), "float32")
    for label in np.unique(labels):
        drawn = weights.draw(network, takes.arrange(latents, np.full(len(latents), label)))
        apart = cdist(*(part.reshape(-1, 784) for part in (targets[labels == label], drawn)))
        chosen[labels == label] = latents[np.argsort(apart, axis=1)[:, :STARTS]]
    return chosen


def invert(network, targets, rng, *, labels=None, starts=None):
    """Return the best images `(n, 28, 28, 1)` and all errors `(n, STARTS)`."""
    takes = weights.inputs_of("", network)
    labels = np.zeros(len(targets), int) if labels is None else labels
    starts = start_near(network, takes, targets, labels, rng) if starts is None else starts
    goals, asked = (np.repeat(part, STARTS, axis=0) for part in (targets, labels))
    latents = keras.Variable(starts.reshape(-1, LATENT_DIM), dtype="float32")
    rate = keras.optimizers.schedules.CosineDecay(INVERSION_RATE, INVERSION_STEPS)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([latents])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            inputs = takes.arrange(latents.value, asked)
            drawn = network(keras.tree.map_structure(tf.convert_to_tensor, inputs), training=False)
            loss = tf.reduce_sum((drawn - goals) ** 2) + PRIOR * tf.reduce_sum(latents.value**2)
        optimizer.apply([tape.gradient(loss, latents.value)], [latents])

    for _ in range(INVERSION_STEPS):
        step()
    drawn = weights.draw(network, takes.arrange(latents.numpy(), asked))
    errors = np.mean((drawn - goals) ** 2, axis=(1, 2, 3)).reshape(-1, STARTS)
    return drawn[np.arange(len(targets)) * STARTS + errors.argmin(axis=1)], errors


# %% [markdown]
# The error is a share of the set's variance: 1 is as bad as answering with the mean image. It needs
# yardsticks. *Own samples* of the generator certainly are in there: their error is what the search
# misses. Digits *turned* by 90 degrees have strokes, but are no digits; *shuffled* ones have none.


# %%
def some_targets(seed):
    rng = np.random.default_rng(seed)

    def some_of(data):
        classes = (np.flatnonzero(data.labels == digit) for digit in range(10))
        return np.concatenate([rng.permutation(places)[:PER_CLASS] for places in classes])

    chosen = some_of(test_set)
    digits = images.to_float(test_set.images[chosen])
    sets = {
        "training digits": images.to_float(train_set.images[some_of(train_set)]),
        "own samples": weights.draw(generator, noise(len(digits), rng)),
        "test digits": digits,
        "turned digits": np.rot90(digits, axes=(1, 2)).copy(),
        "shuffled pixels": rng.permuted(digits.reshape(-1, 784), axis=1).reshape(digits.shape),
    }
    return sets, test_set.labels[chosen], rng


# %% [markdown]
# PCA of the pixels with 100 components uses as many numbers as $z$.

# %%
known = images.to_float(train_set.sample(min(5_000, len(train_set))).images).reshape(-1, 784)
center = known.mean(axis=0)
components = np.linalg.eigh(np.cov(known, rowvar=False))[1][:, -LATENT_DIM:]


def by_components(targets):
    flat = targets.reshape(len(targets), -1) - center
    return (center + flat @ components @ components.T).reshape(targets.shape)


def missed(targets, drawn):
    return (drawn - targets) ** 2 / np.mean((targets - targets.mean(axis=0)) ** 2)


# %% [markdown]
# Last, generators that *should* fail: the poor ones; and the CGAN, told the wrong digit: it plays
# a generator that has dropped the right one.


# %%
def inversion(seed):
    sets, labels, rng = some_targets(seed)
    digits, table = sets["test digits"], {}
    anywhere = noise(len(digits) * STARTS, rng).reshape(-1, STARTS, LATENT_DIM)
    cases = {name: (generator, targets, {}) for name, targets in sets.items()}
    cases["test, random starts"] = generator, digits, {"starts": anywhere}
    cases["test, CGAN, right label"] = conditional, digits, {"labels": labels}
    cases["test, CGAN, wrong label"] = conditional, digits, {"labels": (labels + 5) % 10}
    for name in ("test digits", "turned digits") if seed in poor else ():
        cases[f"{name}, poor GAN"] = poor[seed], sets[name], {}
    for name, (network, targets, options) in cases.items():
        drawn = invert(network, targets, rng, **options)[0]
        errors = missed(targets, drawn)
        table[name] = {
            "error": errors.mean(),
            "same digit": np.mean(read(drawn) == read(targets)),
            "error of PCA": missed(targets, by_components(targets)).mean(),
        }
        if name == "test digits":
            classes = {f"only {d}": {"error": errors[labels == d].mean()} for d in range(10)}
    return table | classes


repeat("inversion", inversion)

# %% [markdown]
# Targets above what was found; and how often `gan` draws each digit.

# %%
sets, labels, rng = some_targets(SEED)
drawn = read(weights.draw(generator, noise(FIT_SAMPLES, rng)))
print("shares of the digits 0 to 9:", np.round(np.bincount(drawn, minlength=10) / len(drawn), 3))
names = ("test digits", "turned digits", "shuffled pixels")
targets = [sets[name][::PER_CLASS] for name in names]
rows = [part for some in targets for part in (some, invert(generator, some, rng)[0])]
labeling = [text for name in names for text in (name.split()[0], "found")]
batch = np.concatenate(rows)
plots.show_images(batch, len(rows[0]), row_labels=labeling, title="Looked for, and found")
plt.show()

# %% [markdown]
# In the recorded run own samples are found almost exactly, and test digits with a small error, no
# larger than that of training digits. Turned digits have about four times that error, shuffled
# pixels more than the mean image would. PCA has a smaller error on test digits, and only twice that
# on turned ones. *What a model cannot draw shows that it has learned digits.* The poor GAN has
# twice the error on test digits, and hardly more on turned ones.
#
# A **dropped mode**? Told the wrong digit, the CGAN hardly ever draws the right one (lesson 04).
# Yet the search mostly finds latents where it does, with a larger error. So inversion shows what a
# network *can* draw, not what it *does*: read it next to the shares. No digit is missing in `gan`;
# the 2s, drawn least often, have the largest error.
#
# ## Use it: a digit of your own
#
# In the book, draw a digit. *Predict first:* how much does the generator miss? And if you turn it?
#
# <!-- interactive: inversion -->
#
# In the notebook, set `OWN_FILE` to an image file with one dark digit on light paper; without it, a
# few lines are drawn. Like MNIST's digits, yours is scaled to 20 of 28 pixels.

# %%
page = Image.new("L", (280, 280), 255)
for stroke in ((150, 40, 70, 160, 210, 160), (170, 100, 160, 240)):
    ImageDraw.Draw(page).line(stroke, fill=0, width=26)
page = images.read_image(OWN_FILE, channels=1) if OWN_FILE else np.asarray(page)[..., None]
mine = images.like_mnist(page)
ends = invert(generator, mine, rng)[0]
plots.show_images(np.concatenate([mine, ends]), titles=["yours", f"found: a {read(ends)[0]}"])
plt.show()

# %% [markdown]
# ## What goes wrong: random starts
#
# In the row "random starts", as many searches began at random latents. More end in a local minimum.
# An error is an upper bound.
#
# ## Exercises
#
# **1 ★ Predict first:** you invert *training* images instead of test images. What would a much
# smaller error mean?
#
# <details><summary>Solution</summary>
#
# That the generator has memorized them (Webster et al., 2019). The table has a row for it.
#
# </details>
#
# **2 ★★ Predict first, with pencil and paper:** how long is the mean of $k$ latents, and what is
# the angle between two of them?
#
# <details><summary>Solution</summary>
#
# Each coordinate of the mean has variance $1/k$: its length is near $\sqrt{d/k}$, which is why we
# scale all sums to 10. The cosine of two independent vectors has mean 0 and standard deviation
# $1/\sqrt{d}$: 90 degrees, give or take 6.
#
# </details>
#
# **3 ★★ Predict first:** remove from the direction of thickness its part in the span of the ten
# directions of digits. Do more digits survive?

# %% tags=["hide-cell"]
before = weights.draw(generator, pool := noise(FIT_SAMPLES // 4, rng))
thick, span = (directions[name][:-1] for name in ("thickness", "digit"))
freed = thick - span @ np.linalg.lstsq(span, thick, rcond=None)[0]
for name, direction in (("as fitted", thick), ("without digits", freed)):
    after = weights.draw(generator, move(pool, direction, 3))
    gain = measure(after)["thickness"].mean() / measure(before)["thickness"].mean()
    print(f"{name:<15} digit kept {np.mean(read(after) == read(before)):.0%}, ink times {gain:.2f}")

# %% [markdown]
# **4 ★★★ Predict first:** the error of the 2s is the largest. Name two reasons, and a check for
# each.
#
# <details><summary>Solution</summary>
#
# The search fails: own samples read as 2s would then have a large error too. Or 2s are rare: their
# share is small, and more starts do not help.
#
# </details>
#
# ## Summary
#
# - Latents lie on a shell; straight lines and truncation leave it: precision for recall.
# - Linear directions exist, and are entangled.
# - Inversion shows what is in the latent space, if it has yardsticks: own samples, and images that
#   must fail.
#
# ## References
#
# - A. Radford et al., *Unsupervised Representation Learning with DCGANs*, ICLR 2016.
#   <https://arxiv.org/abs/1511.06434>
# - A. Brock et al., *Large Scale GAN Training*, ICLR 2019.
#   <https://arxiv.org/abs/1809.11096>
# - Y. Shen et al., *Interpreting the Latent Space of GANs*, CVPR 2020.
#   <https://arxiv.org/abs/1907.10786>
# - E. Härkönen et al., *GANSpace*, NeurIPS 2020.
#   <https://arxiv.org/abs/2004.02546>
# - R. Webster et al., *Detecting Overfitting of Deep Generative Networks via Latent Recovery*, CVPR
#   2019. <https://arxiv.org/abs/1901.03396>

# %% tags=["remove-cell"]
found |= {"samples": SAMPLES, "targets": 10 * PER_CLASS, "seeds": SEEDS}
found["generators"] = {name: weights.facts(name)["sha256"] for name in ("gan", "cgan")}
records.record(LESSON, found, seconds=time.perf_counter() - started, data=test_set, seed=SEED)
# A step along a direction ends on the shell.
lengths = np.linalg.norm(move(some_latents, directions["slant"][:-1], 3), axis=1)
np.testing.assert_allclose(lengths, 10, rtol=1e-5)
assert set(found["truncation"]) == {f"psi {psi}" for psi in PSIS}
