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
# # Side by side: every model in one table

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/14_comparison.ipynb)

# %% [markdown]
# **What you will do with about 330 lines of code.** Put the models of this book next to each other,
# with the same scores on the same real images; then train a GAN on a folder of your own images.
#
# **Time and size.** 7 minutes to read; a minute to run on two CPU cores; a download of 42 MB
# (MNIST and Fashion-MNIST, once).
#
# **What you will learn**
#
# - how to read a table of models;
# - which model to take for which task;
# - how a folder of images becomes training data;
# - what goes wrong with few images.
#
# **What you need.** Lessons 02 and 13.

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
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image, ImageDraw
from scipy import stats

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, plots, profile, records

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Hyperparameters
#
# The lessons to compare; then the training on your own images.

# %%
LESSONS = (
    *("01_gan", "02_dcgan", "04_cgan", "05_cdcgan", "06_acgan"),
    *("07_sgan", "08_infogan", "09_lsgan", "10_wgan", "16_modern_objectives"),
)
NOT_RECORDED = "no recorded run yet"
NOT_SCORED = "recorded without these scores"
SEED = profile.seed(14)
OWN_SIZE = 32
OWN_COUNT = 60
HELD_OUT = 60
LATENT_DIM = 64
BATCH_SIZE = 16
PAD = 3
RATE = 1e-3
EPOCHS = profile.epochs(full=30, quick=8, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=100, quick=65, smoke=2)
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea: a fair comparison
#
# "Which GAN is best?" has no answer without a protocol: a score depends on features, number of
# images and real images (lesson 13), and longer training helps every model. So all lessons measure
# in one way, `gan_utils.evaluation`, and record scores, seconds, training steps and a sheet
# of images.
#
# `quick` runs train for about a minute on two cores; `full` runs differ. What a run did not train,
# or too briefly to compare, has no row.


# %%
def rows_of(profile_name):
    rows = []
    for lesson in LESSONS:
        run = records.recorded(lesson, profile_name) or {}
        facts = {"lesson": lesson, "run": run}
        found = run.get("comparison", {})
        rows += [facts | {"title": title, "row": row} for title, row in found.items()]
        if not found:
            rows.append(facts | {"title": lesson[:18], "row": None})
    return rows


def missing(entry):
    return NOT_SCORED if entry["run"] else NOT_RECORDED


def measured(rows, extractor="LeNet (mnist)"):
    return [entry for entry in rows if entry["row"] and entry["row"]["extractor"] == extractor]


tables = {name: rows_of(name) for name in ("full", "quick")}
for name, entries in tables.items():
    models = [entry["title"] for entry in entries if entry["row"]]
    print(f"{name}: {', '.join(models) or NOT_RECORDED}")

# %% [markdown]
# ## The noise floor
#
# Real training images, scored like a model's (recorded where images are missing). A model that
# draws only typical images can exceed their precision.


# %%
def floor_of(name):
    train_set, test_set = (gan_utils.load_images(name, part) for part in ("train", "test"))
    if min(len(train_set), len(test_set)) < evaluation.COUNT:
        run = records.recorded("14_comparison", "quick") or {"metrics": {}}
        return run["metrics"].get("floors", {}).get(name)
    part = train_set.sample(evaluation.COUNT)
    options = {"real_images": test_set.images, "classifier": name}
    return evaluation.scores(images.to_float(part.images), part.labels, **options)


test_set = gan_utils.load_images("mnist", split="test")
floors = {name: floor_of(name) for name in ("mnist", "fashion_mnist")}
print({name: round(floor["distance"], 2) for name, floor in floors.items() if floor})

# %% [markdown]
# ## The table
#
# | column | what it is | better |
# |---|---|---|
# | distance, kernel | Fréchet and kernel distance on LeNet features | low |
# | prec. | share of fakes that lie among the real images | high |
# | recall | share of real images that lie among the fakes | high |
# | label | label accuracy: share of fakes that show the class asked for | high |
# | seconds, steps | of the training; a step is one update of the generator | |
# | ms | milliseconds a step: seconds / steps, all updates included | low |
# | batch | real images in one update of the discriminator | |
# | G, D | parameters in thousands | |


