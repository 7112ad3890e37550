"""The description of the API: documents, examples and the page that shows them."""
