"""Tools that a model calls: one file for each kind."""
