"""Nodes for hand-written graphs: one noun a file."""
