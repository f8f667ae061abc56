"""What S3 must refuse and moto's does not. The objects are still moto's; an own server can take its place here."""
