"""The application's pages, one file for each subject."""
