"""What `scripts/fuzz` runs: random bytes through every reader and through text processing.

The targets need only grutext, so that the tests can replay all seeds without atheris.
"""
