"""gan_utils.steps: which weights a step moves, and the update orders of two recipes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_gan import build_discriminator, build_gan, build_generator, snapshot

import gan_utils
from gan_utils import GAN, evaluation, steps

LATENT_DIM = 5
G, D = "generator", "discriminator"
G_STATISTICS, D_STATISTICS = "generator's statistics", "discriminator's statistics"


@pytest.fixture
def batch():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)), tf.float32)


class Classic(steps.ClassicOrder, GAN):
    pass


class Simultaneous(steps.SimultaneousOrder, GAN):
    pass


def classic(rate=1e-2):
    keras.utils.set_random_seed(7)
    gan = Classic(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=None)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return gan


def test_each_update_of_a_step_moves_its_own_player(batch):
    moves = gan_utils.who_moved(build_gan(), batch)
    assert moves.movers == [(D, [D, D_STATISTICS]), (G, [G])]


def test_updates_are_listed_in_the_order_in_which_they_ran(batch):
    moves = gan_utils.who_moved(build_gan(critic_steps=2), batch)
    assert [update for update, _ in moves.rows] == [D, D, G]


def test_changes_are_those_of_the_weights(batch):
    gan = build_gan()
    before = snapshot(gan.discriminator)
    rows = dict(gan_utils.who_moved(gan, batch, {"all": gan.discriminator.weights}).rows)
    changes = [
        np.abs(a - b).max() for a, b in zip(snapshot(gan.discriminator), before, strict=True)
    ]
    assert rows[D]["all"] == pytest.approx(max(changes))
    assert "update_discriminator" not in vars(gan)  # the model is as it was


def test_table_has_a_column_for_each_part(batch):
    lines = str(gan_utils.who_moved(build_gan(), batch)).splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    assert all(name in lines[0] for name in (G, D, G_STATISTICS, D_STATISTICS))
    assert "0e+00" in lines[1]


def test_an_update_that_moves_both_players_shows(batch):
    class Leaking(GAN):
        def generator_variables(self):
            return self.generator.trainable_variables + self.discriminator.trainable_variables

    gan = Leaking(build_generator(), build_discriminator(), LATENT_DIM)
    gan.compile("sgd", "sgd")
    assert gan_utils.who_moved(gan, batch).movers[1] == (G, [G, D])


# ---- the classic order ---------------------------------------------------------------------------


def test_classic_order_takes_two_steps_of_the_discriminator_and_one_of_the_generator(batch):
    gan = classic()
    moves = gan_utils.who_moved(gan, batch)
    assert moves.movers == [
        ("on_half", [D, D_STATISTICS]),
        ("on_half", [D, D_STATISTICS]),
        (G, [G]),
    ]
    assert (int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)) == (2, 1)


def test_classic_generator_learns_from_twice_as_many_new_latents(batch, monkeypatch):
    gan = classic()
    seen = []
    objective = gan.generator_objective
    monkeypatch.setattr(
        gan, "generator_objective", lambda *parts: seen.append(parts) or objective(*parts)
    )
    gan.train_step(batch)
    ((_, latents, fake_images),) = seen
    assert latents.shape == (16, LATENT_DIM)
    assert fake_images.shape == (16, 4, 4, 1)
    assert not np.array_equal(latents[:8], gan.draw_inputs(batch))


def test_classic_halves_have_the_losses_of_the_gan(batch):
    gan = classic(rate=0.0)
    network = gan.discriminator
    gan.discriminator = lambda images, training: network(images, training=False)  # no dropout
    fake_images = batch[:, ::-1]
    real, logs = gan._real_half(batch)
    fake, _ = gan._fake_half(None, fake_images)
    whole, whole_logs = gan.discriminator_objective(batch, None, fake_images)
    assert float(real + fake) == pytest.approx(float(whole), rel=1e-5)
    assert float(logs["d_real"]) == pytest.approx(float(whole_logs["d_real"]))


def test_a_variants_own_losses_take_the_place_of_the_cross_entropy(batch):
    class Squared(GAN):
        def real_objective(self, batch):
            loss = tf.reduce_mean((self.discriminator(batch, training=True) - 1) ** 2)
            return loss, {"own": loss}

    class ClassicSquared(steps.ClassicOrder, Squared):
        pass

    gan = ClassicSquared(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=None)
    gan.compile("sgd", keras.optimizers.SGD(0.1))
    logs = gan.train_step(batch)
    assert "own" in logs
    assert "d_real" not in logs
    assert "d_fake" in logs


def test_classic_fakes_are_drawn_in_inference_mode(batch):
    stepped, drawn = classic(), classic()
    stepped.train_step(batch)
    # The only pass that moves the generator's statistics is that of its own update.
    latents = drawn.draw_inputs(tf.concat([batch, batch], axis=0), stream=1)
    drawn.generator(latents, training=True)
    for one, other in zip(
        stepped.generator.non_trainable_weights, drawn.generator.non_trainable_weights, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


# ---- the simultaneous order ----------------------------------------------------------------------


def generator_after_a_step(kind, d_rate, batch):
    keras.utils.set_random_seed(7)
    discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    gan = kind(build_generator(), discriminator, LATENT_DIM, ema_decay=None)
    gan.compile(keras.optimizers.SGD(d_rate), keras.optimizers.SGD(1.0))
    logs = gan.train_step(batch)
    assert all(np.isfinite(float(value)) for value in logs.values())
    return np.concatenate([values.ravel() for values in snapshot(gan.generator)])


def test_simultaneous_generator_learns_from_the_discriminator_before_its_update(batch):
    still, moving = (generator_after_a_step(Simultaneous, rate, batch) for rate in (0.0, 5.0))
    np.testing.assert_array_equal(still, moving)
    still, moving = (generator_after_a_step(GAN, rate, batch) for rate in (0.0, 5.0))
    assert np.abs(still - moving).max() > 1e-3


def test_simultaneous_step_moves_both_players(batch):
    keras.utils.set_random_seed(7)
    gan = Simultaneous(build_generator(), build_discriminator(), LATENT_DIM, ema_decay=0.9)
    gan.compile("sgd", "sgd")
    before = [snapshot(network) for network in (gan.generator, gan.discriminator)]
    gan.fit(batch.numpy(), batch_size=8, epochs=2, verbose=0)
    for network, old in zip((gan.generator, gan.discriminator), before, strict=True):
        assert any(np.abs(a - b).max() > 0 for a, b in zip(snapshot(network), old, strict=True))


def test_real_images_are_counted_once_in_the_classic_order(batch, monkeypatch):
    monkeypatch.setattr(evaluation, "scores", lambda *_, **__: {})
    gan = classic()
    gan.train_step(batch)
    row = evaluation.row(gan, np.zeros((20, 4, 4, 1), "float32"), real_images=None, batch_size=8)
    assert row["images_seen"] == 8
