"""Masters of fields: which system decides a field, and what becomes of others' edits of it."""
