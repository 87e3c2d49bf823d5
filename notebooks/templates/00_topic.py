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
# # NAME: what it does, in a few words

# %% [markdown] tags=["remove-cell"]
# [![Open in
# Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/gan-workbook/gan-workbook/blob/main/notebooks/00_topic.ipynb)

# %% [markdown]
# **What you will do with about 150 lines of code.** One or two sentences: what is trained, on what,
# and what it will be able to do at the end.
#
# **Time and size.** 4 minutes to read; half a minute of training on two CPU cores; a download of 12
# MB (MNIST, once).
#
# **What you will learn**
#
# - three to five things, each of which the lesson shows or measures;
# - the mistake that this kind of model invites, and the number that gives it away.
#
# **What you need.** The lessons that this one builds on.

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
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import gan_utils
from gan_utils import GAN, callbacks, images, lenet, losses, metrics, plots, profile, records

print(gan_utils.environment())
keras.config.set_dtype_policy(profile.precision)  # float32 unless GAN_PRECISION is set

# %% [markdown]
# ### Constants
#
# All hyperparameters are defined here. Prose never repeats them. `quick` trains for at most 45
# seconds on two cores and shows that learning happens; `smoke` is a test and shows nothing. Every
# seed derives from `SEED`.

# %%
LESSON = "00_topic"
SEED = profile.seed(0)
LATENT_DIM = 32
RATE = 1e-3
BATCH_SIZE = 32
EPOCHS = profile.epochs(full=20, quick=5, smoke=1)
STEPS_PER_EPOCH = profile.steps(full=500, quick=200, smoke=2)

keras.utils.set_random_seed(SEED)

# %% [markdown]
# What do the profiles cost? These figures come from recorded runs.

# %%
for name in ("quick", "full"):
    run = records.recorded(LESSON, name)
    if run:
        print(f"{name}: {run['seconds'] / 60:.1f} minutes on {run['hardware']['cores']} cores")
    else:
        print(f"{name}: no recorded run yet")

# %% [markdown]
# ## The idea
#
# What problem is solved, in plain words; then the formula, with its source and the number that the
# equation has there (Goodfellow et al., 2014, equation 1):
#
# $$
# V(D, G) = \mathbb{E}_{x}\,[\log D(x)] + \mathbb{E}_{z}\,[\log (1 - D(G(z)))]
# $$
#
# | symbol | name in the code | what it is |
# |---|---|---|
# | $x$ | `real_images` | a batch of real images |
# | $z$ | `latents` | noise |
# | $G(z)$ | `fake_images` | generated images |
# | $-\log D(G(z))$ | `g_loss` | what the generator minimizes |

# %% [markdown]
# ## The data
#
# Load it, and look at it before anything is trained. Counts come after the data, so that none is
# larger than what there is.

# %%
train_set = gan_utils.load_images("mnist")
test_set = gan_utils.load_images("mnist", split="test")
RUN = records.run_folder(LESSON, train_set)
print(train_set)
SAMPLES = profile.samples(full=10_000, quick=5_000, smoke=100, available=len(test_set))
plots.show_images(images.to_float(train_set.images[:16]), columns=8, title="Real digits")
plt.show()

# %% [markdown]
# After every figure: what to see in it. True for each profile and for the embedded sample too.

# %% [markdown]
# ## What the recorded run reached
#
# The page convinces by the recorded full run, so it comes first: its figures, and where the project
# ships the trained generator, a sheet of what that draws (`gan_utils.weights.try_generator`).
# Claims about what a training reaches are about this run, and a test of the lesson checks them
# over the record.

# %%
RECORDED = records.recorded(LESSON, "full")
if RECORDED:
    reached = RECORDED["metrics"]
    print(records.origin(RECORDED))
    print(f"untrained {reached['distance_before']:.1f}, trained {reached['distance_after']:.1f}")
else:
    print("no recorded full run yet")

# %% [markdown]
# ## The networks
#
# Why they look like this.


