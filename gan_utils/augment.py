"""Random distortions of images of strokes, such as digits, that keep their class."""

import keras
import numpy as np
import tensorflow as tf

# Largest distortion in either direction, at strength 1.
TURN = 20.0  # degrees
SLANT = 0.4  # pixels sideways for each pixel up
SCALE = 0.15  # share of width and of height
MOVE = 2.0  # pixels
PEN = 0.7  # share of the way to strokes one pixel wider, or narrower, on each side


def distort(images: tf.Tensor, seed: tf.Tensor, strength: float = 1.0) -> tf.Tensor:
    """Rotate, shear, scale and shift each image and change its stroke width, at random.

    The result is differentiable with respect to the images.

    Args:
        images: `(n, size, size, channels)` float32 in [-1, 1], bright strokes on -1.
        seed: `(2,)` int32; the same seed gives the same distortions.
        strength: Factor on all amounts, at least 0; with 0 the images stay as they are.

    Returns:
        Distorted images of the same shape, float32 in [-1, 1].
    """
    count, size = images.shape[0], images.shape[1]
    amounts = tf.unstack(strength * tf.random.stateless_uniform((7, count), seed, -1, 1))
    angle, slant = TURN * np.pi / 180 * amounts[0], SLANT * amounts[1]
    wide, high = (1 + SCALE * amount for amount in amounts[2:4])
    # The affine map from output to input coordinates: a 2 x 2 matrix around the middle of the
    # image, and a shift.
    xx, xy = tf.cos(angle) * wide, (tf.cos(angle) * slant - tf.sin(angle)) * high
    yx, yy = tf.sin(angle) * wide, (tf.sin(angle) * slant + tf.cos(angle)) * high
    middle = (size - 1) / 2
    x_shift = middle * (1 - xx - xy) + MOVE * amounts[4]
    y_shift = middle * (1 - yx - yy) + MOVE * amounts[5]
    zero = tf.zeros_like(angle)
    return keras.ops.image.affine_transform(
        change_pen(images, amounts[6]),
        tf.stack([xx, xy, x_shift, yx, yy, y_shift, zero, zero], axis=1),
        interpolation="bilinear",
        fill_mode="constant",
        fill_value=-1.0,
    )


def change_pen(images: tf.Tensor, amounts: tf.Tensor) -> tf.Tensor:
    """Make strokes thicker or thinner.

    Args:
        images: As for `distort`.
        amounts: `(n,)` float32 in [-1, 1]: below 0 thinner, above 0 thicker.

    Returns:
        Images of the same shape, float32 in [-1, 1]. Strokes grow by a 3x3 dilation (maximum), or
        shrink by a 3x3 erosion (minimum), blended with the image.
    """
    thick = tf.nn.max_pool2d(images, 3, 1, "SAME")
    thin = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    share = PEN * amounts[:, None, None, None]
    more, less = tf.nn.relu(share), tf.nn.relu(-share)
    return images + more * (thick - images) + less * (thin - images)
