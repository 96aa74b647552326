"""What experiments found: outcomes by arm, intervals that may be looked at any day, the report."""
