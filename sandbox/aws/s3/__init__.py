"""What S3 must refuse and moto's does not. The objects themselves are still moto's; an own server can replace it here."""
