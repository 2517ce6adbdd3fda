"""The engine: what makes Faust exact and fast. Chunks in, state batches out, one log that decides what counts.

The rules it keeps are listed in ``docs/explanation``; each override of Faust says in its docstring why it is needed.
"""
