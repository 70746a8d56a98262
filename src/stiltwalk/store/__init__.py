"""Where stages keep what they made: one folder each, complete once its marker is there."""
