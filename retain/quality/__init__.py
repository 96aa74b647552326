"""Data quality: are the events and features still what the models were trained on?"""
