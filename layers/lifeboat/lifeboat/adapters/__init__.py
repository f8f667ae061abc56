"""The only modules that import `kubernetes` and `boto3`. Vendors' errors end here and become Lifeboat's."""
