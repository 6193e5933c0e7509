"""The GRU part of a model: batches, pretraining, epochs, checkpoints."""
