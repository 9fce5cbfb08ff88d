"""What is in a data set, and a recipe that fits it."""
