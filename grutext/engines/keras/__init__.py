"""The Keras side of the model. Importing any module of this room loads TensorFlow (extra `train`)."""
