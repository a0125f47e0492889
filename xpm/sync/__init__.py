"""What moves between the sides: code snapshots out, mirrors of job folders back."""
