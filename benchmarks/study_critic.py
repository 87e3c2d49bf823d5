"""A study for lesson 10: the estimate of a Wasserstein critic, and the effect of more critic steps.

    GAN_PROFILE=full GAN_RECORD=book/results python benchmarks/study_critic.py

On two parallel lines the earth mover's distance is known, so that a trained critic's estimate can
be compared with it. On eight Gaussian clusters on a ring, the clusters that a generator misses can
be counted: for a plain GAN with one and with five discriminator updates per step, and for WGAN-GP
with five, over several seeds, with the same networks, optimizers and learning rates.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from lesson import load_lesson
from scipy import optimize

from gan_utils import GAN, losses, profile, records

LESSON = load_lesson("10_wgan")
SEEDS = [profile.seed(n) for n in range(profile.samples(full=5, quick=2, smoke=1))]
MODES, RADIUS, WIDTH = 8, 2.0, 0.05
LEAST_SHARE = 0.02  # of all samples, for a cluster to count as covered
RING_STEPS = profile.steps(full=1_000, quick=250, smoke=3)
RING_BATCH, RING_RATE, RING_LATENT_DIM = 128, 1e-3, 2
LINE_STEPS = profile.steps(full=600, quick=200, smoke=3)
LINE_BATCH = 128
THETAS = (0.25, 0.5, 1.0)
WEIGHTS = (1.0, 10.0)


class RingWGAN(LESSON.PenalizedWGAN):
    """WGAN-GP with the penalty weight of the authors' code for points in a plane."""

    penalty_weight = 0.1


KINDS = {
    "plain, 1 step": (GAN, 1),
    "plain, 5 steps": (GAN, 5),
    "WGAN-GP, 5 steps": (RingWGAN, 5),
}


def build_dense(inputs: int, outputs: int, width: int = 128, depth: int = 4) -> keras.Model:
    """Return a dense network without normalization."""
    hidden = [layers.Dense(width, activation="relu") for _ in range(depth)]
    return keras.Sequential([layers.Input((inputs,)), *hidden, layers.Dense(outputs)])


def ring_centers() -> np.ndarray:
    """Return the centers of the clusters, `(MODES, 2)`."""
    angles = 2 * np.pi * np.arange(MODES) / MODES
    return RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ring_points(count: int, seed: int) -> np.ndarray:
    """Return points of the clusters, `(count, 2)` float32."""
    rng = np.random.default_rng(seed)
    centers = ring_centers()[rng.integers(MODES, size=count)]
    return (centers + WIDTH * rng.normal(size=(count, 2))).astype("float32")


def covered_modes(points: np.ndarray) -> tuple[int, float]:
    """Return how many clusters the points cover, and the share of points near a center.

    A point is near a center within three standard deviations; a cluster is covered if at least
    `LEAST_SHARE` of all points are near its center.
    """
    away = np.linalg.norm(points[:, None] - ring_centers()[None], axis=-1)
    near = away.min(axis=1) < 3 * WIDTH
    shares = np.bincount(away.argmin(axis=1)[near], minlength=MODES) / len(points)
    return int((shares >= LEAST_SHARE).sum()), float(near.mean())


def ring_run(kind: type[GAN], critic_steps: int, seed: int) -> dict[str, Any]:
    """Train on the ring, and count what the generator covers."""
    keras.utils.set_random_seed(seed)
    networks = build_dense(RING_LATENT_DIM, 2), build_dense(2, 1)
    gan = kind(*networks, RING_LATENT_DIM, ema_decay=0.99, critic_steps=critic_steps, seed=seed)
    gan.compile(*(keras.optimizers.Adam(RING_RATE, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    points = tf.data.Dataset.from_tensor_slices(ring_points(50_000, seed))
    points = points.shuffle(50_000, seed=seed).repeat()
    points = points.batch(RING_BATCH * critic_steps, drop_remainder=True).prefetch(2)
    gan.fit(points, epochs=1, steps_per_epoch=RING_STEPS, verbose=0)
    modes, near = covered_modes(gan.generate(4_000))
    return {"modes": modes, "near": near}


def line(theta: float, count: int = 64) -> np.ndarray:
    """Return evenly spread points of the line at `theta`, `(count, 2)`."""
    return np.stack([np.full(count, theta), (np.arange(count) + 0.5) / count], axis=1)


def earth_mover(first: np.ndarray, second: np.ndarray) -> float:
    """Return the earth mover's distance of equally many points: the cost of the best assignment."""
    work = np.linalg.norm(first[:, None] - second[None], axis=-1)
    return float(work[optimize.linear_sum_assignment(work)].mean())


def best_slope(theta: float, weight: float) -> float:
    """Return the slope at which gap minus penalty, `s |theta| - weight (s - 1)^2`, is largest."""
    return 1 + abs(theta) / (2 * weight)


def line_estimate(theta: float, weight: float, seed: int) -> float:
    """Train a critic on random points of the lines at 0 and `theta`; return its estimate."""
    keras.utils.set_random_seed(seed)
    critic, optimizer = build_dense(2, 1, 64, 2), keras.optimizers.Adam(2e-3, beta_1=0.5)
    optimizer.build(critic.trainable_variables)

    @tf.function
    def step(heights: tf.Tensor, key: tf.Tensor) -> None:
        real, fake = (
            tf.stack([tf.fill((LINE_BATCH,), place), part], axis=1)
            for place, part in zip((0.0, theta), tf.unstack(heights), strict=True)
        )
        with tf.GradientTape() as tape:
            loss = losses.wasserstein_discriminator_loss(critic(real), critic(fake))
            loss += losses.gradient_penalty(critic, real, fake, key, weight=weight)
        optimizer.apply(tape.gradient(loss, critic.trainable_variables))

    for index in range(LINE_STEPS):
        key = tf.constant([seed, index])
        step(tf.random.stateless_uniform((2, LINE_BATCH), key), key)
    ends = [critic(line(place).astype("float32")) for place in (0.0, theta)]
    return float(-losses.wasserstein_discriminator_loss(*ends))


def line_rows() -> list[dict[str, Any]]:
    """Return exact distance, prediction and estimates, a row for each weight and distance."""
    rows = []
    for weight in WEIGHTS:
        for theta in THETAS:
            exact = earth_mover(line(0.0), line(theta))
            found = [line_estimate(theta, weight, seed) for seed in SEEDS]
            facts = {"weight": weight, "theta": theta, "exact": exact}
            facts |= {"predicted": best_slope(theta, weight) * exact, "estimates": found}
            rows.append(facts | {"mean": float(np.mean(found))})
            print(rows[-1], flush=True)
    return rows


def ring_runs() -> dict[str, Any]:
    """Return the covered clusters of each kind with each seed, also as text for the page."""
    ring = {name: [ring_run(*kind, seed) for seed in SEEDS] for name, kind in KINDS.items()}
    counts = {name: [run["modes"] for run in runs] for name, runs in ring.items()}
    return {
        "ring": ring,
        "ring_steps": RING_STEPS,
        "seeds": len(SEEDS),
        "covered": {name: " ".join(map(str, row)) for name, row in counts.items()},
        "fewest": {name: min(row) for name, row in counts.items()},
    }


def main() -> None:
    """Run both studies, each with a record of its own."""
    lines = {"lines": line_rows(), "line_steps": LINE_STEPS, "seeds": len(SEEDS)}
    records.record("study_critic", lines, data="points in a plane")
    records.record("study_ring", ring_runs(), data="points in a plane")


if __name__ == "__main__":
    main()
