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
# # Is my GAN broken?

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/15_diagnosis.ipynb)

# %% [markdown]
# **What you will do.** Look up what you see in your own run, and compare it with runs that were
# broken on purpose: one healthy game, and eight copies of it, each with exactly one thing wrong.
#
# **What you will learn**
#
# - what the curves and the generated images of each of these mistakes look like;
# - which number gives a mistake away, and the line of code that computes it;
# - what to change;
# - which curves look frightening and are not.
#
# **Time and size.** 16 minutes to read; half a minute of training on two CPU cores; a download of
# 12 MB (MNIST, once).
#
# **What you need.** A GAN that worries you. The DCGAN lesson explains the networks, the losses and
# the update that all runs of this page share.

# %% [markdown]
# ## What do you see?
#
# D is the discriminator, G the generator, D(x) its output for real images, D(G(z)) for generated
# ones.
#
# | In the curves | Look at |
# |---|---|
# | losses near 1.39 and 0.69 | <a href="#healthy">healthy</a>, <a href="#collapse">collapse</a> |
# | D loss 0, G loss rises | <a href="#wins">D wins</a>, <a href="#range-255">range 0 to 255</a> |
# | D loss is 0 *and* G loss is 0 | <a href="#swapped">swapped</a> |
# | G loss falls to 0, D loss does not | <a href="#frozen">frozen D</a> |
# | D(x) lies below D(G(z)) | <a href="#swapped">swapped</a>, <a href="#frozen">frozen D</a> |
# | D(x) is 1, D(G(z)) is 0 | <a href="#wins">D wins</a>, <a href="#range-255">range 0 to 255</a> |
# | G loss up, D loss down, slow | <a href="#healthy">healthy</a>, <a href="#range-01">0 to 1</a> |
# | losses jump to 100 and more, or NaN | <a href="#rate">rate</a> |
# | good with one seed, dead with another | <a href="#training">training=</a> |
# | losses wobble and never converge | <a href="#healthy">healthy</a> |
#
# | In the images | Look at |
# |---|---|
# | all images the same | <a href="#collapse">collapse</a>, <a href="#rate">rate</a> |
# | all the same, dots or blots | <a href="#swapped">swapped</a>, <a href="#frozen">frozen D</a> |
# | all the same with one seed | <a href="#training">training=</a> |
# | noise or texture, for ever | <a href="#frozen">frozen D</a>, <a href="#wins">D wins</a> |
# | checkerboard, dots | <a href="#swapped">swapped</a>, <a href="#frozen">frozen D</a> |
# | gray background, low contrast | <a href="#range-01">range 0 to 1</a> |
# | black and white only, hard edges | <a href="#rate">rate</a>, <a href="#frozen">frozen D</a> |
# | the same, mostly white | <a href="#range-255">range 0 to 255</a> |
#
# | In the log | Look at |
# |---|---|
# | "does not have any trainable weights" | <a href="#frozen">frozen D</a> |
# | "Gradients do not exist for variables" | the lesson on Keras notes |

# %% [markdown]
# ## Setup
#
# On Colab this cell installs the book's helper package and leaves Colab's TensorFlow and NumPy as
# they are. Anywhere else it only checks that the package is there.

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
# Everything the lesson uses, and the versions that made this page.

# %%
import json
import time
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, evaluation, images, profile, records
from gan_utils.gan import minimize

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# One recipe for all runs: small batches and a rather large learning rate, which suit a short run.
# `full` trains longer, with the same recipe.

# %%
LESSON = "15_diagnosis"
SEED = profile.seed(15)
LATENT_DIM = 100
BATCH_SIZE = 8
RATE = 1e-3
BETA_1 = 0.5
STEPS = profile.steps(full=2_000, quick=260, smoke=8)
EXERCISE_STEPS = profile.steps(full=100, quick=30, smoke=4)
SHORT = ("healthy", "frozen", "training")  # what a short run trains; it reads the others
OTHER_SEEDS = (profile.seed(1), profile.seed(2))
SEED_STEPS = 400
SAMPLES = profile.samples(full=1_000, quick=1_000, smoke=100)  # where there are as many images
POINTS = 40
LARGEST = 1e9
CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)

tf.get_logger().setLevel("ERROR")  # it remarks on every new network that has to be traced

# %% [markdown]
# Each figure below shows the recorded long run. A short run of this page trains the healthy game
# and two of the mistakes; where it has trained a case, that is the figure's second column.

# %%
RECORDED = records.recorded(LESSON, "full")
if RECORDED:
    print(records.origin(RECORDED))
    print(f"{RECORDED['metrics']['steps']:,} steps a case, {RECORDED['seconds']:.0f} s in all")
else:
    print("there is no recorded run yet")

