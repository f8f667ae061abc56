"""Whole operations in a whole sandbox: real etcd, real handlers, our own ASL and template."""
