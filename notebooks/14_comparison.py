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
# **What you will do.** Put the models of this book next to each other, with the same scores on the
# same real images; then take a folder of your own images and train a GAN on it.
#
# **What you will learn**
#
# - what each model costs, and what it gives for that;
# - how to read such a table: what may be compared, and what may not;
# - which model to take for which task;
# - what changes when images, networks or the number of devices grow;
# - how a folder of images becomes training data, and what goes wrong when it is small.
#
# **What you need.** Lesson 02; lesson 13 explains the scores. The comparison itself trains nothing:
# it shows runs that were recorded. Only the last part, your own images, trains a small network.

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
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image as ShownImage
from IPython.display import display
from keras import layers
from PIL import Image, ImageDraw, ImageOps
from scipy import stats

import gan_utils
from gan_utils import GAN, callbacks, evaluation, image_folders, images, plots, profile, records

print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, gan_utils {gan_utils.__version__}")
print(f"GPU: {[gpu.name for gpu in tf.config.list_physical_devices('GPU')] or 'none'}")
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# The lessons to compare, with what sets each apart.

# %%
LESSONS = {
    "01_gan": "dense networks",
    "02_dcgan": "convolutions",
    "04_cgan": "dense, draws the digit asked for",
    "05_cdcgan": "convolutions, draws the digit asked for",
    "06_acgan": "Fashion-MNIST; draws the class asked for",
    "07_sgan": "its aim is a classifier from few labels, not images",
    "08_infogan": "finds ten classes without labels",
    "09_lsgan": "convolutions, squared loss",
    "10_wgan": "convolutions, earth mover's distance",
}
NOT_RECORDED = "no recorded run yet"
NOT_SCORED = "recorded without these scores"

# %% [markdown]
# And the hyperparameters of the training at the end, on your own images.

# %%
SEED = profile.seed(14)
OWN_SIZE = 32
OWN_COUNT = 60
HELD_OUT = 60
LATENT_DIM = 64
BATCH_SIZE = 16
PAD = 3
D_RATE = 1e-3
G_RATE = 1e-3
AVERAGE = 0.99
EPOCHS = profile.epochs(full=30, quick=8, smoke=2)
STEPS_PER_EPOCH = profile.steps(full=100, quick=65, smoke=2)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## Where the numbers come from
#
# The last cell of each lesson describes its run: scores, seconds, steps, parameters, a sheet of
# images, data, machine. `make train LESSON=02_dcgan GAN_PROFILE=quick` trains a lesson and keeps
# that in `book/results/02_dcgan.json`. All lessons measure in the same way, with
# `gan_utils.evaluation`: as many images from each model, the same real test images, the same
# classifier's features. That matters more than which score it is: a Fréchet distance from 2,000
# images and one from 5,000 are two different quantities.
#
# Two kinds of run are shown. In the `quick` budget a lesson may train for at most 45 seconds on
# two cores, all its models together; the seconds in the table are those of the one training that
# made the images. The `full` runs have budgets of their own, which the table shows next to them. A
# model that a kind of run did not train, or trained too briefly to compare, has no line there.


# %%
def rows_of(profile_name):
    rows = []
    for lesson, note in LESSONS.items():
        run = records.recorded(lesson, profile_name) or {}
        facts = {"lesson": lesson, "note": note, "run": run}
        found = run.get("comparison", {})
        rows += [facts | {"title": title, "row": row} for title, row in found.items()]
        if not found:
            rows.append(facts | {"title": lesson, "row": None})
    return rows


def missing(entry):
    return NOT_SCORED if entry["run"] else NOT_RECORDED


def measured(rows, judge="LeNet (mnist)"):
    return [entry for entry in rows if entry["row"] and entry["row"]["extractor"] == judge]


tables = {name: rows_of(name) for name in ("quick", "full")}
done = {name: {e["lesson"] for e in rows if e["row"]} for name, rows in tables.items()}
for lesson, note in LESSONS.items():
    kinds = [name for name in tables if lesson in done[name]]
    print(f"{lesson:<11} {', '.join(kinds) or NOT_RECORDED:<20} {note}")

