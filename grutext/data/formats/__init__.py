"""The formats of labelled rows: one module for each format, found by `registry`, and what they share."""
