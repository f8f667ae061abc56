"""Recovering from a source that cannot be reached.

Unreachable is not dead: kubelets, the hosted API and Cluster API may all go on there. So nothing is believed that
nobody can see; what AWS can take away from such a source is taken away, and that is proven. See
docs/decisions/0005-plan-own-and-fence.md, "The fence".
"""
