"""What a result says in words, one file per kind."""
