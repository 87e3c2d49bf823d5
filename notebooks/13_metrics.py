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
# **What you will do with about 280 lines of code.** Compute the scores that papers report, on toys
# with known answers and on digits that you damage. Nothing is trained.
#
# **Time and size.** 7 minutes to read; a minute to run on two CPU cores; a download of 12 MB
# (MNIST, once).
#
# **What you will learn**
#
# - what the Inception Score, FID, KID, precision and recall, density and coverage measure;
# - which of them notices noise, blur, missing classes and repeated images;
# - why an FID without sample size and feature extractor means nothing.
#
# **What you need.** NumPy.

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's package; anywhere else it checks that the package is there.

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
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle
from PIL import Image
from scipy import ndimage

import gan_utils
from gan_utils import images, lenet, metrics, plots, profile, records
from gan_utils.metrics import features as extractors

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
# `LEVELS` are the strengths of each damage; the first one is no damage.

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
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
STYLES = ((BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))

keras.utils.set_random_seed(SEED)
started = time.perf_counter()

# %% [markdown]
# ## What the recorded run found
#
# The first set of images is real and undamaged, the last one a copy of the very images that it is
# compared with. What the text states about scores is about this run.

# %%
NAMES = ("Inception Score", "FID", "KID", "precision", "recall", "density", "coverage")


def show_table(cases):
    print(f"{'':<20}" + "".join(f"{name[:9]:>10}" for name in NAMES))
    for case, values in cases.items():
        print(f"{case:<20}" + "".join(f"{values[name]:>10.3g}" for name in NAMES))


run = records.recorded("13_metrics", "full")
if run:
    print(f"{records.origin(run)}, {run['metrics']['samples']:,} images a side, LeNet features")
    show_table(run["metrics"]["cases"])

# %% [markdown]
# Each score notices different flaws.
#
# ## The idea: two ways to fail
#
# A generator's images can be bad (low *fidelity*), or there can be too few kinds of them (low
# *diversity*). Pixels do not show either: shifted by one pixel, an image is far away from itself.
# So scores look at a trained network's class probabilities, or its *features*, the activations
# before them.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $p(y \mid x)$ | `probabilities` | a classifier's answer for the image $x$ |
# | $p(y)$ | `marginal` | the mean of the answers |
# | $f(x)$ | `features` | activations inside the classifier |
# | $\mu, \Sigma$ | `mean`, `covariance` | of the features |
#
# ## The Inception Score
#
# The entropy $H(p) = -\sum_y p_y \log p_y$ is zero when one class has all the probability, and
# $\log 10$ when ten classes share it equally. Good images make a classifier *sure*: each $p(y \mid
# x)$ has a low entropy. Varied images give $p(y)$ a high one. The Inception Score (Salimans et al.,
# 2016) is
#
# $$
# \mathrm{IS} = \exp\Bigl( \mathbb{E}_x \, \mathrm{KL}\bigl( p(y \mid x) \,\|\, p(y) \bigr) \Bigr)
# = \exp\Bigl( H\bigl(p(y)\bigr) - \mathbb{E}_x \, H\bigl(p(y \mid x)\bigr) \Bigr) .
# $$
#
# Two toy generators, given by a classifier's answers alone: images of nearly one class each, and
# images between the classes.


# %%
def entropy(probabilities):
    """Sum over the last axis, with 0 log 0 = 0."""
    logarithms = np.log(np.where(probabilities > 0, probabilities, 1))
    return -np.sum(probabilities * logarithms, axis=-1)


def score_from_entropies(probabilities):
    marginal = probabilities.mean(axis=0)
    return np.exp(entropy(marginal) - entropy(probabilities).mean())


rng = np.random.default_rng(SEED)
for name, sharpness in (("sure", 0.02), ("unsure", 0.5)):
    probabilities = rng.dirichlet(np.full(10, sharpness), size=1000)
    package = metrics.inception_score(probabilities, splits=1).mean
    print(f"{name:<8} mean H(p(y|x)) {entropy(probabilities).mean():.2f}", end=", ")
    print(f"H(p(y)) {entropy(probabilities.mean(axis=0)):.2f} of {np.log(10):.2f}", end=": ")
    print(f"IS {score_from_entropies(probabilities):.3f}, package {package:.3f}")

