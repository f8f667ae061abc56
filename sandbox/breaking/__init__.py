"""What goes wrong around a hosted cluster's etcd: members lost, no space left, tools or routes that a pod lacks."""