# %% [markdown]
# ## The game that all cases share
#
# The networks of the DCGAN lesson with half as many channels, so that nine runs take minutes.


# %%
def build_generator():
    return keras.Sequential(
        [
            layers.Input((LATENT_DIM,)),
            layers.Dense(7 * 7 * 128, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Reshape((7, 7, 128)),
            layers.Conv2DTranspose(64, 5, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(32, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Conv2DTranspose(
                1, 5, strides=2, padding="same", use_bias=False, activation="tanh"
            ),
        ],
        name="generator",
    )


# %% [markdown]
# And their opponent. It returns logits; D(x) on this page is their sigmoid.


# %%
def build_discriminator():
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="discriminator",
    )


print(f"generator     {build_generator().count_params():>9,} parameters")
print(f"discriminator {build_discriminator().count_params():>9,} parameters")
assert build_generator().count_params() == 909_472
assert build_discriminator().count_params() == 55_233

# %% [markdown]
# The data: MNIST, bytes from 0 to 255. The package hands them on as floats from -1 to 1.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder(LESSON, train_set)
print(train_set)

# %% [markdown]
# ## The vital signs
#
# Six measurements, each a line or two of code, that tell the cases of this page apart. They need
# nothing that your own training loop does not have: a batch of real images *as the
# discriminator gets it*, the logged curves, some drawn images, and the discriminator's weights
# from before the first step.
#
# | sign | in the code | what it is |
# |---|---|---|
# | pixels | `low`, `high` | smallest and largest pixel of the real images |
# | D moved | `moved` | largest change of any weight of the discriminator since the start |
# | statistics | `statistics` | largest moving mean in the generator's batch normalization |
# | gap | `gap` | mean of D(x) minus mean of D(G(z)), last quarter of the run |
# | jump | `jump` | mean change of a loss from one step to the next, first quarter left out |
# | variety | `variety` | mean distance between two drawn images, over that of two real ones |


# %%
def mean_distance(generated):
    flat = generated.reshape(len(generated), -1).astype("float64")
    squares = (flat**2).sum(axis=1)
    squared = squares[:, None] + squares[None] - 2 * flat @ flat.T
    return np.sqrt(np.maximum(squared, 0)).sum() / (len(flat) * (len(flat) - 1))


def vital_signs(gan, weights_before, history, real_images, drawn):
    norms = [x for x in gan.generator.layers if isinstance(x, layers.BatchNormalization)]
    now = gan.discriminator.get_weights()
    quarter = len(history["d_loss"]) // 4
    losses = np.array([history["d_loss"][quarter:], history["g_loss"][quarter:]])
    seen = np.asarray(gan.real_inputs(real_images))
    signs = {
        "low": seen.min(),
        "high": seen.max(),
        "moved": max(np.abs(a - b).max() for a, b in zip(now, weights_before, strict=True)),
        "statistics": max((np.abs(n.moving_mean.numpy()).max() for n in norms), default=np.inf),
        "gap": np.mean(history["d_real"][-quarter:]) - np.mean(history["d_fake"][-quarter:]),
        "jump": np.abs(np.diff(losses)).mean(axis=1).max(),
        "variety": mean_distance(drawn) / mean_distance(seen),
    }
    limits = {"nan": LARGEST, "posinf": LARGEST, "neginf": -LARGEST}  # a run may end in NaN
    return {name: float(np.nan_to_num(value, **limits)) for name, value in signs.items()}


# %% [markdown]
# At which value does a sign raise an alarm? The order matters: a case further up explains the
# alarms further down, so look for the first one raised.


# %%
def diagnose(signs):
    alarms = {
        "range": abs(signs["low"] + 1) > 0.05 or abs(signs["high"] - 1) > 0.05,
        "frozen": signs["moved"] == 0,
        "training": signs["statistics"] == 0,
        "swapped": signs["gap"] < -0.5,
        "rate": signs["jump"] > 3,
        "wins": signs["gap"] > 0.9,
        "collapse": signs["variety"] < 0.7,
    }
    return [name for name, rings in alarms.items() if rings]


# %% [markdown]
# ## A run, from start to signs
#
# `run_case` trains one game and returns what the page shows: the curves, thinned to a few dozen
# points, a sheet of 16 generated images as text, and the signs, so that a whole run fits into a
# small JSON file. A small helper first: it thins a curve.


# %%
def thin(values, pick=np.mean):
    values = np.nan_to_num(values, nan=LARGEST, posinf=LARGEST)  # NaN is drawn at the very top
    parts = np.array_split(values, min(POINTS, len(values)))
    return [float(f"{pick(part):.4g}") for part in parts]


# %% [markdown]
# Every run starts from the same weights, sees the same batches, and gets the same noise: the seed
# decides all three. What differs between two cases is what the case changes and nothing else.


# %%
def run_case(real_images, *, game=GAN, d_rate=RATE, g_rate=RATE, steps=STEPS, seed=SEED):
    keras.utils.set_random_seed(seed)
    gan = game(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=None, seed=seed)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(d_rate, beta_1=BETA_1),
        g_optimizer=keras.optimizers.Adam(g_rate, beta_1=BETA_1),
    )
    weights_before = gan.discriminator.get_weights()
    batches = gan_utils.Batches(
        real_images, batch_size=BATCH_SIZE, steps_per_epoch=steps, seed=seed
    )
    kept = callbacks.StepHistory()
    start = time.perf_counter()
    gan.fit(batches, epochs=1, callbacks=[kept], verbose=0)
    some_real = images.to_float(images.evenly(real_images, SAMPLES))
    drawn = np.nan_to_num(gan.generate(len(some_real)))
    curves = {name: thin(kept.history[name]) for name in ("d_loss", "g_loss", "d_real", "d_fake")}
    curves |= {f"{name}_peak": thin(kept.history[name], np.max) for name in ("d_loss", "g_loss")}
    return {
        "steps": steps,
        "seconds": round(time.perf_counter() - start, 1),
        "curves": curves,
        "signs": vital_signs(gan, weights_before, kept.history, some_real, drawn),
        "sheet": evaluation.encode_image(images.grid(drawn[:16], columns=4)),
    }


# %% [markdown]
# A long run keeps each finished case in a file, so that it can be stopped and started again.
# `examine` trains a case where this page does, and remembers it for the repetitions further down.


# %%
def finished_case(name, *, seed=SEED, steps=STEPS, **case):
    file = RUN / f"{name}-{seed}-{steps}.json"
    if profile.name == "full" and file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    result = run_case(train_set.images, seed=seed, steps=steps, **case)
    file.write_text(json.dumps(result), encoding="utf-8")
    return result


CASES, here = {}, {}
recorded_cases = RECORDED["metrics"]["cases"] if RECORDED else {}
columns = {"Recorded": recorded_cases, "This page": here}


def examine(name, **case):
    CASES[name] = case
    if name in SHORT or records.measured(LESSON, "cases", name) is None:
        here[name] = finished_case(name, **case)


# %% [markdown]
# The figure of a case: images, losses, discriminator outputs. The losses need a logarithmic axis,
# since those of a broken run may be a thousand times too small or too large. Gray lines are the
# healthy run.


# %%
STYLES = {
    "d_loss": ("D loss", "#0072B2", "-"),
    "g_loss": ("G loss", "#D55E00", "--"),
    "d_real": ("D(x)", "#0072B2", "-"),
    "d_fake": ("D(G(z))", "#D55E00", "--"),
}
LOWEST = 1e-4
LEGEND = {"fontsize": 11, "frameon": False, "ncols": 2, "columnspacing": 1, "handlelength": 1.8}


def draw_curves(axis, result, healthy, names):
    points = len(result["curves"]["d_loss"])
    steps = (np.arange(points) + 0.5) * result["steps"] / points
    for name in names:
        label, color, line = STYLES[name]
        values = np.maximum(result["curves"][name], LOWEST)
        axis.plot(steps, healthy["curves"][name], color="0.6", linestyle=line, linewidth=1.2)
        axis.plot(steps, values, color=color, linestyle=line, linewidth=2.4, label=label)
        if f"{name}_peak" in result["curves"]:
            peaks = np.maximum(result["curves"][f"{name}_peak"], values)
            axis.fill_between(steps, values, peaks, color=color, alpha=0.25, linewidth=0)
    axis.tick_params(labelsize=11)
    axis.grid(color="0.9", linewidth=0.6)


# %% [markdown]
# One column for each run that has the case. The shaded band reaches up to the largest value.


# %%
def show_case(name, title, columns):
    shown = {kind: cases for kind, cases in columns.items() if name in cases}
    shape = {"figsize": (6.4, 8.4), "height_ratios": [1.5, 1, 1], "layout": "constrained"}
    figure, axes = plt.subplots(3, len(shown), squeeze=False, sharey="row", **shape)
    for column, (kind, cases) in zip(axes.T, shown.items(), strict=True):
        result, healthy = cases[name], cases["healthy"]
        column[0].imshow(evaluation.decode_image(result["sheet"]))
        column[0].set_title(f"{kind}: {result['steps']:,} steps", size=13)
        column[0].axis("off")
        draw_curves(column[1], result, healthy, ("d_loss", "g_loss"))
        draw_curves(column[2], result, healthy, ("d_real", "d_fake"))
        column[1].set_yscale("log")
        column[2].set_ylim(-0.03, 1.03)
        column[2].set_xlabel("step", size=12)
        for axis in column[1:]:
            axis.legend(loc="lower left", bbox_to_anchor=(-0.05, 0.97), **LEGEND)
    axes[1, 0].set_ylabel("loss", size=12)
    axes[2, 0].set_ylabel("D output", size=12)
    figure.suptitle(f"{title} (gray: healthy)" if name != "healthy" else title, size=14)
    plt.show()


# %% [markdown]
# And one line under each figure: the sign that gives the case away, next to its healthy value.


# %%
def compare(name, *signs):
    for kind, cases in columns.items():
        if name not in cases:
            continue
        ill, healthy = cases[name]["signs"], cases["healthy"]["signs"]
        for sign in signs:
            print(f"{kind + ':':<11}{sign:<11}{ill[sign]:>12.4g}   healthy {healthy[sign]:.4g}")
        print(f"{kind + ':':<11}alarms     {', '.join(diagnose(ill)) or 'none'}")


# %% [markdown]
# <a id="healthy"></a>
#
# ## Healthy
#
# The reference: nothing is changed.

# %%
examine("healthy")
show_case("healthy", "Healthy", columns)
compare("healthy", "gap", "jump", "variety")

# %% [markdown]
# What the recorded run shows here and in the sections below: neither loss falls to zero, and
# neither should. D(x) stays above D(G(z)), by a little. The losses wobble, and go on wobbling; what
# improves is the images, and no curve here shows it. Two numbers to keep in mind: a discriminator
# that cannot tell has a loss of $2 \ln 2 \approx 1.39$ and gives the generator $\ln 2 \approx
# 0.69$. A G loss that rises slowly above that is no fault: the discriminator learns too.
#
# **Not a fix, but a habit.** Judge progress by images of fixed noise and by a distance between
# real and drawn images, not by the losses.

# %% [markdown]
# <a id="wins"></a>
#
# ## The discriminator wins
#
# It tells the two apart so well that the generator cannot catch up. Here the generator's learning
# rate is a hundredth of the discriminator's. Too many updates of the discriminator per update of
# the generator, or real images that it can tell by something trivial, lead to the same curves.

# %%
examine("wins", g_rate=RATE / 100)
show_case("wins", "The discriminator wins", columns)
compare("wins", "gap")

# %% [markdown]
# D loss falls by orders of magnitude, G loss climbs to several times its healthy value, D(x) goes
# to 1 and D(G(z)) to 0. **The number:** `np.mean(d_real) - np.mean(d_fake)` close to 1, and
# staying there. A discriminator that is right for a moment, in the first hundred steps, is normal.
#
# **The fix.** Rates of the same size (the healthy run is this one with the rate put right). If
# they are: check the pixel range first, since that alone can decide the game
# (<a href="#range-255">0 to 255</a>); then weaken the discriminator (dropout, fewer channels, a
# smaller rate) or use a loss that does not go flat when it wins (see the lessons on LSGAN and
# WGAN).

# %% [markdown]
# <a id="collapse"></a>
#
# ## Collapse
#
# The generator draws one image, or a few, whatever the noise. This happens when it learns much
# faster than its opponent: against a discriminator that stands still, the best answer is the one
# image that it likes most. Here the discriminator's learning rate is a fiftieth of the
# generator's.

# %%
examine("collapse", d_rate=RATE / 50)
show_case("collapse", "Collapse", columns)
compare("collapse", "variety", "gap")

# %% [markdown]
# The curves look harmless: no loss goes to zero, no discriminator output to 0 or 1. Only the
# images tell, and a number made from images. **The number:** the mean distance between drawn
# images over that between real ones, `mean_distance(drawn) / mean_distance(seen)`. A healthy run
# is near 1.
#
# **The fix.** Raise the discriminator's rate; then try minibatch discrimination (Salimans et al.,
# 2016) or a Wasserstein loss. Many more updates for the discriminator are no safe way: on a ring of
# points they cost a plain GAN modes ([study](../book/studies/critic.md)). An EMA of the
# generator's weights does not fix a collapse.

# %% [markdown]
# <a id="frozen"></a>
#
# ## Frozen discriminator
#
# The loop of countless older tutorials: compile the discriminator, set `trainable = False`,
# compile a stacked model for the generator. Keras 2 kept the first model trainable. Keras 3 reads
# the flag when it traces the first update, and by then it says `False`: the discriminator is
# never trained. The lesson on Keras notes takes this apart; here is what it looks like.


# %%
class FrozenDiscriminator(GAN):
    def compile(self, d_optimizer, g_optimizer, **options):
        super().compile(d_optimizer, g_optimizer, **options)
        self.discriminator.compile(self.d_optimizer, CROSS_ENTROPY)
        self.discriminator.trainable = False  # meant for the stacked model only
        self.stacked = keras.Sequential([self.generator, self.discriminator])
        self.stacked.compile(self.g_optimizer, CROSS_ENTROPY)

    def update(self, real_images, latents, fake_images):
        self.discriminator.train_on_batch(real_images, np.ones((BATCH_SIZE, 1)))
        self.discriminator.train_on_batch(fake_images, np.zeros((BATCH_SIZE, 1)))
        self.stacked.train_on_batch(latents, np.ones((BATCH_SIZE, 1)))

    def fit(self, batches, *, callbacks, **options):
        for real_images in batches.dataset().take(batches.steps_per_epoch):
            latents = self.generator_inputs(real_images, self.next_seed())
            step = real_images, latents, self.generator(latents, training=True)
            self.update(*step)
            callbacks[0].rows.append({**self.read(*step)})

    @tf.function
    def read(self, *step):
        return self.discriminator_objective(*step)[1] | self.generator_objective(*step)[1]


# %% [markdown]
# Keras warns once; we catch the warning to show it separately.

# %%
with warnings.catch_warnings(record=True) as messages:
    warnings.simplefilter("always")
    examine("frozen", game=FrozenDiscriminator)
warned = {str(m.message).splitlines()[0] for m in messages if "trainable" in str(m.message)}
print("Keras warned:", *(warned or {"nothing"}))
show_case("frozen", "Frozen discriminator", columns)
compare("frozen", "moved", "gap")

# %% [markdown]
# G loss falls to almost nothing, early: the generator has found what pleases a network that never
# saw a digit. D(x) stands still, D(G(z)) climbs above it, and D loss *rises*, which an opponent
# that learns would not let happen. **The number:** the largest change of a weight,
# `max(np.abs(a - b).max() for a, b in zip(now, before))`, which is exactly 0.
#
# **The fix.** No flag at all: two explicit updates, each with the gradient of its own loss with
# respect to its own variables. That is what `gan_utils.GAN` does, and the healthy run with it.

# %% [markdown]
# <a id="swapped"></a>
#
# ## Labels swapped
#
# The discriminator is told that fakes are real and real images are fake, while the generator
# still aims at "real". One exchanged argument is enough.


# %%
class SwappedLabels(GAN):
    def discriminator_loss(self, real_logits, fake_logits):
        return super().discriminator_loss(fake_logits, real_logits)


# %% [markdown]
# Nobody fights any more: both players want the fakes to be called real.

# %%
examine("swapped", game=SwappedLabels)
show_case("swapped", "Labels swapped", columns)
compare("swapped", "gap")

# %% [markdown]
# Both losses fall towards zero, which looks like success and is the surest sign of failure: a
# healthy game never lets both win. **The number:** the same gap as before, with the other sign.
# `np.mean(d_real) - np.mean(d_fake)` is close to -1: real images get the *lower* score.
#
# **The fix.** Real is 1, fake is 0, and the generator aims at 1. Check it on one batch before
# training: after a few updates of the discriminator alone, D(x) must lie above D(G(z)).

# %% [markdown]
# <a id="range-01"></a>
#
# ## Wrong pixel range: 0 to 1
#
# `images / 255`, as one does for a classifier, and a generator that ends in `tanh`, whose range is
# -1 to 1.


# %%
class PixelsFrom0To1(GAN):
    def real_inputs(self, batch):
        return (super().real_inputs(batch) + 1) / 2


# %% [markdown]
# A `tanh` can draw numbers from 0 to 1 too, so this one gets somewhere.

# %%
examine("range_01", game=PixelsFrom0To1)
show_case("range_01", "Pixels from 0 to 1", columns)
compare("range_01", "low", "high")

# %% [markdown]
# Digits, on gray: the background of the real images is 0 now, and 0 is the middle of what is
# shown as black to white. At -1 a `tanh` is flat and holds a clean background almost by itself;
# at 0 it is steepest, and every speck of noise shows. **The number:** `real_images.min()` and
# `real_images.max()`, of the batch that the discriminator gets. They must be -1 and 1.
#
# **The fix.** `images / 127.5 - 1`, or `gan_utils.images.to_float`; and back with `(x + 1) / 2`
# where an image is shown.

# %% [markdown]
# <a id="range-255"></a>
#
# ## Wrong pixel range: 0 to 255
#
# The division forgotten altogether.


# %%
class PixelsFrom0To255(GAN):
    def real_inputs(self, batch):
        return (super().real_inputs(batch) + 1) * 127.5


# %% [markdown]
# Now no image of the generator can ever look real: one bright pixel decides.

# %%
examine("range_255", game=PixelsFrom0To255)
show_case("range_255", "Pixels from 0 to 255", columns)
compare("range_255", "high", "gap")

# %% [markdown]
# The discriminator wins, by a criterion that has nothing to do with digits, and the generator
# drives its pixels to the end of the `tanh` in an attempt to be as bright as the real ones.
# **The number** and **the fix** are those of the case before. The curves are those of
# <a href="#wins">the discriminator wins</a>: look at the pixels before you touch the rates.

# %% [markdown]
# <a id="rate"></a>
#
# ## Learning rate too high
#
# Both rates fifty times larger.

# %%
examine("rate", d_rate=50 * RATE, g_rate=50 * RATE)
show_case("rate", "Learning rate too high", columns)
compare("rate", "jump", "variety")

# %% [markdown]
# Look at the numbers on the loss axis. Each player overshoots, the other answers with a leap of
# its own. Where a loss is written by hand as the logarithm of a sigmoid, such logits give NaN;
# Keras' loss on probabilities is clipped, and its slope becomes 0 instead. **The number:** the
# mean change of a loss between neighboring steps, `np.abs(np.diff(d_loss)).mean()`; its healthy
# value is next to it, under the figure.
#
# **The fix.** A smaller rate: Adam between 1e-4 and 1e-3, `beta_1` of 0.5. Clipped gradients
# seldom help: Adam divides by the recent size of the gradients anyway, so that the rate sets the
# size of a step.

# %% [markdown]
# <a id="training"></a>
#
# ## Forgotten `training=`
#
# In an update written by hand, the networks are called without `training=True`. Keras then runs
# them in inference mode: no dropout, and batch normalization uses its moving statistics, which
# nobody updates any more. They stay what they were at the start, mean 0 and variance 1, so the
# layer no longer normalizes: only its trained scale and shift are left.


# %%
class ForgottenTraining(GAN):
    def train_step(self, real_images):
        latents = self.generator_inputs(real_images, self.next_seed())
        with tf.GradientTape() as g_tape:
            fake_images = self.generator(latents)
        with tf.GradientTape() as d_tape:
            real_logits = self.discriminator(real_images)
            fake_logits = self.discriminator(fake_images)
            d_loss = self.discriminator_loss(real_logits, fake_logits)
        minimize(self.d_optimizer, d_tape, d_loss, self.discriminator.trainable_variables)
        with g_tape:
            g_loss = self.generator_loss(self.discriminator(fake_images))
        minimize(self.g_optimizer, g_tape, g_loss, self.generator.trainable_variables)
        return {
            "d_loss": d_loss,
            "g_loss": g_loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        }


# %% [markdown]
# A generator without normalization against a discriminator without dropout.

# %%
examine("training", game=ForgottenTraining)
show_case("training", "Forgotten training=", columns)
compare("training", "statistics", "gap")

# %% [markdown]
# No curve shows for sure what is wrong here, and no image does: what becomes of such a run depends
# on luck. The recorded run draws digits as varied as the healthy one's, and the runs with other
# seeds (further down) draw a single image. A fault that comes and goes with the seed is worth this
# check. **The number:** the largest moving mean of the generator's batch normalization,
# `np.abs(layer.moving_mean).max()`, which is still exactly 0.
#
# **The fix.** `training=True` in every call inside an update, `training=False` in every call that
# draws; as arguments, and in each network that has batch normalization or dropout.

# %% [markdown]
# ## All cases, all signs
#
# One row for each case, one column for each sign. An alarm in brackets is one that a case further
# up in the order explains; the first one is the diagnosis.


# %%
SIGNS = ("low", "high", "moved", "statistics", "gap", "jump", "variety")
EXPECTED = {
    "healthy": None,
    "wins": "wins",
    "collapse": "collapse",
    "frozen": "frozen",
    "swapped": "swapped",
    "range_01": "range",
    "range_255": "range",
    "rate": "rate",
    "training": "training",
}


def print_signs(kind, cases):
    print(f"{kind}: {next(iter(cases.values()))['steps']:,} steps a case")
    print(f"{'case':<10}" + "".join(f"{sign:>11}" for sign in SIGNS) + "   alarms")
    for name, case in cases.items():
        first, *others = diagnose(case["signs"]) or ["none"]
        numbers = "".join(f"{case['signs'][sign]:>11.3g}" for sign in SIGNS)
        print(f"{name:<10}{numbers}   {first} " + " ".join(f"({other})" for other in others))


# %% [markdown]
# The recorded run, and what this page trained.

# %%
for kind, cases in columns.items():
    if cases:
        print_signs(kind, cases)
        print()

# %% [markdown]
# In the recorded run the first alarm of each row names its case, and no alarm rings for the healthy
# one. (After few steps alarms can be false: the generator has not learned to vary yet.) Read along
# a column, and you see why one number is not enough: variety is low in most of the broken runs. It
# means *collapse* only when all other alarms are silent.

# %% [markdown]
# ### Other seeds
#
# Is that luck? The recorded run has repeated every case with other seeds, and counted how often
# the first alarm was the right one (for the healthy game: that none rang).


# %%
def with_other_seeds(name):
    runs = [finished_case(name, seed=s, steps=SEED_STEPS, **CASES[name]) for s in OTHER_SEEDS]
    first = [(diagnose(run["signs"]) or [None])[0] for run in runs]
    right = sum(alarm == EXPECTED[name] for alarm in first)
    return {"right": right, "variety": [run["signs"]["variety"] for run in runs]}


seeds = {}
if profile.name == "full":
    seeds = {name: with_other_seeds(name) for name in EXPECTED}
elif RECORDED:
    seeds = RECORDED["metrics"]["seeds"]
print(f"{SEED_STEPS} steps each" if seeds else "no recorded run yet")
for name, found in seeds.items():
    varieties = " ".join(f"{variety:.2f}" for variety in found["variety"])
    print(f"{name:<10} right alarm {found['right']} of {len(OTHER_SEEDS)}, variety {varieties}")

# %% [markdown]
# ## Your own run
#
# The same measurements for a game of yours. Four things are needed, two of them before training:
# keep `weights_before`, log each step with `StepHistory`, and afterwards hand over some real
# images *as your code prepares them* and some drawn ones. Here they examine a plain
# `gan_utils.GAN`; with a loop of your own, fill the dictionary `history` yourself, and hand over
# your two networks in a `GAN`.

# %%
mine = GAN(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=None, seed=SEED)
mine.compile(d_optimizer=keras.optimizers.Adam(RATE), g_optimizer=keras.optimizers.Adam(RATE))
weights_before = mine.discriminator.get_weights()
kept = callbacks.StepHistory()

my_images = train_set.sample(2_000).images.astype("float32") / 255  # anything wrong here?
my_batches = gan_utils.Batches(
    my_images, batch_size=BATCH_SIZE, steps_per_epoch=EXERCISE_STEPS, seed=SEED
)
mine.fit(my_batches, epochs=1, callbacks=[kept], verbose=0)
some = my_images[:SAMPLES]
my_signs = vital_signs(mine, weights_before, kept.history, some, mine.generate(len(some)))
print("alarms:", ", ".join(diagnose(my_signs)) or "none")
print(f"pixels of the real images: {my_signs['low']:.0f} to {my_signs['high']:.0f}")

# %% [markdown]
# No error, no warning, and an alarm: images from 0 to 1 lie inside -1 to 1, so nothing refuses
# them. The first alarm rings after a few steps, long before an image could show it.

# %% [markdown]
# ## Exercises
#
# **1. ★ The same losses.** *Predict first:* two runs both show losses of 1.39 (D) and 0.69 (G) from
# the first step to the last. One has a perfect generator, one a discriminator that never learned.
# How do you tell them apart without a look at the losses?
#
# <details><summary>Solution</summary>
#
# Look at the generated images, and measure whether the discriminator's weights move: D(x) and
# D(G(z)) are one half in both runs.
#
# </details>
#
# **2. ★ A loss of zero.** *Predict first:* the generator's loss falls to 0 and stays there. Is that
# the generator's victory?
#
# <details><summary>Solution</summary>
#
# Hardly: a discriminator that still learned would answer. Either it is frozen, or the labels are
# swapped, so that the generator is rewarded for being recognized: then the discriminator's loss is
# near 0 too. And look whether the discriminator's weights move.
#
# </details>
#
# **3. ★★ An alarm after one step.** *Predict first:* after how many steps can you know whether the
# discriminator moves at all? Write a callback that compares its weights after the first batch with
# those before, and stops with an error if they are the same. Try it on the healthy game and on one
# whose discriminator has a learning rate of 0.


# %% tags=["hide-cell"]
class DiscriminatorMoves(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.before = self.model.discriminator.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        now = self.model.discriminator.get_weights()
        if batch == 0 and all(np.array_equal(a, b) for a, b in zip(now, self.before, strict=True)):
            raise RuntimeError("the discriminator did not move in its first update")


few = gan_utils.Batches(my_images, batch_size=BATCH_SIZE, steps_per_epoch=2, seed=SEED)
for d_rate in (RATE, 0.0):
    mine.d_optimizer.learning_rate = d_rate
    try:
        mine.fit(few, epochs=1, callbacks=[DiscriminatorMoves()], verbose=0)
        print(f"rate {d_rate}: it moves")
    except RuntimeError as error:
        print(f"rate {d_rate}: {error}")

# %% [markdown]
# **4. ★★ Two things wrong at once.** *Predict first:* swap the labels *and* use pixels from 0 to 1.
# Which alarms ring, and which mistake do you fix first?


# %% tags=["hide-cell"]
class SwappedAndGray(SwappedLabels, PixelsFrom0To1):
    pass


both = run_case(train_set.images, game=SwappedAndGray, steps=EXERCISE_STEPS)
print("alarms:", ", ".join(diagnose(both["signs"])))

# %% [markdown]
# The range comes first in the order, and is fixed first: until it is right, no other sign can be
# trusted. (Whether the gap rings too depends on the number of steps.)

# %% [markdown]
# **5. ★★ How large is the loss of a sure discriminator? (pencil and paper)** *Predict first:* it
# gives the logit $a$ to every real image and $-a$ to every fake. Derive both losses and the
# generator's slope, and compare $a = 0$ with $a = 8$.
#
# <details><summary>Solution</summary>
#
# With $\sigma(a) = 1 / (1 + e^{-a})$, the discriminator's loss is
# $-2 \log \sigma(a) = 2 \log(1 + e^{-a})$ and the generator's $-\log \sigma(-a) = \log(1 + e^{a})$;
# its slope with respect to the fake's logit is $-\sigma(a)$. For $a = 0$: $2 \ln 2$, $\ln 2$ and
# $-1/2$. For $a = 8$: 0.0007, 8.0003 and $-0.9997$. So a large generator loss is no missing slope
# at the logit: what can vanish in a run that the discriminator has won is the gradient further
# back, from the logit to the pixels.
#
# </details>
#
# **6. ★★★ Fix the frozen loop** without giving up `train_on_batch`. *Predict first:* the flag is
# read when an update is traced, so when must it be right? Show with a number that your fix works.


# %% tags=["hide-cell"]
class ThawedInTime(FrozenDiscriminator):
    def update(self, real_images, latents, fake_images):
        self.discriminator.trainable = True
        self.discriminator.train_on_batch(real_images, np.ones((BATCH_SIZE, 1)))
        self.discriminator.train_on_batch(fake_images, np.zeros((BATCH_SIZE, 1)))
        self.discriminator.trainable = False
        self.stacked.train_on_batch(latents, np.ones((BATCH_SIZE, 1)))


thawed = run_case(train_set.images, game=ThawedInTime, steps=EXERCISE_STEPS)
print(f"D moved {thawed['signs']['moved']:.3f}, alarms: {diagnose(thawed['signs'])}")

# %% [markdown]
# With the flag set before every update, each is traced with the right value, whatever the size of
# the batch. It works, and it is easy to get wrong: explicit updates need no flag.

# %% [markdown]
# ## Summary
#
# - Look at the data first: smallest and largest pixel, as the discriminator gets them.
# - Then at the weights: both players must move, and the statistics of batch normalization too.
# - Then at the gap between D(x) and D(G(z)): near -1 the labels are swapped, near 1 the
#   discriminator has won.
# - Then at the images. Collapse shows there and nowhere else.
# - A loss that falls to zero is bad news in a GAN; a loss that wobbles is no news.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014. <https://arxiv.org/abs/1406.2661>
# - A. Radford, L. Metz, S. Chintala, *Unsupervised Representation Learning with Deep Convolutional
#   Generative Adversarial Networks*, ICLR 2016. <https://arxiv.org/abs/1511.06434>
# - T. Salimans et al., *Improved Techniques for Training GANs*, NeurIPS 2016 (collapse, minibatch
#   discrimination). <https://arxiv.org/abs/1606.03498>
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. <https://arxiv.org/abs/1502.03167>

# %% tags=["remove-cell"]
found = {"steps": STEPS, "samples": min(SAMPLES, len(train_set)), "cases": here}
if profile.name == "full":  # a short run shows those of the record
    found["seeds"] = seeds
seconds = sum(case["seconds"] for case in [*here.values(), both, thawed]) + mine.seconds
settings = {"batch_size": BATCH_SIZE, "rate": RATE, "beta_1": BETA_1}
records.record(LESSON, found, seconds=seconds, data=train_set, seed=SEED, settings=settings)

# %% [markdown] tags=["remove-cell"]
# The checks of this lesson: shapes, and what is exact whatever a training reached.

# %% tags=["remove-cell"]
assert list(CASES) == list(EXPECTED)
assert set(SHORT) <= set(here) <= set(EXPECTED)
assert set(here) | set(recorded_cases) == set(EXPECTED)
for case in here.values():
    assert evaluation.decode_image(case["sheet"]).shape == (118, 118, 3)
    assert case["steps"] == STEPS
    assert np.isfinite(list(case["signs"].values())).all()
assert here["frozen"]["signs"]["moved"] == 0 < here["healthy"]["signs"]["moved"]
assert here["training"]["signs"]["statistics"] == 0 < here["healthy"]["signs"]["statistics"]
assert thawed["signs"]["moved"] > 0
assert diagnose(my_signs)[0] == diagnose(both["signs"])[0] == "range"
