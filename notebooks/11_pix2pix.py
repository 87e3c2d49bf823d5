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
# # Pix2Pix: from a picture to a picture

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/11_pix2pix.ipynb)

# %% [markdown]
# **What you will do.** Train a network that turns satellite pictures into maps, and another one
# that turns maps into satellite pictures. Then give it pictures of your own.
#
# **What you will learn**
#
# - how a U-Net keeps the details of its input, and a PatchGAN judges a picture piece by piece;
# - how to compute what one output of a discriminator sees, and why names can be wrong;
# - what the L1 loss does alone, what the adversarial loss does alone, what both do together, and
#   for which direction of translation the adversarial loss is worth having;
# - why dropout and batch statistics stay on when this generator is used, and how they get lost;
# - how to measure a translation, and how to use your own pairs.
#
# **What you need.** The DCGAN lesson. A CPU with two cores is enough for the short run of this
# page. The classic networks are built and counted here; training them wants a GPU.

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
import inspect

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers
from PIL import Image as Picture

import gan_utils
from gan_utils import GAN, callbacks, images, pairs, plots, profile, records
from gan_utils.layers import AlwaysBatchNormalization, AlwaysDropout, halvings

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# `TUTORIAL` is the classic recipe: pictures of 256 by 256 pixels, 64 filters in the first layers,
# 100 passes over the 1,096 pairs of the maps set, one pair at a time. Without a GPU that takes more
# than a day. So training here has **the same code with two smaller numbers**: `SIZE` and `FILTERS`.
# The learning rate falls in a straight line to nearly nothing over a run, which suits short runs.

# %%
SEED = profile.seed(11)
VALIDATION_SEED = 11  # the same places whatever the seed of training, so that runs compare
TUTORIAL = {"size": 256, "filters": 64, "pairs": 1_096, "epochs": 100, "rate": 2e-4}
SIZE = profile.samples(full=128, quick=64, smoke=32)
FILTERS = profile.samples(full=16, quick=12, smoke=4)
L1_WEIGHT = 100.0
BETA_1 = 0.5
G_RATE, D_RATE = 5e-4, 2e-4
TRAIN_COUNT = profile.samples(full=2_000, quick=500, smoke=6)
VALIDATION_COUNT = profile.samples(full=200, quick=60, smoke=4)
STEPS_PER_EPOCH = profile.steps(full=1_000, quick=80, smoke=2)
EPOCHS = profile.epochs(full=24, quick=10, smoke=2)
BACK_EPOCHS = profile.epochs(full=6, quick=3, smoke=1)
EXERCISE_STEPS = profile.steps(full=1_000, quick=100, smoke=2)
FEW = profile.samples(full=24, quick=24, smoke=4, available=TRAIN_COUNT)
FIXED_COUNT = profile.samples(full=4, quick=4, smoke=4, available=VALIDATION_COUNT)
EXTENT = 25.0 * SIZE**0.5  # meters of ground along one side of a picture
EAGER = profile.name == "smoke"

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs.

# %%
for name in ("quick", "full"):
    run = records.recorded("11_pix2pix", name)
    if run:
        minutes = run["seconds"] / 60
        print(
            f"{name}: {minutes:.1f} minutes of training on {run['hardware']['cores']} cores", end=""
        )
        print(f" (satellite to map {run['metrics']['main_seconds'] / 60:.1f})")
    else:
        print(f"{name}: no recorded run yet")
steps = EPOCHS * STEPS_PER_EPOCH
print(f"this run, {profile.name}: {steps:,} updates at {SIZE} x {SIZE}; ", end="")
print(f"the tutorial: {TUTORIAL['epochs'] * TUTORIAL['pairs']:,} at 256 x 256")

# %% [markdown]
# ## The idea
#
# A plain GAN makes pictures out of noise. Here the generator gets a **picture** $x$, the *source*,
# and returns another one, $G(x, z)$, which should be the *target* $y$ of the same place. Training
# has pairs $(x, y)$. The discriminator sees a pair as well: the source together with either the
# true target or the generated one. It asks two things at once: does this look like a map, and is it
# the map *of that picture*? That makes it a conditional GAN (Isola et al., 2017, equation 1):
#
# $$
# \mathcal{L}_{cGAN}(G, D) = \mathbb{E}_{x,y}\,[\log D(x, y)]
#   + \mathbb{E}_{x,z}\,[\log (1 - D(x, G(x, z)))].
# $$
#
# Since the right answer is known, one can also ask for it pixel by pixel (equation 3):
#
# $$
# \mathcal{L}_{L1}(G) = \mathbb{E}_{x,y,z}\,\bigl[\lVert y - G(x, z) \rVert_1\bigr].
# $$
#
# Both together are Pix2Pix (equation 4):
#
# $$
# G^* = \arg\min_G \max_D\; \mathcal{L}_{cGAN}(G, D) + \lambda\,\mathcal{L}_{L1}(G).
# $$
#
# The L1 term alone has an easy way out when it is not sure: a value in the middle of the possible
# ones. That costs least, and it is **blur**. A discriminator sees at once that blur is no map. So
# L1 says *where* things are, and the discriminator says *what things look like*. And the noise $z$?
# There is no noise vector. It is **dropout**, which stays on for good; more about that below.
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$ | `source` | the picture to translate |
# | $y$ | `target` | its true translation |
# | $z$ | (dropout) | noise inside of the generator |
# | $G(x, z)$ | `fake_images` | the generated translation |
# | $\mathrm{logit}\,D(x, y)$ | `real_logits` | a grid of verdicts, one for each patch |
# | $\lVert y - G \rVert_1$ | `l1` | mean absolute difference of two pixels |
# | $\lambda$ | `L1_WEIGHT` | weight of that difference |

# %% [markdown]
# ## The data
#
# The classic example is the *maps* set: 2,194 pictures from a web map, satellite left and map
# right, an archive of about 250 MB. This lesson draws its pairs instead: a **procedural city**,
# satellite picture and map of the same streets, parks, water and houses. It needs no download,
# there is no end of it, and it comes with something no photograph has: the true class of every
# pixel. So we can say how many pixels of a map are *right*. Your own pairs come in by the same
# door, as shown below.

# %%
train_set = pairs.city(TRAIN_COUNT, SIZE, seed=SEED, extent=EXTENT)
validation_set = pairs.city(
    VALIDATION_COUNT, SIZE, seed=VALIDATION_SEED, first=1_000_000, extent=EXTENT
)
folder = records.run_folder("11_pix2pix")
print(f"{len(train_set):,} pairs to train on, {len(validation_set)} others to measure with")
print("source", train_set.source.shape, train_set.source.dtype, "like target", end=", ")
print("classes", train_set.classes.shape)
plots.show_images(
    np.concatenate([train_set.source[:FIXED_COUNT], train_set.target[:FIXED_COUNT]]),
    columns=FIXED_COUNT,
    row_labels=["satellite", "map"],
    title="The same places twice",
)
plt.show()

