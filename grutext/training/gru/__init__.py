"""The GRU part: batches, pretraining, epochs, checkpoints."""
