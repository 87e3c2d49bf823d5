"""The PyTorch networks of the benchmark are those of the lessons."""

import numpy as np
import pytest
from lesson import load_lesson

torch = pytest.importorskip("torch")
torch_games = pytest.importorskip("torch_games")

SIZE, FILTERS = 64, 4


def keras_networks(name):
    lesson = load_lesson({"02": "02_dcgan", "06": "06_acgan", "11": "11_pix2pix"}[name])
    if name != "11":
        return lesson.build_generator(), lesson.build_discriminator()
    generator = lesson.build_generator(SIZE, FILTERS)
    return generator, lesson.build_discriminator(SIZE, FILTERS, "tutorial")


def make_game(name, count=3):
    size = {"size": SIZE, "filters": FILTERS} if name == "11" else {}
    return torch_games.GAMES[name](count, **size)


def mirrored(values):
    """Mirror an array of weights in height and width, alone or folded into an axis of rows."""
    if values.ndim == 4:
        return values[::-1, ::-1]
    for axis, length in enumerate(values.shape):
        if length % 49 == 0:
            shape = (*values.shape[:axis], 7, 7, -1, *values.shape[axis + 1 :])
            values = np.flip(values.reshape(shape), (axis, axis + 1)).reshape(values.shape)
    return values


def copy_weights(source, target):
    rng = np.random.default_rng(0)
    for ours, theirs in zip(source.trainable_weights, target.parameters(), strict=True):
        values = rng.normal(0, 0.1, ours.shape).astype("float32")
        ours.assign(values)
        values = mirrored(values)
        if "embedding" not in ours.path:
            values = values.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[values.ndim])
        assert tuple(theirs.shape) == values.shape, ours.path
        theirs.data = torch.tensor(np.ascontiguousarray(values))


def without_dropout(network):
    for layer in getattr(network, "layers", []):
        if hasattr(layer, "rate"):
            layer.rate = 0.0


def outputs(network, inputs):
    found = network(inputs, training=False)
    return [np.asarray(value) for value in (found if isinstance(found, list) else [found])]


def torch_outputs(network, *inputs):
    """Return what a mirrored network makes of mirrored images, mirrored back, channels last."""
    with torch.no_grad():
        found = network.eval()(*inputs)
    found = found if isinstance(found, tuple) else (found,)
    return [
        value.flip(2, 3).permute(0, 2, 3, 1).numpy() if value.ndim == 4 else value.numpy()
        for value in found
    ]


def to_torch(images):
    return torch.tensor(images).permute(0, 3, 1, 2).flip(2, 3)


@pytest.mark.parametrize("name", torch_games.GAMES)
def test_both_libraries_have_the_same_networks(name):
    networks, game = keras_networks(name), make_game(name)
    theirs = game.generator, game.discriminator
    for ours, other in zip(networks, theirs, strict=True):
        without_dropout(ours)
        for module in other.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        copy_weights(ours, other)
    rng = np.random.default_rng(1)
    seen = rng.uniform(-1, 1, (3, *networks[1].input_shape[1:])).astype("float32")
    if name == "11":
        inputs = rng.uniform(-1, 1, (3, SIZE, SIZE, 3)).astype("float32")
        theirs_in = (to_torch(inputs),)
    else:
        latents = rng.standard_normal((3, 100)).astype("float32")
        labels = np.arange(3)
        inputs = [latents, labels[:, None]] if name == "06" else latents
        theirs_in = (torch.tensor(latents), *([torch.tensor(labels)] if name == "06" else []))
    for expected, found in (
        (outputs(networks[0], inputs), torch_outputs(theirs[0], *theirs_in)),
        (outputs(networks[1], seen), torch_outputs(theirs[1], to_torch(seen))),
    ):
        for ours, other in zip(expected, found, strict=True):
            assert ours.shape == other.shape
            np.testing.assert_allclose(other, ours, atol=1e-4 * np.abs(ours).max())


@pytest.mark.parametrize("name", torch_games.GAMES)
@pytest.mark.parametrize("half", [False, True])
def test_a_step_moves_both_networks(name, half):
    game = make_game(name)
    networks = game.generator, game.discriminator
    before = [[p.detach().clone() for p in network.parameters()] for network in networks]
    torch_games.make_step(game, half=half)()
    for network, old in zip(networks, before, strict=True):
        pairs = zip(network.parameters(), old, strict=True)
        assert all(torch.isfinite(now).all() for now in network.parameters())
        assert any(not torch.equal(now, then) for now, then in pairs)
