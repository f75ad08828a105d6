"""One module for each instrument: how it is drawn, and which part moves how when a note sounds."""
