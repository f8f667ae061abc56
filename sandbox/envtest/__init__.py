"""A real Kubernetes API for one management cluster: etcd, kube-apiserver and kube-controller-manager as processes.

`python -m sandbox.envtest PLAN CLUSTER` writes what `sandbox.kube` writes: certificates, kubeconfigs, and `api.ready`
once the definitions are served. SIGTERM ends it. SIGUSR1 restarts kube-apiserver on the same data: `api.ready` goes
at once, and comes back when the API answers again. Ends with the reason as its last line when a program ends.
"""
