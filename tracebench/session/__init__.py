"""Sessions: they run the model to answer the requests of a bench."""
