"""Components: their kinds and contracts, the hooks through which plugins offer them, and the registry."""
