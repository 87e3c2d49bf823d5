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
# # Scores: Inception Score, FID and friends

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/13_metrics.ipynb)

# %% [markdown]
# **What you will do.** Compute the scores that papers report, first on toys where you know the
# answer, then on real digits that you damage on purpose. No network is trained in this lesson:
# when you have done the damage yourself, you know what a good score should say.
#
# **What you will learn**
#
# - what the Inception Score, the Fréchet distance (FID), the kernel distance (KID), precision,
#   recall, density and coverage measure, with their formulas in a few lines of code;
# - which of them notices noise, blur, missing classes and repeated images, and which is blind;
# - why a FID without its sample size means nothing, and what resizing does to it;
# - which features make a number comparable with published ones;
# - how to score two folders of images with one command.
#
# **What you need.** NumPy. A CPU is enough for every profile.

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
import io
import json
import time
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.patches import Circle
from PIL import Image
from scipy import ndimage

import gan_utils
from gan_utils import images, lenet, metrics, plots, profile, records
from gan_utils.metrics import features as extractors

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# The profiles differ in the number of images only. `LEVELS` says how strong each damage gets; the
# first level is no damage at all.

# %%
SEED = profile.seed(13)
SUBSETS = profile.samples(full=100, quick=20, smoke=5)
REPEATS = profile.samples(full=10, quick=5, smoke=3)
LEVELS = {
    "noise": (0.0, 0.1, 0.2, 0.4, 0.8),
    "blur": (0.0, 0.5, 1.0, 1.5, 2.0),
    "classes left": (10, 8, 6, 4, 2),
    "copies of each": (1, 3, 10, 30, 100),
}
UNITS = {"noise": "noise (standard deviation)", "blur": "blur (width in pixels)"}
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
STYLES = ((BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))

keras.utils.set_random_seed(SEED)
started = time.perf_counter()

# %% [markdown]
# ## What the recorded run reached
#
# The `full` run of this lesson was recorded with more images than this page takes. Each line is a
# set of images, each column a score. The first set is real and undamaged; the others were damaged
# on purpose, and the last one is a copy of the very images that it is compared with. The rest of
# the lesson explains the table; where the text states what a score does, it is about this run.

# %%
run = records.recorded("13_metrics", "full")
if run is None:
    print("no recorded full run yet")
else:
    facts = run["metrics"]
    print(records.origin(run))
    print(f"{facts['samples']:,} images on each side, LeNet features")
    columns = list(facts["cases"]["undamaged"])
    print(f"{'':<22}" + "".join(f"{name.split()[-1]:>10}" for name in columns))
    for case, values in facts["cases"].items():
        print(f"{case:<22}" + "".join(f"{values[name]:>10.3g}" for name in columns))

# %% [markdown]
# The column "Score" is the Inception Score. No line is bad in all columns, and no column is bad in
# all lines: each score sees something else.

# %% [markdown]
# ## What a score should notice
#
# A generator can fail in two ways. Its images can be bad (low *fidelity*), or there can be too
# few kinds of them (low *diversity*). A single number mixes the two. So this lesson asks of every
# score: what does it see, what is it blind to, and how far can one trust its digits?
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$ | `pictures` | an image, real or generated |
# | $p(y \mid x)$ | `probabilities` | what a classifier thinks $x$ shows, a row per image |
# | $p(y)$ | `marginal` | the mean of those rows |
# | $f(x)$ | `features` | activations inside the classifier, a row per image |
# | $\mu, \Sigma$ | `mean`, `covariance` | mean and covariance of the features |

# %% [markdown]
# ## The Inception Score, on two toys
#
# The entropy $H(p) = -\sum_y p_y \log p_y$ is zero when one class has all the probability, and
# $\log 10$ when ten classes share it equally. Good images are *sure*: $p(y \mid x)$ has a low
# entropy. Varied images together are *spread out*: $p(y)$ has a high one. The Inception Score
# (Salimans et al., 2016) is
#
# $$
# \mathrm{IS} = \exp\Bigl( \mathbb{E}_x \, \mathrm{KL}\bigl( p(y \mid x) \,\|\, p(y) \bigr) \Bigr)
# = \exp\Bigl( H\bigl(p(y)\bigr) - \mathbb{E}_x \, H\bigl(p(y \mid x)\bigr) \Bigr) .
# $$


# %%
def entropy(probabilities):
    """Sum over the last axis, with 0 log 0 = 0."""
    logarithms = np.log(np.where(probabilities > 0, probabilities, 1))
    return -np.sum(probabilities * logarithms, axis=-1)


def score_from_entropies(probabilities):
    marginal = probabilities.mean(axis=0)
    return np.exp(entropy(marginal) - entropy(probabilities).mean())


# %% [markdown]
# Two toy generators with ten classes, described by nothing but what a classifier would say of
# their images. The *sure* one draws images that are nearly one class each, all classes equally
# often. The *unsure* one draws things between the classes.

# %%
rng = np.random.default_rng(SEED)
toys = {
    "sure": rng.dirichlet(np.full(10, 0.02), size=1000),
    "unsure": rng.dirichlet(np.full(10, 0.5), size=1000),
}
for name, probabilities in toys.items():
    marginal = probabilities.mean(axis=0)
    package = metrics.inception_score(probabilities, splits=1).mean
    print(f"{name:<8} mean H(p(y|x)) {entropy(probabilities).mean():.3f}", end="   ")
    print(f"H(p(y)) {entropy(marginal):.3f}   IS {score_from_entropies(probabilities):.3f}")
    np.testing.assert_allclose(package, score_from_entropies(probabilities), rtol=1e-9)
print(f"log 10 = {np.log(10):.3f}; the score lies between 1 and 10")

# %% [markdown]
# The formula with entropies and the package, which sums the divergences, agree to nine digits and
# more. As a figure:

# %%
figure, panels = plt.subplots(2, 2, figsize=(6.4, 4.4), sharex=True, sharey="col")
for row, (name, probabilities) in zip(panels, toys.items(), strict=True):
    for shift, picture, color in zip((-0.27, 0, 0.27), probabilities, STYLES[:3], strict=False):
        row[0].bar(np.arange(10) + shift, picture, width=0.27, color=color[0])
    row[1].bar(np.arange(10), probabilities.mean(axis=0), color="0.4")
    row[0].set(title=f"{name}: p(y|x), 3 images", ylabel="probability", ylim=(0, 1.05))
    row[1].set(title=f"{name}: p(y)", ylim=(0, 0.2))
