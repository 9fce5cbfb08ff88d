"""What happens inside the networks, and how good their images are."""