# %% [markdown]
# Both use all classes equally; being sure makes the difference. Papers average over ten splits,
# each with its own $p(y)$: shuffle first, report the splits.

# %% [markdown]
# ## The data and the feature extractor
#
# MNIST, split at random into *real* images, the reference of every score but IS, and a *pool* that
# plays the generator's part: undamaged, it gives the noise floor. Features and probabilities
# are those of the package's LeNet.

# %%
digits = gan_utils.load_images("mnist")
SAMPLES = profile.samples(full=10_000, quick=1_500, smoke=200, available=len(digits) // 6)
count = SAMPLES
order = np.random.default_rng(SEED).permutation(len(digits))
real_images = images.to_float(digits.images[order[:count]])
others = order[count : 6 * count]
pool, pool_labels = images.to_float(digits.images[others]), digits.labels[others]
real, real_probabilities = lenet.look(real_images)
pool_features = lenet.features(pool)
print(f"{digits}: {count:,} real images, {len(pool):,} in the pool, {real.shape[1]} features")

# %% [markdown]
# A generator that knows exactly one image of each class:


# %%
def one_of_each_class(pool, labels, size):
    """Return `size` images: the first of each class, repeated."""
    chosen = [np.flatnonzero(labels == label)[0] for label in np.unique(labels)]
    return np.resize(pool[chosen], (size, *pool.shape[1:]))


collapsed = one_of_each_class(pool, pool_labels, count)
collapsed_features, collapsed_probabilities = lenet.look(collapsed)
plots.show_images(collapsed[:20], columns=10, title="All that this generator can draw")
plt.show()
for name, probabilities, features in (
    ("other real images", real_probabilities, pool_features[:count]),
    ("ten images, repeated", collapsed_probabilities, collapsed_features),
):
    score = metrics.inception_score(probabilities, seed=SEED)
    print(f"{name:<22}Inception Score {score.mean:.2f}, FID {metrics.fid(real, features):.1f}")

# %% [markdown]
# The Inception Score never looks inside a class, nor at real images: in the recorded run these ten
# images get as much as real ones, while the Fréchet distance is hundreds of times its noise floor.

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
# In one dimension that is $(\mu_1 - \mu_2)^2 + (\sigma_1 - \sigma_2)^2$. In two, spread has a
# direction as well.

# %%
base = np.diag([4.0, 0.5])
moves = {
    "moved": (np.array([3.0, 2.0]), base),
    "shrunk": (np.zeros(2), 0.16 * base),
    "turned": (np.zeros(2), base[::-1, ::-1]),
}
blue = rng.multivariate_normal(np.zeros(2), base, 300)
figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.9), sharex=True, sharey=True)
for axis, (name, (mean, covariance)) in zip(panels, moves.items(), strict=True):
    axis.scatter(*blue.T, s=6, color=BLUE, alpha=0.5)
    axis.scatter(*rng.multivariate_normal(mean, covariance, 300).T, s=6, color=VERMILLION)
    spreads = metrics.frechet_distance(np.zeros(2), base, np.zeros(2), covariance)
    axis.set_title(f"{name}\nmeans {mean @ mean:.1f}, spreads {spreads:.1f}", fontsize=10)
    axis.set(xlim=(-6.5, 8), ylim=(-6.5, 8), aspect="equal")
plt.show()

# %% [markdown]
# Titles: the two terms of $d^2$. Turning keeps mean and traces; the root sees the angle.

# %% [markdown]
# ## The kernel distance
#
# KID (Bińkowski et al., 2018) asks how much more alike features are within a set than across. With
# $k(a, b) = (a \cdot b / d + 1)^3$ in $d$ dimensions,
#
# $$
# \mathrm{KID} = \frac{1}{n(n-1)} \sum_{i \ne j} k(a_i, a_j)
# + \frac{1}{n(n-1)} \sum_{i \ne j} k(b_i, b_j) - \frac{2}{n^2} \sum_{i, j} k(a_i, b_j) .
# $$
#
# Leaving out $i = j$ makes it *unbiased*: for equal distributions its mean is zero at every $n$. It
# is averaged over random subsets, which also give its spread.


