"""Voice to Value: the service that CRM systems post call audio and text to."""

__version__ = "0.1.0"
