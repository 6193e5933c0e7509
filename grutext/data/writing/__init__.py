"""Predictions into files: formats, cells, and files that are whole or resumed."""
