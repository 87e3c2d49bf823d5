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
# # Pix2Pix: from an image to an image

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/11_pix2pix.ipynb)

# %% [markdown]
# **What you will do with about 290 lines of code.** Train a network that turns satellite images
# into maps, and one that turns maps into satellite images.
#
# **Time and size.** 8 minutes to read; half a minute of training on two CPU cores; no download (the
# *maps* set: 250 MB).
#
# **What you will learn**
#
# - how a U-Net keeps details, and why a PatchGAN scores patches;
# - what L1 does alone, what the adversarial loss adds, and in which direction;
# - how the noise of this generator gets lost.
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
# Imports and versions.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Image, display
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, images, pairs, plots, profile, records
from gan_utils.cli.translate import open_translator, translate_image
from gan_utils.layers import AlwaysBatchNormalization, AlwaysDropout, halvings

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set
tf.get_logger().setLevel("ERROR")

# %% [markdown]
# ### Hyperparameters
#
# `TUTORIAL` is the classic size; its recipe, 100 epochs of 1,096 pairs, batch size 1, takes more
# than a day on a CPU. Here **networks are smaller, runs shorter, and the generator's rate larger**.

# %%
SEED = profile.seed(11)
VALIDATION_SEED = 11
TUTORIAL = {"size": 256, "filters": 64}
SIZE = profile.samples(full=128, quick=64, smoke=32)
FILTERS = profile.samples(full=16, quick=12, smoke=4)
L1_WEIGHT = 100.0
BETA_1 = 0.5
G_RATE = 5e-4
D_RATE = 2e-4
TRAIN_COUNT = profile.samples(full=2_000, quick=500, smoke=6)
VALIDATION_COUNT = profile.samples(full=200, quick=60, smoke=4)
STEPS_PER_EPOCH = profile.steps(full=1_000, quick=80, smoke=2)
EPOCHS = profile.epochs(full=24, quick=10, smoke=2)
BACK_EPOCHS = profile.epochs(full=6, quick=5, smoke=1)
EAGER = profile.name == "smoke"

keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## The idea
#
# In place of noise the generator gets an image $x$, the *source*, and returns $G(x, z)$, which
# should be the *target* $y$ of the same place. The discriminator sees the source with the true or
# the generated target: does this look like a map, and is it the map *of that image*? Since the
# target is known, the L1 term asks for it pixel by pixel (Isola et al., 2017, equation 4):
#
# $$
# G^* = \arg\min_G \max_D\; \mathbb{E}[\log D(x, y)] + \mathbb{E}[\log (1 - D(x, G(x, z)))]
#   + \lambda\,\mathbb{E}\,\lVert y - G(x, z) \rVert_1 .
# $$
#
# In the code $x$ is `source`, $y$ `target`, $\lambda$ `L1_WEIGHT`. The noise $z$ is dropout inside
# of the generator. $D$ returns a grid of logits, one a patch.

# %% [markdown]
# ## The data
#
# This lesson draws pairs like those of the classic *maps* set: a **procedural city**, where the
# true class of every pixel is known, so we can count right pixels.

# %%
train_set = pairs.city(TRAIN_COUNT, SIZE, seed=SEED)
validation_set = pairs.city(VALIDATION_COUNT, SIZE, seed=VALIDATION_SEED, first=1_000_000)
sources, targets = (
    images.to_float(part) for part in (validation_set.source, validation_set.target)
)
folder = records.run_folder("11_pix2pix")
print(f"{len(train_set):,} pairs to train on, validation sources: {sources.shape}")
plots.show_images(
    np.concatenate([sources[:4], targets[:4]]), columns=4, row_labels=["satellite", "map"]
)
plt.show()

# %% [markdown]
# To a map, detail is dropped: all roofs become one color. To an image, much must be
# invented: no map shows where a tree is. **Your own pairs**: `pairs.load_pairs("folder", SIZE)`
# reads side-by-side images ([details](../book/pairs.md)), `pairs.maps("train", SIZE)` the maps set.

# %% [markdown]
# ## How good is a translation?
#
# **L1** is the mean absolute difference to the target (0 to 1). **PSNR** (peak over squared error,
# in decibels) and **SSIM** (local means, contrasts, patterns) should be large. **Sharpness** $s$
# is the mean difference of neighboring pixels, as a multiple of the target's: below 1 is blur,
# above 1 noise, so we print how far it is **off**, $\lvert s - 1 \rvert$. **Map color** is the
# share of pixels whose nearest map color is right.


