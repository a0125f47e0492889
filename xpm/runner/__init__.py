"""The program inside a job: claims it, runs the task, records its end."""
