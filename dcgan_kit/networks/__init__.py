"""A resolved recipe's two networks: shapes, parameters, operations, static advice."""