# %% [markdown]
# Roofs, trees and shadows above; below, flat colors. Going down, much detail must be ignored: all
# roofs become one color. Going up, much must be invented: no map says where a tree stands. The
# colors of the maps and what they stand for:

# %%
swatches = np.full((7, 40, 80, 3), 90, np.uint8)  # a gray frame: one of the colors is white
swatches[:, 1:-1, 1:-1] = train_set.palette[:, None, None]
plots.show_images(swatches, columns=4, titles=list(train_set.class_names), title="Legend")
plt.show()
shares = np.bincount(validation_set.classes.ravel(), minlength=7) / validation_set.classes.size
for name, share in zip(validation_set.class_names, shares, strict=True):
    print(f"{name:<9} {share:6.1%} of the pixels")

# %% [markdown]
# A map without any street would still be right in many pixels. Keep the largest of these shares in
# mind: a model that always predicts the most common class scores as high.

# %% [markdown]
# ### Your own pairs
#
# Any folder of side-by-side images will do, or two folders, `load_pairs("photos", "maps")`, whose
# files are matched by name; `gan-utils pairs check` shows what is in them. Only the names of the
# files are kept in memory; images are read when a batch needs them. To show it, we write a few
# cities as such a folder, and read them back.

# %%
own_folder = pairs.write_city(folder / "own_pairs", 3, SIZE, seed=SEED + 3, extension="jpg")
own_pairs = pairs.load_pairs(own_folder, size=SIZE, source="left")
print(f"{len(own_pairs)} pairs, each half {own_pairs.size}, source on the {own_pairs.source}")
own_source, own_target = own_pairs[0]
print(own_source.shape, own_target.shape, own_source.dtype)
print("the maps set is here:", pairs.find_maps() is not None)

# %% [markdown]
# Pairs need not be square: with `size=(256, 384)` for the pairs and for both networks, training is
# the same, as long as 16 divides both sides.
#
# For the maps set write `train_set = pairs.maps("train", SIZE)` and `validation_set =
# pairs.maps("val", SIZE).arrays()` above. It is downloaded at the first use, and a download that
# was cut off goes on. For the other direction, say `source="right"`, or `swapped()` of any set.

# %% [markdown]
# ## What the recorded run reached
#
# Before anything is trained on this page: what do these networks reach when they train for longer?
# Both translators of the recorded full run come with this project. They are found in a checkout, or
# downloaded once and checked; where neither is possible, the cell prints why.


# %%
def translate_with(network, inputs, **options):
    return np.concatenate([network(one[None], **options) for one in inputs])


def show_rows(source, generated, target, title):
    count = len(source)
    plots.show_images(
        np.concatenate([source, generated, target]),
        columns=count,
        row_labels=["source", "generated", "target"],
        title=title,
    )
    plt.show()


# %% [markdown]
# Here they translate places that no training has seen. First from map to satellite, the direction
# in which nearly everything must be invented.

# %%
for name in ("map_to_satellite", "satellite_to_map"):
    trained_translator, sentence = gan_utils.weights.try_generator(name)
    print(sentence)
    if trained_translator is None:
        continue
    side = trained_translator.input_shape[1]
    places = pairs.city(4, side, seed=VALIDATION_SEED + 2, extent=EXTENT * (side / SIZE) ** 0.5)
    if name == "map_to_satellite":
        places = places.swapped()
    given, wanted = images.to_float(places.source), images.to_float(places.target)
    translated = translate_with(trained_translator, given, training=False)
    show_rows(given, translated, wanted, f"{name}, trained translator of the recorded full run")

# %% [markdown]
# How good is a translation? Five figures, all against the true target:
#
# - **L1**: mean absolute difference, as a share of the range from black to white. Small is good.
# - **PSNR**, in decibels: the mean squared difference on a logarithmic scale. Large is good.
# - **SSIM**: similarity of local means, contrasts and patterns, at most 1 (Wang et al., 2004).
# - **Sharpness**: the mean difference of neighboring pixels, divided by that of the targets. The
#   best value is 1: below it an image is blurred, above it there is contrast that the targets do
#   not have, noise for instance. So the tables also print how far it is **off**,
#   $\lvert \text{sharpness} - 1 \rvert$.
# - **Right map color**, for maps of the city: give each pixel the class with the nearest map color,
#   and count how many have the true class.


# %%
def neighbor_difference(pictures):
    return np.abs(np.diff(pictures, axis=1)).mean() + np.abs(np.diff(pictures, axis=2)).mean()


def measure(generated, targets, classes=None):
    drawn, true = (generated + 1) / 2, (targets + 1) / 2
    found = {
        "l1": np.abs(drawn - true).mean(),
        "psnr": np.mean(tf.image.psnr(drawn, true, max_val=1.0)),
        "ssim": np.mean(tf.image.ssim(drawn, true, max_val=1.0)),
        "sharpness": neighbor_difference(drawn) / neighbor_difference(true),
    }
    if classes is not None:
        found["map_color"] = pairs.map_accuracy(generated, classes)
    return {name: float(value) for name, value in found.items()}


# %% [markdown]
# A table of such figures. An invented satellite image has no right colors to count; there the last
# column is *read back*: the translator from satellite to map turns the image back into a map, whose
# right colors are counted. The paper scores invented images in the same way, with a trained
# network.


# %%
def print_table(title, rows, last="map color"):
    print(f"{title}\n{'':<16}{'L1':>7}{'PSNR':>7}{'SSIM':>7}", end="")
    print(f"{'sharpness':>11}{'off':>6}{last:>11}")
    for name, found in rows.items():
        print(f"{name:<16}{found['l1']:>7.3f}{found['psnr']:>7.1f}{found['ssim']:>7.3f}", end="")
        print(f"{found['sharpness']:>11.2f}{abs(found['sharpness'] - 1):>6.2f}", end="")
        print(f"{found['map_color']:>11.1%}" if "map_color" in found else "")


RECORDED = records.recorded("11_pix2pix", "full")
if RECORDED:
    print(records.origin(RECORDED))
    reached = RECORDED["metrics"]
    updates = f"{reached['back_updates']:,} updates each"
    print_table(f"\nmap to satellite, {updates}", reached["back_figures"], "read back")
    print_table(f"\nsatellite to map, {reached['updates']:,} updates each", reached["figures"])
else:
    print("no recorded full run yet")

# %% [markdown]
# **Map to satellite.** L1 alone is blurred: its sharpness is far below 1. With the adversarial loss
# on top (*L1 + GAN*, here with three discriminators that are explained below) it comes close to 1,
# except for the discriminator that sees single pixels only, and the image can still be read back.
# Here the adversarial loss is worth having.
#
# **Satellite to map.** L1 alone is better than Pix2Pix in *every* column. Its sharpness is nearer
# to 1 too: Pix2Pix has nearly twice the contrast of a true map, which is noise in areas that should
# be flat. A map leaves little to invent. The source nearly determines it, so the safest guess is
# the right color and not a blur, and the discriminator has nothing to add. The paper reports the
# same for photos of streets and their label maps, and gives the same reason. So train the L1
# baseline before you add a discriminator, and measure both.

