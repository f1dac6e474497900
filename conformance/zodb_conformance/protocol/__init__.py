"""Driving a storage through its protocol alone, beside the model of that protocol."""
