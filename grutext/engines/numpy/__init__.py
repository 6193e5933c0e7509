"""The NumPy engine: prediction with NumPy alone."""
