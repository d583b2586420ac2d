"""What metrics look through: pretrained networks and classical estimators, each behind a small protocol."""