# %% [markdown]
# ## The generator: a U-Net
#
# An encoder halves height and width again and again, down to one pixel with many channels: *what is
# this place?* A decoder doubles them again. Alone, the decoder could not know where a street's edge
# was; so each of its layers also gets, through a **skip connection**, the output of the encoder
# layer of the same size, called `twin` in the code. Drawn on paper that looks like a U.
#
# All weights start from a normal distribution with standard deviation 0.02. The first encoder layer
# and the innermost one have no batch normalization: innermost there is a single pixel, and a single
# value minus its own mean is always zero.


# %%
def normal_weights():
    return keras.initializers.RandomNormal(stddev=0.02)


def down(filters, features, normalization=None):
    convolution = layers.Conv2D(
        filters, 4, strides=2, padding="same", kernel_initializer=normal_weights()
    )
    features = convolution(features)
    if normalization:
        features = normalization()(features)
    return layers.LeakyReLU(negative_slope=0.2)(features)


def up(filters, features, twin, normalization, dropout=None):
    convolution = layers.Conv2DTranspose(
        filters, 4, strides=2, padding="same", kernel_initializer=normal_weights()
    )
    features = normalization()(convolution(features))
    if dropout:
        features = dropout(0.5)(features)
    return layers.ReLU()(layers.Concatenate()([features, twin]))


# %% [markdown]
# The whole network. It halves its input as often as 2 divides height and width (256: eight times);
# how wide it is follows from the number of filters. The first three decoder layers have dropout.
# `always_on=False` builds the same network from Keras' own layers, for an experiment further down.


# %%
def build_generator(size=SIZE, filters=FILTERS, always_on=True):
    normalization = AlwaysBatchNormalization if always_on else layers.BatchNormalization
    dropout = AlwaysDropout if always_on else layers.Dropout
    size, depth = halvings(size)
    widths = [filters * min(2**level, 8) for level in range(depth - 1)]
    features = source = layers.Input((*size, 3))
    twins = []
    for level, width in enumerate(widths):
        features = down(width, features, normalization if level else None)
        twins.append(features)
    bottleneck = layers.Conv2D(
        8 * filters, 4, strides=2, padding="same", kernel_initializer=normal_weights()
    )
    features = layers.ReLU()(bottleneck(features))
    for level, (width, twin) in enumerate(zip(widths[::-1], twins[::-1], strict=True)):
        features = up(width, features, twin, normalization, dropout if level < 3 else None)
    last = layers.Conv2DTranspose(
        3, 4, strides=2, padding="same", activation="tanh", kernel_initializer=normal_weights()
    )
    return keras.Model(source, last(features), name="generator")


# %% [markdown]
# At the tutorial's size: shapes down and up, and the number of parameters. If it were another
# network, this cell would fail.

# %%
classic_generator = build_generator(TUTORIAL["size"], TUTORIAL["filters"])
convolutions = [
    layer
    for layer in classic_generator.layers
    if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose)
]
for way, kind in (("down", layers.Conv2D), ("up", layers.Conv2DTranspose)):
    shapes = [tuple(layer.output.shape[1:]) for layer in convolutions if type(layer) is kind]
    print(f"{way:<5}", *["x".join(map(str, shape)) for shape in shapes])
print(f"parameters: {classic_generator.count_params():,}")
assert classic_generator.output_shape == (None, 256, 256, 3)
assert classic_generator.count_params() == 54_429_315
del classic_generator, convolutions

# %% [markdown]
# ### Layers that stay on
#
# Dropout and batch normalization usually have two lives: one in training, one in use. Here they
# have one. Dropout is the generator's noise, and batch normalization works with the statistics of
# the batch at hand, which is one picture. The book's package has a layer for each; this is all:

# %%
print(inspect.getsource(AlwaysDropout.call))
print(inspect.getsource(AlwaysBatchNormalization.call))

# %% [markdown]
# Both decide in their own `call` and not by an argument that somebody else passes. Why that matters
# in Keras 3 is shown under *What goes wrong*.

# %% [markdown]
# ## The discriminator: a PatchGAN
#
# It sees source and target stacked, six channels, and returns not one logit but a **grid** of them.
# Each judges its own patch of the picture. Blur and wrong colors show in a small window, so patches
# are enough; that things are in the right *place* is what the L1 term looks after. A list of layers
# describes each kind: kernel size, stride, filters as a multiple of `FILTERS` (0: the single
# output). `70x70`, `16x16` and `1x1` are those of the paper. `tutorial` is the network of a
# widespread Keras tutorial, which calls it a 70 by 70 PatchGAN too. Is it one?

# %%
KINDS = {
    "1x1": ((1, 1, 1), (1, 1, 2), (1, 1, 0)),
    "16x16": ((4, 2, 1), (4, 1, 2), (4, 1, 0)),
    "70x70": ((4, 2, 1), (4, 2, 2), (4, 2, 4), (4, 1, 8), (4, 1, 0)),
    "tutorial": ((4, 2, 1), (4, 2, 2), (4, 2, 4), (4, 2, 8), (4, 1, 8), (4, 1, 0)),
}


def build_discriminator(size=SIZE, filters=FILTERS, kind="70x70"):
    size, _ = halvings(size, least=[stride for _, stride, _ in KINDS[kind]].count(2))
    blocks = [layers.Input((*size, 6))]
    for level, (kernel, stride, multiple) in enumerate(KINDS[kind]):
        convolution = layers.Conv2D(
            filters * multiple or 1,
            kernel,
            strides=stride,
            padding="same",
            kernel_initializer=normal_weights(),
        )
        norm = [layers.BatchNormalization()] if level and multiple else []
        activation = [layers.LeakyReLU(negative_slope=0.2)] if multiple else []
        blocks += [convolution, *norm, *activation]
    return keras.Sequential(blocks, name="discriminator")


# %% [markdown]
# What does one output see? One unit of the last layer looks at as many units of the layer below as
# its kernel is wide. Go down layer by layer: $f$ neighboring units with stride $s$ and kernel $k$
# stand on $(f - 1)\,s + k$ units below. That is the **receptive field**.


# %%
def receptive_field(kind):
    field = 1
    for kernel, stride, _ in reversed(KINDS[kind]):
        field = (field - 1) * stride + kernel
    return field


# %% [markdown]
# A formula can be wrong in the same way as the text it was made for. So we also ask the network:
# the gradient of one output with respect to the input is different from zero exactly where it
# looks.


