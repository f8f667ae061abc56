"""An emulated Kubernetes API over HTTPS: what a management cluster of the sandbox answers with.

Kept in memory, one process a cluster. It is the API server, plus the two controllers without which its answers would
be wrong (garbage collection, namespace termination); everything else that acts in a cluster is a client of it.

Where it is less than the real one, on purpose:

- Mutating webhooks are stored, not called; conversion and validating webhooks only by URL.
- Of the built-in kinds only what `rules` lists is checked, and their unknown fields are kept.
- Whoever has a token may do everything (`access.Access.authorize` is the place for more).
- A namespace's `default` account is there before a client can ask for it; it has no tokens.
- No protection of volume claims and volumes in use, no quotas, no priorities, no port-forward and attach.
- All is lost when the process ends.
"""
