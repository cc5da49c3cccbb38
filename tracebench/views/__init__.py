"""Views: what a result looks like in a browser. Each is a thin widget; ``js/src/<stem>/view.ts`` draws it."""
