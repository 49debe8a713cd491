"""Prometheus exporter for Mimecast Awareness Training campaigns."""

__version__ = "0.1.0"
