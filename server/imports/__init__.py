"""Files that people have → rows of a tenant: read, decide (pure), write; as runs that can be resumed and undone.

`files` reads, `mapping` says which column is which, `records` makes values of a line, `load` asks the database once a
chunk, `decide` says what becomes of each line, `write` does it. `run` puts them together.
"""
