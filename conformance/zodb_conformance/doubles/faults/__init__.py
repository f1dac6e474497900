"""The faults, by the chapter of the specification that they break."""
