"""Whole moves between management clusters that store Cluster API as v1beta2, a sandbox for each pair of versions."""
