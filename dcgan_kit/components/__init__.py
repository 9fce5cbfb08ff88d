"""Components, their kinds and contracts, the hooks that bring them, and the registry that finds them."""
