"""The causes of an end, as a profile names them: apart, for who only explains an end."""

CAUSES = {
    "preempted": "preempted",
    "node_fail": "node_fail",
    "launch_fail": "launch",
    "timeout": "timeout",
    "oom": "oom",
    "lost": "lost",
    "cancelled": "cancelled",
    "exit": "exit",
    "signal": "signal",
}
"""A cause in the profile -> the cause in a job's record."""
