"""Scripts for those who build, check and release the book."""
