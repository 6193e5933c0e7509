"""What `scripts/bench` runs: grutext and its peers on the same data, and the tables of the results."""
