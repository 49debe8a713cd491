"""Measurements side by side, as ratios: absolute times mean nothing on shared machines. `make bench` runs them."""
