"""`python -m grutext` is `grutext`."""

from grutext.cli import main

main(prog_name="grutext")
