"""Models behind an OpenAI-compatible server: asked, probed, loaded, timed as they are served."""
