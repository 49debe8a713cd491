"""Defects put on purpose into what the exporter exists for: `make mutants` tells which of them no test notices."""
