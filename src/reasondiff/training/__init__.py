"""Training: one small trainer, and stages that say what is drawn and what is minimised."""
