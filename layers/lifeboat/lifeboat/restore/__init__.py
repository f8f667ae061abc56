"""Restoring a backup at a destination: objects before etcd, etcd before the HostedCluster, the HostedCluster last.

Everything here may run twice. What this operation made is told from what others made by the annotation
`lifeboat/operation` on the control-plane namespace (all in it is ours) and on each object in the HostedCluster's
namespace, which other hosted clusters share.
"""
