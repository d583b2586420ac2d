"""From whatever a model replies to a narrative."""
