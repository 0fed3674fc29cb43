"""What text survives: token counting now, the compressors with QR-HEAD."""
