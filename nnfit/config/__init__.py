"""YAML in, one frozen Spec out, every mistake with its file, line and column."""
