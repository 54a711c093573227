"""What all estimators are."""
