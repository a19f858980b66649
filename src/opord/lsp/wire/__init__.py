"""The wire: requests of the protocol become calls of features, and answers become messages."""
