"""The dashboard: pages for people, and a client of the REST API only.

It runs in a process of its own (``python -m service.dashboard``, extra ``dashboard``), beside the service or far from
it, and imports nothing of it but how sound is decoded and measured and what the labels are.
"""
