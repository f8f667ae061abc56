"""Applies template.yaml to any AWS endpoint over boto3: SAM's own translator, then one handler per resource type."""
