"""How boards are laid out and kept: in Redis, and in memory by the same contract."""
