"""The one loop: English rows in, the best weights on English dev out."""
