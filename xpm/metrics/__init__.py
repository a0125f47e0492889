"""What jobs measured, read from the files they left: the last values, the curves, a table of them."""

from xpm.metrics.reading import curves as curves
from xpm.metrics.reading import scalars as scalars
