"""Does a learning curve of half of the texts forecast the score with all of them?"""
