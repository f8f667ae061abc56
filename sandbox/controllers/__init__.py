"""The controllers of one management cluster.

Workloads (StatefulSet, Deployment, Job, Endpoints) are what a real kube-controller-manager does; scheduler, volumes and
load balancers are what a cloud adds. All of them use nothing but the public API.
"""
