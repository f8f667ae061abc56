"""An emulated Kubernetes API over HTTPS: what a management cluster of the sandbox answers with.

Kept in memory, one process a cluster. It is the API server, plus the two controllers without which its answers would
be wrong (garbage collection, namespace termination); everything else that acts in a cluster is a client of it.

Where it is less than the real one, on purpose:

- Mutating webhooks are stored, not called; conversion and validating webhooks only by URL.
- Of the built-in kinds only what `rules` lists is checked, and their unknown fields are kept.
- `fieldValidation` is ignored; `managedFields` record leaves only, not that a map came with them.
- Exec by websocket only, not by SPDY; no port-forward and attach.
- Of priority and fairness only a level without shares (`flow`); no aggregated ClusterRoles, no impersonation.
- An empty namespace goes at once. No quotas.
- All is lost when the process ends; a restart by SIGUSR1 keeps it.

`tests/contract` asks both the same; what is left of differences is stated there, backend by backend.
"""
