"""What is kept and where: the port, the embedded store, the Qdrant server, the in-memory fake."""