# %% [markdown]
# ## What nothing can beat
#
# A score needs a noise floor: real against real. We measure real training images as if a model had
# drawn them, against the same test images; both are drawn evenly over their sets. No generator can
# be expected to do better. For label accuracy, the limit is the classifier itself. The number of
# images is part of the quantity: where fewer are at hand than a comparison takes, the noise floor
# of the recorded runs is shown.


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
for name, floor in floors.items():
    if floor is None:
        print(f"{name}: too few images are here, and no noise floor is recorded")
    else:
        print(
            f"{name}: {floor['samples']:,} against {floor['real_samples']:,} real images:",
            end=" ",
        )
        print(f"distance {floor['distance']:.2f}")

# %% [markdown]
# ## The table
#
# | column | what it is | better |
# |---|---|---|
# | distance | Fréchet distance on LeNet features | low |
# | kernel | kernel distance, mean over subsets | low |
# | prec. | share of fakes that lie among the real ones | high |
# | recall | share of real ones that lie among the fakes | high |
# | label | label accuracy: share of fakes that show the class asked for, where one can ask | high |
# | batch | real images in one update of the discriminator | |
# | ms | milliseconds for one step of the generator, with all that belongs to it | low |
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


show_scores(tables["quick"], floors)
print("* Fashion-MNIST, other data and another classifier: not to be compared with the other rows")
print("+ made to classify, not to draw: lesson 07 shows what it is good at")

# %% [markdown]
# Read down one column, never across: a model may be precise and poor in variety. Every row is one
# run with one seed. Lesson 09 repeats trainings and shows how far such numbers move by chance; a
# difference smaller than that says nothing about the models.
#
# What these images cost:


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
    machines = {
        (run["hardware"]["cpu"], run["hardware"]["cores"], *run["hardware"]["gpus"])
        for run in (entry["run"] for entry in rows)
        if run
    }
    for cpu, cores, *gpus in sorted(machines):
        print(f"recorded on: {cpu}, {cores} cores, GPU {', '.join(gpus) or 'none'}")


show_costs(tables["quick"])

# %% [markdown]
# Seconds depend on the machine, and on what else it was doing; parameters and steps do not. Do not
# expect the one from the other: a weight of a dense layer is used once for an image, a weight of a
# convolution at every place of it, so networks of similar size can differ many times in cost.
#
# The recorded long runs, each with its own budget:

# %%
show_scores(tables["full"], floors)
print()
show_costs(tables["full"])

# %% [markdown]
# In these two tables the budgets differ from row to row, so a row shows what its model reached with
# that much training, and no row beats another.
#
# ## Distance against seconds
#
# A fair question is not "which model is best" but "which is best for this much computing". Filled
# marks are the short runs, hollow ones the long runs; both axes are logarithmic.

# %%
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKS = "os^Dv<>phX"


def draw_trade(tables, axis):
    titles = list(dict.fromkeys(e["title"] for rows in tables.values() for e in measured(rows)))
    unnamed = set(titles)
    for name, rows in tables.items():
        for entry in measured(rows):
            place, row = titles.index(entry["title"]), entry["row"]
            color = COLORS[place % len(COLORS)]
            face = color if name == "quick" else "none"
            label = entry["title"] if entry["title"] in unnamed else None
            unnamed.discard(entry["title"])
            look = {"marker": MARKS[place % len(MARKS)], "s": 70, "linewidths": 1.8}
            shown = {"label": label, "edgecolors": color, "facecolors": face}
            axis.scatter(row["seconds"], row["distance"], **look, **shown)
    return titles


# %% [markdown]
# The dotted line is the noise floor, real against real.

# %%
figure, axis = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
drawn_titles = draw_trade(tables, axis)
if floors["mnist"]:
    axis.axhline(floors["mnist"]["distance"], color="0.3", linestyle=":", label="real against real")
