"""What to decide before and after a study: pure functions of features, scores and costs."""