# %%
def seen_by_gradient(discriminator):
    picture = tf.zeros((1, *discriminator.input_shape[1:]))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        logits = discriminator(picture, training=False)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, picture)[0]).max(axis=-1) > 0
    return int(seen.any(axis=1).sum()), int(seen.any(axis=0).sum())


# %% [markdown]
# All four, at the tutorial's size.

# %%
print(f"{'kind':<10}{'outputs':>10}{'parameters':>12}{'computed':>10}{'by gradient':>13}")
for kind in KINDS:
    classic = build_discriminator(TUTORIAL["size"], TUTORIAL["filters"], kind)
    field, seen = receptive_field(kind), seen_by_gradient(classic)
    outputs = "x".join(map(str, classic.output_shape[1:3]))
    print(f"{kind:<10}{outputs:>10}{classic.count_params():>12,}{field:>10}{seen!s:>13}")
    assert seen == (field, field)
assert classic.output_shape == (None, 16, 16, 1)
assert classic.count_params() == 6_968_257
assert receptive_field("70x70") == 70
assert receptive_field("tutorial") == 142
del classic

# %% [markdown]
# The paper's list gives the famous 70. The tutorial's network has one more layer with stride 2,
# which doubles the step and the field: each of its 256 outputs sees 142 by 142 pixels, more than a
# quarter of the picture's area. It works well all the same, but 70 it is not. From here on we use
# the paper's.
#
# What this page trains:

# %%
generator, discriminator = build_generator(), build_discriminator()
print(f"generator {generator.count_params():,} parameters, {generator.output_shape[1:]}")
print(f"discriminator {discriminator.count_params():,}, outputs {discriminator.output_shape[1:3]}")
depth = int(np.log2(SIZE))
assert sum(isinstance(layer, AlwaysDropout) for layer in generator.layers) == 3
assert (
    sum(isinstance(layer, AlwaysBatchNormalization) for layer in generator.layers) == 2 * depth - 3
)

# %% [markdown]
# ## The losses and the update
#
# The update is that of `gan_utils.GAN`, written out in the DCGAN lesson: one step of $D$, then one
# step of $G$ against the $D$ that has just learned. Pix2Pix says who sees what:
#
# - the generator's input is the source;
# - the discriminator sees source and target on top of each other;
# - its loss is halved, as in the paper, to slow it down (Adam divides by the size of the gradient,
#   so with Adam this changes next to nothing);
# - the generator's loss has the L1 term.
#
# First who sees what. `translate` takes **one picture at a time**: with batch statistics, several
# pictures in a batch would change each other's translations.


# %%
class PairGAN(GAN):
    def __init__(self, generator, discriminator, *, seed=SEED):
        super().__init__(generator, discriminator, latent_dim=1, ema_decay=None, seed=seed)

    def generator_inputs(self, batch, seed, count=None):
        shape = (count, *self.generator.input_shape[1:])
        return tf.zeros(shape) if batch is None else batch[0]

    def real_inputs(self, batch):
        return tf.concat([batch[0], batch[1]], axis=-1)

    def fake_inputs(self, fake_images, inputs):
        return tf.concat([inputs, fake_images], axis=-1)

    def translate(self, inputs, batch_size=1):
        return super().translate(inputs, batch_size)


# %% [markdown]
# Then the losses. With `gan_weight=0` there is no game, only L1, and the discriminator is left
# alone.


# %%
class Pix2Pix(PairGAN):
    def __init__(self, *networks, l1_weight=L1_WEIGHT, gan_weight=1.0, **options):
        super().__init__(*networks, **options)
        self.l1_weight = l1_weight
        self.gan_weight = gan_weight

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.5 * super().discriminator_loss(real_logits, fake_logits)

    def generator_objective(self, batch, inputs, fake_images):
        l1 = tf.reduce_mean(tf.abs(batch[1] - fake_images))
        loss, logs = self.l1_weight * l1, {"l1": l1}
        if self.gan_weight:
            gan_loss, gan_logs = super().generator_objective(batch, inputs, fake_images)
            loss, logs = loss + self.gan_weight * gan_loss, logs | gan_logs | {"gan_loss": gan_loss}
        return loss, logs | {"g_loss": loss}

    def update_discriminator(self, batch, inputs, fake_images):
        return super().update_discriminator(batch, inputs, fake_images) if self.gan_weight else {}


# %% [markdown]
# A check by hand. An undecided discriminator says 0 for each patch: then its halved loss is
# $\ln 2$, and the generator's part from the game is $\ln 2$ too. Two pictures that differ by one
# half everywhere have an `l1` of one half.


# %%
def undecided(size, channels):
    source = layers.Input((size, size, channels))
    logits = layers.Conv2D(1, 4, strides=8, padding="same", kernel_initializer="zeros")(source)
    return keras.Model(source, logits)


by_hand = Pix2Pix(build_generator(32, 2), undecided(32, 6))
by_hand.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam())
source, target = tf.zeros((1, 32, 32, 3)), tf.fill((1, 32, 32, 3), 0.5)
d_loss, _ = by_hand.discriminator_objective((source, target), source, target)
g_loss, logs = by_hand.generator_objective((source, target), source, target - 0.5)
print(f"d_loss {d_loss:.4f}, ln 2 = {np.log(2):.4f}")
print(f"g_loss {g_loss:.4f}, ln 2 + {L1_WEIGHT:.0f} / 2 = {np.log(2) + L1_WEIGHT / 2:.4f}")
np.testing.assert_allclose(d_loss, np.log(2), rtol=1e-5)
np.testing.assert_allclose(g_loss, np.log(2) + L1_WEIGHT / 2, rtol=1e-5)

# %% [markdown]
# A difference of one half, which is a quarter of the range from -1 to 1, costs 50; an undecided
# discriminator costs 0.7. So at the start L1 dominates, and the adversarial loss matters only when
# most pixels are nearly right.
#
# A model for training. Both learning rates fall in a straight line to a twentieth. (`eager` runs a
# model without making a graph of it first, which would take longer than the two updates of a test.)


# %%
def falling(rate, steps):
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=rate / 20)


