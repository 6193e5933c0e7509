"""`scripts/bench scale`: what many texts cost, by a model from measured constants."""
