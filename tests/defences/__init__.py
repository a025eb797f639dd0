"""Takes the portal's defences out, one at a time, and looks which test notices."""