axis.set(title="MNIST models (filled: short runs, hollow: long)", xscale="log", yscale="log")
axis.set(xlabel="seconds of training", ylabel="Fréchet distance, LeNet features")
if drawn_titles:
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
else:
    axis.text(0.5, 0.5, NOT_RECORDED, ha="center", transform=axis.transAxes)
plt.show()

# %% [markdown]
# Low and to the left is good. Two marks of one shape show what more training bought that model. No
# conclusion is typed here, since the runs may be recorded anew; this cell draws them:

# %%
for name, rows in tables.items():
    known = measured(rows)
    if len(known) < 2:
        print(f"{name}: fewer than two recorded runs to compare")
        continue
    nearest = min(known, key=lambda entry: entry["row"]["distance"])
    varied = max(known, key=lambda entry: entry["row"]["recall"])
    cheapest = min(known, key=lambda entry: entry["row"]["seconds"] / entry["row"]["steps"])
    print(f"{name}: nearest to real digits {nearest['title']}", end=" ")
    print(f"({nearest['row']['distance']:.1f} after {nearest['row']['seconds']:.0f} s)")
    print(f"  highest recall {varied['title']} ({varied['row']['recall']:.2f})", end="; ")
    print(f"cheapest step {cheapest['title']}")
    asked = [entry for entry in known if entry["row"]["agreement"] is not None]
    if asked:
        best = max(asked, key=lambda entry: entry["row"]["agreement"])
        print(f"  highest label accuracy: {best['title']} ({best['row']['agreement']:.1%})")

# %% [markdown]
# ## The gallery
#
# A score is no image. The first twenty that each model drew, none of them chosen; where one
# can ask for a class, each column is a class.


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


show_gallery(tables["quick"], "quick", test_set)

# %% [markdown]
# Look at one row at a time. Could you read each digit? Do two of them look the same? Then compare
# with the table: precision speaks of the first question, recall of the second.
#
# The long runs:

# %%
show_gallery(tables["full"], "full", test_set)

# %% [markdown]
# The same questions, asked of models with more training. Where a model is in both galleries,
# compare its two rows with the two marks of its shape in the figure above.
#
# ## How to choose
#
# Begin with what you have and what you want; the loss comes last.
#
# | you want | take | because | lesson |
# |---|---|---|---|
# | small images, no labels | GAN, dense | cheap steps, so many of them; start here | 01 |
# | larger images, no labels | DCGAN | its weights do not multiply with the pixels | 02 |
# | to say what is drawn, with labels | CGAN, CDCGAN | the label goes to both networks | 04, 05 |
# | that, and a classifier as well | AC-GAN | the discriminator names the class too | 06 |
# | groups found without labels | InfoGAN | a code that can be read off the image | 08 |
# | a classifier, with few labels | SGAN | images without labels teach the shared layers | 07 |
# | a loss to read in a long run | WGAN-GP | the critic estimates a distance | 10 |
# | fewer lost clusters, at a price | WGAN-GP | more critic steps do not hurt it | 10 |
# | gradients for fakes that already pass | LSGAN | squared distance to a target | 09 |
# | an image turned into another | Pix2Pix | pairs, and a distance to the answer | 11, 12 |
#
# Three rules that save time:
#
# 1. Change networks and learning rates before you change the loss. Lesson 09 measures a case in
#    which batch normalization decides and the loss does not.
# 2. Keep an exponential moving average (EMA) of the generator's weights, which costs one more copy
#    of them, and measure both: after few steps the average still contains early weights, and the
#    plain ones can be better.
# 3. Decide by a score with a noise floor and by looking, and repeat with another seed before you
#    believe it.
#
# ## How to scale
#
# ### Larger images
#
# Each doubling of height and width adds one block to both networks. The builder below does that by
# itself; it is the one that your own images will use.


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


# %% [markdown]
# What does a doubling cost? Parameters, and multiplications for one image generated and scored.


# %%
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


