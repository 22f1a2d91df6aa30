"""The pages, from the outside in: a page asks the service and lays out its parts."""
