"""Tokenizers of every class, built from vocabularies that are made here."""
