"""The commands: each module reads options, calls one thing, prints its result."""
