"""Studies: matched runs that differ in one thing each, and what their numbers carry."""
