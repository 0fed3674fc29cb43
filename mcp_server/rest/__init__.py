"""REST: every operation of the façade at a path of its own, described by the models that check it."""
