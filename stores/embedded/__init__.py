"""The embedded store: documents in SQLite, the index on Qdrant Edge, one owner process per data folder."""