# %%
def show_scores(rows, floors):
    print(f"{'model':<19}{'distance':>9}{'kernel':>9}{'prec.':>7}{'recall':>8}{'label':>7}")
    for name, floor in floors.items():
        if floor:
            show_line(f"real, {name.replace('_mnist', '')}", floor)
    for entry in rows:
        if entry["row"]:
            show_line(entry["title"] + star(entry), entry["row"])
        else:
            print(f"{entry['title']:<19}{missing(entry)}")


def show_line(title, row):
    asked = "-" if row["agreement"] is None else f"{row['agreement']:.1%}"
    print(f"{title:<19}{row['distance']:>9.1f}{row['kernel_distance']:>9.2f}", end="")
    print(f"{row['precision']:>7.2f}{row['recall']:>8.2f}{asked:>7}")


def star(entry):
    return "*" if "fashion" in entry["row"]["extractor"] else "+" * (entry["lesson"] == "07_sgan")


show_scores(tables["full"], floors)
print("* Fashion-MNIST, another classifier: not to be compared with the other rows")
print("+ made to classify, not to draw: lesson 07 shows what it is good at")

# %% [markdown]
# One seed a row, and 10,000 images (noise floors in `quick`: 5,000, which raises distances). The
# cost:


# %%
def show_costs(rows):
    print(f"{'model':<19}{'seconds':>8}{'steps':>8}{'batch':>6}{'ms':>6}{'G':>8}{'D':>7}")
    for entry in rows:
        row = entry["row"]
        if not row:
            print(f"{entry['title']:<19}{missing(entry)}")
            continue
        g_count, d_count = (count / 1000 for count in row["parameters"])
        print(f"{entry['title']:<19}{row['seconds']:>8.0f}{row['steps']:>8,}", end="")
        print(f"{row['batch_size']:>6}{1000 * row['seconds'] / row['steps']:>6.0f}", end="")
        print(f"{g_count:>8,.0f}{d_count:>7,.0f}")
    runs = [entry["run"]["hardware"] for entry in rows if entry["run"]]
    for machine in sorted({f"{run['cpu']}, {run['cores']} cores" for run in runs}):
        print(f"recorded on: {machine}")


show_costs(tables["full"])

# %% [markdown]
# Budgets differ, and seconds count the machine's other work too, so no row beats another. Nor do
# parameters show the cost: a convolution uses each weight at every place. The short runs:

# %%
show_scores(tables["quick"], floors)
show_costs(tables["quick"])

# %% [markdown]
# ### Equal budgets
#
# So a study trained every model on MNIST with its short run's hyperparameters and three seeds, and
# scored it after as many images, and after as many seconds
# ([more](../book/studies/equal-budgets.md)). Predict first: do the rankings agree?


# %%
def draw_budgets(study, axis):
    found = study["metrics"]
    means = {name: facts["mean_seconds"] for name, facts in found["summary"].items()}
    ranking = sorted(means, key=means.get)
    for budget, color, face in (("images", COLORS[0], "none"), ("seconds", COLORS[1], COLORS[1])):
        reached = [row[budget]["distance"] for row in found["runs"]]
        places = [ranking.index(row["model"]) for row in found["runs"]]
        look = {"edgecolors": color, "facecolors": face, "s": 50, "linewidths": 1.8}
        label = f"after {found['budget'][budget]:,.0f} {budget}"
        axis.scatter(reached, places, label=label, **look)
    axis.set_yticks(range(len(ranking)), ranking)
    axis.invert_yaxis()
    return ranking


# %% [markdown]
# A mark a seed; models by mean distance after equal seconds. Dotted: this page's floor.

# %%
study = records.recorded("study_budgets", "full")
figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
if study:
    draw_budgets(study, axis)
    figure.legend(loc="outside lower center", ncols=2)
if floors["mnist"]:
    axis.axvline(floors["mnist"]["distance"], color="0.3", linestyle=":")
axis.set(xscale="log", xlabel="Fréchet distance, LeNet features", title="Equal budgets")
plt.show()

# %% [markdown]
# ## The gallery
#
# The first twenty images of each model, none chosen; where one can ask for a class, each column is
# one.


