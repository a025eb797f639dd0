"""``python -m app.cli`` is ``portal``."""

from app.cli.main import main

if __name__ == "__main__":
    main()
