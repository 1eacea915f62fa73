"""Sweeps: many trainings of one family of specs, on any number of workers, stopped and gone on with, the best one kept.

keys       what a sweep file says: its declarations, its JSON Schema
space      from its parameters to points: every one of a grid, or the k-th of a random search
reading    the file in, every mistake in it found and told at its place, before anything is trained
trials     a point and a seed are a trial: its spec, and the hash that it is known by
running    some trials, trained and scored in a worker; how they are put together
pool       processes of this machine that work for a sweep
records    what is finished, line by line in the folder, and who may write there
results    what all of it comes to: the table, the points, the best
best       the spec of the best, with the comments of the one it comes from
sweep      all of these, by one function
"""
