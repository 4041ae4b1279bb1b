"""What `tests/bench/run` is made of."""
