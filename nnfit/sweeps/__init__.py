"""Sweeps: many trainings of one family of specs, on any number of workers, stopped and gone on with, the best one kept.

keys       what a sweep file says: its declarations, its JSON Schema
space      from its parameters to points: every one of a grid, or the k-th of a random search
reading    the file in, every mistake in it found and told at its place, before anything is trained
trials     a point and a seed are a trial: its spec, and the hash that it is known by
halving    the rungs of successive halving, and who goes on
running    some trials, trained and scored in a worker, wholly or as far as a rung; how they are put together
engines    who trains: this process, processes of this machine, or any executor
cluster    a Dask cluster as an executor
records    what is finished, line by line in the folder, what goes on from there, and who may write
results    what all of it comes to: the table, the points, the best
cost       about how long all of it takes
best       the spec of the best, with the comments of the one it comes from
sweep      all of these, by one function
"""
