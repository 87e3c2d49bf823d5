"""A graph with the names and shapes of the published Inception, but a tiny network."""

import numpy as np


def stand_in(num_features=2048):
    """Build it.

    Args:
        num_features: Length of `pool_3`; the published one has 2,048.

    Returns:
        The serialized graph, and the kernel and the class weights inside it.
    """
    import tensorflow as tf

    rng = np.random.default_rng(1)
    graph = tf.Graph()
    with graph.as_default():
        v1, constant = tf.compat.v1, tf.constant
        contents = v1.placeholder(tf.string, [], "DecodeJpeg/contents")
        decoded = tf.cast(tf.io.decode_jpeg(contents, channels=3), tf.float32, name="Cast")
        batch = tf.expand_dims(decoded, constant(0), name="ExpandDims")
        resized = v1.image.resize_bilinear(batch, constant([299, 299]), name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 0.0078125, name="Mul")
        pooled = tf.nn.avg_pool2d(scaled, 37, 37, "VALID", name="pool_1")
        kernel = rng.normal(size=(1, 1, 3, num_features)).astype("float32")
        mixed = tf.nn.relu(tf.nn.conv2d(pooled, kernel, 1, "VALID"), name="mixed_10/join")
        last = tf.nn.avg_pool2d(mixed, 8, 1, "VALID", name="pool_3")
        flat = tf.reshape(last, constant([1, num_features]), name="pool_3/_reshape")
        weights = rng.normal(size=(num_features, 1008)).astype("float32") / 50
        product = tf.matmul(
            flat, constant(weights, name="softmax/weights"), name="softmax/logits/MatMul"
        )
        bias = constant(np.full(1008, 3.0, "float32"), name="softmax/biases")
        tf.nn.softmax(tf.add(product, bias, name="softmax/logits"), name="softmax")
    return graph.as_graph_def().SerializeToString(), kernel, weights
