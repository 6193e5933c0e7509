"""The Keras engine: layers, and training with TensorFlow. Importing any of its modules loads TensorFlow."""
