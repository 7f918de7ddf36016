"""Two rows that are the same become one, and can become two again."""
