"""MCP over HTTP: one Starlette app for Streamable HTTP and SSE, and who may call it."""
