"""What users and developers read, and the little of it that is made from the code."""
