"""Views: what a result looks like in a browser. Each is a thin widget; the drawing is its twin in ``js/src/views``."""
