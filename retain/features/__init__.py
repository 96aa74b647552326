"""Features: declared once, computed by one SQL engine, aged at read by one function."""
