"""What a text is made of: its kind, where its structure begins anew, where it may be cut, its whole units."""
