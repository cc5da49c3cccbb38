"""The bench: linked views, their arrangement, the head and the console report."""
