"""What is read inside the networks, and the line that says how they are."""
