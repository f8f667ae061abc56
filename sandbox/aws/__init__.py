"""AWS on one machine: moto's services, corrected where they differ from AWS, and a host for Lambda functions.

Started by `python -m sandbox.aws PLAN`. `server` puts the parts together; `deploy` applies template.yaml to it.
"""
