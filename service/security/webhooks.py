"""Standard Webhooks 1.0: the secrets of callback endpoints, and the signatures made with them."""

from pydantic import RootModel


class Secrets(RootModel[dict[str, list[str]]]):
    """Beginning of an address, or ``*``, -> the secrets that sign what is sent there."""
