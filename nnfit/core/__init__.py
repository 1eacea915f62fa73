"""The network and its training on NumPy arrays alone: no file, no YAML, no column name, no screen."""
