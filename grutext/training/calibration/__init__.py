"""What the dev part decides: calibration, thresholds, abstention, familiarity."""
