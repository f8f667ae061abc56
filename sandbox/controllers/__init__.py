"""The controllers of one management cluster.

Workloads and the volume binder are what a real kube-controller-manager does, and run beside the emulated
API only; scheduler, provisioner and load balancers are what a cloud adds. All of them use nothing but the public API.
"""
