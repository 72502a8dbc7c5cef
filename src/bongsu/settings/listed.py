"""Lists as owners write them in `.env`."""


def split_commas(text: str) -> list[str]:
    """Without the blanks around, and without what is empty: `a, b,` is a and b."""
    return [part.strip() for part in text.split(",") if part.strip()]
