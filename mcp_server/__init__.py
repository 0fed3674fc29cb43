"""How the world reaches us: MCP and the command line."""
