"""Metric families to text: both formats, content negotiation, gzip, and the process's own metrics."""
