"""The tests' own idea of what a board says: written apart from the product, sharing no code with it."""
