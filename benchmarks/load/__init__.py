"""A light open-loop load on a service, and what came of it."""