def make_pix2pix(steps, kind="70x70", *, eager=False, **weights):
    model = Pix2Pix(build_generator(), build_discriminator(kind=kind), **weights)
    model.compile(
        d_optimizer=keras.optimizers.Adam(falling(D_RATE, steps), beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(falling(G_RATE, steps), beta_1=BETA_1),
        run_eagerly=eager,
    )
    return model


# %% [markdown]
# Who moves in one step? As in the lessons before, one player at a time gets a learning rate of
# zero.


# %%
def largest_change(variables, before):
    return max(np.abs(v.numpy() - b).max() for v, b in zip(variables, before, strict=True))


def who_moved(d_rate, g_rate, batch):
    model = Pix2Pix(build_generator(), build_discriminator())
    model.compile(
        d_optimizer=keras.optimizers.Adam(d_rate), g_optimizer=keras.optimizers.Adam(g_rate)
    )
    groups = [
        model.generator.trainable_variables,
        model.discriminator.trainable_variables,
    ]
    before = [[v.numpy() for v in group] for group in groups]
    model.train_step(batch)
    return [largest_change(group, old) for group, old in zip(groups, before, strict=True)]


# %% [markdown]
# The largest change of any weight.

# %%
one_batch = tuple(
    tf.constant(images.to_float(part[:1])) for part in (train_set.source, train_set.target)
)
print(f"{'update of':<12}{'generator':>12}{'discriminator':>16}")
moves = {}
for title, rates in {"both": (1e-4, 1e-4), "D alone": (1e-4, 0.0), "G alone": (0.0, 1e-4)}.items():
    moves[title] = who_moved(*rates, one_batch)
    print(f"{title:<12}{moves[title][0]:>12.1e}{moves[title][1]:>16.1e}")
assert min(moves["both"]) > 0
assert moves["D alone"][0] == 0
assert moves["G alone"][1] == 0

# %% [markdown]
# Each update moves its own network only.

# %% [markdown]
# ## Training
#
# Unless you ask for the profile `full`, training here is short: long enough to see learning happen,
# too short to reach the recorded figures above.
#
# What would be a bad result? The untrained network, and the same map for every place: the mean of
# all true ones.

# %%
sources, targets = (
    images.to_float(part) for part in (validation_set.source, validation_set.target)
)
forward = make_pix2pix(EPOCHS * STEPS_PER_EPOCH)
figures = {
    "untrained": measure(forward.translate(sources), targets, validation_set.classes),
    "the mean map": measure(
        np.broadcast_to(targets.mean(axis=0), targets.shape), targets, validation_set.classes
    ),
}
print_table(f"{len(targets)} pairs that no training sees", figures)

# %% [markdown]
# Now a run. All runs of this lesson go through one function: the same seed, mirrored pairs every
# other time, a checkpoint now and then. If a run was interrupted, the same cell goes on from the
# last checkpoint.


# %%
tf.get_logger().setLevel("ERROR")  # it remarks on every new network that has to be traced


def train(model, pair_set, epochs, run_folder, *, watching=()):
    keras.utils.set_random_seed(SEED)
    batches = pair_set.batches(1, seed=SEED, mirror=True, steps_per_epoch=STEPS_PER_EPOCH)
    model.fit(
        batches,
        epochs=epochs,
        callbacks=[
            *watching,
            callbacks.TerminateOnNaN(),
            callbacks.Checkpoint(run_folder, every=max(1, epochs // 6), keep=1),
        ],
        verbose=0,
    )
    return model


# %% [markdown]
# Satellite to map. `SampleGrid` translates the same four validation pictures after each epoch,
# `StepHistory` keeps the losses.

# %%
fixed_sources, fixed_targets = sources[:FIXED_COUNT], targets[:FIXED_COUNT]
grid = callbacks.SampleGrid(fixed_sources, columns=FIXED_COUNT, folder=folder / "grids")
history = callbacks.StepHistory(folder / "steps.csv")
train(forward, train_set, EPOCHS, folder / "forward", watching=[grid, history])
print(f"{EPOCHS} epochs of {STEPS_PER_EPOCH} updates, {forward.seconds:.0f} s, ", end="")
print(f"{1000 * forward.seconds / (EPOCHS * STEPS_PER_EPOCH):.0f} ms each")

# %% [markdown]
# ### Watching it
#
# The rows are source, generated and target, for the same four places each time. The animation shows
# the rows after each epoch; only the one in the middle changes.

# %%
source_row, target_row = (
    images.grid(part, columns=FIXED_COUNT) for part in (fixed_sources, fixed_targets)
)
frames = [np.concatenate([source_row, frame, target_row]) for frame in grid.frames]
animation = plots.save_gif(frames, folder / "pix2pix.gif")
display(Image(filename=animation, alt="Four maps appearing out of gray, epoch by epoch"))
if "google.colab" in sys.modules:
    from google.colab import files

    files.download(str(animation))

# %% [markdown]
# Large things come first: water, parks, wide streets. What is small or hard to tell apart comes
# last, and may not have come yet: from above, a motorway is a wide road with grass in its middle.
#
# The curves of the run.

# %%
plots.plot_history(
    history.history,
    {
        "L1, mean difference in [-1, 1]": ["l1"],
        "Loss of the game": ["d_loss", "gan_loss"],
        "Judged real by the discriminator": ["d_real", "d_fake"],
    },
    labels={"l1": "L1", "gan_loss": "generator's part"},
)
plt.show()

# %% [markdown]
# L1 falls in every healthy run. The curves of the game say less: an undecided pair has both losses
# at $\ln 2$, about 0.7. A discriminator that is ahead has a low loss and the generator a high one,
# and with patches and a source to compare with, being ahead is the usual case here. It does no harm
# as long as L1 keeps falling.

# %% [markdown]
# ## Results
#
# The figures on all validation pairs, next to those of the recorded run, and the fixed rows as a
# figure.

# %%
generated = forward.translate(sources)
figures["Pix2Pix"] = measure(generated, targets, validation_set.classes)
print_table(f"this run, {EPOCHS * STEPS_PER_EPOCH:,} updates at {SIZE} x {SIZE}", figures)
if RECORDED:
    size = f"{reached['size']} x {reached['size']}"
    recorded_row = {"Pix2Pix": reached["figures"]["Pix2Pix"]}
    print_table(f"\nrecorded full run, {reached['updates']:,} at {size}", recorded_row)
show_rows(fixed_sources, generated[:FIXED_COUNT], fixed_targets, "Satellite to map")

# %% [markdown]
# Compare the second row with the third. Which kinds of ground does the network get right? The share
# of pixels that it paints in the right color, class by class:

# %%
painted = pairs.city_classes(generated)
recalls = {}
for index, name in enumerate(validation_set.class_names):
    true_pixels = validation_set.classes == index
    recalls[name] = float((painted[true_pixels] == index).mean())
    wrong = np.bincount(painted[true_pixels], minlength=7)
    wrong[index] = 0
    other = validation_set.class_names[wrong.argmax()]
    print(f"{name:<9} right {recalls[name]:6.1%}, most often taken for: {other:<9}", end="")
    print(f" (recorded run: {reached['recall_by_class'][name]:.1%})" if RECORDED else "")

# %% [markdown]
# A place drawn by lot, at a larger scale, with titles, and with a picture of where the map is
# wrong.

# %%
lot = int(np.random.default_rng(SEED).integers(len(validation_set)))
right = (painted[lot] == validation_set.classes[lot])[..., None]
checked = np.where(right, np.float32(1), np.float32(-0.6)) * np.ones(3, np.float32)
plots.show_images(
    np.stack([sources[lot], generated[lot], targets[lot], checked]),
    columns=2,
    titles=["source", "generated", "expected", "dark: wrong color"],
    title=f"Validation pair {lot}: {right.mean():.0%} of the pixels are right",
    scale=2.6,
)
plt.show()

# %% [markdown]
# Errors sit where two kinds of ground meet, and on whole objects that were taken for something
# else. One pixel off at every edge costs a lot of the score, and nobody would call that map wrong:
# a share of right pixels is a strict judge of thin things.
# %% [markdown]
# ## The other direction, and what each loss is good for
#
# From map to satellite image, nearly everything must be invented: the roofs' colors, the trees, the
# cars. The recorded run trained this direction five times, all with the same number of updates:
# with L1 alone, with the adversarial loss alone, with both, and with both under two other
# discriminators. And once more satellite to map, with L1 alone. A short run trains one of them, L1
# and the 70x70 discriminator.

# %%
back_set = train_set.swapped()
VARIANTS = {
    "L1 alone": {"gan_weight": 0.0},
    "GAN alone": {"l1_weight": 0.0},
    "L1 + GAN, 1x1": {"kind": "1x1"},
    "L1 + GAN, 16x16": {"kind": "16x16"},
    "L1 + GAN, 70x70": {},
}
compared = records.measured("11_pix2pix", "back_figures")
trained_here = {"L1 + GAN, 70x70": {}} if compared else VARIANTS
back, back_figures = {}, {}
for title, options in trained_here.items():
    model = make_pix2pix(BACK_EPOCHS * STEPS_PER_EPOCH, eager=EAGER, **options)
    name = title.lower().replace(" + ", "_").replace(", ", "_").replace(" ", "_")
    back[title] = train(model, back_set, BACK_EPOCHS, folder / f"back_{name}")
    drawn = model.translate(targets)
    read_back = pairs.map_accuracy(forward.translate(drawn), validation_set.classes)
    back_figures[title] = measure(drawn, sources) | {"map_color": read_back}

# %% [markdown]
# And satellite to map with L1 alone, as long as above, where no recorded run has measured that.

# %%
runs_here = [forward, *back.values()]
if compared is None:
    alone = make_pix2pix(EPOCHS * STEPS_PER_EPOCH, eager=EAGER, gan_weight=0.0)
    train(alone, train_set, EPOCHS, folder / "forward_l1_alone")
    figures["L1 alone"] = measure(alone.translate(sources), targets, validation_set.classes)
    runs_here.append(alone)
updates = f"{BACK_EPOCHS * STEPS_PER_EPOCH:,} updates each"
print_table(f"this run, map to satellite, {updates}", back_figures, "read back")
if RECORDED:
    updates = f"{reached['back_updates']:,} updates each"
    print_table(f"\nrecorded, map to satellite, {updates}", reached["back_figures"], "read back")
if "L1 alone" in figures:
    print_table("\nthis run, satellite to map", figures)

# %% [markdown]
# And by eye: the map on the left, the true image on the right, what was trained here in between.

# %%
shown = min(3, len(validation_set))
shown_columns = [targets[:shown], *(model.translate(targets[:shown]) for model in back.values())]
rows = np.stack([*shown_columns, sources[:shown]], axis=1).reshape(-1, SIZE, SIZE, 3)
names = ["map", *(title.removeprefix("L1 + GAN, ") for title in back), "true"]
plots.show_images(
    rows,
    columns=len(names),
    titles=names + [""] * (len(rows) - len(names)),
    title="Map to satellite: what was drawn after this run",
)
plt.show()

# %% [markdown]
# What the recorded table shows, row by row. L1 alone gives each ground a color in the middle of its
# possible ones, so the image is smooth and blurred. The adversarial loss alone draws structure that
# need not belong to the map: its share read back is by far the lowest. Together they keep things in
# their place and add texture. A 1x1 discriminator sees single pixels: it can ask for the right
# colors but knows nothing of patterns, and the image is about as blurred as with L1 alone. 16x16
# sees a tree, 70x70 a house with its garden, and with these the sharpness comes close to 1.
#
# Note that L1 alone has the *best* L1, PSNR and share read back of that table. It was trained for
# just that. A blurred image is the safest guess and the worst-looking one: no single figure says
# how good a translation looks, so use several, and your eyes.
#
# The translator from map to satellite, at work on the fixed places:

# %%
backward = back["L1 + GAN, 70x70"]
show_rows(fixed_targets, backward.translate(fixed_targets), fixed_sources, "Map to satellite")

# %% [markdown]
# The network cannot know the true roofs; it draws plausible ones where it has learned to. That is
# why the second row may differ much from the third and still be a good answer.

# %% [markdown]
# ## Use it
#
# Only the generator is needed from here on. It is saved in Keras' own format.

# %%
generator_file = folder / "satellite_to_map.keras"
forward.generator.save(generator_file)
backward.generator.save(folder / "map_to_satellite.keras")
print(f"{generator_file.name}: {generator_file.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# A fresh process loads it and translates one picture twice. It imports `gan_utils.layers`, so
# that Keras knows the two layers; nothing else of this lesson is needed.

# %%
np.save(folder / "one_source.npy", sources[:1])
script = f"""
import keras, numpy as np
import gan_utils.layers
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
source = np.load({str(folder / "one_source.npy")!r})
twice = [generator(source, training=False), generator.predict(source, verbose=0)]
np.save({str(folder / "twice.npy")!r}, np.concatenate(twice))
"""
gan_utils.run_in_fresh_process(script)
reloaded = np.load(folder / "twice.npy")
print(f"two translations of one picture differ by {np.abs(reloaded[0] - reloaded[1]).mean():.4f}")
assert np.abs(reloaded[0] - reloaded[1]).max() > 0

# %% [markdown]
# ### A picture file of your own
#
# From a photo on disk to a map of the same size there is a command, for whole folders too:
# `gan-utils translate satellite_to_map.keras photos/ maps/`. Here it gets a JPEG of a place that no
# training has seen, twice as wide and as high as the network's images, with twice as much ground.
# The command resizes it to the network's size and the map back, or with `--fit tile` translates it
# piece by piece.

# %%
place = pairs.city(1, 2 * SIZE, seed=SEED + 1, extent=2 * EXTENT)
photo = folder / "photo.jpg"
Picture.fromarray(place.source[0]).save(photo, quality=95)


def translate_file(output, *options):
    command = [sys.executable, "-m", "gan_utils", "translate", str(generator_file), str(photo)]
    done = subprocess.run(
        [*command, str(output), *options], capture_output=True, text=True, check=True
    )
    print("said:", (done.stderr.strip() or "nothing").replace(str(folder), "..."))
    return np.asarray(Picture.open(output))


resized = translate_file(folder / "resized.png")
tiled = translate_file(folder / "tiled.png", "--fit", "tile")
print("resized", resized.shape, "tiled", tiled.shape)

# %% [markdown]
# Both, beside the photo and the true map.

# %%
whole = {"photo": place.source[0], "expected": place.target[0]}
whole |= {"tiled": tiled, "resized": resized}
plots.show_images(
    np.stack(list(whole.values())),
    columns=2,
    titles=list(whole),
    title="A file of one's own",
    scale=2.6,
)
plt.show()
for name in ("resized", "tiled"):
    print(f"{name}: right color {pairs.map_accuracy(whole[name][None], place.classes):.1%}")

# %% [markdown]
# In tiles, the network sees ground at the scale that it knows. Resized, every street is half as
# wide as those it was trained on. A translator knows one kind of picture, and scale is part of the
# kind.

# %% [markdown]
# From a terminal, `gan-utils translate satellite_to_map photo.jpg map.png` does the same with a
# file.
#
# ### In your browser
#
# On the page of the book, paint a map, and the translator of the recorded full run draws the city
# that it sees in it.
#
# <!-- interactive: map_to_satellite -->

# %% [markdown]
# ## What goes wrong: the noise that is switched off
#
# The noise of Pix2Pix is dropout, at training *and* at use. In many programs it is written as
# `Dropout(0.5)(features, training=True)` while the network is built. In Keras 2 that held for good.
# Does it in Keras 3? Two networks of one layer each, the old way of writing and the book's layer,
# each called three ways: does it change its input?

# %%
noisy_input = layers.Input((64,))
old_way = keras.Model(noisy_input, layers.Dropout(0.5)(noisy_input, training=True))
book_way = keras.Model(noisy_input, AlwaysDropout(0.5)(noisy_input))
ones = np.ones((1, 64), np.float32)
CALLS = {
    "model(x)": lambda model, x: model(x),
    "model(x, training=False)": lambda model, x: model(x, training=False),
    "model.predict(x)": lambda model, x: model.predict(x, verbose=0),
}
alive = {}
print(f"{'called as':<26}{'training=True':>15}{'AlwaysDropout':>16}")
for title, call in CALLS.items():
    changes = [np.abs(call(model, ones) - ones).max() > 0 for model in (old_way, book_way)]
    alive[title] = [bool(change) for change in changes]
    old, book = ("on" if change else "OFF" for change in changes)
    print(f"{title:<26}{old:>15}{book:>16}")

# %% [markdown]
# The old way lives in a plain call and is dead in the two calls that everybody uses afterwards,
# without a word. Batch normalization written like that goes the same way. The book's layers are on
# in every call.
#
# What does it do to our translator? We copy its weights into the same network built from Keras' own
# layers, and use it as usual: dropout off, moving statistics in place of the picture's own.

# %%
switched_off = build_generator(always_on=False)
switched_off.set_weights(forward.generator.get_weights())


spread, off_figures = {}, {}
for title, network in (("as trained, on", forward.generator), ("switched off", switched_off)):
    first, second = (translate_with(network, sources, training=False) for _ in range(2))
    spread[title] = float(np.abs(first - second).mean() / 2)
    off_figures[title] = measure(first, targets, validation_set.classes)
print_table("this run, the same weights used in two ways", off_figures)
if RECORDED:
    print_table("\nrecorded full run", reached["always_on"])
for title, value in spread.items():
    print(f"{title:<22} two translations of one picture differ by {value:.4f} of the range")
np.testing.assert_allclose(spread["switched off"], 0, atol=1e-6)

# %% [markdown]
# In a figure: one place, twice with everything on, where these two differ (eight times enlarged),
# and with everything off.

# %%
twice = [translate_with(forward.generator, sources[:3], training=False) for _ in range(2)]
off = translate_with(switched_off, sources[:3], training=False)
difference = np.clip(8 * np.abs(twice[0] - twice[1]), 0, 2) - 1
plots.show_images(
    np.stack([*twice, difference, off], axis=1).reshape(-1, SIZE, SIZE, 3),
    columns=4,
    titles=["on", "on again", "difference x 8", "off"] + [""] * 8,
    title="What stays on, and what it changes",
)
plt.show()

# %% [markdown]
# With everything on, two translations differ a little, most of all where the network is not sure.
# The paper's authors had hoped for more variety than that, and say so. Switched off, every call
# gives the same image: the noise is gone. The figures may fall by that, or rise, as one calm guess
# can be closer to the truth than a noisy one. Either way it is another network than the one that
# was trained and measured, and nothing warns about it.

# %% [markdown]
# ## Exercises
#
# Try each before you open its solution.
#
# **1. Jitter and mirroring.** The paper enlarges both pictures of a pair (256 to 286 pixels), cuts
# the same random piece out of both, and mirrors both at random. Show that both halves move
# together. Then train with few pairs, with and without, and compare L1 on training and validation
# pairs.

# %% tags=["hide-cell"]
few = train_set[:FEW]
one_pair = train_set[:1].batches(1, seed=SEED, jitter=True, mirror=True)
drawn = [[part[0].numpy() for part in batch] for batch in one_pair.dataset().take(4)]
plots.show_images(
    np.stack([part for pair in zip(*drawn, strict=True) for part in pair]),
    columns=4,
    row_labels=["source", "target"],
    title="One pair, drawn four times with jitter and mirroring",
)
plt.show()

# %% [markdown]
# Every street stays on its street. Now the two trainings, with L1 alone to save time. A short run
# of this page reads their result from the recorded full run.


# %% tags=["hide-cell"]
def train_with_few(options):
    keras.utils.set_random_seed(SEED)
    model = make_pix2pix(EXERCISE_STEPS, eager=EAGER, gan_weight=0.0)
    batches = few.batches(1, seed=SEED, steps_per_epoch=EXERCISE_STEPS, **options)
    model.fit(batches, epochs=1, verbose=0)
    runs_here.append(model)
    measured_on = [(images.to_float(few.source), images.to_float(few.target)), (sources, targets)]
    return [measure(model.translate(given), wanted)["l1"] for given, wanted in measured_on]


FEW_WAYS = {"as they are": {}, "jitter, mirrored": {"jitter": True, "mirror": True}}
few_figures = records.measured("11_pix2pix", "few_pairs")
if few_figures is None:
    few_figures = {title: train_with_few(options) for title, options in FEW_WAYS.items()}
else:
    print(records.origin(RECORDED))
for title, (seen, unseen) in few_figures.items():
    print(f"{title:<18} L1 on its {len(few)} pairs {seen:.4f}, on validation pairs {unseen:.4f}")

# %% [markdown]
# The gap between the two columns is what was learned by heart. In the recorded run, jitter makes
# the first column rise, since changed images are harder to learn by heart, and the second one fall.
# (A run that is too short to see each pair many times shows neither.)

# %% [markdown]
# **2. More epochs.** Go on from the trained translator with a small, constant learning rate. Does
# the validation set still gain? (A short run again reads the answer from the recorded run.)


# %% tags=["hide-cell"]
def train_more():
    more = Pix2Pix(build_generator(), build_discriminator())
    more.compile(
        d_optimizer=keras.optimizers.Adam(D_RATE / 10, beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(G_RATE / 10, beta_1=BETA_1),
        run_eagerly=EAGER,
    )
    more.generator.set_weights(forward.generator.get_weights())
    more.discriminator.set_weights(forward.discriminator.get_weights())
    batches = train_set.batches(1, seed=SEED + 1, mirror=True, steps_per_epoch=EXERCISE_STEPS)
    more.fit(batches, epochs=1, verbose=0)
    runs_here.append(more)
    return measure(more.translate(sources), targets, validation_set.classes)


more_figures = records.measured("11_pix2pix", "more_epochs")
before_figures = reached["figures"]["Pix2Pix"] if more_figures else figures["Pix2Pix"]
print(records.origin(RECORDED) if more_figures else "this run")
more_figures = more_figures or train_more()
print_table("satellite to map", {"before": before_figures, "after more": more_figures})

# %% [markdown]
# In the recorded run the figures do not move: more of the same is of no use there, and the next
# things to try are more pairs, or a wider network. After a run that was too short they still rise.
# (To train the whole run longer instead, raise `EPOCHS` and run its cell again: it goes on from the
# checkpoint.)

# %% [markdown]
# **3. A single map of your own.** Paint a map with the colors of the legend, and translate it.

# %% tags=["hide-cell"]
land, building, street, avenue, _, water, park = train_set.palette
unit = SIZE // 16
my_map = np.tile(land, (SIZE, SIZE, 1))
my_map[:, 10 * unit :] = park
my_map[:, 11 * unit : 14 * unit] = water
my_map[:, 5 * unit : 6 * unit] = street
my_map[7 * unit : 9 * unit] = avenue
for top in (unit, 3 * unit, 10 * unit, 13 * unit):
    for left in (unit, 3 * unit, 7 * unit):
        my_map[top : top + unit + 1, left : left + unit + 1] = building
painted_place = backward.translate(images.to_float(my_map[None]))
plots.show_images(
    np.concatenate([images.to_float(my_map[None]), painted_place]),
    columns=2,
    titles=["my map", "as seen from above"],
    title="A place that was painted",
    scale=2.6,
)
plt.show()

# %% [markdown]
# Nothing keeps you from painting what no city has: a river without banks, a house in the lake. The
# network draws what it can, and shows by that what it has learned about the things it knows.

# %% [markdown]
# **4. A place never seen.** All training pictures show the same stretch of ground. Translate cities
# seen from other heights: how fast does the share of right pixels fall?

# %% tags=["hide-cell"]
heights, height_rows = {}, []
for factor in (0.5, 1.0, 2.0):
    seen_from = pairs.city(8, SIZE, seed=SEED + 2, extent=factor * EXTENT)
    translated = forward.translate(images.to_float(seen_from.source))
    heights[factor] = pairs.map_accuracy(translated, seen_from.classes)
    height_rows += [seen_from.source[:1], images.to_uint8(translated[:1]), seen_from.target[:1]]
    print(f"{factor * EXTENT:4.0f} m a side: right color {heights[factor]:.1%}", end="")
    print(f" (recorded: {reached['other_heights'][str(factor)]:.1%})" if RECORDED else "")
plots.show_images(
    np.concatenate(height_rows),
    columns=3,
    row_labels=[f"{factor * EXTENT:.0f} m" for factor in heights],
    titles=["source", "generated", "expected"] + [""] * 6,
    title="From other heights",
)
plt.show()

# %% [markdown]
# The row in the middle has the scale of training, and places that no training saw. The others show
# the same kind of city at a scale the network does not know. Jitter on a larger range would help.

# %% [markdown]
# ## Summary
#
# - The generator is a U-Net: down to one pixel, up again, with skip connections on the way.
#   The discriminator sees source and target together and judges patches.
# - Receptive fields are computed. The name of a network is no proof.
# - Where much must be invented, as from map to satellite, L1 alone is blurred, and the adversarial
#   loss brings the sharpness back. Where the source determines the target, as from satellite to
#   map, L1 alone was better on every figure. Measure the baseline before you add a discriminator.
# - Dropout and batch statistics are part of this generator. They need layers that stay on in every
#   call and after loading.
# - One figure is not enough: a good L1 can be a blurred image, and sharpness above 1 is noise. With
#   the true classes you can count.
#
# ## References
#
# - P. Isola, J. Zhu, T. Zhou, A. Efros, *Image-to-Image Translation with Conditional Adversarial
#   Networks*, CVPR 2017. <https://arxiv.org/abs/1611.07004>
# - O. Ronneberger, P. Fischer, T. Brox, *U-Net: Convolutional Networks for Biomedical Image
#   Segmentation*, MICCAI 2015. <https://arxiv.org/abs/1505.04597>
# - Z. Wang et al., *Image Quality Assessment: From Error Visibility to Structural Similarity*, IEEE
#   Transactions on Image Processing 2004.
# - N. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR
#   2014.

# %% tags=["remove-cell"]
found = {
    "size": SIZE,
    "filters": FILTERS,
    "pairs": TRAIN_COUNT,
    "validation_pairs": VALIDATION_COUNT,
    "updates": EPOCHS * STEPS_PER_EPOCH,
    "back_updates": BACK_EPOCHS * STEPS_PER_EPOCH,
    "tutorial_updates": TUTORIAL["epochs"] * TUTORIAL["pairs"],
    "main_seconds": forward.seconds,
    "figures": figures,
    "back_figures": back_figures,
    "recall_by_class": recalls,
    "always_on": off_figures,
    "difference_of_two_translations": spread,
    "other_heights": {str(factor): value for factor, value in heights.items()},
}
for key, value in {"few_pairs": few_figures, "more_epochs": more_figures}.items():
    if records.measured("11_pix2pix", key) is None:  # measured here, and not read from a record
        found[key] = value

# %% [markdown] tags=["remove-cell"]
# The record of this run.

# %% tags=["remove-cell"]
records.record(
    "11_pix2pix",
    found,
    seconds=sum(model.seconds for model in runs_here),
    data="procedural city",
    seed=SEED,
    settings={"g_rate": G_RATE, "d_rate": D_RATE, "beta_1": BETA_1, "l1_weight": L1_WEIGHT},
)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson.

# %% tags=["remove-cell"]
assert generated.shape == sources.shape
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in history.history.values())
assert len(history.history["step"]) == EPOCHS * STEPS_PER_EPOCH
assert len(frames) == EPOCHS + 1
assert alive["model.predict(x)"][1]
assert resized.shape == tiled.shape == place.source[0].shape
assert spread["as trained, on"] > 0
assert all(
    np.isfinite(list(row.values())).all() for row in [*figures.values(), *back_figures.values()]
)
