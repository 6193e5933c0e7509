"""`scripts/bench audit`: find swapped labels, beside cleanlab."""