# %%
def build_generator():
    return keras.Sequential(
        [
            layers.Input((LATENT_DIM,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(28 * 28, activation="tanh"),
            layers.Reshape((28, 28, 1)),
        ],
        name="generator",
    )


def build_discriminator():
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(128),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ],
        name="discriminator",
    )


# %% [markdown]
# Shapes and parameter counts, which stop the page if they are not what the text says.

# %%
generator, discriminator = build_generator(), build_discriminator()
for network in (generator, discriminator):
    print(f"{network.name:<16}{network.output_shape!s:<22}{network.count_params():>10,} parameters")
assert generator.count_params() == 105_360
assert discriminator.count_params() == 100_609

# %% [markdown]
# ## The losses
#
# What differs from the lessons before, checked by hand on two numbers.

# %%
check = tf.constant([[0.0]])
print(f"g_loss of an undecided discriminator {losses.cross_entropy_generator_loss(check):.4f}")
np.testing.assert_allclose(losses.cross_entropy_generator_loss(check), np.log(2), rtol=1e-6)

# %% [markdown]
# ## One update: who moved?
#
# Give one player at a time a learning rate of zero. A variant overrides the methods of
# `gan_utils.GAN` that differ, and no more.


# %%
def make_gan(d_rate=RATE, g_rate=RATE):
    gan = GAN(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=0.99, seed=SEED)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(d_rate, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(g_rate, beta_1=0.5),
    )
    return gan


def who_moved(d_rate, g_rate):
    trial = make_gan(d_rate, g_rate)
    players = trial.generator, trial.discriminator
    before = [player.get_weights() for player in players]
    trial.train_step(tf.constant(images.to_float(train_set.images[:BATCH_SIZE])))
    return [
        max(np.abs(new - old).max() for new, old in zip(player.get_weights(), b, strict=True))
        for player, b in zip(players, before, strict=True)
    ]


# %% [markdown]
# The largest change of any weight.

# %%
moves = {name: who_moved(*rates) for name, rates in {"D": (RATE, 0.0), "G": (0.0, RATE)}.items()}
for name, (of_generator, of_discriminator) in moves.items():
    print(f"update of {name}: generator {of_generator:.1e}, discriminator {of_discriminator:.1e}")
assert moves["D"][0] == 0 < moves["D"][1]
assert moves["G"][1] == 0 < moves["G"][0]

# %% [markdown]
# Each update moves its own player only.

# %% [markdown]
# ## Training
#
# First the measure, and its noise floor: real test images against as many real training images,
# both drawn evenly over their sets.

# %%
real_features = lenet.features(test_set.sample(SAMPLES).images)
floor = metrics.fid(real_features, lenet.features(train_set.sample(SAMPLES).images))
gan = make_gan()
distance_before = metrics.fid(real_features, lenet.features(gan.generate(SAMPLES)))
print(f"real against real {floor:.2f}, untrained generator {distance_before:.1f}")

# %% [markdown]
# Then the run of this page, a short one. If it was interrupted, the same cell resumes from the last
# checkpoint.

# %%
fixed_latents = keras.random.normal((16, LATENT_DIM), seed=SEED)
grid = callbacks.SampleGrid(fixed_latents, columns=8, folder=RUN / "grids")
steps = callbacks.StepHistory(RUN / "steps.csv")
watching = [grid, steps, callbacks.Checkpoint(RUN / "checkpoints"), callbacks.TerminateOnNaN()]
batches = gan_utils.Batches(
    train_set.images, batch_size=BATCH_SIZE, steps_per_epoch=STEPS_PER_EPOCH, seed=SEED
)
gan.fit(batches, epochs=EPOCHS, callbacks=watching, verbose=2)
print(f"{EPOCHS} epochs of {batches.steps_per_epoch} steps, {gan.seconds:.0f} s")

# %% [markdown]
# The curves.

# %%
plots.plot_history(steps.history)
plt.show()

# %% [markdown]
# What to see in the curves, and what would be a bad sign.

# %% [markdown]
# ## Results
#
# A number with its reference classifier, its sample size and its noise floor, next to what the
# recorded run reached.

