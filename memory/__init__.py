"""What happens to a memory: the operations, free of any framework."""
