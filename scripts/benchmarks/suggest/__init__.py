"""How many labels do suggested texts save against texts that are chosen at random?"""
