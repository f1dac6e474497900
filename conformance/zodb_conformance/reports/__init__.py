"""What a run tells: to a terminal, to a browser, to CI systems, and to programs."""
