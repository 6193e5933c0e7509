"""The network read with NumPy alone."""
