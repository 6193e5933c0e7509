"""Three ways to compute `grutext.model.spec`: Keras on TensorFlow, Numba, NumPy. They never import each other."""
