"""What `scripts/bench speed` runs: grutext and its peers, timed side by side; one module per part."""
