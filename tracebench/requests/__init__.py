"""What can be asked: requests, stored answers and aliases."""