# %%
def neighbor_difference(drawn):
    return np.abs(np.diff(drawn, axis=1)).mean() + np.abs(np.diff(drawn, axis=2)).mean()


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


def print_table(title, rows, last="map color"):
    print(f"{title}\n{'':<16}   L1   PSNR   SSIM  sharpness   off  {last}")
    for name, row in rows.items():
        print(f"{name:<16}{row['l1']:5.3f}{row['psnr']:7.1f}{row['ssim']:7.3f}", end="")
        print(f"{row['sharpness']:11.2f}{abs(row['sharpness'] - 1):6.2f}", end="")
        print(f"{row['map_color']:11.1%}" if "map_color" in row else "")


# %% [markdown]
# Which is better: a shifted image, or each kind of ground in its median color?

# %%
medians = np.zeros_like(validation_set.source)
for index in np.unique(validation_set.classes):
    ground = validation_set.classes == index
    medians[ground] = np.median(validation_set.source[ground], axis=0)
wrong = {"shifted": np.roll(sources, 4, axis=2), "median colors": images.to_float(medians)}
print_table("wrong satellite images", {name: measure(one, sources) for name, one in wrong.items()})
shown = np.stack([sources[0], *(one[0] for one in wrong.values())])
plots.show_images(shown, columns=3, titles=["true", *wrong])
plt.show()

# %% [markdown]
# L1 prefers the median colors: for a roof of unknown color, the median of all roofs costs least on
# average (exercise 4). So **L1 alone blurs** what the source leaves open. A score for *small
# patches* prefers the shifted image, where each looks real. So L1 keeps things in place, and
# **the discriminator scores patches**: it has fewer weights, and each patch is a training example.

# %% [markdown]
# ## What the recorded run reached
#
# The translators of the recorded full run get places that no training has seen, first where nearly
# everything must be invented.


# %%
def translate_with(network, inputs):
    # One at a time: batch statistics would make the images of a batch change one another.
    return np.concatenate([network(one[None], training=False) for one in inputs])


for name in ("map_to_satellite", "satellite_to_map"):
    translator, message = gan_utils.weights.try_generator(name)
    print(message)
    if translator is not None:
        places = pairs.city(4, translator.input_shape[1], seed=VALIDATION_SEED + 2)
        places = places.swapped() if name == "map_to_satellite" else places
        given, wanted = images.to_float(places.source), images.to_float(places.target)
        plots.show_images(
            np.concatenate([given, translate_with(translator, given), wanted]),
            columns=4,
            row_labels=["source", "generated", "target"],
            title=f"{name}, recorded full run",
        )
        plt.show()

# %% [markdown]
# The scores of that run, on validation pairs. An invented satellite image has no correct colors, so
# the satellite-to-map network *reads it back*.

# %%
RECORDED = records.recorded("11_pix2pix", "full")
reached = RECORDED["metrics"] if RECORDED else {}
if RECORDED:
    print(records.origin(RECORDED), f"{reached['size']} pixels", sep=", ")
    updates = f"\nmap to satellite, {reached['back_updates']:,} updates each"
    print_table(updates, reached["back_figures"], "read back")
    print_table(f"\nsatellite to map, {reached['updates']:,} updates each", reached["figures"])

# %% [markdown]
# **Map to satellite.** L1 alone is blurred, like the median colors above. With the adversarial loss
# the sharpness comes close to 1, if the discriminator sees more than single pixels. The adversarial
# loss alone draws what does not belong to the map. No single figure shows how good a translation
# looks: L1 alone has the best L1, PSNR and read back.
#
# **Satellite to map.** L1 alone is better in *every* column. The source nearly determines a map, so
# the median is no blur, and the discriminator only adds noise. The paper reports the same for
# street photos and their label maps. Train the L1 baseline first.

# %% [markdown]
# ## The generator: a U-Net
#
# An encoder halves height and width down to one pixel with many channels: *what is this place?* A
# decoder doubles them again. Alone, it could not know where a street's edge was. So each decoder
# block also gets the encoder's output of its size, through a **skip connection**. The innermost
# layer has no batch normalization: one pixel (batch size 1) minus its mean is 0.


