"""`etcdRestore: snapshotUrl`: etcd fills its own volume from a presigned URL, as HyperShift documents it.

One value is written, once, into the HostedControlPlane, the first object of all, and into the HostedCluster, the last:
HyperShift refuses to change it. The HostedControlPlane is where it is kept; whoever needs it reads it there. It opens
the whole snapshot to whoever has it, so it is told nowhere else: in no answer, log or error.
docs/decisions/0005 says where this way is allowed, and what to do when it fails.
"""
