"""`scripts/cluster`: workers on this machine."""
