"""Query-focused retrieval heads: what of a text a question is about, read from a model's attention."""