# %%
def kernel_distance(first, second):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    size = len(first)
    squares = [kernel(part, part) for part in (first, second)]
    within = sum((k.sum() - np.trace(k)) / (size * (size - 1)) for k in squares)
    return within - 2 * kernel(first, second).mean()


pair = [part[: min(100, count)].astype(float) for part in (real, pool_features)]
package = metrics.kid(*pair, subsets=1, subset_size=len(pair[0])).mean
print(f"by hand {kernel_distance(*pair):.6f}, package {package:.6f}")

# %% [markdown]
# ## Precision and recall, density and coverage
#
# Two numbers in place of one (Kynkäänniemi et al., 2019). Around every real feature draw a ball
# that reaches to its $k$-th real neighbor. *Precision* is the share of fakes inside some real ball;
# *recall*, with the roles exchanged, the share of reals inside some fake ball. *Density* is the
# mean number of real balls around a fake, over $k$, *coverage* the share of real balls with a fake
# (Naeem et al., 2020): one lonely real image with its huge ball counts less.
#
# In two dimensions: real points on a ring with one outlier, fakes on a part of the ring.

# %%
NEIGHBORS = 3


def ring(count, start, end):
    angles = rng.uniform(start, end, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, 0.08, (count, 2))


reals = np.concatenate([ring(40, 0, 2 * np.pi), [[2.6, 1.2]]])
fakes = np.concatenate([ring(30, 0.6, 3.4), [[2.4, 0.9], [2.0, 1.6], [1.7, 1.2], [2.9, 0.6]]])
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.4), sharex=True, sharey=True)
scored = metrics.precision_recall(reals, fakes, NEIGHBORS)._asdict()
for axis, centers, color in zip(panels, (reals, fakes), (BLUE, VERMILLION), strict=True):
    lengths = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    for center, radius in zip(centers, np.sort(lengths, axis=1)[:, NEIGHBORS], strict=True):
        axis.add_patch(Circle(center, radius, color=color, alpha=0.1, linewidth=0))
    axis.scatter(*reals.T, s=14, color=BLUE, label="real")
    axis.scatter(*fakes.T, s=14, color=VERMILLION, marker="s", label="fake")
    axis.set(xlim=(-1.7, 4.2), ylim=(-2.2, 3.2), aspect="equal")
panels[0].set_title(f"real balls: precision {scored['precision']:.2f}")
panels[1].set_title(f"fake balls: recall {scored['recall']:.2f}")
panels[0].legend(loc="lower right", fontsize=9)
plt.show()
without = metrics.precision_recall(reals[:-1], fakes, NEIGHBORS).precision
print(f"without the one outlier among the real points: precision {without:.2f}")

# %% [markdown]
# The one large ball of the outlier makes four bad fakes count as good.

# %% [markdown]
# ## Real digits, damaged on purpose
#
# Noise and blur hurt fidelity; leaving out classes and repeating images hurt diversity.


# %%
def add_noise(pool, labels, level, size, rng):
    noise = rng.normal(0, 1, pool[:size].shape) * level
    return np.clip(pool[:size] + noise, -1, 1).astype("float32")


def blur(pool, labels, level, size, rng):
    return ndimage.gaussian_filter(pool[:size], (0, level, level, 0))


def leave_classes(pool, labels, level, size, rng):
    return np.resize(pool[labels < level], (size, *pool.shape[1:]))


