"""What `scripts/release` runs: builds the distributions, checks them, and tries the wheel in fresh environments."""
