"""The web configuration file in the exporter-toolkit's format: schema, loading, watching."""
