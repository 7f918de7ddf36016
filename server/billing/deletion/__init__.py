"""A tenant's end: asked for by its owner, brought by 90 days after cancelling, or ordered by an operator."""
