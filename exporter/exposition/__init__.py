"""Render metric families in both text formats; content negotiation, gzip, and the process's own metrics."""