# %%
def show_gallery(rows, name, test_set):
    shown = [entry for entry in rows if entry["row"]]
    count = len(shown) + 1
    figure, axes = plt.subplots(count, 1, figsize=(6.4, 1.52 * count), layout="constrained")
    axes = np.atleast_1d(axes)
    real = images.grid(test_set.images[: 2 * evaluation.COLUMNS], columns=evaluation.COLUMNS)
    axes[0].imshow(np.repeat(real, 3, axis=2))
    axes[0].set_title("real digits")
    for axis, entry in zip(axes[1:], shown, strict=True):
        axis.imshow(evaluation.decode_image(entry["row"]["sheet"]))
        axis.set_title(f"{entry['title']}: {entry['row']['seconds']:.0f} s")
    for axis in axes:
        axis.set_axis_off()
    figure.suptitle(f"Recorded runs, profile {name}")
    plt.show()
    absent = [f"{entry['title']} ({missing(entry)})" for entry in rows if not entry["row"]]
    print("not here: " + ", ".join(absent) if absent else "every lesson is here")


for name in ("full", "quick"):
    show_gallery(tables[name], name, test_set)

# %% [markdown]
# Could you read each digit? Do two of them look the same?
#
# ## How to choose
#
# More rows are in [the map of the models](../book/models.md).
#
# | you want | take | because | lesson |
# |---|---|---|---|
# | small images, no labels, minutes | GAN, dense | cheap steps, so many of them | 01 |
# | the same, hours | R3GAN | the lowest distance of the full table | 16 |
# | larger images, no labels | DCGAN | its weights do not multiply with the pixels | 02 |
# | to say what is drawn, with labels | CDCGAN | lowest distance in both equal budgets | 05 |
# | that, and a classifier as well | AC-GAN | the discriminator names the class too | 06 |
# | photographs with classes | projection, conditional batch norm | the class scales features | 18 |
# | groups found without labels | InfoGAN | a code that can be read off the image | 08 |
# | a classifier, with few labels | SGAN | images without labels teach the shared layers | 07 |
# | a loss to read in a long run | WGAN-GP | the critic estimates a distance | 10 |
# | gradients for fakes that already pass | LSGAN | squared distance to a target | 09 |
# | an image turned into another | Pix2Pix | pairs, and a distance to the answer | 11, 12 |
# | that, without pairs | CycleGAN | it has to lead back | 19 |
#
# Labels help: use them if you have them. Change networks and learning rates before the loss: lesson
# 09 measures a case in which batch normalization decides and the loss does not. Keep an exponential
# moving average (EMA) of the generator's weights, but measure both: after few steps the plain
# weights can be better. Believe no difference without a second seed.
#
# ## Bring your own images
#
# To use your folder, set `OWN_FOLDER`; in Colab, upload it to Drive and mount it. Otherwise we draw
# one, as messy as real ones: several sizes, gray and transparent images, a file that is no image.

# %%
OWN_FOLDER = None
RUN = records.run_folder("14_comparison", test_set)
SKINS = [(255, 205, 70), (250, 150, 120), (130, 200, 120), (120, 170, 250)]


def draw_face(rng):
    width, height = (int(side) for side in rng.integers(48, 97, 2))
    image = Image.new("RGB", (width, height), tuple(map(int, rng.integers(190, 256, 3))))
    pen, unit = ImageDraw.Draw(image), min(width, height) / 100
    middle = np.array([width, height] * 2) / 2

    def box(*corners):
        return list(middle + unit * np.array(corners))

    pen.ellipse(box(-40, -40, 40, 40), fill=SKINS[rng.integers(len(SKINS))])
    for side in (-15, 15):
        pen.ellipse(box(side - 6, -18, side + 6, -6), fill=(40, 30, 30))
    mouth = box(-22, -12, 22, rng.uniform(12, 28))
    pen.arc(mouth, 20, 160, fill=(120, 20, 30), width=max(2, int(5 * unit)))
    return image


# %% [markdown]
# The folder.


