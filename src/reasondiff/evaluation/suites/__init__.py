"""Sets of cases with what is known of them."""
