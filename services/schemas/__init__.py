"""What callers send and receive, one module per resource.

Request models validate; answer models describe. Answers are built as plain JSON and
held to these models by the contract tests, so that no request pays for checking them.
"""
