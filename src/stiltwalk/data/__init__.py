"""Where rows come from: the hub or a folder laid out like it, plain files."""
