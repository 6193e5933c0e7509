"""The linear part: n-grams chosen, scaled and fitted."""
