"""The engine: what makes Faust exact and fast. Chunks in, state batches out, one log that decides what counts.

``docs/explanation/engine.md`` is its map and lists every override of Faust and aiokafka, with its reason.
"""
