"""What `scripts/fuzz` runs: any bytes at all through every reader and the text room.

The targets need nothing but grutext, so that the tests replay all seeds without atheris.
"""
