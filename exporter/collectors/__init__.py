"""What is exported: one module per collector, and the table of collectors."""
