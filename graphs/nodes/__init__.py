"""Nodes: one file for each thing that a graph does with the memory."""