for axis in panels[1]:
    axis.set(xlabel="class", xticks=range(10))
figure.tight_layout()
plt.show()

# %% [markdown]
# On the right the two look alike: both toys use all classes. On the left they differ, one color an
# image: the sure toy puts nearly everything on one class, the unsure one spreads it out. Only
# that makes the difference in the score.
#
# ### Splits
#
# The score is usually computed on ten parts and averaged. That is not the same as computing it
# once: in a smaller part, $p(y)$ is estimated from fewer images. And if the images are
# *ordered*, a part holds only some classes. Watch what happens to the same probabilities.

# %%
split_counts = (1, 2, 5, 10, 20, 50)
ordered = toys["sure"][toys["sure"].argmax(axis=1).argsort(kind="stable")]
by_splits = {
    "in random order": [metrics.inception_score(toys["sure"], n).mean for n in split_counts],
    "ordered by class": [metrics.inception_score(ordered, n).mean for n in split_counts],
}
figure, axis = plt.subplots(figsize=(6.4, 3.4))
for (name, values), (color, line, marker) in zip(by_splits.items(), STYLES, strict=False):
    axis.plot(split_counts, values, color=color, linestyle=line, marker=marker, label=name)
axis.set(xlabel="splits", ylabel="Inception Score", xscale="log", ylim=(0, 10))
axis.set_xticks(split_counts, [str(count) for count in split_counts])
axis.minorticks_off()
axis.set_title("One set of 1,000 predictions, many scores")
axis.legend()
plt.show()
for name, values in by_splits.items():
    print(f"{name:<18}" + "".join(f"{value:7.2f}" for value in values))

# %% [markdown]
# With one split the order does not matter. With many, ordered images look like a collapsed
# generator: a folder with one subfolder a class, read in order, gets a fraction of its score. So
# shuffle first, and say how many splits you took.

# %% [markdown]
# ## The data, and the network that looks at it
#
# MNIST, cut at random into *real* images, which every score compares with, and a *pool* of other
# real images, which play the generator's part. What the pool gets without damage is the best a
# generator could hope for: the noise floor. The features and probabilities come from a small LeNet
# that ships with the package; it learned on MNIST's training images.

