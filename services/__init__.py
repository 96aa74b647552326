"""The service: thin HTTP endpoints over use cases, and the batch job that shares them."""
