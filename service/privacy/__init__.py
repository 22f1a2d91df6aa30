"""What is not kept of people."""