# %%
def convolution(kind, filters, kernel=4, strides=2, **options):
    options["kernel_initializer"] = keras.initializers.RandomNormal(stddev=0.02)
    return kind(filters, kernel, strides=strides, padding="same", **options)


def down(filters, features, normalization=None):
    features = convolution(layers.Conv2D, filters)(features)
    if normalization:
        features = normalization()(features)
    return layers.LeakyReLU(negative_slope=0.2)(features)


def up(filters, features, skipped, normalization, dropout=None):
    features = normalization()(convolution(layers.Conv2DTranspose, filters)(features))
    if dropout:
        features = dropout(0.5)(features)
    return layers.ReLU()(layers.Concatenate()([features, *skipped]))


# %% [markdown]
# Dropout in the first three decoder blocks is the noise $z$. `AlwaysDropout` and
# `AlwaysBatchNormalization` are Keras' layers in training mode in every call. `always_on=False` and
# `skips=False` are for experiments.


# %%
def build_generator(size=SIZE, filters=FILTERS, always_on=True, skips=True):
    normalization = AlwaysBatchNormalization if always_on else layers.BatchNormalization
    dropout = AlwaysDropout if always_on else layers.Dropout
    size, depth = halvings(size)
    widths = [filters * min(2**level, 8) for level in range(depth - 1)]
    features = source = layers.Input((*size, 3))
    encoded = []
    for level, width in enumerate(widths):
        features = down(width, features, normalization if level else None)
        encoded.append(features)
    features = layers.ReLU()(convolution(layers.Conv2D, 8 * filters)(features))
    for level, width in enumerate(widths[::-1]):
        skipped = [encoded.pop()] if skips else []
        features = up(width, features, skipped, normalization, dropout if level < 3 else None)
    last = convolution(layers.Conv2DTranspose, 3, activation="tanh")
    return keras.Model(source, last(features), name="generator")


classic = build_generator(TUTORIAL["size"], TUTORIAL["filters"])
print(f"at the tutorial's size: {classic.count_params():,} parameters")
assert classic.output_shape == (None, 256, 256, 3)
assert classic.count_params() == 54_429_315
print(f"on this page: {SIZE * SIZE * 3:,} numbers in, {8 * FILTERS} at the bottleneck")

# %% [markdown]
# Without skip connections, those few numbers would have to carry the place of every house ([what
# that costs](../book/studies/pix2pix.md)).

# %% [markdown]
# ## The discriminator: a PatchGAN
#
# It sees source and target stacked. Each layer is listed as kernel size, stride, and filters as a
# multiple of `FILTERS` (0: the output). The first three are the paper's; `tutorial` is from a
# widespread Keras tutorial, which also calls it 70x70. What does one output see? $f$ units with
# stride $s$ and kernel $k$ see $(f - 1)\,s + k$ units of the layer below: the **receptive field**.

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
        blocks.append(convolution(layers.Conv2D, filters * multiple or 1, kernel, stride))
        if level and multiple:
            blocks.append(layers.BatchNormalization())
        if multiple:
            blocks.append(layers.LeakyReLU(negative_slope=0.2))
    return keras.Sequential(blocks, name="discriminator")


# %% [markdown]
# All four at the tutorial's size:


# %%
def receptive_field(kind):
    field = 1
    for kernel, stride, _ in reversed(KINDS[kind]):
        field = (field - 1) * stride + kernel
    return field


for kind in KINDS:
    classic = build_discriminator(TUTORIAL["size"], TUTORIAL["filters"], kind)
    outputs = "x".join(map(str, classic.output_shape[1:3]))
    print(f"{kind:<9}{outputs:>8} outputs, each sees {receptive_field(kind):>3} pixels", end="")
    print(f" a side; {classic.count_params():,} parameters")
assert classic.count_params() == 6_968_257
assert receptive_field("tutorial") == 142

# %% [markdown]
# The tutorial's has one more layer of stride 2, and sees 142. We use the paper's.

# %% [markdown]
# ## The losses and one training step
#
# The update is that of the DCGAN lesson. Pix2Pix decides who sees what:


