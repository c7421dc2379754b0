"""What a platform's message means, in our words: one file a platform, one vocabulary."""
