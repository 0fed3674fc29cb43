"""The OpenAI-compatible gateway: passes requests on to a model's provider, with memory where the caller wants it."""
