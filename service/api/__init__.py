"""The HTTP side: one thin module a resource, each parse -> call -> present."""
