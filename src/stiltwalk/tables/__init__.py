"""Tables as values, and what renders them."""
