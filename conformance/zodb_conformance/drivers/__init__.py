"""Drivers: where scripts come from."""