# %%
def make_example(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    for index in range(count):
        image = draw_face(rng)
        if index % 20 == 7:
            image = image.convert("L")
        elif index % 20 == 13:
            image.putalpha(255)
        image.save(folder / f"face-{index:03}.png")
    (folder / "notes.txt").write_text("no image", encoding="utf-8")


folder = Path(OWN_FOLDER) if OWN_FOLDER else RUN / "faces"
if not OWN_FOLDER:
    make_example(folder, OWN_COUNT + HELD_OUT)
print(f"{len(list(folder.iterdir()))} files")

# %% [markdown]
# ### The data
#
# A network wants one size, one number of channels and one range. `gan_utils.load_folder` applies
# the EXIF rotation, lays transparent parts on white, cuts out the middle square, resizes with
# antialiasing, and names what is odd. What we hold out never trains anything: it will show
# whether the discriminator has learned faces or files. Files often lie in order, so shuffle before.

# %%
own_set = gan_utils.load_folder(folder, OWN_SIZE, broken="skip")
own_images = own_set.images[np.random.default_rng(SEED).permutation(len(own_set))]
held_out = min(HELD_OUT, len(own_images) // 2)
kept_out, own_train = own_images[:held_out], own_images[held_out:]
print(f"{own_set}: {len(own_train)} to train with, {len(kept_out)} held out")
plots.show_images(own_train[:16], columns=8, title="What the network will see")
plt.show()

# %% [markdown]
# Are heads cut off? Are there duplicates? The generator will copy what is wrong here.
#
# ### The networks
#
# Sizes are powers of 2; each doubling adds one block to both networks.


# %%
def build_generator(size=OWN_SIZE, channels=3, width=32):
    doublings = int(np.log2(size // 4))
    filters = width * 2 ** (doublings - 1)
    blocks = [layers.Input((LATENT_DIM,)), layers.Dense(16 * filters, use_bias=False)]
    blocks += [layers.Reshape((4, 4, filters))]
    for index in range(doublings):
        last = index == doublings - 1
        filters = channels if last else filters // 2
        blocks += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.2)]
        options = {"activation": "tanh"} if last else {"use_bias": False}
        blocks += [layers.Conv2DTranspose(filters, 4, strides=2, padding="same", **options)]
    return keras.Sequential(blocks, name="generator")


def build_discriminator(size=OWN_SIZE, channels=3, width=32):
    blocks = [layers.Input((size, size, channels))]
    for index in range(int(np.log2(size // 4))):
        blocks += [layers.Conv2D(width * 2**index, 4, strides=2, padding="same")]
        blocks += [layers.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential([*blocks, layers.Flatten(), layers.Dense(1)], name="discriminator")


for network in (build_generator(), build_discriminator()):
    print(f"{network.name}: {network.output_shape}, {network.count_params():,} parameters")

# %% [markdown]
# ### Few images: show each in many ways
#
# GANs want thousands of images, and a folder has some hundreds. The discriminator memorizes the
# files, and its gradient means nothing for an image that it has not seen. The fix: show it
# shifted and mirrored images, and do the same to the **fakes** (Zhao et al., 2020; Karras et al.,
# 2020).


# %%
def augment(batch, seed, pad=PAD):
    count, size = batch.shape[:2]
    seeds = tf.random.experimental.stateless_split(seed, 2)
    padded = tf.pad(batch, [[0, 0], [pad, pad], [pad, pad], [0, 0]], "REFLECT")
    corners = tf.random.stateless_uniform((2, count, 1), seeds[0], 0, 2 * pad + 1, tf.int32)
    rows, columns = corners[0] + tf.range(size), corners[1] + tf.range(size)
    shifted = tf.gather(
        tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1
    )
    mirrored = tf.random.stateless_uniform((count, 1, 1, 1), seeds[1]) < 0.5
    return tf.where(mirrored, tf.reverse(shifted, [2]), shifted)


class AugmentedGAN(GAN):
    def real_inputs(self, batch):
        return augment(super().real_inputs(batch), self.next_seed(1001))

    def fake_inputs(self, fake_images, inputs):
        return augment(super().fake_inputs(fake_images, inputs), self.next_seed(1002))


# %% [markdown]
# The base class asks these two methods what the discriminator sees. Mirror only what may be
# mirrored: a face may, a 3 may not.
#
# ### Training, with and without
#
# After each epoch, a fixed number of steps, we note the discriminator's mean logit. As long as it
# is equal for training and held-out images, it knows faces; when they part, it knows its files.


# %%
class MeanLogits(keras.callbacks.Callback):
    def __init__(self, train, held):
        super().__init__()
        self.parts = [images.to_float(part) for part in (train, held)]
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        parts = [*self.parts, self.model.generate(len(self.parts[1]), seed=SEED)]
        logits = [self.model.discriminator(part, training=False) for part in parts]
        self.rows.append([float(tf.reduce_mean(part)) for part in logits])


def train_on(train_images, held, kind):
    keras.utils.set_random_seed(SEED)
    gan = kind(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=0.99, seed=SEED)
    gan.compile(*(keras.optimizers.Adam(RATE, beta_1=0.5) for _ in range(2)))
    logits = MeanLogits(train_images[: len(held)], held)
    options = {"batch_size": BATCH_SIZE, "steps_per_epoch": STEPS_PER_EPOCH, "seed": SEED}
    batches = gan_utils.Batches(train_images, **options)
    watchers = [logits, callbacks.TerminateOnNaN()]
    gan.fit(batches, epochs=EPOCHS, callbacks=watchers, verbose=0)
    return {"gan": gan, "logits": np.array(logits.rows)}


# %% [markdown]
# Both runs: the same first weights, the same order of images.

# %%
KINDS = {"plain": GAN, "augmented": AugmentedGAN}
own = {name: train_on(own_train, kept_out, kind) for name, kind in KINDS.items()}
for name, result in own.items():
    print(f"{name}: {EPOCHS * STEPS_PER_EPOCH} steps, {result['gan'].seconds:.0f} s")
    fakes = result["gan"].generate(16, seed=SEED)
    plots.show_images(fakes, columns=8, title=f"{name}: fakes from the same noise")
    plt.show()

# %% [markdown]
# ## What goes wrong: the discriminator knows your files
#
# The three logits, epoch by epoch.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True, layout="constrained")
labels = ("training images", "held-out images", "fakes")
for axis, (name, result) in zip(axes, own.items(), strict=True):
    for label, color, style, values in zip(
        labels, COLORS, ("-", "--", ":"), result["logits"].T, strict=False
    ):
        axis.plot(range(1, EPOCHS + 1), values, style, color=color, label=label, linewidth=2.2)
    axis.set(title=name, xlabel="epoch")
axes[0].set_ylabel("mean logit of D")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
plt.show()
late = {name: result["logits"][EPOCHS // 2 :].mean(axis=0) for name, result in own.items()}
gaps = {name: float(logits[0] - logits[1]) for name, logits in late.items()}
print("training minus held-out, second half:", {name: round(gap, 2) for name, gap in gaps.items()})
earlier = records.recorded("14_comparison", "quick")
if earlier:
    found = earlier["metrics"]["gaps"]
    print(records.origin(earlier), {name: round(gap, 2) for name, gap in found.items()})

# %% [markdown]
# The gap is what the discriminator knows about files and not about faces; in the recorded runs
# augmentation made it smaller.
#
# And are the fakes copies? The nearest training image of each, and of held-out images, which are no
# copies.


# %%
def nearest(fakes, others):
    flat, other_flat = (part.reshape(len(part), -1).astype("float64") for part in (fakes, others))
    squared = np.stack([((other_flat - one) ** 2).mean(axis=1) for one in flat])
    return squared.argmin(axis=1), np.sqrt(squared.min(axis=1)) / 2


train_float, held_float = (images.to_float(part) for part in (own_train, kept_out))
drawn = {name: run["gan"].generate(len(kept_out), seed=SEED) for name, run in own.items()}
copies = {"held out": nearest(held_float, train_float)[1].mean()}
for name, fakes in drawn.items():
    copies[name] = nearest(fakes, train_float)[1].mean()
print({name: round(float(distance), 3) for name, distance in copies.items()})
places, _ = nearest(drawn["augmented"][:8], train_float)
plots.show_images(
    np.concatenate([drawn["augmented"][:8], train_float[places]]),
    columns=8,
    row_labels=["generated", "nearest"],
    title="Generated, and the nearest training image",
)
plt.show()

# %% [markdown]
# If fakes lie much nearer than held-out images, the generator has memorized the folder.
#
# ## Use it
#
# The generator with its EMA weights goes into one file.

# %%
generator_file = RUN / "own.keras"
own["augmented"]["gan"].ema_generator.save(generator_file)
latents = np.random.default_rng(SEED).standard_normal((8, LATENT_DIM)).astype("float32")
elsewhere = gan_utils.call_in_fresh_process(generator_file, latents)
plots.show_images(elsewhere, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# For a number: `gan-utils score FOLDER own.keras --metric kid`, the distance without bias.
#
# ## Exercises
#
# **1 ★ Predict first:** model A has distance 20 after 40 s, model B 15 after 400 s. Which one is
# better? Name two runs that would answer it.
#
# <details><summary>Solution</summary>
#
# Impossible to say: A may overtake B with the same seconds. Train both for 40 s, or both for 400 s,
# with several seeds.
#
# </details>
#
# **2 ★ Predict first:** shift and mirror only the real images. What will the generator learn? And
# if only the fakes are augmented?
#
# <details><summary>Solution</summary>
#
# The discriminator knows only shifted real images, so the generator draws shifted ones: the
# augmentation leaks. If only the fakes are shifted, their reflected borders give them away.
#
# </details>
#
# **3 ★★ Predict first, then derive with pencil and paper:** the builders double the width of the
# innermost block with each doubling of the size. How do the multiplications for one image grow, in
# the limit of many doublings?
#
# <details><summary>Solution</summary>
#
# Each old block works at twice the height and width: four times the work. The new innermost block
# has twice its neighbor's channels on both sides, at half the height and width: as much work as its
# neighbor. So $d$ equal blocks become $d + 1$, and the work grows by $4(d+1)/d$, towards four.
#
# </details>


# %% tags=["hide-cell"]
def multiplications(network):
    total = 0
    for layer in network.layers:
        if isinstance(layer, layers.Conv2DTranspose):
            total += int(np.prod(layer.input.shape[1:3])) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Conv2D):
            total += int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total


previous = None
for size in (16, 32, 64, 128):
    pair = build_generator(size), build_discriminator(size)
    work, parameters = (
        sum(map(count, pair)) for count in (multiplications, lambda network: network.count_params())
    )
    growth = f"{work / previous:.1f} times" if previous else ""
    print(f"{size:>4}: {parameters:>12,} parameters, {work:>14,} multiplications {growth}")
    previous = work

# %% [markdown]
# **4 ★★★ Predict first:** rank the models of the quick table by distance and by kernel distance.
# How well do the orders agree? And distance with precision, or with recall?

# %% tags=["hide-cell"]
known = [entry["row"] for entry in measured(tables["quick"])]
if len(known) > 2:
    for other, sign in (("kernel_distance", 1), ("precision", -1), ("recall", -1)):
        pairs = [[row["distance"] for row in known], [sign * row[other] for row in known]]
        print(f"distance and {other}: rank correlation {stats.spearmanr(*pairs).statistic:+.2f}")

# %% [markdown]
# ## Summary
#
# - Compare models only with the same images, counts, features and budget, and with a noise floor.
# - Choose by task and data first; networks and learning rates can decide more than the loss.
# - A folder becomes data by decisions: crop, background, channels. Look at the result.
# - With few images, augment both sides, hold some out, look for copies.
#
# ## References
#
# - M. Lucic et al., *Are GANs Created Equal? A Large-Scale Study*, NeurIPS 2018.
#   <https://arxiv.org/abs/1711.10337>
# - S. Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.10738>
# - T. Karras et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.06676>

# %% tags=["remove-cell"]
seconds = sum(result["gan"].seconds for result in own.values())
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "images": len(own_train),
    "gaps": gaps,
    "nearest": copies,
}
if len(test_set) >= evaluation.COUNT:  # measured here
    found["floors"] = {name: floor for name, floor in floors.items() if floor}
records.record("14_comparison", found, seconds=seconds, data="drawn faces", seed=SEED)
assert own_train.shape[1:] == (OWN_SIZE, OWN_SIZE, 3)
assert OWN_FOLDER or len(own_train) == OWN_COUNT
assert all(np.isfinite(result["logits"]).all() for result in own.values())
assert elsewhere.shape == (8, OWN_SIZE, OWN_SIZE, 3)
assert np.isfinite([*gaps.values(), *copies.values()]).all()
