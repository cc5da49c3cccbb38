"""Views of results in a browser. Each is a thin widget; ``js/src/<stem>/view.ts`` draws it."""
