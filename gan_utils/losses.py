"""Losses of the two players, written on logits of any shape."""

import tensorflow as tf


def cross_entropy_discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy of calling real images 1 and fake images 0.

    Args:
        real_logits: discriminator outputs on real images, any shape, float.
        fake_logits: discriminator outputs on fake images, any shape, float.

    Returns:
        Scalar: mean of -log D(x) plus mean of -log(1 - D(G(z))), in nats. It is 2 ln 2 for a
        discriminator that cannot tell the two apart.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, equation 1.
    """
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(
        tf.nn.softplus(fake_logits)
    )


def cross_entropy_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy of having fake images called real (the non-saturating loss).

    Args:
        fake_logits: discriminator outputs on fake images, any shape, float.

    Returns:
        Scalar: mean of -log D(G(z)), in nats.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, section 3.
    """
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))
