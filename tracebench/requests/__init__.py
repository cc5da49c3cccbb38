"""Requests as data, their keys and aliases, and answers from stored results."""
