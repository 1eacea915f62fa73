"""CSV in, arrays out: reading, splitting, and encoding the columns as the notes' φ(x)."""
