"""What is logged, and what is counted."""
