"""Notices: what people are told in the portal, and what of it goes out by mail or to a group robot."""
