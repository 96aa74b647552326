"""The only room that knows Feast: its objects, the offline snapshots and the online store."""
