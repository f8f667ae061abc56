"""The kubelet of a management cluster's nodes: pods run as real processes, each container in namespaces of its own."""
