"""The built-in components, one family a module or a package, brought by the same hooks as a stranger's."""
