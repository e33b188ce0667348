"""The tree: who is where, and how that changes. See `supervisor` for its public face."""