# %%
digits = gan_utils.load_images("mnist")
print(digits)
SAMPLES = profile.samples(full=10_000, quick=1_500, smoke=200, available=len(digits) // 6)
count = SAMPLES
order = np.random.default_rng(SEED).permutation(len(digits))
real_pictures = images.to_float(digits.images[order[:count]])
others = order[count : 6 * count]
pool, pool_labels = images.to_float(digits.images[others]), digits.labels[others]
real, real_probabilities = lenet.look(real_pictures)
print(f"{count:,} real images, {len(pool):,} in the pool, {real.shape[1]} features")
right = lenet.accuracy(pool[:count], pool_labels[:count])
print(f"LeNet: {lenet.test_accuracy():.2%} right on MNIST's test set, {right:.2%} on the pool")
real_score = metrics.inception_score(real_probabilities, seed=SEED)
print(f"Inception Score of the real images: {real_score.mean:.2f} ± {real_score.std:.2f}")

# %% [markdown]
# ### Blind inside a class
#
# A generator that knows exactly one image of each class: ten images, repeated over and over.


# %%
def one_of_each_class(pictures, labels, size):
    """Return `size` pictures, of which only one a class differs."""
    chosen = [np.flatnonzero(labels == label)[0] for label in np.unique(labels)]
    return np.resize(pictures[chosen], (size, *pictures.shape[1:]))


collapsed = one_of_each_class(pool, pool_labels, count)
collapsed_features, collapsed_probabilities = lenet.look(collapsed)
collapsed_score = metrics.inception_score(collapsed_probabilities, seed=SEED)
collapsed_fid = metrics.fid(real, collapsed_features)
other_fid = metrics.fid(real, lenet.features(pool[:count]))
plots.show_images(collapsed[:20], columns=10, title="All that this generator can draw")
plt.show()
print(f"{'':<22}{'Inception Score':>16}{'FID':>8}")
print(f"{'other real images':<22}{real_score.mean:>16.2f}{other_fid:>8.1f}")
print(f"{'ten images, repeated':<22}{collapsed_score.mean:>16.2f}{collapsed_fid:>8.1f}")

# %% [markdown]
# Both rows show the same ten images, as all further rows would. The Inception Score never looks
# inside a class, and it never looks at real images at all: in the recorded run these ten images get
# as much as real ones. The Fréchet distance, which does compare with real images, is hundreds of
# times its value for them. What is it?

# %% [markdown]
# ## The Fréchet distance
#
# Fit a normal distribution to the features of the real images, another to those of the generated
# ones, and take the squared Fréchet distance between the two (Heusel et al., 2017, equation 6):
#
# $$
# d^2 = |\mu_1 - \mu_2|^2 + \mathrm{tr}\bigl( \Sigma_1 + \Sigma_2 - 2\,(\Sigma_1 \Sigma_2)^{1/2}
# \bigr)
# $$
#
# In one dimension that is $(\mu_1 - \mu_2)^2 + (\sigma_1 - \sigma_2)^2$: one part for the means,
# one for the spreads. In two dimensions spread has a direction as well.


# %%
def rotated(angle, lengths):
    """Return a covariance with these standard deviations along axes turned by `angle`."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag(np.square(lengths)) @ turn.T


BASE = rotated(0.0, (2.0, 0.7))
MOVES = {
    "moved": (np.array([3.0, 2.0]), BASE),
    "shrunk": (np.zeros(2), 0.16 * BASE),
    "turned": (np.zeros(2), rotated(np.pi / 2, (2.0, 0.7))),
}

# %% [markdown]
# Three ways to differ from the blue cloud, and how much of the distance comes from means and how
# much from covariances.

# %%
toy_rng = np.random.default_rng(SEED)
blue = toy_rng.multivariate_normal(np.zeros(2), BASE, 300)
figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.9), sharex=True, sharey=True)
for axis, (name, (mean, covariance)) in zip(panels, MOVES.items(), strict=True):
    orange = toy_rng.multivariate_normal(mean, covariance, 300)
    axis.scatter(*blue.T, s=6, color=BLUE, alpha=0.5)
    axis.scatter(*orange.T, s=6, color=VERMILLION, alpha=0.5, marker="s")
    means = mean @ mean
    spreads = metrics.frechet_distance(np.zeros(2), BASE, np.zeros(2), covariance)
    axis.set_title(f"{name}\nmeans {means:.1f}, spreads {spreads:.1f}", fontsize=10)
    axis.set(xlim=(-6.5, 8), ylim=(-6.5, 8), aspect="equal")
figure.tight_layout()
plt.show()

# %% [markdown]
# The turned cloud has the same mean and the same variances as a whole; only the covariance tells.
# The square root of a matrix is what sees the angle.
#
# ### The trace of the square root
#
# $\Sigma_1 \Sigma_2$ is not symmetric, so its root is awkward: general routines are slow, and
# return complex numbers for covariances that are nearly singular. But only the *trace* is needed,
# the sum of the roots of the eigenvalues. The symmetric $\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2}$
# has the same eigenvalues. Averaging $\Sigma_1 \Sigma_2$ with its transpose looks as if it
# would do, too.

# %%
matrix_rng = np.random.default_rng(SEED)
first, second = (
    np.cov(matrix_rng.normal(size=(5, 40)) * s) for s in ([[1]] * 5, [[3], *[[1]] * 4])
)
values, vectors = np.linalg.eigh(first)
root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
symmetric = (first @ second + second @ first) / 2
ways = {
    "eigenvalues of S1 S2": np.sqrt(np.linalg.eigvals(first @ second).real).sum(),
    "of S1^½ S2 S1^½": np.sqrt(np.linalg.eigvalsh(root @ second @ root)).sum(),
    "of (S1 S2 + S2 S1) / 2": np.sqrt(np.abs(np.linalg.eigvalsh(symmetric))).sum(),
}
package = metrics.frechet_distance(np.zeros(5), first, np.zeros(5), second)
traces = np.trace(first) + np.trace(second)
for name, value in ways.items():
    print(f"{name:<24} trace of the root {value:.6f}   distance {traces - 2 * value:9.6f}")
print(f"{'gan_utils.metrics':<24} {'':<17} {'':<8}   distance {package:9.6f}")
distances = [traces - 2 * value for value in ways.values()]
np.testing.assert_allclose(distances[:2], package, rtol=1e-7)
wrong_trace = abs(distances[2] - package) / package

# %% [markdown]
# The first two agree with the package, the third does not. It would for matrices that share
# their axes, so a careless test passes. And it is no accident of this example: a sum
# of two matrices does not have the sums of their eigenvalues.
#
# A second trap is the precision. The same features, with sums kept in 32 bits as features come
# out of a network:


# %%
def moments_in(dtype, features):
    """Return mean and covariance from plain sums in one floating-point type."""
    features = features.astype(dtype)
    mean = features.mean(axis=0)
    return mean, features.T @ features / dtype(len(features)) - np.outer(mean, mean)


for offset in (0, 100, 1000):
    shifted = real + np.float32(offset), lenet.features(pool[:count]) + np.float32(offset)
    found = []
    for dtype in (np.float32, np.float64):
        (mean_a, cov_a), (mean_b, cov_b) = (moments_in(dtype, part) for part in shifted)
        difference = mean_a.astype(float) - mean_b
        product = np.linalg.eigvals(cov_a.astype(float) @ cov_b.astype(float))
        roots = np.sqrt(np.maximum(product.real, 0)).sum()
        found.append(difference @ difference + np.trace(cov_a) + np.trace(cov_b) - 2 * roots)
    print(
        f"features + {offset:<4} 32-bit sums {found[0]:10.3f}   64-bit sums {found[1]:8.3f}", end=""
    )
    print(f"   package {metrics.fid(*shifted):8.3f}")

# %% [markdown]
# Adding a constant to all features must not change the distance. In 64 bits it does not. In 32
# bits the result goes astray, the more so the larger the mean is against the spread. (Plain
# sums divide by $n$, the package by $n - 1$: hence a small difference between the two.) The
# package computes in 64 bits, from centered features.

# %% [markdown]
# ## The kernel distance
#
# KID (Bińkowski et al., 2018) asks how much more alike features are within a set than across. Let
# $k(a, b) = (a \cdot b / d + 1)^3$ for features with $d$ dimensions. Then
#
# $$
# \mathrm{KID} = \frac{1}{n(n-1)} \sum_{i \ne j} k(a_i, a_j)
# + \frac{1}{n(n-1)} \sum_{i \ne j} k(b_i, b_j) - \frac{2}{n^2} \sum_{i, j} k(a_i, b_j) .
# $$
#
# Leaving out $i = j$ makes it *unbiased*: for equal distributions its mean is zero at every $n$.
# It fits no normal distribution. It is averaged over random subsets, whose spread comes for free.


# %%
def kernel_distance(first, second):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    size = len(first)
    within = sum(
        (kernel(part, part).sum() - np.trace(kernel(part, part))) / (size * (size - 1))
        for part in (first, second)
    )
    return within - 2 * kernel(first, second).mean()


few = min(100, count)
pair = real[:few].astype(float), lenet.features(pool[:few]).astype(float)
by_hand = kernel_distance(*pair)
package = metrics.kid(*pair, subsets=1, subset_size=few).mean
print(f"two sets of {few} real images: by hand {by_hand:.6f}, package {package:.6f}")
# Both are small differences of large sums: what rounding leaves has the size of the sums.
np.testing.assert_allclose(by_hand, package, rtol=1e-9, atol=1e-6)

# %% [markdown]
# ## Precision and recall, density and coverage
#
# Two numbers in place of one (Kynkäänniemi et al., 2019). Around every real feature draw a ball
# that reaches to its $k$-th real neighbor. *Precision* is the share of fakes inside some real
# ball; *recall*, with the roles exchanged, is the share of reals inside some fake ball. One lonely
# real image has a huge ball. *Density* counts in how many balls a fake lies, and *coverage* which
# share of the real balls holds a fake (Naeem et al., 2020): both care little for one outlier.
#
# In two dimensions one can see it: real points on a ring, with one outlier; fakes that know only a
# part of the ring, and a few that landed near the outlier.

# %%
ring_rng = np.random.default_rng(SEED)
angles = ring_rng.uniform(0, 2 * np.pi, 40)
ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) + ring_rng.normal(0, 0.08, (40, 2))
ring = np.concatenate([ring, [[2.6, 1.2]]])
angles = ring_rng.uniform(0.6, 3.4, 30)
drawn = np.stack([np.cos(angles), np.sin(angles)], axis=1) + ring_rng.normal(0, 0.08, (30, 2))
drawn = np.concatenate([drawn, [[2.4, 0.9], [2.0, 1.6], [1.7, 1.2], [2.9, 0.6]]])
NEIGHBORS = 3


def radii(points, k):
    lengths = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return np.sort(lengths, axis=1)[:, k]


# %% [markdown]
# The balls of the real points, then those of the fakes.

# %%
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.4), sharex=True, sharey=True)
rows = ((ring, BLUE, drawn, "precision"), (drawn, VERMILLION, ring, "recall"))
for axis, (centers, color, points, name) in zip(panels, rows, strict=True):
    for center, radius in zip(centers, radii(centers, NEIGHBORS), strict=True):
        axis.add_patch(Circle(center, radius, color=color, alpha=0.1, linewidth=0))
    axis.scatter(*ring.T, s=14, color=BLUE, label="real")
    axis.scatter(*drawn.T, s=14, color=VERMILLION, marker="s", label="fake")
    away = np.linalg.norm(points[:, None] - centers[None], axis=-1)
    inside = (away <= radii(centers, NEIGHBORS)).any(axis=1)
    axis.set_title(f"{name}: {inside.sum()} of {len(points)} inside", fontsize=11)
    axis.set(xlim=(-1.7, 4.2), ylim=(-2.2, 3.2), aspect="equal")
panels[0].legend(loc="lower right", fontsize=9)
figure.tight_layout()
plt.show()
toy_scores = metrics.precision_recall(ring, drawn, NEIGHBORS)
toy_density = metrics.density_coverage(ring, drawn, NEIGHBORS)
print(f"package: precision {toy_scores.precision:.2f}, recall {toy_scores.recall:.2f}", end=", ")
print(f"density {toy_density.density:.2f}, coverage {toy_density.coverage:.2f}")
without = metrics.precision_recall(ring[:-1], drawn, NEIGHBORS).precision
print(f"without the one outlier among the real points: precision {without:.2f}")

# %% [markdown]
# On the left, the single large ball of the outlier makes four bad fakes count as good. On the
# right the fakes reach only a part of the ring, and recall says so.

# %% [markdown]
# ## The experiments: real digits, damaged on purpose
#
# Four kinds of damage, each in growing strength. Noise and blur hurt fidelity; leaving classes out
# and repeating the same images hurt diversity.


# %%
def add_noise(pictures, labels, level, size, rng):
    noise = rng.normal(0, 1, pictures[:size].shape) * level
    return np.clip(pictures[:size] + noise, -1, 1).astype("float32")


def blur(pictures, labels, level, size, rng):
    return ndimage.gaussian_filter(pictures[:size], (0, level, level, 0))


def leave_classes(pictures, labels, level, size, rng):
    return np.resize(pictures[labels < level], (size, *pictures.shape[1:]))


def repeat(pictures, labels, level, size, rng):
    return np.resize(pictures[: max(2, size // level)], (size, *pictures.shape[1:]))


DAMAGE = {
    "noise": add_noise,
    "blur": blur,
    "classes left": leave_classes,
    "copies of each": repeat,
}

# %% [markdown]
# The first images at each strength.

# %%
damaged = {}
for name, levels in LEVELS.items():
    for level in levels:
        damaged[name, level] = DAMAGE[name](
            pool, pool_labels, level, count, np.random.default_rng(SEED)
        )
for name in ("noise", "blur"):
    plots.show_images(
        np.concatenate([damaged[name, level][:10] for level in LEVELS[name]]),
        columns=10,
        row_labels=[f"{level:g}" for level in LEVELS[name]],
        title=f"Strength of the {name}",
    )
    plt.show()
distinct = [len(np.unique(damaged["copies of each", n], axis=0)) for n in LEVELS["copies of each"]]
print(f"copies of each {LEVELS['copies of each']}: {distinct} different images")

# %% [markdown]
# The weakest damage one has to search for. The strongest blur leaves little to read; through the
# strongest noise people still see digits, though the network may not. In the other two experiments
# every single image is perfect. All sets have the same number of images, so nothing but the damage
# differs.
#
# Now all scores of all sets.

# %%
NAMES = ("Inception Score", "FID", "KID", "precision", "recall", "density", "coverage")


def all_scores(real, pictures, subsets=SUBSETS):
    """Return every score of `pictures` against the real features, by name."""
    features, probabilities = lenet.look(pictures)
    size = min(1000, len(real) // 2)
    values = (
        metrics.inception_score(probabilities, seed=SEED).mean,
        metrics.fid(real, features),
        metrics.kid(real, features, subsets=subsets, subset_size=size, seed=SEED).mean,
        *metrics.precision_recall(real, features),
        *metrics.density_coverage(real, features),
    )
    return dict(zip(NAMES, map(float, values), strict=True))


# %% [markdown]
# Here they are, a line for each set.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("ignore", metrics.SampleSizeWarning)
    results = {key: all_scores(real, pictures) for key, pictures in damaged.items()}
print(f"{count:,} images on each side, LeNet features, Inception Score with 10 splits")
print(f"{'':<22}" + "".join(f"{name.split()[-1]:>10}" for name in NAMES))
for (name, level), values in results.items():
    row = "".join(f"{values[column]:>10.3g}" for column in NAMES)
    print(f"{name:<16}{level:>5g} {row}")

# %% [markdown]
# ### Distances
#
# FID and KID have no upper end and different units. To see them in one figure, each curve is
# divided by its value at the strongest damage.


# %%
def draw_damage(scale, names, title):
    """Draw curves of some scores over the strength of each damage."""
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 5.6), sharey=True)
    for axis, (damage, levels) in zip(panels.flat, LEVELS.items(), strict=True):
        for name, (color, line, marker) in zip(names, STYLES, strict=False):
            curve = [scale(name, damage, level) for level in levels]
            axis.plot(range(len(levels)), curve, color=color, linestyle=line, marker=marker)
        axis.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axis.set(title=UNITS.get(damage, damage))
        axis.grid(color="0.9", linewidth=0.6)
    panels[0, 0].set_ylim(bottom=-0.05)
    figure.suptitle(title)
    figure.legend(panels[0, 0].lines, names, loc="lower center", ncols=len(names), frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    plt.show()


draw_damage(
    lambda name, damage, level: (
        results[damage, level][name]
        / max(abs(results[damage, last][name]) for last in LEVELS[damage])
    ),
    ("FID", "KID"),
    "Distances, as a share of their largest value",
)

# %% [markdown]
# From left to right the damage grows. In the recorded run both distances grow with every step of
# it, in all four panels. A single number, though, does not tell *which* damage it was.
#
# ### Scores between 0 and about 1
#
# The Inception Score is divided by 10, the number of classes. At the leftmost point of each panel
# nothing is damaged.

# %%
draw_damage(
    lambda name, damage, level: results[damage, level][name],
    ("precision", "recall", "density", "coverage"),
    "Fidelity: precision, density. Diversity: recall, coverage",
)
draw_damage(
    lambda name, damage, level: results[damage, level][name] / 10,
    ("Inception Score",),
    "Inception Score / 10",
)

# %% [markdown]
# Leaving classes out (third panel) is where two numbers show their worth: in the recorded run
# precision and density stay, recall and coverage fall with every class that is gone. Noise and blur
# take recall and coverage down as well, for damaged digits do not reach the real ones.
#
# Repetition (last panel) holds a warning. As soon as a fake has more than $k$ copies, the ball
# that reaches to its $k$-th neighbor has no size, so recall drops to almost nothing while most
# kinds of digits are still there. Coverage, whose balls are real ones, falls more gently.
#
# The Inception Score falls with noise, blur and missing classes. Repetition leaves it nearly where
# it was, until too few images are left to show all classes.
#
# ### Why does precision forgive blur?
#
# Look again at the second panel: blurred digits that nobody can read still have a high precision.
# The ring with its outlier told why. A few real digits lie far from all others and have huge
# balls, and what the network cannot read lands in them. Let us drop the largest balls.


# %%
def precision_within(real, fake, share, k=3):
    """Return precision with only that share of the real balls that are smallest."""
    real, fake = real.astype(float), fake.astype(float)

    def lengths(a, b):
        squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        return np.sqrt(np.maximum(squared, 0))

    sizes = np.sort(lengths(real, real), axis=1)[:, k]
    small = sizes <= np.quantile(sizes, share)
    return float((lengths(fake, real[small]) <= sizes[small]).any(axis=1).mean())


shares = (1.0, 0.99, 0.9)
forgiven = {}
some = min(count, 2000)
print(f"{'precision with':<22}" + "".join(f"{share:>10.0%}" for share in shares) + "  of the balls")
for level in LEVELS["blur"]:
    seen = lenet.features(damaged["blur", level][:some])
    forgiven[level] = [precision_within(real[:some], seen, share) for share in shares]
    print(f"blur {level:<17g}" + "".join(f"{value:>10.2f}" for value in forgiven[level]))

# %% [markdown]
# In the recorded run, without the largest tenth of the balls, undamaged digits (first line) lose
# little, and strongly blurred ones lose more than half of their precision. So a high precision
# alone is no proof of good images: look at them too. Density, which counts balls, falls further
# than precision.

# %% [markdown]
# ## A FID without its sample size means nothing
#
# Two sets of real images, no damage. The true distance is zero. What do the estimates say, for
# sets of different sizes?

# %%
sizes = [size for size in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if size <= count]
sizes = sizes if len(sizes) > 1 else [count // 2, count]
pool_features = lenet.features(pool)
everything = np.concatenate([real, pool_features])
bias = {"FID": [], "KID": []}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", metrics.SampleSizeWarning)
    for size in sizes:
        draws = []
        for repeat_seed in range(REPEATS):
            draw = np.random.default_rng([SEED, size, repeat_seed])
            here, there = np.split(everything[draw.permutation(len(everything))[: 2 * size]], 2)
            whole = metrics.kid(here, there, subsets=1, subset_size=size).mean
            draws.append((metrics.fid(here, there), whole))
        for name, column in zip(bias, np.transpose(draws), strict=True):
            bias[name].append((column.mean(), column.std(ddof=1)))
print(f"{'images a side':>15}{'FID':>10}{'KID':>10}{'its spread':>12}")
for size, fid_row, kid_row in zip(sizes, bias["FID"], bias["KID"], strict=True):
    print(f"{size:>15,}{fid_row[0]:>10.2f}{kid_row[0]:>10.2f}{kid_row[1]:>12.2f}")

# %% [markdown]
# The same as a figure, with bars of one standard deviation over the repeats.

# %%
figure, panels = plt.subplots(2, 1, figsize=(6.4, 5), sharex=True)
for axis, (name, rows), (color, line, marker) in zip(panels, bias.items(), STYLES, strict=False):
    means, spreads = np.transpose(rows)
    axis.errorbar(sizes, means, spreads, color=color, linestyle=line, marker=marker, capsize=4)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(ylabel=name, xscale="log")
panels[0].set_title("Real against real: FID is biased, KID scatters about zero")
panels[1].set_xlabel("images a side")
panels[1].set_xticks(sizes, [f"{size:,}" for size in sizes])
panels[1].minorticks_off()
figure.tight_layout()
plt.show()

# %% [markdown]
# FID is always above zero, and the more so the fewer images: mean and covariance are fitted to
# each set's own accidents. With fewer images than dimensions it is mostly that, and the package
# warns. KID has no such bias; with few images it scatters, to both sides of zero. An exercise
# turns the bias to use.

# %% [markdown]
# ### What goes wrong: two papers, two sample sizes
#
# Paper A scores slightly blurred images with many samples. Paper B scores *undamaged* real ones,
# but with few. Who has the better FID?

# %%
small = sizes[1]
with warnings.catch_warnings():
    warnings.simplefilter("ignore", metrics.SampleSizeWarning)
    slightly = lenet.features(blur(pool, pool_labels, 0.5, count, None))
    paper_a = metrics.fid(real, slightly)
    paper_b = metrics.fid(real[:small], pool_features[:small])
    fair_a = metrics.fid(real[:small], slightly[:small])
    kid_a = metrics.kid(real, slightly, subsets=SUBSETS, subset_size=small)
    kid_b = metrics.kid(real[:small], pool_features[:small], subsets=1, subset_size=small)
print(f"A: blurred, {count:,} images:      FID {paper_a:7.2f}")
print(f"B: undamaged, {small:,} images:     FID {paper_b:7.2f}")
print(f"A again, with {small:,} images:     FID {fair_a:7.2f}   (now they compare)")
print(f"KID, whatever the size:       A {kid_a.mean:.2f}, B {kid_b.mean:.2f}")

# %% [markdown]
# Lines one and two do not compare: in the recorded run, blurred images in large numbers get a
# better FID than undamaged ones in small numbers. Lines two and three do, since they have the same
# number of images. Or take KID, which does not need that, as long as its spread is small against
# the difference. So: the same count on both sides and in every comparison, and the count next to
# the score.

# %% [markdown]
# ## Resizing is part of the score
#
# Networks want images of one size. Making an image smaller means averaging over the pixels that
# fall into one. Some libraries do that ("antialiased"); others pick a few pixels and drop the
# rest. Fine rings, whose period shrinks towards the border, show the difference.

# %%
grid = np.linspace(-1, 1, 512)
rings = np.cos(90 * np.pi * (grid[:, None] ** 2 + grid[None] ** 2) / 2)
rings = images.to_uint8(rings.astype("float32"))[None, ..., None]


def shrink_by_picking(batch, size):
    """Shrink as networks' own resizing often does: bilinear between four neighbors only."""
    resized = tf.image.resize(batch, (size, size), method="bilinear", antialias=False)
    return np.rint(resized.numpy()).astype("uint8")


both = [images.resize(rings, 96, method="bicubic"), shrink_by_picking(rings, 96)]
plots.show_images(
    np.concatenate(
        [images.resize(rings, 288), *(np.kron(b, np.ones((1, 3, 3, 1), "uint8")) for b in both)]
    ),
    columns=3,
    titles=["512 to 288", "to 96, antialiased", "to 96, picked"],
)
plt.show()

# %% [markdown]
# In the middle the rings that are too fine turn gray, which is what one sees from afar. On the
# right they turn into rings that are not there. That is *aliasing*, and features see it.
#
# Now with digits. We enlarge them to 112 pixels with sharp edges, as from a scanner, and bring them
# back to 28 in several ways. They are the same images each time, and what they are compared with
# is always shrunk by the first filter.

# %%
FILTERS = (
    "bicubic, antialiased",
    "bilinear, antialiased",
    "box, antialiased",
    "bilinear, picked",
    "nearest",
)


def shrink(batch, name, size=28):
    method, _, how = name.partition(", ")
    if how == "picked":
        return shrink_by_picking(batch, size)
    return images.resize(batch, size, method=method)


# %% [markdown]
# Real images through the first filter are the reference; others, of the pool, go through each.


# %%
def scan(pictures, size=112):
    """Enlarge and make each pixel black or white."""
    large = images.resize(images.to_uint8(pictures), size, method="bicubic")
    return np.where(large > 110, 255, 0).astype("uint8")


scans, other_scans = scan(real_pictures), scan(pool[:count])
reference = lenet.features(shrink(scans, FILTERS[0]))
resizing = {}
for name in FILTERS:
    resizing[name] = metrics.fid(reference, lenet.features(shrink(other_scans, name)))
    print(f"{name:<24} FID against antialiased bicubic {resizing[name]:7.2f}")

# %% [markdown]
# A closer look at one of them.

# %%
plots.show_images(
    np.concatenate([shrink(other_scans[:6], name) for name in FILTERS]),
    columns=6,
    row_labels=[name.replace(", ", "\n") for name in FILTERS],
    title="The same six digits, shrunk in five ways",
)
plt.show()

# %% [markdown]
# The first line of the table is the noise floor: the same filter on both sides. Every other line is
# the price of another filter, paid by perfect images. The filters that pick give jagged strokes
# and, in the recorded run, cost the most. Parmar et al. (2022) found differences of several points
# on common benchmarks, and so the published protocol fixes the filter. This is why a score of this
# book names its resizing.

# %% [markdown]
# ## Which features?
#
# A score is a statement about features, and features come from a network.
#
# | extractor | features | how to get it | compare its numbers with |
# |---|---|---|---|
# | LeNet for 28 by 28 gray | 84 | `extractors.lenet("mnist")`, in the package | this book |
# | Keras' InceptionV3 | 2,048 | `extractors.keras_inception()`, 96 MB | your own only |
# | Inception of 2015-12-05 | 2,048 | `extractors.inception_2015()`, 90 MB | published FIDs |
#
# The last one is the network behind the numbers in papers. Keras' InceptionV3 has
# the same name but other weights, so its FIDs are other numbers. And for digits, neither knows
# what a digit is: a classifier trained on the domain is the better feature extractor.
#
# Here is the same damage on the features of two LeNets, one trained on digits, one on clothes.

# %%
views = {"mnist": {}, "fashion_mnist": {}}
for name, found in views.items():
    seen_real = lenet.features(real_pictures, name)
    for damage in ("noise", "blur", "classes left"):
        level = LEVELS[damage][2]
        seen = lenet.features(damaged[damage, level], name)
        found[f"{damage} {level:g}"] = metrics.fid(seen_real, seen)
    found["no damage"] = metrics.fid(seen_real, lenet.features(pool[:count], name))
print(f"{'FID on features of':<20}" + "".join(f"{key:>16}" for key in views["mnist"]))
for name, found in views.items():
    print(f"LeNet, {name:<13}" + "".join(f"{value:>16.2f}" for value in found.values()))

# %% [markdown]
# The numbers have nothing to do with each other, row against row. So a score should travel with
# the name of its extractor. In `gan_utils`, `measure` returns objects that do, and that refuse a
# comparison across extractors with a `ValueError`.

# %%
look_at = extractors.lenet("mnist")
seen_real = look_at(images.to_uint8(real_pictures))
seen_noisy = look_at(damaged["noise", LEVELS["noise"][2]])
reported = metrics.measure(
    seen_real, seen_noisy, ["fid", "kid", "prdc", "is"], seed=SEED, subsets=SUBSETS
)
for score in reported.values():
    print(score)
try:
    metrics.measure(seen_real, extractors.lenet("fashion_mnist")(damaged["noise", 0.0]))
except ValueError as error:
    print(f"\nValueError: {error}")

# %% [markdown]
# Each line can be copied into a report as it is: number, spread, extractor, resizing, counts,
# settings, and what real images get against real ones.

# %% [markdown]
# ## Which score to trust for what
#
# How far does a mild damage move each score, measured in that score's own scatter? The scatter is
# the standard deviation over several undamaged sets. Next to the four kinds of damage there are
# the generator with one image a class, and one that has simply *copied* the real images.

# %%
undamaged = []
for seed in range(REPEATS):
    chosen = np.random.default_rng([SEED, seed]).choice(len(pool), count, replace=False)
    undamaged.append(list(all_scores(real, pool[chosen]).values()))
center, scatter = np.mean(undamaged, axis=0), np.std(undamaged, axis=0, ddof=1)
cases = {f"{name} {LEVELS[name][2]:g}": results[name, LEVELS[name][2]] for name in LEVELS}
cases["one picture a class"] = all_scores(real, collapsed)
cases["real ones, copied"] = all_scores(real, real_pictures)
moved = np.array([(np.array(list(v.values())) - center) / scatter for v in cases.values()])
# Towards worse is positive: distances go up, all other scores go down.
worse = moved * np.array([1 if name in ("FID", "KID") else -1 for name in NAMES])

# %% [markdown]
# The table as a map. Numbers are standard deviations; orange is worse than undamaged, violet is
# better, white is no news.

# %%
figure, axis = plt.subplots(figsize=(6.4, 4.6))
axis.imshow(-np.clip(worse, -15, 15), cmap="PuOr", vmin=-22, vmax=22, aspect="auto")
for (row, column), value in np.ndenumerate(worse):
    text = f"{value:+.0f}" if abs(value) < 1000 else f"{value:+.0e}".replace("e+0", "e")
    axis.text(column, row, text, ha="center", va="center", fontsize=9)
axis.set_xticks(range(len(NAMES)), [name.replace(" ", "\n") for name in NAMES], fontsize=9)
axis.set_yticks(range(len(cases)), list(cases), fontsize=9)
axis.set_title("How much worse does each score find it?", fontsize=11)
axis.tick_params(length=0)
figure.tight_layout()
plt.show()

# %% [markdown]
# Read it by column, for what a score sees, and by row, for what a failure looks like.
#
# - **FID and KID** react to everything that changes the features, and do not say to what.
# - **Precision and density** do not mind missing or repeated images. **Recall and coverage** do,
#   and they mind bad images too. Report a pair: low precision says *bad*, high precision with
#   low recall says *missing* (or blurred, as we saw).
# - **The Inception Score** takes one image a class for a perfect generator.
# - **Nobody minds the copies** in the last row: all scores find a thief as good as an
#   honest generator, or better. Whether images were copied has to be tested separately, against
#   the training set.
#
# The table at the top of this page has the same cases with the recorded run's larger sets.

# %% [markdown]
# ## Use it: score two folders
#
# For images in folders there is a command. Let us write some images, undamaged and noisy, and let
# another process score them.

# %%
RUN = records.run_folder("13_metrics", digits)
for name, batch in {"real": real_pictures, "fake": damaged["noise", LEVELS["noise"][2]]}.items():
    folder = RUN / name
    folder.mkdir(exist_ok=True)
    for index, picture in enumerate(images.to_uint8(batch[:200])):
        Image.fromarray(picture[..., 0]).save(folder / f"{index:03}.png")


def gan_utils_command(*arguments):
    """Run `gan-utils ...` in another process and return what it wrote."""
    command = [sys.executable, "-m", "gan_utils", *map(str, arguments)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    return answer.stdout


print(
    gan_utils_command("score", RUN / "real", RUN / "fake", "--metric", "fid", "kid", "prdc", "is")
)

# %% [markdown]
# In a terminal that is
#
# ```bash
# gan-utils score real/ fake/ --metric fid kid prdc is
# gan-utils score real/ --save-stats real.npz     # look at a large folder only once
# gan-utils score real.npz fake/ --metric fid
# gan-utils score real/ fake/ --json              # for scripts
# ```
#
# For images of any other size it takes the Inception graph of 2015-12-05. For the FID alone a
# folder may hold a million images: only sums are kept, never all features.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. A FID for infinitely many images.** For large $N$ the bias shrinks like $1/N$ (Chong and
# Forsyth, 2020). Take two sets of real images and compute the FID at several $N$. Fit a straight
# line over $1/N$. What does it say at $1/N = 0$, and is that nearer to the truth?


# %% tags=["hide-cell"]
def extrapolated(first, second, sizes, repeats=4):
    """Return FID means at the sizes, and the value of a line through them at 1/N = 0."""
    means = []
    for size in sizes:
        draws = [np.random.default_rng([SEED, size, r]) for r in range(repeats)]
        values = [
            metrics.fid(
                *(part[d.choice(len(part), size, replace=False)] for part in (first, second))
            )
            for d in draws
        ]
        means.append(np.mean(values))
    slope, at_zero = np.polyfit(1 / np.array(sizes), means, 1)
    return np.array(means), slope, at_zero


fit_sizes = (count / np.linspace(1, 3, 5)).astype(int)
fits = {
    "undamaged": extrapolated(real, pool_features, fit_sizes),
    "blurred": extrapolated(real, slightly, fit_sizes),
}

# %% [markdown] tags=["hide-cell"]
# The line for undamaged and for slightly blurred images.

# %% tags=["hide-cell"]
figure, axis = plt.subplots(figsize=(6.4, 3.6))
for (name, (means, slope, at_zero)), (color, line, marker) in zip(
    fits.items(), STYLES, strict=False
):
    axis.plot(1 / fit_sizes, means, marker, color=color, label=name)
    reach = np.array([0, 1 / fit_sizes[-1]])
    axis.plot(reach, at_zero + slope * reach, color=color, linestyle=line)
    print(f"{name:<10} FID with {count:,} images {means[0]:6.2f}, extrapolated {at_zero:6.2f}")
axis.axhline(0, color="black", linewidth=0.8)
ticks = [fit_sizes[0], fit_sizes[2], fit_sizes[-1]]
axis.set_xticks([0, *(1 / np.array(ticks))], ["0", *(f"1/{size:,}" for size in ticks)])
axis.set(xlabel="1 / images a side", ylabel="FID", title="FID against 1/N")
axis.legend()
plt.show()

# %% [markdown]
# In the recorded run the line for undamaged images meets the axis close to zero. The extrapolated
# value may fall slightly below zero: it is an estimate, no distance.

# %% [markdown]
# **2. Which digit is missed most?** Leave out one class at a time, with equally many images
# each time. Which absence costs the most FID? (Features of the pool can be reused.)

# %% tags=["hide-cell"]
missing = {}
per_class = min(count, *(int(np.sum(pool_labels != label)) for label in range(10)))
for label in range(10):
    kept = np.flatnonzero(pool_labels != label)[:per_class]
    missing[label] = metrics.fid(real, pool_features[kept])
complete = metrics.fid(real, pool_features[:per_class])
figure, axis = plt.subplots(figsize=(6.4, 3.2))
axis.bar(list(missing), list(missing.values()), color=BLUE)
axis.axhline(complete, color=VERMILLION, linestyle="--", label="all classes")
axis.set(xlabel="class left out", ylabel="FID", xticks=range(10), title="The price of an absence")
axis.legend()
plt.show()
worst = max(missing, key=missing.get)
print(f"leaving out {worst} costs most: {missing[worst]:.1f}, complete {complete:.1f}")

# %% [markdown]
# How much an absence costs depends on the features: a class that lies far from the others
# moves mean and covariance more when it goes.

# %% [markdown]
# **3. JPEG.** Store undamaged images as JPEG at several qualities, read them back, and score
# them. Would you mix PNG and JPEG in one comparison?


# %% tags=["hide-cell"]
def through_jpeg(batch, quality):
    returned = []
    for picture in images.to_uint8(batch):
        buffer = io.BytesIO()
        Image.fromarray(picture[..., 0]).save(buffer, "JPEG", quality=quality)
        returned.append(np.asarray(Image.open(buffer)))
    return np.stack(returned)[..., None]


for quality in (95, 75, 50, 25, 10):
    distance = metrics.fid(real, lenet.features(through_jpeg(pool[:count], quality)))
    print(f"quality {quality:>3}: FID {distance:7.2f}")
print(f"PNG:         FID {metrics.fid(real, pool_features[:count]):7.2f}")

# %% [markdown]
# At low qualities perfect digits pay for their blocks and ringing. Store samples without loss
# before scoring them, and store both sides in the same way.

# %% [markdown]
# **4. Clothes.** Repeat the map for Fashion-MNIST with its own LeNet, for FID, precision and
# recall only. Does the pattern change?

# %% tags=["hide-cell"]
clothes = gan_utils.load_images("fashion_mnist")
cut = profile.samples(full=10_000, quick=1_500, smoke=200, available=len(clothes) // 6)
shuffled = np.random.default_rng(SEED).permutation(len(clothes))[: 6 * cut]
wardrobe = images.to_float(clothes.images[shuffled])
labels = clothes.labels[shuffled]
clothes_features = lenet.features(wardrobe[:cut], "fashion_mnist")
print(clothes)
print(f"{cut:,} images a side{'FID':>15}{'precision':>11}{'recall':>8}")
for name, levels in LEVELS.items():
    for level in (levels[0], levels[2]):
        batch = DAMAGE[name](wardrobe[cut:], labels[cut:], level, cut, np.random.default_rng(SEED))
        seen = lenet.features(batch, "fashion_mnist")
        both = metrics.precision_recall(clothes_features, seen)
        row = f"{metrics.fid(clothes_features, seen):10.2f}{both.precision:11.2f}{both.recall:8.2f}"
        print(f"{name:<15}{level:>6g}  {row}")

# %% [markdown]
# The numbers are others. Look whether the pattern is the same: do missing classes cost recall and
# not precision, does repetition ruin recall, does every damage raise the FID?

# %% [markdown]
# ## Summary
#
# - The Inception Score asks a classifier whether images are sure and varied. It never sees real
#   images and nothing inside a class.
# - FID compares means and covariances of features. It notices everything, is biased for few
#   samples, and compares only at equal counts, extractors and resizings.
# - KID is the one without bias; look at its spread.
# - Precision and recall, or density and coverage, tell bad images from missing ones.
# - No score finds copies. Look at the nearest training images.
# - A number comes with extractor, resizing, counts, splits, and real against real.
#
# ## References
#
# - T. Salimans et al., *Improved Techniques for Training GANs*, NeurIPS 2016 (Inception Score).
#   <https://arxiv.org/abs/1606.03498>
# - S. Barratt, R. Sharma, *A Note on the Inception Score*, 2018.
#   <https://arxiv.org/abs/1801.01973>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, NeurIPS 2017 (FID).
#   <https://arxiv.org/abs/1706.08500>
# - M. Bińkowski et al., *Demystifying MMD GANs*, ICLR 2018 (KID).
#   <https://arxiv.org/abs/1801.01401>
# - T. Kynkäänniemi et al., *Improved Precision and Recall Metric*, NeurIPS 2019.
#   <https://arxiv.org/abs/1904.06991>
# - M. F. Naeem et al., *Reliable Fidelity and Diversity Metrics*, ICML 2020 (density, coverage).
#   <https://arxiv.org/abs/2002.09797>
# - M. J. Chong, D. Forsyth, *Effectively Unbiased FID and Inception Score*, CVPR 2020.
#   <https://arxiv.org/abs/1911.07023>
# - G. Parmar, R. Zhang, J.-Y. Zhu, *On Aliased Resizing and Surprising Subtleties in GAN
#   Evaluation*, CVPR 2022. <https://arxiv.org/abs/2104.11222>

# %% tags=["remove-cell"]
found = {
    "samples": count,
    "extractor": look_at.name,
    "splits": 10,
    "subsets": SUBSETS,
    "cases": {"undamaged": dict(zip(NAMES, center, strict=True)), **cases},
    "standard_deviations": {"undamaged": dict(zip(NAMES, scatter, strict=True))},
    "bias": [sizes, [row[0] for row in bias["FID"]]],
    "bias_of_kid": [sizes, bias["KID"]],
    "curves": {f"{name} {level:g}": values for (name, level), values in results.items()},
    "resizing": resizing,
    "views": views,
    "extrapolated": {name: fit[2] for name, fit in fits.items()},
    "papers": {"A": paper_a, "B": paper_b, "A with as few": fair_a},
    "precision_within": {
        f"blur {level:g}": dict(zip(map(str, shares), row, strict=True))
        for level, row in forgiven.items()
    },
}
json.dumps(found)
records.record("13_metrics", found, seconds=time.perf_counter() - started, data=digits, seed=SEED)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert all(np.isfinite(list(values.values())).all() for values in results.values())
assert all(0 <= values["precision"] <= 1 for values in results.values())
assert all(0 <= values["recall"] <= 1 for values in results.values())
assert all(len(batch) == count for batch in damaged.values())
assert distinct[0] <= count
assert wrong_trace > 0
# Copies of the real images lie on the real ones: identities, whatever the data.
copied = cases["real ones, copied"]
assert copied["precision"] == copied["recall"] == copied["coverage"] == 1
assert abs(copied["FID"]) < 1e-3
assert set(missing) == set(range(10))
assert len(list((RUN / "fake").iterdir())) >= min(200, count)