# %%
generated = gan.generate(SAMPLES)
distance_after = metrics.fid(real_features, lenet.features(generated))
print(f"Fréchet distance on LeNet features, {SAMPLES} images on each side")
print(f"untrained {distance_before:.1f}, trained {distance_after:.1f}, real {floor:.2f}")
if RECORDED:
    print(f"recorded full run: trained {reached['distance_after']:.1f}")
plots.show_images(generated[:16], columns=8, title=f"Drawn, profile {profile.name}")
plt.show()

# %% [markdown]
# None of them was chosen.

# %% [markdown]
# ## Use it
#
# Save the generator, load it in a fresh process, draw.

# %%
generator_file = RUN / "generator.keras"
gan.ema_generator.save(generator_file)
script = f"""
import keras, numpy as np
generator = keras.saving.load_model({str(generator_file)!r}, compile=False)
latents = keras.random.normal((8, generator.input_shape[1]), seed={SEED + 1})
np.save({str(RUN / "drawn.npy")!r}, generator(latents, training=False))
"""
gan_utils.run_in_fresh_process(script)
drawn = np.load(RUN / "drawn.npy")
plots.show_images(drawn, columns=8, title="Drawn by another process")
plt.show()

# %% [markdown]
# Eight digits from a process that only read the file.

# %% [markdown]
# ## What goes wrong
#
# One failure: shown, measured, fixed. Here, images in the wrong range. A side experiment that
# trains is not repeated in `quick`: `records.measured(LESSON, "experiment")` returns what the
# recorded full run measured, or None where it has to be measured here.

# %%
try:
    gan.fit(train_set.images[:64].astype("float32"), batch_size=BATCH_SIZE, verbose=0)
except ValueError as error:
    print(f"ValueError: {error}")

# %% [markdown]
# ## Exercises
#
# **1. ★ A question to think about.** *Predict first:* the discriminator returns 0 for every image.
# What are its loss and the generator's?
#
# <details><summary>Solution</summary>
#
# $2 \ln 2$ and $\ln 2$: for the logit 0 each probability is one half.
#
# </details>
#
# **2. ★ Another one.** *Predict first:* which of the two losses falls to zero in a healthy run?
#
# <details><summary>Solution</summary>
#
# Neither: each network's task changes while the other learns.
#
# </details>
#
# **3. ★★ A derivation (pencil and paper).** *Predict first:* what is the slope of the generator
# loss at a logit $a$? Derive it.
#
# <details><summary>Solution</summary>
#
# $-\log \sigma(a) = \log(1 + e^{-a})$ has the derivative $-1 / (1 + e^{a})$.
#
# </details>
#
# **4. ★★★ A few lines of code.** *Predict first:* are the generated images as bright as real ones?

# %% tags=["hide-cell"]
real_mean = images.to_float(test_set.sample(SAMPLES).images).mean()
print(f"real {real_mean:+.3f}, generated {generated.mean():+.3f}")

# %% [markdown]
# The answer in words.

# %% [markdown]
# ## Summary
#
# - What was shown, in three or four lines.
#
# ## References
#
# - I. Goodfellow et al., *Generative Adversarial Nets*, NeurIPS 2014. <https://arxiv.org/abs/1406.2661>

# %% tags=["remove-cell"]
found = {
    "epochs": EPOCHS,
    "steps_per_epoch": batches.steps_per_epoch,
    "batch_size": BATCH_SIZE,
    "distance_before": distance_before,
    "distance_after": distance_after,
    "real_vs_real": floor,
    "samples": SAMPLES,
    "extractor": "LeNet on MNIST, 84 features",
}
records.record(LESSON, found, seconds=gan.seconds, data=train_set, seed=SEED)

# %% [markdown] tags=["remove-cell"]
# The checks: what holds whatever the training reached.

# %% tags=["remove-cell"]
assert generated.shape == (SAMPLES, 28, 28, 1)
assert np.abs(generated).max() <= 1
assert all(np.isfinite(values).all() for values in steps.history.values())
assert len(grid.frames) == EPOCHS + 1
