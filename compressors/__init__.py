"""What text survives: the port of a compressor, those that every install has, units of text, token counting."""
