"""What a training optimises: one file a task."""
