"""The web configuration of the Prometheus exporter toolkit: schema, loading and watching."""
