"""What a character is to the loop that cuts texts into tokens; no Numba is needed to name it."""

SPACE, LETTER, DIGIT, UNSPACED, REPEATED, OTHER, ODD = range(7)
"""White space; a letter (or `_`); a digit, which words may have, too; a character of a script without spaces; one of
which several are a token; a token of its own; and what needs a closer look than this loop takes."""
