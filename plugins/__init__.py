"""The built-in components, one module or package per family. They use the same hooks as third-party plugins."""
