"""The tests; a package, since others install one of that name, too."""
