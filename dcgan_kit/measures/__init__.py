"""How good images are: extractors and scores at work, and what a number needs beside it to mean something."""
