"""The program beside the jobs: serves the laptop and advances the queue."""
