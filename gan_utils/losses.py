"""Losses of generator and discriminator, as functions of logits of any shape."""

from collections.abc import Callable

import tensorflow as tf

from gan_utils.precision import in_float32, to_float32

_EPSILON = 1e-12


def cross_entropy_discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy with the target 1 for real and 0 for fake images.

    Args:
        real_logits: Discriminator outputs on real images, any shape, float.
        fake_logits: Discriminator outputs on fake images, any shape, float.

    Returns:
        Scalar: mean of -log D(x) plus mean of -log(1 - D(G(z))), in nats, with D = sigmoid(logit).
        It is 2 ln 2 for a discriminator whose output is 1/2 everywhere.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, equation 1.
    """
    real_logits, fake_logits = to_float32((real_logits, fake_logits))
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(
        tf.nn.softplus(fake_logits)
    )


def cross_entropy_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy of fake images with the target 1 (the non-saturating loss).

    Args:
        fake_logits: Discriminator outputs on fake images, any shape, float.

    Returns:
        Scalar: mean of -log D(G(z)), in nats.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, section 3.
    """
    return tf.reduce_mean(tf.nn.softplus(-to_float32(fake_logits)))


def least_squares_discriminator_loss(
    real_logits: tf.Tensor,
    fake_logits: tf.Tensor,
    *,
    real_target: float = 1.0,
    fake_target: float = 0.0,
) -> tf.Tensor:
    """Half the squared distance of the outputs from one target for real and one for fake images.

    Args:
        real_logits: Discriminator outputs on real images, any shape, float.
        fake_logits: Discriminator outputs on fake images, any shape, float.
        real_target: Target for real images, `b` in the paper.
        fake_target: Target for fake images, `a` in the paper; with a = -1, b = 1 and a generator
            target of 0, the generator minimizes Pearson's chi-squared divergence.

    Returns:
        Scalar: half the mean of (D(x) - b)^2 plus half the mean of (D(G(z)) - a)^2.

    Source: Mao et al., Least Squares Generative Adversarial Networks, 2017, equations 2, 8 and 9.
    """
    real_logits, fake_logits = to_float32((real_logits, fake_logits))
    real_loss = tf.reduce_mean(tf.square(real_logits - real_target))
    fake_loss = tf.reduce_mean(tf.square(fake_logits - fake_target))
    return 0.5 * (real_loss + fake_loss)


def least_squares_generator_loss(fake_logits: tf.Tensor, *, target: float = 1.0) -> tf.Tensor:
    """Half the squared distance of the outputs on fake images from the generator's target.

    Args:
        fake_logits: Discriminator outputs on fake images, any shape, float.
        target: Generator's target, `c` in the paper: 1 with discriminator targets b = 1 and a = 0,
            or 0 with b = 1 and a = -1.

    Returns:
        Scalar: half the mean of (D(G(z)) - c)^2.

    Source: Mao et al., Least Squares Generative Adversarial Networks, 2017, equations 2, 8 and 9.
    """
    return 0.5 * tf.reduce_mean(tf.square(to_float32(fake_logits) - target))


def wasserstein_discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Mean output on fake images minus mean output on real ones, for a 1-Lipschitz critic.

    Args:
        real_logits: Critic outputs on real images, any shape, float.
        fake_logits: Critic outputs on fake images, any shape, float.

    Returns:
        Scalar: minus the critic's estimate of the earth mover's distance.

    Source: Arjovsky et al., Wasserstein GAN, 2017, equation 2 and algorithm 1.
    """
    real_logits, fake_logits = to_float32((real_logits, fake_logits))
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def wasserstein_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Minus the mean output of the critic on fake images.

    Args:
        fake_logits: Critic outputs on fake images, any shape, float.

    Returns:
        Scalar; only its changes have a meaning, since a critic is defined up to a constant.

    Source: Arjovsky et al., Wasserstein GAN, 2017, algorithm 1.
    """
    return -tf.reduce_mean(to_float32(fake_logits))


def gradient_penalty(
    critic: Callable[..., tf.Tensor],
    real_images: tf.Tensor,
    fake_images: tf.Tensor,
    seed: tf.Tensor,
    weight: float = 10.0,
) -> tf.Tensor:
    """Penalty on the critic's gradient norm where it differs from 1, between real and fake images.

    Each pair of images is mixed with a factor of its own, uniform in [0, 1]; the norm is that of
    the gradient over all pixels. The critic must treat each image by itself: batch
    normalization would make the gradient of one image depend on the others. Under mixed precision
    the critic computes in float32 here.

    Args:
        critic: Maps images to one output each, called with `training=True`.
        real_images: (n, ...) float32.
        fake_images: Like `real_images`.
        seed: (2,) int32, of the mixing factors.
        weight: Lambda in the paper.

    Returns:
        Scalar: weight times the mean of (gradient norm - 1)^2.

    Raises:
        ValueError: Real and fake images differ in shape.

    Source: Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    if real_images.shape != fake_images.shape:
        raise ValueError(
            f"gradient_penalty: real images have shape {tuple(real_images.shape)}, fake ones "
            f"{tuple(fake_images.shape)}; give as many of one as of the other, of one size"
        )
    real_images, fake_images = to_float32((real_images, fake_images))
    rank = real_images.shape.rank
    factors = tf.random.stateless_uniform((tf.shape(real_images)[0], *[1] * (rank - 1)), seed)
    mixed = factors * real_images + (1 - factors) * fake_images
    # In 16 bits the slope is rounded to three digits or, in float16, lost where it is small.
    with in_float32(critic), tf.GradientTape() as tape:
        tape.watch(mixed)
        outputs = critic(mixed, training=True)
    squares = tf.square(tape.gradient(outputs, mixed))
    # Without epsilon the root has no gradient where the slope is zero.
    slopes = tf.sqrt(tf.reduce_sum(squares, axis=list(range(1, rank))) + _EPSILON)
    return weight * tf.reduce_mean(tf.square(slopes - 1))
