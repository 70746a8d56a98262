"""One function per stage class, and the runner that calls them in order."""
