"""Pages with pictures, in one file that needs nothing else: what tables and figures are, and how they are drawn."""
