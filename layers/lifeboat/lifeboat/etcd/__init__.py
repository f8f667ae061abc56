"""The etcd of one hosted control plane, reached by exec in its pods."""
