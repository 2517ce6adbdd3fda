"""WHAT IS TYPED: the `standings` command, the settings, and the composition root that joins all parts."""