def repeat(pool, labels, level, size, rng):
    return np.resize(pool[: max(2, size // level)], (size, *pool.shape[1:]))


# %% [markdown]
# The images at each strength:

# %%
DAMAGE = dict(zip(LEVELS, (add_noise, blur, leave_classes, repeat), strict=True))
damaged = {
    (name, level): DAMAGE[name](pool, pool_labels, level, count, np.random.default_rng(SEED))
    for name, levels in LEVELS.items()
    for level in levels
}
for name in ("noise", "blur"):
    plots.show_images(
        np.concatenate([damaged[name, level][:10] for level in LEVELS[name]]),
        columns=10,
        row_labels=[f"{level:g}" for level in LEVELS[name]],
        title=f"Strength of the {name}",
    )
    plt.show()

# %% [markdown]
# All scores:


# %%
def all_scores(real, fake_images, subsets=SUBSETS):
    """Return every score against the real features, by name."""
    features, probabilities = lenet.look(fake_images)
    size = min(1000, len(real) // 2)
    values = (
        metrics.inception_score(probabilities, seed=SEED).mean,
        metrics.fid(real, features),
        metrics.kid(real, features, subsets=subsets, subset_size=size, seed=SEED).mean,
        *metrics.precision_recall(real, features),
        *metrics.density_coverage(real, features),
    )
    return dict(zip(NAMES, map(float, values), strict=True))


def draw_damage(names, title, scale):
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 5), sharey=True, layout="constrained")
    for axis, (damage, levels) in zip(panels.flat, LEVELS.items(), strict=True):
        for name, (color, line, marker) in zip(names, STYLES, strict=False):
            curve = scale(np.array(curves[name][damage]))
            axis.plot(curve, color=color, linestyle=line, marker=marker, label=name)
        axis.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axis.set_title(damage)
    figure.suptitle(title)
    panels[0, 0].legend(fontsize=7)
    plt.show()


# %% [markdown]
# The distances as a share of their largest value; then scores between 0 and about 1, with the
# Inception Score divided by the number of classes. The leftmost point of each panel is undamaged.

# %%
warnings.simplefilter("ignore", metrics.SampleSizeWarning)
results = {key: all_scores(real, fake_images) for key, fake_images in damaged.items()}
curves = {
    name: {damage: [results[damage, level][name] for level in LEVELS[damage]] for damage in LEVELS}
    for name in NAMES
}
draw_damage(("FID", "KID"), "Distances, relative", lambda curve: curve / np.max(np.abs(curve)))
names = ("Inception Score", "precision", "recall", "coverage")
draw_damage(names, "Scores", lambda curve: curve / (10 if curve[0] > 2 else 1))

# %% [markdown]
# In the recorded run both distances grow with every step of every damage, but do not show *which*
# damage it was. Precision and recall show more: where classes are left out, precision stays, and
# recall and coverage fall. Strong noise and blur lower all of them; mild ones look like missing
# images, since precision stays or rises. The Inception Score falls with noise, blur and missing
# classes, and hardly notices repetition.
#
# Two traps. Where a fake has more than $k$ copies, its ball has no size, and recall drops to almost
# nothing; coverage, whose balls are real ones, falls more gently. And precision forgives blur: what
# the network cannot read lands in the few huge balls of unusual digits
# ([study](../book/studies/scores.md)).

# %% [markdown]
# ## Which score to trust for what
#
# By how many standard deviations of undamaged sets does each third level move a score?

# %%
undamaged = []
for seed in range(REPEATS):
    chosen = np.random.default_rng([SEED, seed]).choice(len(pool), count, replace=False)
    undamaged.append(list(all_scores(real, pool[chosen]).values()))
center, scatter = np.mean(undamaged, axis=0), np.std(undamaged, axis=0, ddof=1)
cases = {f"{name} {LEVELS[name][2]:g}": results[name, LEVELS[name][2]] for name in LEVELS}
cases["one image a class"] = all_scores(real, collapsed)
cases["real ones, copied"] = all_scores(real, real_images)
moved = np.array([(np.array(list(v.values())) - center) / scatter for v in cases.values()])
# Towards worse is positive: distances go up, all other scores go down.
worse = moved * np.array([1 if name in ("FID", "KID") else -1 for name in NAMES])
figure, axis = plt.subplots(figsize=(6.4, 4.2))
axis.imshow(-np.clip(worse, -15, 15), cmap="PuOr", vmin=-22, vmax=22, aspect="auto")
for (row, column), value in np.ndenumerate(worse):
    axis.text(column, row, f"{value:+.2g}", ha="center", va="center", fontsize=8)
axis.set_xticks(range(len(NAMES)), [name.replace(" ", "\n") for name in NAMES], fontsize=9)
axis.set_yticks(range(len(cases)), list(cases), fontsize=9)
axis.set_title("Worse by (standard deviations)", fontsize=11)
figure.tight_layout()
plt.show()

# %% [markdown]
# **FID and KID** react to everything that changes the features. **Precision and density** hardly
# mind missing or repeated images; **recall and coverage** do, and mind bad images too: report a
# pair. **The Inception Score** takes one image a class for a perfect generator. **No score minds
# copies** (last row): compare with the nearest training images.
#
# ### Which features?
#
# | extractor | features | in the package | comparable with |
# |---|---|---|---|
# | LeNet for 28 by 28 gray images | 84 | `extractors.lenet("mnist")` | this book |
# | Keras' InceptionV3 | 2,048 | `extractors.keras_inception()`, 96 MB | your own numbers |
# | Inception of 2015-12-05 | 2,048 | `extractors.inception_2015()`, 90 MB | published FIDs |
#
# Another extractor or another way of resizing gives other numbers
# ([study](../book/studies/scores.md)). In `gan_utils` a score travels with its extractor, and a
# comparison across extractors raises an error:

# %%
look_at = extractors.lenet("mnist")
seen_real = look_at(images.to_uint8(real_images))
seen_noisy = look_at(damaged["noise", LEVELS["noise"][2]])
for score in metrics.measure(seen_real, seen_noisy, ["fid", "is"], seed=SEED).values():
    print(score)
try:
    metrics.measure(seen_real, extractors.lenet("fashion_mnist")(damaged["noise", 0.0]))
except ValueError as error:
    print(f"ValueError: {error}")

# %% [markdown]
# ## Use it: score two folders
# The command scores images in folders.

# %%
RUN = records.run_folder("13_metrics", digits)
for name, batch in {"real": real_images, "fake": damaged["noise", LEVELS["noise"][2]]}.items():
    (RUN / name).mkdir(exist_ok=True)
    for index, image in enumerate(images.to_uint8(batch[:200])):
        Image.fromarray(image[..., 0]).save(RUN / name / f"{index:03}.png")
command = ["score", str(RUN / "real"), str(RUN / "fake"), "--metric", "fid", "kid", "prdc"]
command = [sys.executable, "-m", "gan_utils", *command]
print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

# %% [markdown]
# In a terminal: `gan-utils score real/ fake/ --metric fid kid prdc` ([more](../book/score.md)).

# %% [markdown]
# ## What goes wrong: an FID without its sample size
#
# Two sets of real images have a true distance of zero. And the estimates, at different sizes?

# %%
sizes = [size for size in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if size <= count]
sizes = sizes if len(sizes) > 1 else [count // 2, count]
everything = np.concatenate([real, pool_features])
bias = {"FID": [], "KID": []}
for size in sizes:
    draws = []
    for draw in range(REPEATS):
        chosen = np.random.default_rng([SEED, size, draw]).permutation(len(everything))
        here, there = np.split(everything[chosen[: 2 * size]], 2)
        whole = metrics.kid(here, there, subsets=1, subset_size=size).mean
        draws.append((metrics.fid(here, there), whole))
    for name, column in zip(bias, np.transpose(draws), strict=True):
        bias[name].append((column.mean(), column.std(ddof=1)))
figure, panels = plt.subplots(1, 2, figsize=(7, 2.9), layout="constrained")
for axis, (name, rows), (color, line, marker) in zip(panels, bias.items(), STYLES, strict=False):
    means, spreads = np.transpose(rows)
    axis.errorbar(sizes, means, spreads, color=color, linestyle=line, marker=marker, capsize=4)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(title=f"{name}, real against real", xlabel="images per set", xscale="log")
plt.show()

# %% [markdown]
# FID is above zero, the more so the fewer images: mean and covariance are fitted to each
# set's sampling noise. KID scatters around zero. Now paper A scores slightly *blurred* images in
# large numbers, paper B *undamaged* ones in small numbers. Which has the better FID?

# %%
small = sizes[1]
slightly = lenet.features(blur(pool, pool_labels, 0.5, count, None))
papers = {
    "A": metrics.fid(real, slightly),
    "B": metrics.fid(real[:small], pool_features[:small]),
    "A with as few": metrics.fid(real[:small], slightly[:small]),
}
print(f"A, blurred, {count:,} images: FID {papers['A']:.2f}")
print(f"B, undamaged, {small:,} images: FID {papers['B']:.2f}")
print(f"A again, with {small:,} images: FID {papers['A with as few']:.2f}")

# %% [markdown]
# In the recorded run A wins, with worse images. Compare at **the same count on both sides and in
# every comparison, and put the count next to the score.**

# %% [markdown]
# ## Exercises
#
# **1 ★ Predict first:** a generator has memorized 10,000 training images and draws them perfectly.
# What are its FID, precision, recall and Inception Score? Which check finds it?
#
# <details><summary>Solution</summary>
#
# All are as good as those of other real images. A search for each sample's nearest training image
# finds it; lesson 14 has one.
#
# </details>
#
# **2 ★ Predict first:** precision 0.9, recall 0.1. And precision 0.1, recall 0.9? Name a generator
# for each.
#
# <details><summary>Solution</summary>
#
# The first draws good images of few kinds: mode collapse, or truncated noise. The second scatters
# widely around the data: its large balls reach most real images, few of its own are near any.
#
# </details>
#
# **3 ★★ Predict first, then derive with pencil and paper:** two sets of $n$ images come from one
# distribution with covariance $\Sigma$. What is the expected value of the first term of the FID,
# $|\hat\mu_1 - \hat\mu_2|^2$, and how does it depend on $n$?
#
# <details><summary>Solution</summary>
#
# Each mean has covariance $\Sigma/n$ around the same $\mu$, so the difference has $2\Sigma/n$, and
# its expected squared length is the trace, $2\,\mathrm{tr}(\Sigma)/n$: positive, falling like
# $1/n$.
#
# </details>
#
# On the features of real digits:

# %% tags=["hide-cell"]
size = min(100, count)
lengths = []
for draw in range(20):
    chosen = np.random.default_rng([SEED, draw]).permutation(len(everything))[: 2 * size]
    here, there = np.split(everything[chosen], 2)
    lengths.append(np.sum((here.mean(axis=0) - there.mean(axis=0)) ** 2))
predicted = 2 * np.trace(np.cov(everything, rowvar=False)) / size
print(f"{size} images a side: predicted {predicted:.2f}, mean of 20 draws {np.mean(lengths):.2f}")

# %% [markdown]
# **4 ★★★ Predict first:** which missing digit costs the most FID? Leave out one class at a time,
# with equally many images.

# %% tags=["hide-cell"]
per_class = min(count, *(int(np.sum(pool_labels != label)) for label in range(10)))
missing = {
    label: metrics.fid(real, pool_features[np.flatnonzero(pool_labels != label)[:per_class]])
    for label in range(10)
}
print(*(f"no {label}: {value:.1f}" for label, value in missing.items()), sep="\n")

# %% [markdown]
# ## Summary
#
# - The Inception Score sees no real images, and nothing inside a class.
# - FID is biased for few samples; compare it only at equal count, extractor and resizing.
# - Precision and recall, or density and coverage, tell very bad images from missing ones. No score
#   finds copies.
#
# ## References
#
# - T. Salimans et al., *Improved Techniques for Training GANs*, NeurIPS 2016 (Inception Score).
#   <https://arxiv.org/abs/1606.03498>
# - M. Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, NeurIPS 2017 (FID).
#   <https://arxiv.org/abs/1706.08500>
# - M. Bińkowski et al., *Demystifying MMD GANs*, ICLR 2018 (KID).
#   <https://arxiv.org/abs/1801.01401>
# - T. Kynkäänniemi et al., *Improved Precision and Recall Metric*, NeurIPS 2019.
#   <https://arxiv.org/abs/1904.06991>
# - M. F. Naeem et al., *Reliable Fidelity and Diversity Metrics*, ICML 2020 (density, coverage).
#   <https://arxiv.org/abs/2002.09797>

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
    "papers": papers,
}
records.record("13_metrics", found, seconds=time.perf_counter() - started, data=digits, seed=SEED)
assert all(np.isfinite(list(values.values())).all() for values in results.values())
assert all(len(batch) == count for batch in damaged.values())
# Copies of the real images lie on the real ones: identities, whatever the data.
copied = cases["real ones, copied"]
assert copied["precision"] == copied["recall"] == copied["coverage"] == 1
assert abs(copied["FID"]) < 1e-3