sizes = {}
print(f"{'size':>5}{'parameters of G':>17}{'of D':>12}{'multiplications':>17}{'times':>8}")
for size in (16, 32, 64, 128):
    pair = build_generator(size), build_discriminator(size)
    assert pair[0].output_shape == (None, size, size, 3)
    assert pair[1].output_shape == (None, 1)
    counts = [network.count_params() for network in pair]
    sizes[size] = (*counts, sum(multiplications(network) for network in pair))
    growth = sizes[size][2] / sizes[size // 2][2] if size // 2 in sizes else 1
    print(f"{size:>5}{counts[0]:>17,}{counts[1]:>12,}{sizes[size][2]:>17,}{growth:>8.1f}")
assert sizes[128][2] > 4 * sizes[64][2]

# %% [markdown]
# The width of the innermost block doubles with the size, so the work grows more than fourfold
# each time (last column). A training that takes a minute at one size takes more than an hour
# three doublings later, if it needs no more steps; and it does need more. That is why one tries
# everything at a small size first.
#
# ### More devices
#
# `gan_utils.GAN` trains under `tf.distribute` without another line: build and compile it inside the
# strategy's scope. To show it without two GPUs, a fresh process splits the CPU into two logical
# devices. Afterwards both copies of each weight must be the same, or the devices would train two
# different models.
#
# With real GPUs, leave out the two lines about logical devices and the list of names.

# %%
mirrored_script = f"""
import keras, numpy as np, tensorflow as tf
from keras import layers
from gan_utils import GAN

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
pictures = np.random.default_rng({SEED}).integers(0, 256, (256, 8, 8, 1), dtype=np.uint8)
with strategy.scope():
    generator = keras.Sequential(
        [layers.Input((4,)), layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))])
    discriminator = keras.Sequential(
        [layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)])
    gan = GAN(generator, discriminator, 4, seed={SEED})
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
gan.fit(pictures, batch_size=32, epochs=2, verbose=0)
copies = [variable.value.values for variable in generator.trainable_variables]
print(len(copies[0]), int(gan.g_optimizer.iterations.numpy()),
      max(float(np.abs(a - b).max()) for a, b in copies))
"""
answer = gan_utils.run_in_fresh_process(mirrored_script)
devices, mirrored_steps, mirrored_difference = answer.split()
print(f"{devices} devices, {mirrored_steps} steps; largest difference {mirrored_difference}")
assert float(mirrored_difference) == 0

# %% [markdown]
# What to keep in mind when the number of devices grows:
#
# - `batch_size` is that of all devices together. Each gets its share; the step stays one step.
# - With a batch twice as large, a step is worth more, but not twice as much. Raise the learning
#   rate with care and look at the images.
# - Batch normalization uses the statistics of each device's share alone, unless the layer is built
#   with `synchronized=True`. With few images a device, that matters.
# - Each device needs noise of its own. The book's base class draws that of the whole batch from
#   seed and step, and each device keeps its share: the same draws as on one device.
# - Keras sums gradients over devices. A loss written as a plain mean would make the step grow with
#   the number of devices; the base class scales it.
# - On several machines all of them stop when one does. Write checkpoints to a disk that all can
#   read, and start again from the last one: `callbacks.Checkpoint` does both.
#
# ### More images to score
#
# `metrics.Moments` takes in images batch by batch, so a million need the memory of one batch.
# The distance itself is cheap, too, if the square root of the matrix product is not taken the usual
# way. From a recorded benchmark:

# %%
speed = records.recorded("speed_metrics")
if speed:
    found = speed["metrics"]
    print(f"{speed['dimensions']:,} dimensions, {speed['date']}, {speed['clock']} seconds")
    for count in (5000, 500):
        print(f"{count:>6,} images a side: scipy's sqrtm {found[f'sqrtm_seconds_{count}']:.2f} s,")
        print(f"{'':>7}gan_utils {found[f'seconds_{count}']:.3f} s:", end=" ")
        print(f"{found[f'ratio_{count}']:.0f} times faster")
else:
    print(NOT_RECORDED)

# %% [markdown]
# ## Bring your own pictures
#
# Everything from here on works with any folder. To use yours, set `OWN_FOLDER`; in Colab, upload a
# folder to Drive and mount it. As long as it is `None`, we make one, with the troubles that real
# folders have: images of different sizes and shapes, gray ones, transparent ones, and a file that
# is no image.

# %%
OWN_FOLDER = None
RUN = records.run_folder("14_comparison", test_set)
SKINS = [(255, 205, 70), (250, 150, 120), (130, 200, 120), (120, 170, 250)]


def draw_face(rng):
    width, height = (int(side) for side in rng.integers(48, 97, 2))
    picture = Image.new("RGB", (width, height), tuple(int(v) for v in rng.integers(190, 256, 3)))
    pen = ImageDraw.Draw(picture)
    radius = min(width, height) * rng.uniform(0.36, 0.44)
    x, y = width / 2 + rng.uniform(-2, 2), height / 2 + rng.uniform(-2, 2)

    def disk(right, down, size, color):
        left, top = x + (right - size) * radius, y + (down - size) * radius
        pen.ellipse([left, top, left + 2 * size * radius, top + 2 * size * radius], fill=color)

    disk(0, 0, 1, SKINS[rng.integers(len(SKINS))])
    for side in (-1, 1):
        disk(side * rng.uniform(0.35, 0.42), -0.3, 0.16, (40, 30, 30))
    bend = radius * rng.uniform(0.35, 0.55)
    mouth = [x - 0.55 * radius, y - 0.3 * bend, x + 0.55 * radius, y + bend + 0.1 * radius]
    pen.arc(mouth, 20, 160, fill=(120, 20, 30), width=max(2, int(radius * 0.12)))
    return picture


# %% [markdown]
# The example folder. Every twentieth image is gray, and some carry transparency.


# %%
def make_example(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("face-*.png"):
        old.unlink()
    rng = np.random.default_rng(SEED)
    for index in range(count):
        picture = draw_face(rng)
        if index % 20 == 7:
            picture = picture.convert("L")
        elif index % 20 == 13:
            picture.putalpha(255)
        picture.save(folder / f"face-{index:03}.png")
    (folder / "notes.txt").write_text("where these pictures come from", encoding="utf-8")


folder = Path(OWN_FOLDER) if OWN_FOLDER else RUN / "faces"
if not OWN_FOLDER:
    make_example(folder, OWN_COUNT + HELD_OUT)
print(f"{len(list(folder.iterdir()))} files")

# %% [markdown]
# ### From files to an array
#
# A network wants one size, one number of channels and one range. `gan_utils.load_folder` turns each
# image as its camera meant it, lays transparent parts on white, cuts the middle square, and resizes
# with an antialiased filter (lesson 13 shows what the other filters do). It does so once and keeps
# the result as bytes, which the next call reads. What is odd is named, not skipped in silence: here
# gray images among colored ones, and a file that is no image.

# %%
own_set = gan_utils.load_folder(folder, OWN_SIZE, broken="skip")
print(own_set)

# %% [markdown]
# Shuffle before you set some aside: files often lie in order of date or kind. What is held out
# never trains anything; it will tell us whether the discriminator has learned faces or only these
# files.

# %%
own_pictures = own_set.images[np.random.default_rng(SEED).permutation(len(own_set))]
held_out = min(HELD_OUT, len(own_pictures) // 2)
kept_out, own_train = own_pictures[:held_out], own_pictures[held_out:]
print(f"{len(own_train)} to train with, {len(kept_out)} held out")
print(f"{own_train.shape[1:]} {own_train.dtype}, values {own_train.min()} to {own_train.max()}")
plots.show_images(own_train[:16], columns=8, title="What the network will see")
plt.show()

# %% [markdown]
# Look at this figure longer than at any other. Are heads cut off? Is everything of one size? Are
# there duplicates? The generator will copy whatever is wrong here.
#
# ### Few images: show each in many ways
#
# GANs want thousands of images, and a folder has some hundreds. The discriminator then learns
# the files by heart, and its gradient means nothing to an image it has not seen. The fix is to
# show it shifted and mirrored images, and to do the same to the **fakes**: if only the real
# ones were shifted, the generator would learn to draw shifted ones. The gradient flows through
# the shift, so the generator is told what it drew, not what was made of it (Zhao et al., 2020;
# Karras et al., 2020).


# %%
def augment(pictures, seed, pad=PAD):
    count, size = pictures.shape[0], pictures.shape[1]
    seeds = tf.random.experimental.stateless_split(seed, 2)
    padded = tf.pad(pictures, [[0, 0], [pad, pad], [pad, pad], [0, 0]], "REFLECT")
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
# The base class asks these two methods what the discriminator sees; nothing else changes. One
# image, augmented eight times:

# %%
one = tf.repeat(images.to_float(own_train[:1]), 8, axis=0)
plots.show_images(
    augment(one, tf.constant([SEED, 1])).numpy(), columns=8, title="One image, 8 times"
)
plt.show()

# %% [markdown]
# Mirror only what may be mirrored: a face may, a 3 may not. Shift only as far as your images vary
# anyway.
#
# ### Training, with and without
#
# After each epoch we note the discriminator's logits for training images, held-out images and
# fakes. As long as the first two get the same logits, it knows faces. When they part, it knows its
# files.


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


def train_on(pictures, held, kind):
    keras.utils.set_random_seed(SEED)
    gan = kind(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=AVERAGE, seed=SEED)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(D_RATE, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(G_RATE, beta_1=0.5),
    )
    grid = callbacks.SampleGrid(keras.random.normal((16, LATENT_DIM), seed=SEED), columns=8)
    logits = MeanLogits(pictures[: len(held)], held)
    options = {"batch_size": BATCH_SIZE, "steps_per_epoch": STEPS_PER_EPOCH, "seed": SEED}
    watching = [grid, logits, callbacks.TerminateOnNaN()]
    gan.fit(gan_utils.Batches(pictures, **options), epochs=EPOCHS, callbacks=watching, verbose=0)
    return {"gan": gan, "grid": grid, "logits": np.array(logits.rows)}


# %% [markdown]
# Both runs: the same networks, the same first weights, the same order of images.

# %%
KINDS = {"plain": GAN, "augmented": AugmentedGAN}
own = {name: train_on(own_train, kept_out, kind) for name, kind in KINDS.items()}
for name, run in own.items():
    gan = run["gan"]
    print(f"{name:<10}{int(gan.g_optimizer.iterations)} steps, {gan.seconds:.0f} s", end=", ")
    print(f"{1000 * gan.seconds / (EPOCHS * STEPS_PER_EPOCH):.0f} ms each")

# %% [markdown]
# The images first, from the augmented run: the same noise before training and after each epoch.

# %%
frames = own["augmented"]["grid"].frames
animation = plots.save_gif(frames, RUN / "own.gif", seconds=0.5)
display(ShownImage(filename=animation, alt="Sixteen faces taking shape, epoch by epoch"))

# %% [markdown]
# Both runs at the end, from the same noise:

# %%
for name, run in own.items():
    title = f"{name}: drawn after {EPOCHS * STEPS_PER_EPOCH} steps"
    plots.show_images(run["gan"].generate(16, seed=SEED), columns=8, title=title)
    plt.show()

# %% [markdown]
# Colors and outlines come first, eyes and mouths later. Whether the faces are new is the next
# question.
#
# ## What goes wrong: the discriminator knows your files
#
# The three logits, epoch by epoch.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True, layout="constrained")
looks = {
    "training images": ("#0072B2", "-"),
    "held-out images": ("#D55E00", "--"),
    "fakes": ("#009E73", ":"),
}
for axis, (name, run) in zip(axes, own.items(), strict=True):
    for (label, (color, line)), values in zip(looks.items(), run["logits"].T, strict=True):
        ticks = range(1, len(values) + 1)
        axis.plot(ticks, values, label=label, color=color, linestyle=line, linewidth=2.2)
    axis.set(title=name, xlabel="epoch")
axes[0].set_ylabel("mean logit of D")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
plt.show()
second_half = {name: run["logits"][EPOCHS // 2 :].mean(axis=0) for name, run in own.items()}
gaps = {name: float(logits[0] - logits[1]) for name, logits in second_half.items()}
print("training minus held-out, second half:", {name: round(gap, 2) for name, gap in gaps.items()})
for kind in ("full", "quick"):
    earlier = records.recorded("14_comparison", kind)
    if earlier:
        found = earlier["metrics"]["gaps"]
        print(records.origin(earlier), {name: round(gap, 2) for name, gap in found.items()})

# %% [markdown]
# The distance between the solid and the dashed line is what the discriminator knows about files and
# not about faces. The printed differences show how far apart they were on average in the second
# half of each run: of this one, and of the recorded ones, in which augmentation made the gap
# smaller. Where the gap opens, stop, add images, or augment.
#
# The other half of the question: are the generated images copies? For each, we look for the nearest
# training image, pixel by pixel, and do the same for held-out images, which are certainly no
# copies.


# %%
def nearest(pictures, others):
    flat, other_flat = (
        part.reshape(len(part), -1).astype("float64") for part in (pictures, others)
    )
    squared = ((flat[:, None] - other_flat[None]) ** 2).mean(axis=2)
    return squared.argmin(axis=1), np.sqrt(squared.min(axis=1)) / 2


train_float, held_float = (images.to_float(part) for part in (own_train, kept_out))
drawn = {name: run["gan"].generate(len(kept_out), seed=SEED) for name, run in own.items()}
copies = {"held out": nearest(held_float, train_float)[1].mean()}
for name, pictures in drawn.items():
    copies[name] = nearest(pictures, train_float)[1].mean()
for name, distance in copies.items():
    print(f"{name:<10} nearest training image: {distance:.3f} of the range away")

# %% [markdown]
# A generator whose images lie much nearer to the training images than held-out ones do has
# learned the folder by heart. The eye can check: generated images above, their nearest training
# images below.

# %%
found_places, _ = nearest(drawn["augmented"][:8], train_float)
plots.show_images(
    np.concatenate([drawn["augmented"][:8], train_float[found_places]]),
    columns=8,
    row_labels=["generated", "nearest"],
    title="Generated, and the nearest training image",
)
plt.show()

# %% [markdown]
# Same kind, same colors perhaps; the same image would have the same corners, the same tilt and the
# same mouth.
#
# ## Use it
#
# The generator with its averaged weights (EMA) goes into one file. A fresh process draws from it
# with two lines.

# %%
generator_file = RUN / "own.keras"
own["augmented"]["gan"].ema_generator.save(generator_file)
use_script = f"""
import numpy as np
from gan_utils import weights
generator = weights.load_generator({str(generator_file)!r})
latents = np.random.default_rng({SEED}).standard_normal((8, generator.input_shape[1]))
np.save({str(RUN / "own.npy")!r}, generator(latents.astype("float32"), training=False))
"""
gan_utils.run_in_fresh_process(use_script)
elsewhere = np.load(RUN / "own.npy")
plots.show_images(elsewhere, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# Eight images from a process that knows nothing of this lesson but the file.
#
# To put a number on it, in a terminal: `gan-utils score FOLDER own.keras --metric kid`. For color
# images that takes the network behind published figures, which is downloaded once. The kernel
# distance is the right score for a small folder, since its expectation does not depend on how
# many images there are. Compare only with numbers from the same extractor, and read the noise floor
# next to it.
#
# ## Exercises
#
# Try each before you open its solution.
#
# **1. Does the order depend on the score?** Rank the models of the quick table by distance and by
# kernel distance. How well do the two orders agree? And distance with precision?

# %% tags=["hide-cell"]
known = [entry["row"] for entry in measured(tables["quick"])]
if len(known) > 2:
    for other, sign in (("kernel_distance", 1), ("precision", -1), ("recall", -1)):
        pairs = [[row["distance"] for row in known], [sign * row[other] for row in known]]
        print(f"distance and {other}: rank correlation {stats.spearmanr(*pairs).statistic:+.2f}")
else:
    print(NOT_RECORDED)

# %% [markdown]
# A correlation of 1 means the same order, 0 none. Distance and kernel distance see the same
# features and nearly the same things; precision alone can be bought with variety.
#
# **2. Keep the whole image.** `load_folder` cuts off what lies outside the middle square. Write a
# reader that keeps everything and fills up with white. When is each the better choice?


# %% tags=["hide-cell"]
def read_padded(path, size):
    picture = Image.fromarray(images.read_image(path))
    return np.asarray(ImageOps.pad(picture, (size, size), Image.BICUBIC, color="white"))


padded = [read_padded(path, OWN_SIZE) for path in image_folders.list_images(folder)[:8]]
plots.show_images(
    np.concatenate([own_set.images[:8], padded]),
    columns=len(padded),
    row_labels=["cut", "filled up"],
    title="Two ways to a square",
)
plt.show()

# %% [markdown]
# Cutting keeps the scale and loses the edges; filling up keeps the edges and teaches the generator
# to draw white bars. Cut where the subject is in the middle.
#
# **3. What does the fakes' share of the augmentation do?** Shift only the real images and leave
# the fakes as they are. What will the generator learn? (Think first; then change `fake_inputs`.)
# The solution shows the real images as such a discriminator would know them.

# %% tags=["hide-cell"]
shifted = augment(tf.constant(train_float), tf.constant([SEED, 2])).numpy()
means = {
    name: part.std(axis=0).mean() for name, part in (("as is", train_float), ("shifted", shifted))
}
print({name: round(float(value), 3) for name, value in means.items()})
plots.show_images(
    np.stack([train_float.mean(axis=0), shifted.mean(axis=0)]),
    columns=2,
    titles=["mean image", "mean, shifted"],
    scale=2,
)
plt.show()

# %% [markdown]
# The shifted images follow another distribution: blurred around the middle on average, and more
# different from each other. A discriminator that sees only those as real drives the generator
# there.
#
# ## Summary
#
# - Compare models only with the same images, counts, features and budget, and with a noise floor
#   next to them.
# - Choose by task and data first; networks and rates decide more than the loss.
# - Twice the size costs more than four times as much. Several devices need noise of their own and
#   care with gradients and batch statistics.
# - A folder becomes data by decisions: crop, background, filter, channels. Look at the result.
# - With few images, augment both sides, hold some out, and look for copies.
#
# ## References
#
# - M. Lucic et al., *Are GANs Created Equal? A Large-Scale Study*, NeurIPS 2018.
#   <https://arxiv.org/abs/1711.10337>
# - S. Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.10738>
# - T. Karras et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020.
#   <https://arxiv.org/abs/2006.06676>
# - P. Goyal et al., *Accurate, Large Minibatch SGD*, 2017 (batches and learning rates on many
#   devices). <https://arxiv.org/abs/1706.02677>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>

# %% tags=["remove-cell"]
seconds = sum(run["gan"].seconds for run in own.values())
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": STEPS_PER_EPOCH,
    "pictures": len(own_train),
    "gaps": gaps,
    "nearest": copies,
}
if len(test_set) >= evaluation.COUNT:  # measured here
    found["floors"] = {name: floor for name, floor in floors.items() if floor}
records.record("14_comparison", found, seconds=seconds, data="drawn faces", seed=SEED)
assert own_train.shape[1:] == (OWN_SIZE, OWN_SIZE, 3)
if not OWN_FOLDER:
    assert len(own_train) == OWN_COUNT
assert all(np.isfinite(run["logits"]).all() for run in own.values())
assert all(len(run["grid"].frames) == EPOCHS + 1 for run in own.values())
assert elsewhere.shape == (8, OWN_SIZE, OWN_SIZE, 3)
assert np.isfinite([*gaps.values(), *copies.values()]).all()
assert min(copies.values()) >= 0
steps_done = [int(run["gan"].g_optimizer.iterations) for run in own.values()]
assert steps_done == [EPOCHS * STEPS_PER_EPOCH] * 2
