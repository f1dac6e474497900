"""Faults that are planted in the model, to see that exploring finds them."""
