"""What a response is, and how it is read and written back."""
