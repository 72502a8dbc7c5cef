"""Upbit's WebSocket wire, played."""
