"""Lesson 12: sketches, three ways to use the class, and three updates in their order."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from lesson import load_lesson

import gan_utils
from gan_utils import callbacks, records

FILTERS = 2


@pytest.fixture(scope="module")
def lesson():
    return load_lesson("12_pix2pix_classes")


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(0)
    items = np.full((4, 28, 28, 1), -1, "float32")
    for item, edge in zip(items, (5, 8, 11, 14), strict=True):
        item[4:24, edge : edge + 12] = random.uniform(0, 1)
    return tf.constant(items), tf.constant([0, 3, 9, 3])


@pytest.fixture
def make(lesson):
    def make(name, **options):
        kind = lesson.WAYS[name] if isinstance(name, str) else name
        return lesson.make_translator(kind, 100, filters=FILTERS, **options)

    return make


def test_a_sketch_is_one_thin_line_around_a_plain_shape(lesson):
    picture = np.full((1, 28, 28, 1), -1, "float32")
    picture[0, 8:20, 6:22] = 1
    lines = np.asarray(lesson.sketch(picture))
    assert set(np.unique(lines)) == {-1, 1}
    drawn = lines[0, ..., 0] > 0
    assert (drawn[12].sum(), drawn[:, 14].sum()) == (2, 2), "left and right, top and bottom"
    assert drawn.sum() <= 2 * (12 + 16) + 4
    assert not drawn[10:18, 8:20].any(), "nothing inside"
    assert not np.asarray(lesson.sketch(-np.ones((1, 28, 28, 1), "float32")) > 0).any()
    assert not np.asarray(lesson.sketch(np.full((1, 28, 28, 1), -0.9, "float32")) > 0).any()


def test_counts_and_shapes(lesson):
    networks = {
        1_017_450: lesson.build_generator(32),
        1_420_138: lesson.build_generator(32, with_class=True),
        35_041: lesson.build_discriminator(32),
        45_291: lesson.build_discriminator(32, 11),
        64_746: lesson.build_classifier(32),
    }
    assert [network.count_params() for network in networks.values()] == list(networks)
    for network in networks.values():
        last = network.layers[-1]
        expected = "tanh" if network.name == "generator" else "linear"
        assert keras.activations.serialize(last.activation) == expected


def test_rectangles_train_too(lesson):
    size = (32, 20)
    networks = [lesson.build_generator(2, True, size), lesson.build_discriminator(2, size=size)]
    translator = lesson.WayThree(*networks, lesson.build_classifier(2, size))
    optimizers = [keras.optimizers.Adam(1e-3) for _ in range(3)]
    translator.compile(optimizers[0], d_optimizer=optimizers[1], g_optimizer=optimizers[2])
    before = translator.generator.get_weights()
    picture = np.random.default_rng(0).uniform(-1, 1, (3, *size, 1)).astype("float32")
    translator.train_step((tf.constant(picture), tf.constant([0, 3, 9])))
    assert any(
        (a != b).any() for a, b in zip(before, translator.generator.get_weights(), strict=True)
    )
    assert translator.generator.output_shape == (None, *size, 1)
    assert translator.discriminator.output_shape == (None, 8, 5, 1)
    for build in (lesson.build_generator, lesson.build_discriminator, lesson.build_classifier):
        with pytest.raises(ValueError, match="divisible by 4, to be halved 2 times; take 32"):
            build(2, size=30)


def test_a_sketch_does_not_change_its_translation_with_its_company(make, batch):
    translator = make("plain")
    for layer in translator.generator.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    sources = np.asarray(translator.generator_inputs(batch, None))
    alone, together = translator.translate(sources[:1]), translator.translate(sources)
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_noise_is_on_in_every_call(lesson, batch):
    generator = lesson.build_generator(4)
    source = lesson.sketch(batch[0])
    for call in (generator, lambda x: generator(x, training=False)):
        first, second = (np.asarray(call(source)) for _ in range(2))
        assert (first != second).any()


def test_answers_by_hand(lesson):
    outputs = np.zeros((1, 1, 1, 11), "float32")
    outputs[..., 3], outputs[..., 10] = 2.0, -1.0
    no, yes = math.log1p(math.exp(-1)), math.log1p(math.exp(1))  # of a logit of -1
    named = math.log1p(math.exp(-2)) + 9 * math.log(2)
    total = math.exp(2) + 9 + math.exp(-1)
    expected = {
        "way 1": {True: yes + named, False: no + named},
        "way 2": {True: math.log(total) - 2, False: math.log(total) + 1},
    }
    for name, costs in expected.items():
        for real, cost in costs.items():
            answer_loss = lesson.WAYS[name].answer_loss
            found = answer_loss(tf.constant(outputs), tf.constant([3]), real)
            assert float(found) == pytest.approx(cost, rel=1e-5), (name, real)
    answer_loss = lesson.WAYS["plain"].answer_loss
    minus_one = tf.constant([[[[-1.0]]]])
    assert float(answer_loss(minus_one, None, True)) == pytest.approx(yes, rel=1e-5)
    assert float(answer_loss(minus_one, None, False)) == pytest.approx(no, rel=1e-5)
    for name, cost in (
        ("plain", math.log(2)),
        ("way 1", 11 * math.log(2)),
        ("way 2", math.log(11)),
    ):
        kind = lesson.WAYS[name]
        no_opinion = tf.zeros((1, 7, 7, kind.outputs))
        found = kind.answer_loss(no_opinion, tf.constant([3]), True)
        assert float(found) == pytest.approx(cost, rel=1e-5), name


@pytest.mark.parametrize("real", [True, False])
def test_a_fake_gets_zero_for_all_real_classes_in_way_2_only(lesson, real):
    for name, wanted in (("way 1", True), ("way 2", real)):
        outputs = tf.Variable(tf.zeros((1, 1, 1, 11)))
        with tf.GradientTape() as tape:
            loss = lesson.WAYS[name].answer_loss(outputs, tf.constant([3]), real)
        pull = -tape.gradient(loss, outputs).numpy().ravel()
        assert (pull[3] > 0) == wanted, "is its class asked for?"
        assert all(value < 0 for k, value in enumerate(pull[:10]) if k != 3)


def test_step_of_way_3_moves_d_then_q_then_g(make, batch):
    translator = make("way 3")
    networks = translator.discriminator, translator.classifier, translator.generator
    parts = {name: network.trainable_weights for name, network in zip("DQG", networks, strict=True)}
    assert gan_utils.who_moved(translator, batch, parts).movers == [
        ("discriminator", ["D"]),
        ("classifier", ["Q"]),
        ("generator", ["G"]),
    ]


@pytest.mark.parametrize("name", ["plain", "way 1", "way 2"])
def test_each_update_moves_its_own_network(make, batch, name):
    translator = make(name)
    assert translator.discriminator.output_shape[-1] == (1 if name == "plain" else 11)
    movers = gan_utils.who_moved(translator, batch).movers
    assert movers == [("discriminator", ["discriminator"]), ("generator", ["generator"])]


def test_generator_objective_of_way_3_by_hand(make, batch):
    translator = make("way 3", q_weight=2.0)
    inputs = translator.generator_inputs(batch, None)
    fake_images = batch[0] - 0.25
    loss, logs = translator.generator_objective(batch, inputs, fake_images)
    logits = translator.classifier(fake_images, training=False).numpy().astype("float64")
    logs_of_classes = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    naming = -logs_of_classes[np.arange(4), batch[1].numpy()].mean()
    pairs = tf.concat([inputs[0], fake_images], axis=-1)
    game = np.log1p(np.exp(-translator.discriminator(pairs).numpy())).mean()
    assert float(logs["l1"]) == pytest.approx(0.125, rel=1e-4)
    assert float(loss) == pytest.approx(25 + game + 2 * naming, rel=1e-4)


def test_q_learns_from_real_targets_only(lesson, make, batch):
    right, wrong = make("way 3"), make(lesson.LearnsFromFakes)
    fakes = tf.random.stateless_uniform(batch[0].shape, [1, 2], -1, 1)
    for translator, depends in ((right, False), (wrong, True)):
        found = []
        for fake_images in (fakes, -fakes):
            with tf.GradientTape() as tape:
                tape.watch(fake_images)
                loss, _ = translator.classifier_objective(batch, fake_images)
            found.append(tape.gradient(loss, fake_images) is not None)
        assert found == [depends, depends]


def test_way_3_hears_the_label_and_plain_has_none(make, batch):
    translator = make("way 3")
    assert len(translator.generator.inputs) == 2
    assert len(make("plain").generator.inputs) == 1
    for layer in translator.generator.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    source, labels = translator.generator_inputs(batch, None)
    one, other = (translator.translate([source, labels * 0 + k]) for k in (2, 7))
    assert np.abs(one - other).max() > 1e-4


def test_wrong_labels_are_refused(lesson, make, batch):
    translator, sources = make("way 3"), np.asarray(lesson.sketch(batch[0]))
    for labels in ([0, 1, 2, 10], [0, 1, 2, -1], [0, 1, 2], [0.0, 1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="label"):
            lesson.translate(translator.generator, sources, np.array(labels))
    drawn = [lesson.translate(translator.generator, sources, np.arange(4)) for _ in range(2)]
    np.testing.assert_array_equal(*drawn, err_msg="the same noise each time")


def test_a_resumed_run_ends_like_one_that_went_through(make, tmp_path, batch):
    random = np.random.default_rng(1)
    pictures = random.integers(0, 256, (12, 28, 28, 1)).astype("uint8")
    labels = np.arange(12) % 10

    def run(folder, epochs):
        translator = make("way 3")
        source = gan_utils.Batches(pictures, labels, batch_size=4, steps_per_epoch=1, seed=0)
        translator.fit(source, epochs=epochs, callbacks=[callbacks.Checkpoint(folder)], verbose=0)
        networks = translator.generator, translator.discriminator, translator.classifier
        weights = [w for network in networks for w in network.get_weights()]
        return weights + [v.numpy() for v in translator.q_optimizer.variables]

    through = run(tmp_path / "through", 2)
    run(tmp_path / "cut", 1)
    for one, other in zip(through, run(tmp_path / "cut", 2), strict=True):
        np.testing.assert_array_equal(one, other)


# ---- what the recorded run reached -------------------------------------------------------------


@pytest.fixture(scope="module")
def reached():
    return records.recorded("12_pix2pix_classes", "full")["metrics"]


def test_recorded_translators_learned(reached):
    assert list(reached["results"]) == ["plain", "way 1", "way 2", "way 3"]
    # An untrained translator's L1 is 0.4: it draws gray.
    assert all(found["l1"] < 0.1 for found in reached["results"].values())


def test_recorded_class_helps_in_way_3_only(reached):
    results = reached["results"]
    accuracy = {name: found["accuracy"] for name, found in results.items()}
    assert accuracy["way 3"] > accuracy["plain"] + 0.03
    assert accuracy["way 3"] > reached["marks"]["true items"]["accuracy"] - 0.01
    assert max(accuracy["way 1"], accuracy["way 2"]) < accuracy["plain"]
    # "L1 hardly notices"
    assert abs(results["way 3"]["l1"] - results["plain"]["l1"]) < 0.01 * results["plain"]["l1"]