# %%
class PairGAN(GAN):
    def generator_inputs(self, batch, seed, count=None):
        return tf.zeros((count, *self.generator.input_shape[1:])) if batch is None else batch[0]

    def real_inputs(self, batch):
        return tf.concat([batch[0], batch[1]], axis=-1)

    def fake_inputs(self, fake_images, inputs):
        return tf.concat([inputs, fake_images], axis=-1)

    def translate(self, inputs, batch_size=1):
        return super().translate(inputs, batch_size)


# %% [markdown]
# It halves the loss of $D$ (to no effect with Adam), and adds L1; with `gan_weight=0` there is only
# L1.


# %%
class Pix2Pix(PairGAN):
    def __init__(self, *networks, l1_weight=L1_WEIGHT, gan_weight=1.0, seed=SEED):
        super().__init__(*networks, latent_dim=1, ema_decay=None, seed=seed)
        self.l1_weight, self.gan_weight = l1_weight, gan_weight

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
# A model for training, and who moves in one step:


# %%
def falling(rate, steps):
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, end_learning_rate=rate / 20)


def make_pix2pix(steps, kind="70x70", **weights):
    model = Pix2Pix(build_generator(), build_discriminator(kind=kind), **weights)
    rates = [falling(rate, steps) for rate in (D_RATE, G_RATE)]
    d_optimizer, g_optimizer = (keras.optimizers.Adam(rate, beta_1=BETA_1) for rate in rates)
    model.compile(d_optimizer, g_optimizer, run_eagerly=EAGER)
    return model


moves = gan_utils.who_moved(make_pix2pix(1), (tf.constant(sources[:1]), tf.constant(targets[:1])))
print(moves)

# %% [markdown]
# Each update moves its own network. A difference of 0.5, a quarter of the range from -1 to 1, costs
# 50; an undecided discriminator, all logits 0, costs $\ln 2$, about 0.7.

# %% [markdown]
# ## Training
#
# Runs share a seed, mirror half of the pairs, save checkpoints; an epoch is half a pass at most.

# %%
trained = []


