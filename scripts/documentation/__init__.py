"""What the site adds to the pages: links that work there, and tables of the reference that are made from the code."""
