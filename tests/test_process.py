"""gan_utils.process: scripts and saved models in a fresh process."""

import sys

import pytest

from gan_utils import call_in_fresh_process, process, run_in_fresh_process


def test_prints_come_back_and_names_do_not_leak():
    assert run_in_fresh_process("print('noise' in dir())\n") == "False"


def test_a_failure_says_what_went_wrong():
    with pytest.raises(RuntimeError, match="no such generator"):
        run_in_fresh_process("raise ValueError('no such generator')")


def test_a_saved_model_is_called_without_its_code(tmp_path):
    import keras
    import numpy as np

    inputs = keras.Input((3,), name="one"), keras.Input((1,), name="two")
    doubled = keras.layers.Rescaling(2.0)(inputs[0])
    keras.Model(inputs, [doubled, keras.layers.Add()([doubled, inputs[1]])]).save(
        tmp_path / "two.keras"
    )
    keras.Model(inputs[0], doubled).save(tmp_path / "one.keras")
    images, offset = np.ones((4, 3), "float32"), np.full((4, 1), 5, "float32")
    first, second = call_in_fresh_process(tmp_path / "two.keras", images, offset)
    np.testing.assert_array_equal(first, 2 * images)
    np.testing.assert_array_equal(second, 2 * images + 5)
    np.testing.assert_array_equal(call_in_fresh_process(tmp_path / "one.keras", images), 2 * images)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_of_a_model_in_16_bits_come_as_float32(tmp_path, policy):
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, dtype=policy)])
    model.save(tmp_path / "half.keras")
    images = np.ones((2, 3), "float32")
    answers = call_in_fresh_process(tmp_path / "half.keras", images)
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(answers, np.asarray(model(images), "float32"))
    assert answers.argmax(axis=1).shape == (2,)


def test_a_translators_dropout_is_known_and_draws_the_same_noise(tmp_path):
    import keras
    import numpy as np

    from gan_utils.layers import AlwaysDropout, reseed

    source, ones = keras.Input((50,)), np.ones((2, 50), "float32")
    model = keras.Model(source, AlwaysDropout(0.5)(source))
    model.save(tmp_path / "noisy.keras")
    drawn = call_in_fresh_process(tmp_path / "noisy.keras", ones, seed=3)
    reseed(model, 3)
    np.testing.assert_array_equal(drawn, model(ones, training=False))
    assert {*np.unique(drawn)} == {0.0, 2.0}


def test_a_missing_model_says_so(tmp_path):
    with pytest.raises(RuntimeError, match=r"none\.keras"):
        call_in_fresh_process(tmp_path / "none.keras", [[1.0]])


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_the_memory_of_a_call_is_that_of_what_the_layers_hold(tmp_path):
    import keras
    import numpy as np

    wide = keras.Sequential([keras.Input((10,)), keras.layers.Dense(100_000, use_bias=False)])
    wide.save(tmp_path / "wide.keras")
    found = process.memory_of_a_call(tmp_path / "wide.keras", np.ones((250, 10), "float32"))
    assert 90 < found < 400  # the outputs alone are 100 MB
