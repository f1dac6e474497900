"""The faults, one module for each chapter of the specification that they break."""
