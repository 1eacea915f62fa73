"""From a spec and a table to a model: the one place where a training is put together."""
