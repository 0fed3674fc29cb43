"""Ways to count tokens: the shipped estimate, and the vocabularies of large models where they are on disk."""
