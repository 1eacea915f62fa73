"""Everything that YAML and CSV do to people without a word, and what nnfit says instead."""
