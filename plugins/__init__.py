"""The built-in components, one family a module, brought by the same hooks as a stranger's."""
