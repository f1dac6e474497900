"""The chapters on the storage protocol: what a storage owes to whatever stands above it."""
