"""What was done in a project: a table and a page to print."""
