"""The torch side that answers the requests of a bench."""
