"""Everything that is fitted on the dev set: calibration, thresholds, abstention, familiarity."""
