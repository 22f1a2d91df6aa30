"""What keeps strangers out: outgoing addresses that are checked, callbacks that are signed."""
