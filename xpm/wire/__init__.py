"""What both sides share: frames, messages and file formats."""