def train(model, pair_set, epochs, name, watching=()):
    keras.utils.set_random_seed(SEED)
    batches = pair_set.batches(1, seed=SEED, mirror=True, steps_per_epoch=STEPS_PER_EPOCH)
    checkpoint = callbacks.Checkpoint(folder / name, every=max(1, epochs // 6), keep=1)
    watching = [*watching, callbacks.TerminateOnNaN(), checkpoint]
    model.fit(batches, epochs=epochs, callbacks=watching, verbose=0)
    trained.append(model)
    return model


STEPS = EPOCHS * STEPS_PER_EPOCH
grid = callbacks.SampleGrid(sources[:4], columns=4, folder=folder / "grids")
history = callbacks.StepHistory(folder / "steps.csv")
forward = train(make_pix2pix(STEPS), train_set, EPOCHS, "forward", [grid, history])
print(f"{STEPS:,} updates and pairs, {STEPS / len(train_set):.1f} passes, {forward.seconds:.0f} s")

# %% [markdown]
# Source, generated and target, epoch by epoch:

# %%
source_row, target_row = (images.grid(part[:4], columns=4) for part in (sources, targets))
frames = [np.concatenate([source_row, frame, target_row]) for frame in grid.frames]
animation = plots.save_gif(frames, folder / "pix2pix.gif")
display(Image(filename=animation, alt="Four maps appearing out of gray, epoch by epoch"))
panels = {"L1, range [-1, 1]": ["l1"], "Adversarial losses": ["d_loss", "gan_loss"]}
plots.plot_history(history.history, panels)
plt.show()

# %% [markdown]
# At $\ln 2$ nobody is winning the adversarial game. A discriminator that is ahead is no alarm as
# long as L1 falls.

# %% [markdown]
# ## Results
#
# This run, and the mean map for comparison:

# %%
facts = {"targets": targets, "classes": validation_set.classes}
figures = {"the mean map": measure(np.broadcast_to(targets.mean(axis=0), targets.shape), **facts)}
figures["Pix2Pix"] = measure(forward.translate(sources), **facts)
if profile.name != "quick":  # a short run shows the recorded baseline, above
    baseline = train(make_pix2pix(STEPS, gan_weight=0.0), train_set, EPOCHS, "l1_alone")
    figures["L1 alone"] = measure(baseline.translate(sources), **facts)
print_table("this run, satellite to map", figures)

# %% [markdown]
# ## The other direction, and what $\lambda$ does
#
# Map to satellite: the same code with `swapped()` pairs. A short run trains the first two variants.

# %%
VARIANTS = {
    "L1 alone": {"gan_weight": 0.0},
    "L1 + GAN, 70x70": {},
    "GAN alone": {"l1_weight": 0.0},
    "L1 + GAN, 1x1": {"kind": "1x1"},
    "L1 + GAN, 16x16": {"kind": "16x16"},
}
back, back_figures = {}, {}
for title in list(VARIANTS)[: 2 if profile.name == "quick" else 5]:
    model = make_pix2pix(BACK_EPOCHS * STEPS_PER_EPOCH, **VARIANTS[title])
    back[title] = train(model, train_set.swapped(), BACK_EPOCHS, f"back_{len(back)}")
    drawn = model.translate(targets)
    read_back = pairs.map_accuracy(forward.translate(drawn), validation_set.classes)
    back_figures[title] = measure(drawn, sources) | {"map_color": read_back}
print_table("this run, map to satellite", back_figures, "read back")
painter = back["L1 + GAN, 70x70"]
rows = [targets[:4], *(model.translate(targets[:4]) for model in back.values()), sources[:4]]
plots.show_images(np.concatenate(rows), columns=4, row_labels=["source", *back, "target"])
plt.show()

# %% [markdown]
# The slope of $\lambda\,$L1 has the same size at every pixel. How large is the adversarial slope
# next to it?

# %%
slopes = {}
for title, model, given in (("satellite", painter, targets), ("map", forward, sources)):
    fake = tf.constant(model.translate(given[:1]))
    with tf.GradientTape() as tape:
        tape.watch(fake)
        fake_logits = model.discriminator(model.fake_inputs(fake, given[:1]), training=True)
        loss = model.generator_loss(fake_logits)
    slope = np.abs(tape.gradient(loss, fake)) * fake.shape.num_elements() / L1_WEIGHT
    slopes[title] = float(slope.mean())
    print(f"to {title}: the adversarial slope is {slopes[title]:.2f} times that of L1,", end=" ")
    print(f"and the larger one at {(slope > 1).mean():.0%} of the values")

# %% [markdown]
# By exercise 4, L1 pulls at a guess $g$ with $\lambda\,(2 F(g) - 1)$ on average: with full force
# where the true value is sure, not at all at the median. An adversarial slope of $r$ times that of
# L1 moves the guess until $2 F(g) - 1 = r$, and overrules L1 where $r > 1$. A larger $\lambda$
# means a smaller $r$: images nearer to the median ([study](../book/studies/pix2pix.md)).

# %% [markdown]
# ## Use it
#
# A saved generator translates images of any size, here in tiles. The command `gan-utils translate
# satellite_to_map.keras photo.jpg map.png --fit tile` does the same with files.

# %%
generator_file = folder / "satellite_to_map.keras"
forward.generator.save(generator_file)
painter.generator.save(folder / "map_to_satellite.keras")
place = pairs.city(1, 2 * SIZE, seed=SEED + 1, extent=50.0 * SIZE**0.5)  # twice as many meters
drawn_map = translate_image(open_translator(generator_file), place.source[0], fit="tile")
print(f"right color {pairs.map_accuracy(drawn_map[None], place.classes):.1%}")
shown = np.stack([place.source[0], drawn_map, place.target[0]])
plots.show_images(shown, columns=3, titles=["source", "generated", "target"], scale=2.1)
plt.show()

# %% [markdown]
# Resized to the network's size, its streets would be half as wide as those in training. On the page
# of the book, paint a map, and the recorded translator draws the city:
#
# <!-- interactive: map_to_satellite -->

# %% [markdown]
# ## What goes wrong: the noise that is switched off
#
# Old code writes `Dropout(0.5)(features, training=True)` while it builds the network. In Keras 3,
# `predict` and `model(x, training=False)` switch such a layer off, without a warning ([Keras
# notes](03_keras_notes.ipynb)). The same weights in Keras' own layers:

# %%
switched_off = build_generator(always_on=False)
switched_off.set_weights(forward.generator.get_weights())
spread, off_figures = {}, {}
for title, network in (("as trained, on", forward.generator), ("switched off", switched_off)):
    first, second = (translate_with(network, sources) for _ in range(2))
    spread[title] = float(np.abs(first - second).mean() / 2)
    off_figures[title] = measure(first, **facts)
    print(f"{title:<16} two translations of one image differ by {spread[title]:.4f}")
print_table("this run", off_figures)
print_table("recorded full run", reached.get("always_on", {}))

# %% [markdown]
# Switched off, two translations are equal, but moving statistics replace the image's own: another
# network.

# %% [markdown]
# ## Exercises
#
# **1. ★ Blind to the source.** *Predict first:* the discriminator gets the target half alone. What
# does GAN alone learn? And L1 + GAN?
#
# <details><summary>Solution</summary>
#
# GAN alone has to draw *some* map, maybe the same for every place. With L1, the result is close to
# Pix2Pix (the paper compares all four).
#
# </details>
#
# **2. ★★ Four pairs in a batch.** *Predict first:* what changes for the translation of one image?
#
# <details><summary>Solution</summary>
#
# With one pair, batch normalization is instance normalization. With four, each translation depends
# on the other three: `translate` takes one image at a time.
#
# </details>
#
# **3. ★★ A lake in the city.** *Predict first:* paint a lake with a house in it into a map. What
# does the translator draw?

# %% tags=["hide-cell"]
my_map, low, half = validation_set.target[:1].copy(), SIZE // 4, SIZE // 2
my_map[:, low:, low:] = train_set.palette[5]  # water
my_map[:, half:-low, half:-low] = train_set.palette[1]  # building
my_map = images.to_float(my_map)
shown = np.concatenate([my_map, painter.translate(my_map)])
plots.show_images(shown, columns=2, titles=["map", "satellite"])
plt.show()

# %% [markdown]
# It draws each color as learned, whether or not such a place exists.
#
# **4. ★★★ The median (pencil and paper).** *Predict first:* of all places that look alike, 70 % are
# dark at some pixel and 30 % light. Which guess has the least expected L1? Derive the slope of
# $\lambda\,\mathbb{E}|y - g|$ in $g$; $F(g)$ is the share of values below $g$.
#
# <details><summary>Solution</summary>
#
# $|y - g|$ has slope $+1$ where $y < g$, else $-1$: together $\lambda\,(2 F(g) - 1)$, which is zero
# at the **median**, here dark. (For $(y - g)^2$: the mean, a gray that no place has.)
#
# </details>

# %% [markdown]
# ## Summary
#
# - Where much must be invented, L1 alone is blurred, and a PatchGAN brings sharpness back. Where
#   the source determines the target, L1 alone was better.
# - Dropout and batch statistics are part of this generator: use layers that stay on.
# - Without pairs: [CycleGAN](19_cyclegan.ipynb).
#
# ## References
#
# - P. Isola et al., *Image-to-Image Translation with Conditional Adversarial
#   Networks*, 2017. <https://arxiv.org/abs/1611.07004>
# - O. Ronneberger et al., *U-Net: Convolutional Networks for Biomedical Image Segmentation*, 2015.
#   <https://arxiv.org/abs/1505.04597>
# - Z. Wang et al., *Image Quality Assessment: From Error Visibility to Structural Similarity*, 2004

# %% tags=["remove-cell"]
found = {
    "size": SIZE,
    "filters": FILTERS,
    "pairs": TRAIN_COUNT,
    "updates": STEPS,
    "back_updates": BACK_EPOCHS * STEPS_PER_EPOCH,
    "main_seconds": forward.seconds,
    "back_seconds": painter.seconds,
    "figures": figures,
    "back_figures": back_figures,
    "always_on": off_figures,
    "difference_of_two_translations": spread,
    "relative_slope": slopes,
}
settings = {"g_rate": G_RATE, "d_rate": D_RATE, "beta_1": BETA_1, "l1_weight": L1_WEIGHT}
made = {"settings": settings, "seconds": sum(model.seconds for model in trained), "seed": SEED}
records.record("11_pix2pix", found, data="procedural city", **made)
assert [parts[0] for _, parts in moves.movers] == ["discriminator", "generator"]
assert all(np.isfinite(values).all() for values in history.history.values())
assert (len(history.history["step"]), len(frames)) == (STEPS, EPOCHS + 1)
assert drawn_map.shape == place.source[0].shape
assert spread["as trained, on"] > spread["switched off"]
