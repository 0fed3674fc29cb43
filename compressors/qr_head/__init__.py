"""Query-focused retrieval heads: what of a text is kept is what a question looks at."""
