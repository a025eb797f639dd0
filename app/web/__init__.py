"""Pages and API made from the schema; the only home of Flask-AppBuilder."""
