"""Storewarden 守店: an admin portal described in YAML. Start reading at factory.py."""
