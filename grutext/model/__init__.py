"""What a model is: the contract of names and shapes, and the folder on disk."""
