"""Output for the user: messages, tables, progress bars."""
