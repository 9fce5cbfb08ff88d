"""A page to play with generators: a server on loopback, and what it computes."""
