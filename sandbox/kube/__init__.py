"""An emulated Kubernetes API over HTTPS: what a management cluster of the sandbox answers with.

Kept in memory, one process a cluster. It is the API server, plus the two controllers without which its answers would
be wrong (garbage collection, namespace termination); everything else that acts in a cluster is a client of it.
"""
