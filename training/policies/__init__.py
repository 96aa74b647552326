"""Policies: who gets which action, learned from randomised trials and judged off-policy."""
