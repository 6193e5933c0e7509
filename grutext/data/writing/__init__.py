"""Writing rows with predictions: to standard output, or to files that are complete or can be resumed."""
