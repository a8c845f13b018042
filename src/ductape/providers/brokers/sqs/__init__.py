"""Amazon SQS, over the guarded HTTP client."""
