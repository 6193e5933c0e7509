"""The network trained and read by compiled kernels, without TensorFlow."""
