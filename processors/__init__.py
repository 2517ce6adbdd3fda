"""WHO DOES THE WORK: the worker that folds the log, the projector that shows it, and offline replay and verify."""
