"""The domain: events, features, predictors, actions and decisions.

Nothing in here knows Feast, BentoML or HTTP.
"""
