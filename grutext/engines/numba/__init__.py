"""The Numba engine: training and prediction with compiled kernels, without TensorFlow."""
